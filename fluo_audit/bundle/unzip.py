"""Read a zipped bundle as a tree of hashes. Nothing is unpacked: no path in the archive ever reaches the disk."""

from __future__ import annotations

import stat
import zlib
from collections import Counter
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from fluo_audit.errors import IntegrityError
from fluo_audit.storage import FileFact, Tree, fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

MAX_FILES = 200_000
MAX_BYTES = 16 * 2**30
# Deflate cannot do better (https://zlib.net/zlib_tech.html), so an archive that announces more repeats its data.
_MAX_RATIO = 1032
_ENCRYPTED = 0x1
# What zipfile raises for an archive that is cut, altered, or made to confuse it.
_BROKEN = (BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError)


def read_zip(path: Path, keep: Collection[str] = (), *, max_bytes: int = MAX_BYTES) -> Tree:
    """Return the hashes of the files in the zip, by path below its one top folder; keep the bytes of those in `keep`.

    Raises IntegrityError if it is no readable zip, holds anything beside its top folder, or announces more than
    `max_bytes`, MAX_FILES, or what its size can hold; OSError if the file cannot be read.
    """
    with path.open("rb") as stream:
        try:
            with ZipFile(stream) as archive:
                infos = archive.infolist()
                _refuse_bomb(infos, archive_bytes=path.stat().st_size, max_bytes=max_bytes)
                return _read(archive, infos, _top_folder(infos), keep)
        except _BROKEN as error:
            raise IntegrityError("not a readable zip") from error


def _refuse_bomb(infos: list[ZipInfo], *, archive_bytes: int, max_bytes: int) -> None:
    total = sum(info.file_size for info in infos)
    if len(infos) > MAX_FILES or total > min(max_bytes, archive_bytes * _MAX_RATIO):
        raise IntegrityError(f"announces {len(infos)} files of {total} bytes in all, in a zip of {archive_bytes} bytes")


def _top_folder(infos: list[ZipInfo]) -> str:
    """Return the one top folder: RFC 8493 section 4.1."""
    tops = sorted({info.filename.partition("/")[0] for info in infos if "/" in info.filename})
    beside = sorted({info.filename for info in infos if "/" not in info.filename})
    if len(tops) != 1 or beside or _leads_outside(tops[0]):
        found = ", ".join(map(ascii, (tops + beside)[:5])) or "nothing"
        raise IntegrityError(f"holds not one top folder but {found}")
    return tops[0]


def _read(archive: ZipFile, infos: list[ZipInfo], top: str, keep: Collection[str]) -> Tree:
    files: dict[str, FileFact] = {}
    unsafe: dict[str, str] = {}
    folders: set[str] = set()
    times = Counter(info.filename.casefold() for info in infos)
    for info in infos:
        path = info.filename.removeprefix(f"{top}/")
        if not path:
            continue
        if times[info.filename.casefold()] > 1:
            unsafe[path] = "in the zip more than once"
        elif reason := _unsafe(info, path):
            unsafe[path] = reason
        elif info.is_dir():
            folders.add(path)
        else:
            try:
                with archive.open(info) as stream:
                    files[path] = fingerprint(stream, keep=path in keep)
            except _BROKEN:
                unsafe[path] = "damaged in the zip"
    used = {f"{parent}/" for path in files.keys() | folders for parent in _parents(path)}
    return Tree(files, unsafe, tuple(sorted(folders - used)))


def _parents(path: str) -> list[str]:
    parts = path.removesuffix("/").split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _leads_outside(path: str) -> bool:
    """Return whether some unpacker, on some system, could take `path` out of the folder it unpacks into."""
    return not {"", ".", ".."}.isdisjoint(path.split("/")) or not set("\\:").isdisjoint(path)


def _unsafe(info: ZipInfo, path: str) -> str | None:
    """Return why an entry must not be trusted to any unpacker, or None."""
    if info.orig_filename != info.filename or _leads_outside(path.removesuffix("/")):
        return "unsafe path in the zip"
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "a link or a device"
    if info.flag_bits & _ENCRYPTED or info.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return "encrypted, or compressed other than by deflate"
    return None
