"""Change a file of the user's whole or not at all, and keep what it was."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fluo_audit.errors import OutputError, UsageError

LIMIT = 2**20
"""Bytes of a file of text that somebody edits by hand."""


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of a file."""

    changed: bool
    backup: Path | None
    """The file as it was before; None when nothing changed, or when there was no file."""


def edit_file(path: Path, edit: Callable[[bytes], bytes]) -> Edited:
    """Replace the content of a file by what `edit` makes of it; a file that is not there is made from nothing.

    The file is copied to <file>.backup first, or to the first of <file>.backup.1, ... that is free; a backup that holds
    these very bytes serves again. The new content appears by one rename, with the mode and the owner of the old one.
    A link stays, and the file it leads to changes. Raises UsageError for what is no regular file, OutputError when it
    is read-only, when it changed meanwhile or when the disk refuses; nothing is changed then.
    """
    with _os_errors(path):
        # A link that leads nowhere is a mistake, not a new file.
        target = Path(os.path.realpath(path, strict=path.is_symlink()))
        before = _read(target, path)
        after = edit(before or b"")
        if before == after:
            return Edited(changed=False, backup=None)
        owner = None if before is None else target.stat()
        draft = target.with_name(f".{target.name}.{os.getpid()}.partial")
        _create(draft, after, owner)
        try:
            backup = None if before is None else _back_up(target, before, owner)
            if _read(target, path) != before:
                raise OutputError(f"{path}: somebody else changed it meanwhile", "look at it and try again")
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        _sync(target.parent)
    return Edited(changed=True, backup=backup)


def _read(target: Path, path: Path) -> bytes | None:
    """Return the content of a file that may be changed, or None when there is none."""
    try:
        about = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(about.st_mode):
        raise UsageError(f"{path}: not a regular file", "name a file")
    if about.st_size > LIMIT:
        raise UsageError(f"{path}: larger than {LIMIT >> 20} MiB", "name another file")
    # A rename would replace a read-only file all the same, and root may write any: its mode says what its owner wants.
    if not about.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(target, os.W_OK):
        raise OutputError(f"{path}: is read-only", "make it writable, or have somebody change it who may")
    return target.read_bytes()


def _back_up(target: Path, content: bytes, owner: os.stat_result | None) -> Path:
    number = 0
    while True:
        backup = target.with_name(f"{target.name}.backup" + (f".{number}" if number else ""))
        if not os.path.lexists(backup):
            _create(backup, content, owner)
            return backup
        if backup.is_file() and not backup.is_symlink() and backup.read_bytes() == content:
            return backup
        number += 1


def _create(path: Path, content: bytes, owner: os.stat_result | None) -> None:
    """Make a new file with the content, on disk, with the owner and mode given; never wider open than these."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if owner else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if owner:
                _give(descriptor, owner)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _give(descriptor: int, owner: os.stat_result) -> None:
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (owner.st_uid, owner.st_gid):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(owner.st_mode))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: {error.strerror or error}; nothing was changed", "mend that and try again"
        ) from error
