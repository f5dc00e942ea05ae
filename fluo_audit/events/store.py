"""The events store: what was read of a trail's log files, kept so that nothing is fetched twice.

::

    <root>/<bucket>-<hash>/source.json                        the bucket and prefix the files came from
    <root>/<bucket>-<hash>/coverage.jsonl                     which time was collected, when, and what validation said
    <root>/<bucket>-<hash>/account=<id>/region=<r>/day=<d>/
        <piece>.parquet      rows (`fluo_audit.events.rows.COLUMNS`) of some log files of that day
        <piece>.json         those log files, each with the SHA-256 of its content, and the SHA-256 of the Parquet file

A piece counts only when both files are there and the hash is right: what a killed run or a bad disk leaves is found,
removed and fetched again. Rows of one event that came twice are named in the later piece and not read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from fluo_audit.aws.objects import ObjectInfo
from fluo_audit.errors import OutputError, UsageError
from fluo_audit.storage import safe_name

SCHEMA = "fluo-audit/events/v1"
"""Changes whenever `COLUMNS` or what a column means does: pieces of another schema are fetched again."""


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """The log files of one account and Region that were delivered on one UTC day."""

    account: str
    region: str
    day: date

    @property
    def folder(self) -> str:
        """Return the folder below that of the source."""
        return f"account={self.account}/region={self.region}/day={self.day}"


@dataclass(frozen=True, slots=True)
class LogObject:
    """One log file as it was read."""

    key: str
    etag: str
    size: int
    """Bytes as stored in S3."""
    sha256: str
    """Of the unpacked content, which is what digest files name; empty when it could not be unpacked."""
    records: int
    kept: int
    unreadable: int
    first_at: str
    last_at: str
    problem: str
    """Why it gave no record, though it was fetched; empty for a log file that was read."""

    @property
    def info(self) -> ObjectInfo:
        """Return the line of a listing that stands for this content."""
        return ObjectInfo(self.key, self.size, self.etag)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some log files of a partition, and their rows as Parquet."""

    path: Path
    objects: tuple[LogObject, ...]
    rows: int
    repeated: tuple[int, ...]
    """Positions of rows whose event stands in an earlier piece, or earlier in this one."""
    size: int


@dataclass(frozen=True, slots=True)
class Collected:
    """One line of the coverage ledger."""

    account: str
    region: str
    start: str
    end: str
    source: str
    collected_at: str
    integrity: str
    """VERIFIED, FAIL, INCOMPLETE, or "not checked"."""
    objects: int
    events: int


class SourceStore:
    """The part of the store that one trail location fills. `root` is the folder of the whole store."""

    def __init__(self, root: Path, bucket: str, prefix: str = "") -> None:
        self.bucket = bucket
        self.prefix = prefix
        name = hashlib.sha256(f"{bucket}\n{prefix}".encode()).hexdigest()[:8]
        self.folder = root / f"{safe_name(bucket, 63)}-{name}"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store of this source alone. Raises UsageError when another run does."""
        import fcntl  # a POSIX system is needed to write, not to read

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            description = {"schema": SCHEMA, "bucket": self.bucket, "prefix": self.prefix}
            (self.folder / "source.json").write_text(f"{json.dumps(description)}\n", encoding="utf-8")
            lock = (self.folder / ".lock").open("w")
        except OSError as error:
            raise OutputError(f"{self.folder}: {error.strerror}", "choose another folder with --store") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"{self.folder}: another run is collecting into this store", "wait for it, or give another --store"
                ) from None
            yield

    def place(self, partition: Partition, piece: str) -> Path:
        """Return where the Parquet file of a new piece belongs, in a folder that exists."""
        folder = self.folder / partition.folder
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{piece}.parquet"

    def commit(self, path: Path, objects: Sequence[LogObject], rows: int, repeated: Sequence[int]) -> Piece:
        """Make the Parquet file at `path` a piece of the store. From here on its log files count as read."""
        document = {
            "schema": SCHEMA,
            "sha256": _sha256(path),
            "rows": rows,
            "repeated": list(repeated),
            "objects": [asdict(each) for each in objects],
        }
        _replace(path.with_suffix(".json"), json.dumps(document))
        return Piece(path, tuple(objects), rows, tuple(repeated), path.stat().st_size)

    def pieces(self, partition: Partition) -> list[Piece]:
        """Return the sound pieces of a partition, in the order of their first log file."""
        found = (_load(path) for path in sorted((self.folder / partition.folder).glob("*.json")))
        return sorted((piece for piece in found if piece), key=lambda piece: piece.objects[0].key)

    def clear_unsound(self, partition: Partition) -> int:
        """Remove what is no sound piece of a partition, and return how many files those were."""
        folder = self.folder / partition.folder
        sound = {piece.path.stem for piece in self.pieces(partition)}
        unsound = [path for path in folder.glob("*") if path.stem not in sound or path.suffix not in _SUFFIXES]
        for path in unsound:
            path.unlink(missing_ok=True)
        return len(unsound)

    def partitions(self) -> list[Partition]:
        """Return every partition, in order."""
        return sorted(filter(None, map(_partition, self.folder.glob("account=*/region=*/day=*"))))

    def prune(self, before: date) -> list[Partition]:
        """Remove the partitions of days before a day, and return them. What S3 holds is not touched."""
        every = self.partitions()
        old = [partition for partition in every if partition.day < before]
        for partition in old:
            shutil.rmtree(self.folder / partition.folder)
        # The first rows of events that were delivered twice may be gone with them: such pieces are fetched again.
        for partition in every:
            if partition.day == before:
                self._remove([piece for piece in self.pieces(partition) if piece.repeated])
        return old

    def _remove(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            piece.path.with_suffix(".json").unlink()
            piece.path.unlink()

    def size(self, partition: Partition) -> int:
        """Return the bytes a partition takes."""
        return sum(path.stat().st_size for path in (self.folder / partition.folder).iterdir())

    def note(self, collected: Collected) -> None:
        """Add a line to the coverage ledger, in place of one about the same time of the same account and Region."""
        same = (collected.account, collected.region, collected.start, collected.end)
        kept = [each for each in self.coverage() if (each.account, each.region, each.start, each.end) != same]
        lines = (json.dumps(asdict(each)) for each in (*kept, collected))
        _replace(self._coverage_file, "".join(f"{line}\n" for line in lines))

    def coverage(self) -> list[Collected]:
        """Return the coverage ledger, oldest line first."""
        try:
            text = self._coverage_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        lines = []
        for line in text.splitlines():
            with suppress(ValueError, TypeError):  # a line that was cut off says nothing
                lines.append(Collected(**json.loads(line)))
        return lines

    @cached_property
    def _coverage_file(self) -> Path:
        return self.folder / "coverage.jsonl"


_SUFFIXES = {".parquet", ".json"}


def sources(root: Path) -> list[SourceStore]:
    """Return the sources in a store, in order."""
    found = []
    for path in sorted(root.glob("*/source.json")):
        with suppress(ValueError, KeyError, TypeError):
            description = json.loads(path.read_text(encoding="utf-8"))
            source = SourceStore(root, str(description["bucket"]), str(description["prefix"]))
            if source.folder == path.parent:
                found.append(source)
    return found


def _load(path: Path) -> Piece | None:
    """Return the piece that a .json file describes; None when it is not whole, or the Parquet file is another."""
    parquet = path.with_suffix(".parquet")
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        if document["schema"] != SCHEMA or document["sha256"] != _sha256(parquet):
            return None
        objects = tuple(LogObject(**each) for each in document["objects"])
        return Piece(parquet, objects, document["rows"], tuple(document["repeated"]), parquet.stat().st_size)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _partition(path: Path) -> Partition | None:
    account, region, day = (part.partition("=")[2] for part in path.parts[-3:])
    with suppress(ValueError):
        return Partition(account, region, date.fromisoformat(day))
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
