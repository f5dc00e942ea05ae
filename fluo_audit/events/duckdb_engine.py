"""The embedded engine: the shared queries over Parquet files of the events store, with bounded memory."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb

from fluo_audit.errors import OutputError
from fluo_audit.events.queries import RELATION, Query, calls_text
from fluo_audit.events.records import KMS
from fluo_audit.events.relation import moment, quoted
from fluo_audit.events.rows import COLUMNS
from fluo_audit.events.store import Piece
from fluo_audit.frames import frame
from fluo_audit.model.scope import Scope

if TYPE_CHECKING:
    import pandas as pd

_STORED = [name for name in COLUMNS if name != "record"]
_BATCH = 10_000
_OF_THE_KEY = ("encryption_context", "purpose", "has_context")


class DuckDbEngine:
    """Answers queries over pieces of the store. What memory cannot hold is spilled below `temp_directory`.

    It reads the pieces and nothing else: no other file, no network, no extension.
    """

    def __init__(
        self,
        pieces: Iterable[Piece],
        *,
        memory_limit: str = "1GB",
        threads: int = 2,
        temp_directory: Path | None = None,
    ) -> None:
        whole = [piece for piece in pieces if piece.rows]
        self._spill = Path(tempfile.mkdtemp(prefix="fluo-audit-", dir=temp_directory))
        self._database = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(self._spill),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        self._stored = _stored(self._database, whole)
        self._database.execute(f"SET allowed_paths = {_paths(whole)}")
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET lock_configuration = true")
        self._scope: Scope | None = None
        self._has_calls = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up memory and spilled data."""
        self._database.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    def run(self, query: Query, scope: Scope) -> pd.DataFrame:
        """Return the answer about the key and period of a scope, with the columns that the query declares."""
        return frame(query.source, self.rows(query, scope))

    def rows(self, query: Query, scope: Scope) -> list[dict[str, Any]]:
        """Return the answer row by row: column -> value, times in UTC. Raises OutputError."""
        with _explained():
            self._about(scope)
            if query.of_calls and not self._has_calls:
                self._database.execute(f"CREATE OR REPLACE TEMP TABLE kms_calls AS {calls_text()}")
                self._has_calls = True
            found = self._database.execute(query.own_text)
            names = list(query.source.columns or {})
            batches = iter(lambda: found.fetchmany(_BATCH), [])
            return [dict(zip(names, map(_value, row), strict=True)) for batch in batches for row in batch]

    def _about(self, scope: Scope) -> None:
        """Make `kms_events` the events of this scope."""
        if scope != self._scope:
            self._database.execute(f"CREATE OR REPLACE TEMP VIEW kms_events AS {_relation(self._stored, scope)}")
            self._scope, self._has_calls = scope, False


def _stored(database: duckdb.DuckDBPyConnection, pieces: Sequence[Piece]) -> str:
    """Return the query that reads the rows of all pieces, those that repeat an event left out."""
    clean = [piece for piece in pieces if not piece.repeated]
    others = [piece for piece in pieces if piece.repeated]
    columns = ", ".join(_STORED)
    parts = []
    if clean:
        parts.append(f"SELECT {columns} FROM read_parquet({_paths(clean)})")  # noqa: S608, paths are quoted
    if others:
        database.execute("CREATE TEMP TABLE repeated (filename VARCHAR, file_row_number BIGINT)")
        marked = [(str(piece.path), position) for piece in others for position in piece.repeated]
        names, positions = map(list, zip(*marked, strict=True))
        database.execute("INSERT INTO repeated SELECT unnest(?), unnest(?)", [names, positions])
        parts.append(
            f"SELECT {columns} FROM read_parquet({_paths(others)}, filename = true, file_row_number = true)"  # noqa: S608
            " ANTI JOIN repeated USING (filename, file_row_number)"
        )
    if not parts:
        nothing = ", ".join(f"CAST(NULL AS {COLUMNS[name]}) AS {name}" for name in _STORED)
        parts.append(f"SELECT {nothing} WHERE false")
    return " UNION ALL ".join(parts)


def _relation(stored: str, scope: Scope) -> str:
    """Return the query that makes `kms_events`. `concerns_key` in `fluo_audit.events.records` says the same."""
    arn, key_id = scope.key_arn, scope.key_arn.rpartition("/")[2]
    region = quoted(arn.split(":")[3])
    here = f"coalesce(region, {region}) = {region}"  # replicas share the id
    # Of the two contexts of a ReEncrypt, that of the key; the source's when both are its own.
    other_side = f"coalesce({_is_key('destination_key', arn, key_id, here)}, false)"
    other_side += f" AND NOT coalesce({_is_key('source_key', arn, key_id, here)}, false)"
    context = f"CASE WHEN {other_side} THEN destination_context ELSE encryption_context END"
    purpose = f"CASE WHEN {other_side} THEN destination_purpose ELSE purpose END"
    columns = ", ".join(name for name in RELATION if name not in _OF_THE_KEY)
    # Every value in the text is quoted.
    return f"""
        SELECT {columns}, {context} AS encryption_context, {purpose} AS purpose, ({context}) IS NOT NULL AS has_context
        FROM ({stored})
        WHERE event_source = {quoted(KMS)}
          AND event_time >= {moment(scope.period.start)} AND event_time < {moment(scope.period.end)}
          AND (strpos(key_refs, {quoted(f" {arn} ")}) > 0 OR (strpos(key_refs, {quoted(f" {key_id} ")}) > 0 AND {here}))
    """  # noqa: S608, see the remark above


def _is_key(column: str, arn: str, key_id: str, here: str) -> str:
    return f"({column} = {quoted(arn)} OR ({column} = {quoted(key_id)} AND {here}))"


def _paths(pieces: Sequence[Piece]) -> str:
    return f"[{', '.join(quoted(str(piece.path)) for piece in pieces)}]"


def _value(value: object) -> object:
    if isinstance(value, str):
        return sys.intern(value)  # most texts stand in many rows
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


@contextmanager
def _explained() -> Iterator[None]:
    """Raise OutputError where the database gives up."""
    try:
        yield
    except duckdb.Error as error:
        raise OutputError(
            f"the events store could not be queried: {str(error).splitlines()[0]}",
            "free memory and disk space, and collect again: parts of the store that are damaged are fetched again",
        ) from error
