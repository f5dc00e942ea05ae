"""Write a result whole or not at all, and hold files to a SHA-256 manifest.

Snapshots and bundles share these primitives. `new_directory` and `new_file` build a result out of sight and
rename it into place; `manifest_lines`, `read_manifest` and `check_manifest` write and check lists of hashes in
the one format that BagIt and ``sha256sum -c`` both read; `safe_name` makes a file name of any text.

Writing needs a POSIX system (file locks, folders that can be synced); reading and checking do not.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import unicodedata
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fluo_audit.errors import IntegrityError, OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from typing import IO

MARKER = ".fluo-audit-partial"
MAX_KEPT = 64 * 2**20

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
_OUTPUT_HINT = "free some space there, or choose another folder with -d"

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_MANIFEST_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<path>.+)")


# --- results that appear whole -------------------------------------------------------------------------------


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it becomes `target` when the block ends, and vanishes when the block fails.

    The folder lies in ``<target>.partial``, beside a marker and a lock of this run, until every file is synced to
    disk; then one rename puts it in place. So `target` is absent or complete, however the run ends.
    Raises UsageError before any work if `target` exists, if another run is writing it, or if the ``.partial``
    folder is not one a run left behind (such a folder is removed), and OutputError if the disk refuses.
    """
    with _in_place(target) as entry:
        entry.mkdir()
        yield entry


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Yield a path to create; it becomes `target` under the rules of `new_directory`."""
    with _in_place(target) as entry:
        yield entry


def is_unfinished(path: Path) -> bool:
    """Return whether `path` is the unfinished result of a run that was killed or is still writing."""
    return os.path.lexists(path.absolute().parent / MARKER)


def write_file(path: Path, content: bytes) -> None:
    """Create the file `path`, and the folders above it, with `content`; OutputError names the path and the reason."""
    with _os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(content)


@contextmanager
def _in_place(target: Path) -> Iterator[Path]:
    target = target.absolute()
    require_new(target)
    partial = target.with_name(f"{target.name}.partial")
    with _os_errors(partial):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = _claim(partial, target.name)
    try:
        with _os_errors(target, only_within=partial):
            entry = partial / target.name
            yield entry
            _sync(entry)
            require_new(target)
            entry.rename(target)
            _sync_one(target.parent)
    finally:
        with _os_errors(partial):
            _release(lock, partial, target.name)


def require_new(target: Path) -> None:
    """Raise UsageError if `target` exists: a long job should learn that before it starts."""
    if target.name in {"", ".."} or os.path.lexists(target):
        raise UsageError(f"{target}: exists already", "choose another folder with -d, or remove it first")


def _claim(partial: Path, name: str) -> int:
    """Create `partial` with its marker, and return the marker's descriptor: it holds the lock until it is closed."""
    try:
        partial.mkdir()
    except FileExistsError:
        _remove_stale(partial, name)
        partial.mkdir()
    try:
        lock = os.open(partial / MARKER, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except OSError:
        partial.rmdir()
        raise
    # Between the two calls another run may have taken the unlocked marker for a stale one and removed it.
    if not (_locked(lock) and os.path.lexists(partial / MARKER)):
        os.close(lock)
        raise _in_use(partial)
    return lock


def _remove_stale(partial: Path, name: str) -> None:
    """Remove what a killed run left, and nothing else."""
    foreign = UsageError(
        f"{partial}: exists, and is not what a killed run leaves",
        "look at it and move it away, or choose another folder with -d",
    )
    if partial.is_symlink() or not partial.is_dir():
        raise foreign
    content = {entry.name for entry in partial.iterdir()}
    if not content:  # killed before the marker was written, or after it was removed
        partial.rmdir()
        return
    if MARKER not in content or not content <= {MARKER, name}:
        raise foreign
    lock = os.open(partial / MARKER, os.O_RDWR | os.O_NOFOLLOW)
    if not _locked(lock):
        os.close(lock)
        raise _in_use(partial)
    _release(lock, partial, name)


def _in_use(partial: Path) -> UsageError:
    return UsageError(f"{partial}: another run is writing here", "wait for it, or choose another folder with -d")


def _locked(descriptor: int) -> bool:
    """Take the lock of an open file without waiting. The kernel frees it when its owner ends, even by SIGKILL."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _release(lock: int, partial: Path, name: str) -> None:
    """Remove a partial folder, the marker last: killed half-way, the next run still knows it as ours."""
    entry = partial / name
    try:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
        (partial / MARKER).unlink()
        partial.rmdir()
    finally:
        os.close(lock)


def _sync(entry: Path) -> None:
    """Have the disk hold `entry` and all below it: a rename that outlives a power cut must not name empty files."""
    for folder, _, names in os.walk(entry, topdown=False):
        for name in names:
            _sync_one(Path(folder, name))
        _sync_one(Path(folder))
    if not entry.is_dir():
        _sync_one(entry)


def _sync_one(path: Path) -> None:
    with _os_errors(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _os_errors(path: Path, *, only_within: Path | None = None) -> Iterator[None]:
    """Turn an OSError into an OutputError for `path`.

    With `only_within`, an error that names a file elsewhere, or names none and is not of a disk, is not ours.
    """
    try:
        yield
    except OSError as error:
        if only_within and not _concerns(error, only_within):
            raise
        raise OutputError(f"{path}: {error.strerror or error}", _OUTPUT_HINT) from error


def _concerns(error: OSError, folder: Path) -> bool:
    if error.filename is None or isinstance(error.filename, int):  # of an open file, which has no name
        return error.errno in _DISK_ERRORS
    return folder in Path(os.fsdecode(error.filename)).absolute().parents


# --- names ---------------------------------------------------------------------------------------------------


def safe_name(text: str, limit: int = 64) -> str:
    """Return `text` as one part of a file name that every system takes: ``alias/fluo key`` gives ``alias-fluo-key``.

    At most `limit` ASCII letters, digits, ``.``, ``_`` and ``-``; never empty, hidden, an option or a device name.
    A safe name comes back unchanged. Two texts may give one name: where that matters, add an id.
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    name = re.sub(r"[^A-Za-z0-9._]+", "-", ascii_text).strip("-.")[:limit].rstrip("-.") or "unnamed"
    return f"x-{name}"[:limit].rstrip("-.") if _RESERVED.fullmatch(name) else name


def is_portable(path: str) -> bool:
    """Return whether `path` is relative and made of safe names joined by ``/``: the only paths written or accepted.

    Such a path cannot leave its folder, means the same file on every system, and needs no escape in a manifest.
    """
    return all(part == safe_name(part) for part in path.split("/"))


def shown(path: str) -> str:
    """Return `path` for a message; one that is not ours is quoted, with all but plain ASCII escaped."""
    return path if is_portable(path.removesuffix("/")) else ascii(path)


# --- manifests -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileFact:
    """One file as found: its size in bytes, its SHA-256 in hex and, where asked for, the bytes that were hashed."""

    size: int
    sha256: str
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Tree:
    """All that lies in a folder or an archive, by relative path with ``/``.

    `unsafe` gives a reason for each entry that was not read (a link, a device, no permission); `empty` names the
    folders that hold nothing, with a final ``/``.
    """

    files: Mapping[str, FileFact]
    unsafe: Mapping[str, str]
    empty: tuple[str, ...]

    def select(self, wanted: Callable[[str], bool]) -> Tree:
        """Return the part of the tree whose paths are `wanted`."""
        return Tree(
            files={path: fact for path, fact in self.files.items() if wanted(path)},
            unsafe={path: reason for path, reason in self.unsafe.items() if wanted(path)},
            empty=tuple(filter(wanted, self.empty)),
        )


@dataclass(frozen=True, slots=True)
class ManifestCheck:
    """How a tree differs from its manifest. Paths are as found, which may be hostile; `problems` can be printed."""

    changed: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    unsafe: tuple[tuple[str, str], ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Return one line for each difference: the path, and what is wrong with it. None: all is as listed."""
        return (
            *(f"{shown(path)}: changed" for path in self.changed),
            *(f"{shown(path)}: missing" for path in self.missing),
            *(f"{shown(path)}: added, not in the manifest" for path in self.added),
            *(f"{shown(path)}: {reason}" for path, reason in self.unsafe),
        )


def manifest_lines(digests: Mapping[str, str]) -> str:
    """Return a manifest of path -> SHA-256: sorted ``<sha256>  <path>`` lines, as BagIt and coreutils read them."""
    for path in digests:
        if not is_portable(path):
            raise ValueError(f"not a portable path: {path!r}")
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))


def read_manifest(text: str) -> dict[str, str]:
    """Return path -> SHA-256 of a manifest; IntegrityError names the first line that is not as we write them.

    Paths are not judged here: `check_manifest` reports those that are unsafe.
    """
    *lines, rest = text.split("\n")
    digests: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = _MANIFEST_LINE.fullmatch(line)
        if match is None:
            raise IntegrityError(f"line {number}: not '<sha256>  <path>'")
        if match["path"] in digests:
            raise IntegrityError(f"line {number}: {shown(match['path'])} is listed twice")
        digests[match["path"]] = match["sha256"]
    if rest:
        raise IntegrityError(f"line {len(lines) + 1}: cut off, no line end")
    return digests


def check_manifest(root: Path, listed: Mapping[str, str], *, besides: Collection[str] = ()) -> ManifestCheck:
    """Read every file below `root` and compare with `listed` (path -> SHA-256).

    `besides` names files that may be there unlisted, such as the manifest itself. Links are never followed.
    OSError if `root` itself cannot be read.
    """
    return compare(listed, read_tree(root).select(lambda path: path not in besides))


def compare(listed: Mapping[str, str], found: Tree) -> ManifestCheck:
    """Compare a manifest (path -> SHA-256) with what was found."""
    unsafe = {path: "unsafe path in the manifest" for path in listed if not is_portable(path)} | dict(found.unsafe)
    known = found.files.keys() & listed.keys()
    return ManifestCheck(
        changed=tuple(sorted(path for path in known if found.files[path].sha256 != listed[path])),
        missing=tuple(sorted(listed.keys() - known - unsafe.keys())),
        added=tuple(sorted((found.files.keys() - listed.keys()) | set(found.empty))),
        unsafe=tuple(sorted(unsafe.items())),
    )


def read_tree(root: Path, keep: Collection[str] = ()) -> Tree:
    """Hash every file below `root`; keep the bytes of the files named in `keep`. OSError if `root` cannot be read."""
    files: dict[str, FileFact] = {}
    unsafe: dict[str, str] = {}
    empty: list[str] = []
    pending = sorted(root.iterdir())
    while pending:
        entry = pending.pop()
        path = entry.relative_to(root).as_posix()
        try:
            if entry.is_dir() and not entry.is_symlink():
                inside = list(entry.iterdir())
                pending.extend(inside)
                empty.extend([] if inside else [f"{path}/"])
            else:
                files[path] = _read_regular(entry, keep=path in keep)
        except OSError as error:
            unsafe[path] = error.strerror or str(error)
    return Tree(files, unsafe, tuple(sorted(empty)))


def _read_regular(entry: Path, *, keep: bool) -> FileFact:
    """Hash a file; OSError for a link, which may lead anywhere, and for a device or a pipe, which may never end."""
    if entry.is_symlink():
        raise OSError(errno.ELOOP, "a symbolic link")
    if not entry.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    with entry.open("rb") as stream:
        return fingerprint(stream, keep=keep)


def fingerprint(stream: IO[bytes], *, keep: bool = False) -> FileFact:
    """Read `stream` to its end and return its size and SHA-256; with `keep`, also its bytes if under 64 MiB."""
    digest, size, kept = hashlib.sha256(), 0, bytearray()
    while block := stream.read(2**18):
        digest.update(block)
        size += len(block)
        if keep and size <= MAX_KEPT:
            kept += block
    return FileFact(size, digest.hexdigest(), bytes(kept) if keep and size <= MAX_KEPT else None)
