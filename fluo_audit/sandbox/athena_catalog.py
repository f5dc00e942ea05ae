"""The databases and tables that Athena knows in one Region, and the answers to statements about them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from fluo_audit.sandbox import trino
from fluo_audit.sandbox.emulator import not_simulated
from fluo_audit.sandbox.hive import ExternalTable, external_table, records_of, serde
from fluo_audit.sandbox.trino import Answer, QueryError, Table
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from fluo_audit.sandbox.gateway import Request
    from fluo_audit.sandbox.s3_objects import S3Objects

    Folder = tuple[str, dict[str, str]]
    """A folder, with its slash, and the values of the partition columns there."""

_DENIED = "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a statement: there is no answer when it failed or would have scanned more than it may."""

    answer: Answer | None = None
    scanned: int = 0
    """Bytes."""


class Catalog:
    """Databases of external tables, over the objects that trails delivered."""

    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects
        self._databases: dict[str, dict[str, ExternalTable]] = {"default": {}}
        self._lines: dict[tuple[str, str, str], list[str]] = {}

    def define(self, statement: exp.Expr, database: str) -> None:
        """Carry out a definition. Raises QueryError, and AwsError with status 501 for a kind that is not simulated."""
        named, kind = statement.find(exp.Table), statement.args.get("kind")
        if (
            named is None
            or not isinstance(statement, exp.Create | exp.Drop)
            or kind not in {"DATABASE", "SCHEMA", "TABLE"}
        ):
            raise not_simulated(statement.sql("athena"))
        exists = bool(statement.args.get("exists"))
        if kind != "TABLE":
            self._define_database(named.name or named.db, exists, dropped=isinstance(statement, exp.Drop))
            return
        tables = self._databases.get(named.db or database)
        if tables is None:
            raise QueryError(
                f"FAILED: SemanticException [Error 10072]: Database does not exist: {named.db or database}"
            )
        if isinstance(statement, exp.Drop):
            if tables.pop(named.name.lower(), None) is None and not exists:
                raise QueryError(f"FAILED: SemanticException [Error 10001]: Table not found {named.name}")
        elif named.name.lower() not in tables:
            tables[named.name.lower()] = external_table(statement)
        elif not exists:
            raise QueryError(f"AlreadyExistsException: Table {named.name} already exists")

    def _define_database(self, name: str, exists: bool, *, dropped: bool) -> None:  # noqa: FBT001 - private
        if not exists and dropped == (name not in self._databases):
            raise QueryError(f"Database {name} {'does not exist' if dropped else 'already exists'}")
        if dropped:
            self._databases.pop(name, None)
        else:
            self._databases.setdefault(name, {})

    def ask(self, request: Request, statement: exp.Expr, database: str, now: datetime, cutoff: int | None) -> Outcome:
        """Return the outcome of a query that may scan so many bytes. Raises QueryError."""
        chosen: dict[tuple[str, str], dict[str, Folder]] = defaultdict(dict)
        scanned = 0
        for named in trino.tables_of(statement):
            place = (named.db or database, named.name.lower())
            folders = list(self._folders(named, self._table(*place), now))
            chosen[place] |= {folder[0]: folder for folder in folders}
            bucket = _bucket(self._table(*place))
            for folder, _ in folders:
                _require_access(request, bucket, folder, self._objects.key_of(request, bucket))
                scanned += sum(len(body) for _, body in self._objects.bodies(request, bucket, folder))
        if cutoff is not None and scanned > cutoff:
            return Outcome(scanned=scanned)
        tables = [self._content(request, place, list(folders.values())) for place, folders in chosen.items()]
        return Outcome(trino.answer(statement, tables, database), scanned)

    def _table(self, database: str, name: str) -> ExternalTable:
        try:
            return self._databases[database][name]
        except KeyError:
            message = f"TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.{database}.{name}' does not exist"
            raise QueryError(message) from None

    def _folders(self, named: exp.Table, table: ExternalTable, now: datetime) -> Iterator[Folder]:
        """Yield the folders that a query scans for a table it names. Raises QueryError."""
        demanded = trino.conditions(named, table.partitions)
        for column in table.injected():
            if not any(_fixes(condition, column) for condition in demanded):
                raise QueryError(
                    f"CONSTRAINT_VIOLATION: Injected projected partition column {column} must have only "
                    "(and at least one) equality conditions in the WHERE clause!"
                )
        bucket = _bucket(table)
        told = ((folder, table.values(f"s3://{bucket}/{folder}", now)) for folder in self._objects.folders(bucket))
        found = [(folder, values) for folder, values in told if values is not None]
        types = {name: kind.sql("duckdb") for name, kind in table.partitions.items()}
        yield from (found[number] for number in trino.matching(demanded, types, [values for _, values in found]))

    def _content(self, request: Request, place: tuple[str, str], folders: Sequence[Folder]) -> Table:
        table, bucket = self._table(*place), _bucket(self._table(*place))
        layout = ", ".join(f"{name} {kind.sql('hive')}" for name, kind in table.columns.items())
        row, lines = serde(table.columns), list[str]()
        for folder, values in folders:
            for tag, body in self._objects.bodies(request, bucket, folder):
                known = (folder, tag, layout)
                if known not in self._lines:
                    records = records_of(_unpacked(body))
                    self._lines[known] = [json.dumps({**row(record), **values}) + "\n" for record in records]
                lines.extend(self._lines[known])
        return Table(*place, {**table.columns, **table.partitions}, lines)


def _bucket(table: ExternalTable) -> str:
    return table.location.removeprefix("s3://").partition("/")[0]


def _fixes(condition: exp.Expr, column: str) -> bool:
    """Return whether a condition gives a column one of some values."""
    return isinstance(condition, exp.EQ | exp.In) and condition.this.name.lower() == column


def _require_access(request: Request, bucket: str, folder: str, key: str | None) -> None:
    try:
        request.require("s3", "ListObjectsV2", Bucket=bucket, Prefix=folder)
        request.require("s3", "GetObject", Bucket=bucket, Key=folder)
        if key:
            request.require("kms", "Decrypt", KeyId=key)
    except AwsError as error:
        raise QueryError(_DENIED) from error


def _unpacked(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise QueryError("HIVE_CURSOR_ERROR: incorrect header check") from error
