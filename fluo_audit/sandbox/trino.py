"""Run statements in the SQL of Trino on DuckDB: sqlglot translates them.

What Trino refuses and DuckDB takes is not found here, such as comparing values of different types.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_TYPES = {"HUGEINT": "bigint", "TIMESTAMP WITH TIME ZONE": "timestamp with time zone"}  # DuckDB's sums are wider


class QueryError(Exception):
    """A statement that failed, with the message of the engine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of an answer: values as text, None for NULL."""

    columns: tuple[tuple[str, str], ...] = ()
    """Names and types."""
    rows: tuple[tuple[str | None, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The content of a table: types in the words of Hive, and one JSON object a line."""

    schema: str
    name: str
    types: Mapping[str, exp.DataType]
    lines: Iterable[str]


def parse(text: str) -> exp.Expr:
    """Return the one statement in a text. Raises QueryError."""
    try:
        statements = sqlglot.parse(text, read="athena")
    except sqlglot.ParseError as error:
        found = error.errors[0]
        raise QueryError(f"line {found['line']}:{found['col']}: mismatched input {found['highlight']!r}") from error
    if len(statements) != 1 or statements[0] is None:
        raise QueryError(f"Only one sql statement is allowed. Got: {text}")
    return statements[0]


def is_query(statement: exp.Expr) -> bool:
    """Return whether a statement asks for rows, and defines nothing."""
    return isinstance(statement, exp.Query)


def tables_of(statement: exp.Expr) -> list[exp.Table]:
    """Return the tables that a statement reads, without those it defines itself."""
    own = {each.alias_or_name.lower() for each in statement.find_all(exp.CTE)}
    return [each for each in statement.find_all(exp.Table) if each.db or each.name.lower() not in own]


def conditions(table: exp.Table, columns: Collection[str]) -> list[exp.Expr]:
    """Return what a statement demands of the rows of a table in terms of these columns alone."""
    select = table.find_ancestor(exp.Select)
    where = select.args.get("where") if select else None
    demanded = where.this.flatten() if where and isinstance(where.this, exp.And) else [where.this] if where else []

    def is_about(condition: exp.Expr) -> bool:
        named = {column.name.lower() for column in condition.find_all(exp.Column)}
        return bool(named) and named <= set(columns) and not condition.find(exp.Query)

    return [each for each in demanded if is_about(each)]


def matching(demanded: Iterable[exp.Expr], types: Mapping[str, str], rows: Iterable[Mapping[str, str]]) -> list[int]:
    """Return the positions of the rows that meet all conditions. `types` has those of their columns."""
    lines = (json.dumps({"number": number, **row}) + "\n" for number, row in enumerate(rows))
    kinds = {name: exp.DataType.build(kind) for name, kind in {"number": "BIGINT", **types}.items()}
    query = exp.select("number").from_("rows").order_by("number")
    query = reduce(lambda made, condition: made.where(condition.copy()), demanded, query)
    for column in query.find_all(exp.Column):
        column.set("table", None)  # an alias of the statement
    return [int(number or 0) for (number,) in answer(query, [Table("main", "rows", kinds, lines)], "main").rows]


def answer(statement: exp.Expr, tables: Iterable[Table], schema: str) -> Answer:
    """Return the answer to a query; tables without a schema are looked for in the given one. Raises QueryError."""
    with closing(duckdb.connect(":memory:", config={"threads": 1})) as database, TemporaryDirectory() as folder:
        for number, table in enumerate(tables):
            _load(database, table, Path(folder) / f"{number}.json")
        database.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"; USE "{schema}"')
        database.execute("SET enable_external_access = false")
        try:
            found = database.execute(statement.sql("duckdb"))
        except duckdb.Error as error:
            raise QueryError(f"SYNTAX_ERROR: {str(error).splitlines()[0]}") from error
        columns = tuple((str(column[0]), _type(str(column[1]))) for column in found.description)
        return Answer(columns, tuple(tuple(map(_text, row)) for row in found.fetchall()))


def _load(database: duckdb.DuckDBPyConnection, table: Table, file: Path) -> None:
    file.write_text("".join(table.lines), encoding="utf-8")
    types = {name: kind.sql("duckdb", identify=True) for name, kind in table.types.items()}
    listed, place = ", ".join(f'"{name}" {kind}' for name, kind in types.items()), f'"{table.schema}"."{table.name}"'
    database.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.schema}"; CREATE TABLE {place} ({listed})')
    if file.stat().st_size:
        told = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
        source = f"read_json('{file}', columns = {{{told}}}, format = 'newline_delimited')"
        database.execute(f"INSERT INTO {place} SELECT * FROM {source}")  # noqa: S608 - names of the sandbox's own


def _type(name: str) -> str:
    return _TYPES.get(name, name.lower())


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
    return value.isoformat() if isinstance(value, date) else None if value is None else str(value)
