"""A local folder in the place of a bucket: the copy that `aws s3 sync` made, or any folder of log files.

The keys of its objects are the paths of its files below it, with slashes. A file has no metadata.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from fluo_audit.aws.objects import LARGEST, TOO_LARGE, FetchedObject, ObjectError, ObjectInfo

LIST, READ = "folder:List", "folder:Read"
NOT_FOUND = "NotFound"
LINKED = "link"
NOT_REGULAR = "not a regular file"
UNREADABLE = "not readable"
CHANGED = "changed while it was read"


class FolderObjects:
    """A folder, as `fluo_audit.aws.objects.Objects`. The etag of a file is its size and the time it was changed.

    Links are not followed. A link, a pipe or a device is listed like a file, and refused when it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self._name = str(folder)
        self._root = Path(os.path.realpath(folder))

    @property
    def bucket(self) -> str:
        """Return the folder as it was given."""
        return self._name

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Give the files whose path begins with `prefix`, in order of their paths.

        Raises ObjectError when a folder cannot be read, or the way to the prefix leads over a link.
        """
        found = (info for info in self._files(prefix) if info.key.startswith(prefix) and info.key > start_after)
        yield from sorted(found, key=lambda info: info.key)

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Return the names of the folders directly below a prefix that ends with /.

        Raises ObjectError as `list` does, and for a link: it may stand for a folder, which would be left out.
        """
        names = []
        for entry in self._entries(self._path(LIST, prefix)):
            if entry.is_dir(follow_symlinks=False):
                names.append(_text(entry.name))
            elif entry.is_symlink():
                raise ObjectError(LIST, LINKED, f"{entry.path} may be a folder, and is a link")
        return tuple(sorted(names))

    def get(self, key: str) -> FetchedObject:
        """Return a file. Raises ObjectError for what is not a regular file, or has more than `LARGEST` bytes."""
        path = self._path(READ, key)
        try:
            status = path.lstat()
            if not S_ISREG(status.st_mode):
                raise ObjectError(READ, NOT_REGULAR, str(path))
            if status.st_size > LARGEST:
                raise ObjectError(READ, TOO_LARGE, f"{status.st_size:,} bytes: no log file has more than {LARGEST:,}")
            body = path.read_bytes()
        except OSError as error:
            raise _failed(READ, error) from error
        if len(body) != status.st_size:
            raise ObjectError(READ, CHANGED, str(path))
        return FetchedObject(body, {})

    def _files(self, prefix: str) -> Iterator[ObjectInfo]:
        """Give what may begin with the prefix, in any order."""
        parent = prefix.rpartition("/")[0]
        pending = [(self._path(LIST, parent), f"{parent}/" if parent else "")]
        while pending:
            folder, above = pending.pop()
            for entry in self._entries(folder):
                key = above + _text(entry.name)
                if not entry.is_dir(follow_symlinks=False):
                    yield _info(key, entry)
                elif f"{key}/".startswith(prefix):
                    pending.append((Path(entry.path), f"{key}/"))

    def _path(self, api: str, key: str) -> Path:
        """Return where a key lies. Raises ObjectError when the way there leaves the folder or leads over a link."""
        path = self._root.joinpath(*key.split("/"))
        try:
            real = os.path.realpath(path)
        except ValueError as error:
            raise ObjectError(api, NOT_FOUND, f"{key!r}: {error}") from error
        if real != str(path):
            raise ObjectError(api, LINKED, f"{path} leads elsewhere")
        return path

    def _entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        try:
            # In a bucket, a prefix without objects is no error: only the folder itself has to be there.
            if folder != self._root and not folder.is_dir():
                return
            with os.scandir(folder) as entries:
                yield from entries
        except OSError as error:
            raise _failed(LIST, error) from error


def _info(key: str, entry: os.DirEntry[str]) -> ObjectInfo:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        raise _failed(LIST, error) from error
    return ObjectInfo(key, status.st_size, f"{status.st_size}-{status.st_mtime_ns}")


def _failed(api: str, error: OSError) -> ObjectError:
    code = NOT_FOUND if isinstance(error, FileNotFoundError | NotADirectoryError) else UNREADABLE
    return ObjectError(api, code, f"{error.filename}: {error.strerror}")


def _text(name: str) -> str:
    """Return a file name as text: what is not UTF-8 in it is spelt out, and then not found when it is asked for."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
