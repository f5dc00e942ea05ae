"""Write a bundle: a BagIt bag whose last file is the one that makes it whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from fluo_audit import storage
from fluo_audit.bundle import bag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_LABEL = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Written:
    """A bundle on disk: its folder, payload files and bytes, and the SHA-256 of both manifests.

    `tag_manifest_sha256` stands for every byte of the bundle: it is the value to hand over by another way.
    """

    path: Path
    files: int
    octets: int
    manifest_sha256: str
    tag_manifest_sha256: str


def write_bundle(
    target: Path,
    payload: Mapping[str, bytes],
    info: Mapping[str, str],
    *,
    write: Callable[[Path, bytes], None] = storage.write_file,
) -> Written:
    """Write `payload` (path below ``data/`` -> content) and `info` (lines of bag-info.txt) as the bag `target`.

    The same arguments give the same bytes: no clock is read, so a Bagging-Date comes with `info`. Each content is
    asked for once, in sorted order, so a mapping may make them on the way. `write` puts one file on disk.
    Raises as `storage.new_directory` does, and ValueError for a path or an info line that no bag of ours may hold.
    """
    _require_distinct_portable(payload)
    info_lines = _info_lines(info)
    with storage.new_directory(target) as root:
        digests: dict[str, str] = {}
        sizes: list[int] = []
        for name in sorted(payload):
            path, content = bag.PAYLOAD + name, payload[name]
            write(root / path, content)
            digests[path] = sha256(content).hexdigest()
            sizes.append(len(content))
        tags = {
            bag.DECLARATION: bag.DECLARATION_TEXT.encode(),
            bag.INFO: f"{info_lines}{bag.OXUM}: {bag.oxum(sizes)}\n".encode(),
            bag.GUIDE: files("fluo_audit.bundle").joinpath(bag.GUIDE).read_bytes(),
            bag.MANIFEST: storage.manifest_lines(digests).encode(),
        }
        tag_digests = {name: sha256(content).hexdigest() for name, content in tags.items()}
        # Last, because nothing verifies without it: a run killed before leaves no bundle.
        tags[bag.TAG_MANIFEST] = storage.manifest_lines(tag_digests).encode()
        for name, content in tags.items():
            write(root / name, content)
    return Written(
        path=target,
        files=len(sizes),
        octets=sum(sizes),
        manifest_sha256=tag_digests[bag.MANIFEST],
        tag_manifest_sha256=sha256(tags[bag.TAG_MANIFEST]).hexdigest(),
    )


def _require_distinct_portable(payload: Mapping[str, bytes]) -> None:
    """Refuse names that another file system would change, or merge because it ignores case."""
    if not payload:
        raise ValueError("a bundle needs at least one payload file")
    taken: dict[str, str] = {}
    for name in payload:
        if not storage.is_portable(name):
            raise ValueError(f"not a portable path: {name!r}")
        if other := taken.get(name.casefold()):
            raise ValueError(f"payload paths that differ in case only: {other!r}, {name!r}")
        taken[name.casefold()] = name
    for name in payload:
        parts = name.casefold().split("/")
        if any("/".join(parts[:depth]) in taken for depth in range(1, len(parts))):
            raise ValueError(f"a payload path below another payload file: {name!r}")


def _info_lines(info: Mapping[str, str]) -> str:
    for label, value in info.items():
        if not _LABEL.fullmatch(label) or label.casefold() == bag.OXUM.casefold():
            raise ValueError(f"not a label for {bag.INFO}: {label!r}")
        if not value.isprintable() or value != value.strip() or not value:
            raise ValueError(f"not one printable line, for {label} in {bag.INFO}: {value!r}")
    return "".join(f"{label}: {value}\n" for label, value in info.items())
