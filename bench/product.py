"""What the product does with a generated folder, timed from inside, as `bench.floors` is.

python -m bench.product ingest FOLDER STORE PROCESSES
python -m bench.product queries FOLDER STORE
python -m bench.product exports FOLDER STORE

Prints what came out, and the seconds it took, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.records import ACCOUNT, KEY, REGION
from fluo_audit.aws.folder import FolderObjects
from fluo_audit.collect.job import Silent
from fluo_audit.collect.trail_logs import Gathered, TrailLogs, delivered
from fluo_audit.events.duckdb_engine import DuckDbEngine
from fluo_audit.events.object_names import Trail, TrailPlace, parse
from fluo_audit.events.queries import ALL, EVERY_EVENT, ONE_BY_ONE, USAGE
from fluo_audit.events.store import Piece, SourceStore
from fluo_audit.model.scope import Period, Scope


class Generated:
    """A generated folder, and a store for its log files."""

    def __init__(self, folder: Path, store: Path) -> None:
        about = json.loads((folder / "trail.json").read_bytes())
        self._trail = Trail(about["trail"]["TrailARN"], TrailPlace(about["trail"]["S3BucketName"]))
        self._objects = FolderObjects(folder / "bucket")
        self._store = store
        self.start, self.end = datetime.fromisoformat(about["start"]), datetime.fromisoformat(about["end"])

    def scope(self, days: int, until: datetime) -> Scope:
        """Return the scope of the key over some days."""
        return Scope(ACCOUNT, REGION, KEY, Period(until - timedelta(days=days), until), until)

    def gather(self, scope: Scope, processes: int) -> Gathered:
        """Bring the log files of a period into the store."""
        logs = TrailLogs(lambda _: self._objects, self._store, processes)
        return logs.of_trail(self._trail, scope, delivered(scope), Silent())

    def store(self) -> SourceStore:
        return SourceStore(self._store, self._trail.place.bucket, self._trail.place.root)

    def delivered_since(self, moment: datetime) -> int:
        """Return the number of log files that were delivered from a moment on."""
        names = (parse(info.key) for info in self._objects.list(f"AWSLogs/{ACCOUNT}/CloudTrail/"))
        return sum(name is not None and name.at >= moment for name in names)


def ingest(data: Generated, processes: int) -> dict[str, Any]:
    """Bring every log file into the store."""
    done, seconds = timed(lambda: data.gather(data.scope((data.end - data.start).days, data.end), processes))
    return {
        "seconds": seconds,
        "records": sum(each.records for each in done.ingested.objects),
        "rows": sum(piece.rows - len(piece.repeated) for piece in done.ingested.pieces),
        "bytes": sum(piece.size for piece in done.ingested.pieces),
    }


def queries(data: Generated) -> dict[str, Any]:
    """Ask everything a report asks of a full store, twice; before the first time, its files are not in memory."""
    store = data.store()
    pieces = [piece for partition in store.partitions() for piece in store.pieces(partition)]
    # The first events were delivered minutes after they happened, the first of them in the day before.
    scope = data.scope((data.end - data.start).days + 1, data.end)
    for piece in pieces:
        _forget(piece.path)
    found: dict[str, Any] = {}
    for name in ("cold", "warm"):
        found["calls"], found[name] = timed(lambda: _ask(pieces, scope))
    return found


def _ask(pieces: Sequence[Piece], scope: Scope) -> int:
    """Ask every query and return the number of calls. Events stand one by one only where a report lists them so."""
    with DuckDbEngine(pieces) as engine:
        calls = sum(int(row["calls"]) for row in engine.rows(USAGE, scope))
        for query in ALL:
            if query is not USAGE and (query is not EVERY_EVENT or calls <= ONE_BY_ONE):
                engine.run(query, scope)
    return calls


def exports(data: Generated) -> dict[str, Any]:
    """Export 90 days, and a day later the 90 days that end then."""
    before = data.end - timedelta(days=1)
    data.gather(data.scope(90, before), 1)
    again = data.gather(data.scope(90, data.end), 1)
    return {"fetched": again.ingested.fetched, "new": data.delivered_since(before)}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what comes out of work, and the seconds it took."""
    start = time.perf_counter()
    done = work()
    return done, time.perf_counter() - start


def _forget(path: Path) -> None:
    """Take a file out of the disk cache, where the system can be told to."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main(arguments: list[str]) -> int:
    what, folder, store, *rest = arguments
    data = Generated(Path(folder), Path(store))
    found = {
        "ingest": lambda: ingest(data, int(rest[0])),
        "queries": lambda: queries(data),
        "exports": lambda: exports(data),
    }[what]()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
