"""Make one file of a bundle, for mail and upload."""

from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from fluo_audit import storage
from fluo_audit.bundle.verify import verify_bundle
from fluo_audit.errors import IntegrityError

if TYPE_CHECKING:
    from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_UNIX = 3


def zip_bundle(bundle: Path, target: Path) -> None:
    """Write the bundle folder as the zip `target`: one top folder, files sorted, every date and mode the same.

    The same bundle gives the same bytes with the same zlib; another zlib may compress otherwise, so a bundle is
    known by the hashes of its manifests, not of its zip.
    Raises IntegrityError if the bundle does not verify, and as `storage.new_file` does.
    """
    verification = verify_bundle(bundle)
    if not verification.ok:
        raise IntegrityError(
            f"{bundle}: does not verify, so it was not zipped", "fluo-audit verify names what is wrong"
        )
    top = storage.safe_name(bundle.absolute().name, limit=200)
    with storage.new_file(target) as path, ZipFile(path, "x", ZIP_DEFLATED) as archive:
        for file in sorted(entry for entry in bundle.rglob("*") if entry.is_file()):
            info = ZipInfo(f"{top}/{file.relative_to(bundle).as_posix()}", _EPOCH)
            info.compress_type = ZIP_DEFLATED
            info.create_system = _UNIX
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.file_size = file.stat().st_size  # says beforehand whether 64-bit sizes are needed
            with file.open("rb") as source, archive.open(info, "w") as copy:
                shutil.copyfileobj(source, copy, 2**18)
