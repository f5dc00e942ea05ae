"""Tables of the Glue catalog over JSON in S3: what their definition says, which folders belong to them, and their rows.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fluo_audit.sandbox.trino import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_DATE_LETTERS = {"yyyy": "%Y", "MM": "%m", "dd": "%d"}


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table. `columns` and `partitions` have names in lower case; `properties` are those of the statement."""

    columns: Mapping[str, exp.DataType]
    partitions: Mapping[str, exp.DataType]
    location: str
    properties: Mapping[str, str]

    def injected(self) -> list[str]:
        """Return the partition columns whose values only a query can tell."""
        return [name for name in self.partitions if self._projection(name, "type").lower() == "injected"]

    def values(self, folder: str, now: datetime) -> dict[str, str] | None:
        """Return the values of the partition columns for a folder, s3://bucket/path/, or None if it is none of its.

        Folders of a table that does not project its partitions belong to it if it has none.
        """
        if not self.partitions:
            return {} if folder.startswith(self.location) else None
        template = self.properties.get("storage.location.template", "")
        found = re.fullmatch(self._pattern(template.rstrip("/")), folder.rstrip("/")) if template else None
        values = found.groupdict() if found else None
        return values if values and all(self._is_projected(*each, now) for each in values.items()) else None

    def _projection(self, column: str, name: str) -> str:
        return self.properties.get(f"projection.{column}.{name}", "")

    def _pattern(self, template: str) -> str:
        pieces = _PLACEHOLDER.split(template)  # text and names in turn
        return "".join(
            f"(?P<{piece}>{self._values(piece)})" if number % 2 else re.escape(piece)
            for number, piece in enumerate(pieces)
        )

    def _values(self, column: str) -> str:
        """Return a pattern for the values of a partition column."""
        kind = self._projection(column, "type").lower()
        if kind == "enum":
            return "|".join(map(re.escape, self._projection(column, "values").split(",")))
        if kind == "date":
            return re.sub(r"[A-Za-z]", r"\\d", self._projection(column, "format"))
        return {"integer": r"\d+", "injected": ".+"}.get(kind, r"(?!)")

    def _is_projected(self, column: str, value: str, now: datetime) -> bool:
        if self._projection(column, "type").lower() != "date":
            return True
        form = self._projection(column, "format")
        for letters, directive in _DATE_LETTERS.items():
            form = form.replace(letters, directive)
        first, _, last = self._projection(column, "range").partition(",")
        return first <= value <= (now.strftime(form) if last == "NOW" else last)


def external_table(statement: exp.Create) -> ExternalTable:
    """Return the table that a CREATE EXTERNAL TABLE defines. Raises QueryError."""
    properties = statement.args["properties"].expressions if statement.args.get("properties") else []
    location = next((each.name for each in properties if isinstance(each, exp.LocationProperty)), "")
    if not location:
        raise QueryError("FAILED: SemanticException CREATE EXTERNAL TABLE needs a LOCATION")
    partitions = next((each.this for each in properties if isinstance(each, exp.PartitionedByProperty)), None)
    return ExternalTable(
        columns=_columns(statement.this),
        partitions=_columns(partitions) if partitions else {},
        location=location,
        properties={each.name: each.args["value"].name for each in properties if type(each) is exp.Property},
    )


def _columns(schema: exp.Expression) -> dict[str, exp.DataType]:
    return {each.name.lower(): each.args["kind"] for each in schema.expressions}


def records_of(content: bytes) -> list[dict[str, Any]]:
    """Return the records in a log file. Raises QueryError for what the input format cannot read."""
    try:
        return [dict(record) for record in json.loads(content)["Records"]]
    except (ValueError, TypeError, KeyError) as error:
        raise QueryError("HIVE_CURSOR_ERROR: Row is not a valid JSON Object") from error


def serde(columns: Mapping[str, exp.DataType]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a function that makes a row of a record, whatever the case of its names. It raises QueryError."""
    readers = {name: _reader(kind) for name, kind in columns.items()}

    def row(record: Mapping[str, Any]) -> dict[str, Any]:
        members = {name.lower(): value for name, value in record.items()}
        return {name: read(members.get(name)) for name, read in readers.items()}

    return row


def _reader(kind: exp.DataType) -> Callable[[Any], Any]:
    """Return a function that gives a value as a column of this type has it. Text columns take every value."""
    if kind.is_type("struct"):
        row = serde({each.name.lower(): each.args["kind"] for each in kind.expressions})
        return lambda value: None if value is None else row(_typed(value, dict))
    if kind.is_type("array"):
        element = _reader(kind.expressions[0])
        return lambda value: None if value is None else [element(one) for one in _typed(value, list)]
    if kind.is_type("map"):
        entry = _reader(kind.expressions[1])
        return lambda value: None if value is None else {name: entry(one) for name, one in _typed(value, dict).items()}
    return _text if kind.is_type("text", "varchar") else lambda value: value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise QueryError(f"HIVE_BAD_DATA: Error parsing field value: {type(value).__name__} is not a {kind.__name__}")
    return value
