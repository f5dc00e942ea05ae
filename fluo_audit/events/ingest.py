"""Bring log files into the events store: fetch what is new, hash and parse each in one pass, commit in order.

Bodies are fetched by threads, because fetching waits, and packed by processes, because parsing computes. Pieces are
committed one after another in the order of their log files, so a run that was killed leaves a beginning of what an
undisturbed run writes, and the next run goes on behind it.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from fluo_audit.aws.objects import ObjectError, ObjectInfo, Objects
from fluo_audit.errors import OutputError
from fluo_audit.events.gunzip import GunzipError, gunzip
from fluo_audit.events.parallel import in_order
from fluo_audit.events.parquet import fingerprints, write_rows
from fluo_audit.events.record_fields import NotALogFileError
from fluo_audit.events.repeats import Seen
from fluo_audit.events.rows import Rows
from fluo_audit.events.store import LogObject, Partition, Piece, SourceStore

if TYPE_CHECKING:
    from fluo_audit.events.parquet import Fingerprints

PIECE_BYTES = 8 * 2**20
"""Packed bytes of the log files in one piece: about 100,000 events."""
FETCHERS = 32
SMALL = 4 * 2**20
"""Packed bytes that are done with before processes have started."""

Told = Callable[[int, int, int], None]
"""Hears how many of the new log files are in the store, how many there are, and how many events they held."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A log file that is listed and could not be fetched."""

    key: str
    api: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Ingested:
    """What the store holds now of the log files that were asked for."""

    pieces: tuple[Piece, ...]
    fetched: int
    """Log files that came in this run; the others were in the store."""
    fetched_bytes: int
    unread: tuple[Unread, ...]
    unsound: int
    """Files of the store that were not whole, and were removed."""

    @property
    def objects(self) -> tuple[LogObject, ...]:
        """Return every log file that was read, in this run or before."""
        return tuple(each for piece in self.pieces for each in piece.objects)


def ingest(
    objects: Objects,
    store: SourceStore,
    listed: Sequence[tuple[Partition, Sequence[ObjectInfo]]],
    *,
    processes: int | None = None,
    tell: Told = lambda _done, _all, _events: None,
) -> Ingested:
    """Bring every listed log file into the store, and return what is there.

    A log file whose key, size and etag are in the store is not fetched. `processes` is how many pack at once, None for
    one a core. Raises UsageError when another run holds the store.
    """
    with store.writing():
        days = [_look(store, partition, infos) for partition, infos in sorted(listed, key=lambda each: each[0])]
        run = _Run(objects, store, days, tell)
        with _packers(run.size, processes) as packers:
            for packed in run.packed(packers):
                run.commit(packed)
    return run.result()


@dataclass(slots=True)
class _Day:
    """A partition: its pieces, and the log files that are not in them."""

    partition: Partition
    pieces: list[Piece]
    new: list[ObjectInfo]
    unsound: int

    def chunks(self) -> Iterator[list[ObjectInfo]]:
        """Give the new log files in portions of a piece each.

        The portions of what a killed run left over are those that an undisturbed run would have made of it.
        """
        chunk: list[ObjectInfo] = []
        size = 0
        for info in self.new:
            if chunk and size + info.size > PIECE_BYTES:
                yield chunk
                chunk, size = [], 0
            chunk.append(info)
            size += info.size
        if chunk:
            yield chunk


@dataclass(frozen=True, slots=True)
class _Packed:
    """A piece before it is committed."""

    objects: list[LogObject]
    fingerprints: Fingerprints


def _look(store: SourceStore, partition: Partition, infos: Sequence[ObjectInfo]) -> _Day:
    unsound = store.clear_unsound(partition)
    pieces = store.pieces(partition)
    known = {each.info for piece in pieces for each in piece.objects}
    new = sorted((info for info in infos if info not in known), key=lambda info: info.key)
    return _Day(partition, pieces, new, unsound)


class _Run:
    """One run over a list of days."""

    def __init__(self, objects: Objects, store: SourceStore, days: list[_Day], tell: Told) -> None:
        self._objects = objects
        self._store = store
        self._days = days
        self._tell = tell
        self._seen: dict[tuple[str, str], Seen] = {}
        self._unread: list[Unread] = []
        self._fetched = self._fetched_bytes = self._done = self._events = 0
        self._all = sum(len(day.new) for day in days)
        self.size = sum(info.size for day in days for info in day.new)

    def packed(self, packers: _Packers) -> Iterator[tuple[_Day, Path, _Packed]]:
        """Give what is ready to be committed, in order; a few pieces ahead are being made meanwhile."""
        waiting: deque[tuple[_Day, Path, Future[_Packed]]] = deque()
        for day in self._days:
            for chunk in day.chunks():
                bodies = self._fetch_all(chunk)
                if not bodies:
                    continue
                path = self._store.place(day.partition, _name([info for info, _ in bodies]))
                waiting.append((day, path, packers.executor.submit(_pack, bodies, path)))
                while len(waiting) > packers.ahead:
                    yield _ready(waiting)
        while waiting:
            yield _ready(waiting)

    def commit(self, ready: tuple[_Day, Path, _Packed]) -> None:
        """Make a packed piece part of the store."""
        day, path, packed = ready
        repeated = self._seen_near(day.partition).add(day.partition.day, packed.fingerprints)
        day.pieces.append(self._store.commit(path, packed.objects, len(packed.fingerprints), repeated))
        self._done += len(packed.objects)
        self._events += len(packed.fingerprints) - len(repeated)
        self._tell(self._done, self._all, self._events)

    def result(self) -> Ingested:
        """Return what is in the store after the run."""
        pieces = tuple(piece for day in self._days for piece in day.pieces)
        unsound = sum(day.unsound for day in self._days)
        return Ingested(pieces, self._fetched, self._fetched_bytes, tuple(self._unread), unsound)

    def _fetch_all(self, chunk: Sequence[ObjectInfo]) -> list[tuple[ObjectInfo, bytes]]:
        bodies = []
        for info, answer in zip(chunk, in_order(self._fetch, chunk, FETCHERS, 2 * FETCHERS), strict=True):
            if isinstance(answer, Unread):
                self._unread.append(answer)
            else:
                bodies.append((info, answer))
                self._fetched += 1
                self._fetched_bytes += len(answer)
        return bodies

    def _fetch(self, info: ObjectInfo) -> bytes | Unread:
        try:
            return self._objects.get(info.key).body
        except ObjectError as error:
            return Unread(info.key, error.api, error.code, error.message)

    def _seen_near(self, partition: Partition) -> Seen:
        """Return the events near a day: those of this run, and those that were in the store before it."""
        seen = self._seen.setdefault((partition.account, partition.region), Seen())
        seen.forget(partition.day)
        for days in (-1, 0, 1):
            near = replace(partition, day=partition.day + timedelta(days=days))
            if not seen.knows(near.day):
                for piece in self._store.pieces(near):
                    seen.add(near.day, np.delete(fingerprints(piece.path), piece.repeated, axis=0))
                seen.open(near.day)
        return seen


def _name(infos: Sequence[ObjectInfo]) -> str:
    """Return the name of the piece that holds these log files."""
    return hashlib.sha256("\n".join(f"{info.key} {info.etag}" for info in infos).encode()).hexdigest()[:16]


def _ready(waiting: deque[tuple[_Day, Path, Future[_Packed]]]) -> tuple[_Day, Path, _Packed]:
    day, path, future = waiting.popleft()
    try:
        return day, path, future.result()
    except BrokenProcessPool as error:
        raise OutputError(
            "a process that reads log files was ended from outside", "free some memory and run this again: it goes on"
        ) from error


# --- in the processes ----------------------------------------------------------------------------------------


def _pack(bodies: Sequence[tuple[ObjectInfo, bytes]], path: Path) -> _Packed:
    """Hash and parse log files, and write their rows to `path`. Raises OutputError."""
    rows = Rows()
    objects = [_read(rows, info, body) for info, body in bodies]
    try:
        return _Packed(objects, write_rows(rows, path))
    except (duckdb.IOException, OSError) as error:
        raise OutputError(f"{path}: {error}", "free some space there, or choose another folder with --store") from error


def _read(rows: Rows, info: ObjectInfo, body: bytes) -> LogObject:
    """Take the records of one log file into `rows`. What is no log file is a fact, not an error."""
    digest = ""
    try:
        content = gunzip(body) if info.key.endswith(".gz") else body
        digest = hashlib.sha256(content).hexdigest()
        found = rows.add(content)
    except (GunzipError, NotALogFileError) as error:
        return LogObject(info.key, info.etag, info.size, digest, 0, 0, 0, "", "", str(error))
    return LogObject(
        info.key, info.etag, info.size, digest, found.records, found.kept, found.unreadable,
        found.first_at, found.last_at, "",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Packers:
    """Who packs, and how many pieces may wait for it."""

    executor: Executor
    ahead: int


class _Here(Executor):
    """Packs in this process, at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do the work now."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def _packers(size: int, processes: int | None) -> Iterator[_Packers]:
    count = processes or os.cpu_count() or 1
    if size < SMALL or count == 1:
        yield _Packers(_Here(), 0)
        return
    # Not forked: the threads that fetch would not survive it.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_end_with_parent) as executor:
        yield _Packers(executor, count + 1)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even if it was killed: nobody waits for its work."""
    Thread(target=_outlive_nobody, daemon=True).start()


def _outlive_nobody() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)
