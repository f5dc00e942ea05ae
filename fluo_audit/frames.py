"""Make frames with the declared columns of their source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from fluo_audit.model.evidence import Source

_DTYPES = {
    "time": "datetime64[us, UTC]",
    "text": "string",
    "json": "string",
    "int": "Int64",
    "bool": "boolean",
    "float": "float64",
    "money": "object",  # decimal.Decimal
    "date": "object",  # datetime.date
}


def frame(source: Source[pd.DataFrame], rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the rows as the frame that `source` declares: its columns, in its order, of its dtypes.

    A value that is None is missing (NA, NaT). Raises ValueError for a row with other columns than declared.
    """
    columns = source.columns or {}
    listed = list(rows)
    for row in listed:
        if row.keys() != columns.keys():
            raise ValueError(f"{source.name}: columns {sorted(row)} are not {sorted(columns)}")
    return pd.DataFrame({name: _column([row[name] for row in listed], kind) for name, kind in columns.items()})


def _column(values: list[Any], kind: str) -> pd.Series[Any]:
    if kind == "time":
        return pd.Series(pd.to_datetime(pd.Series(values, dtype="object"), utc=True), dtype=_DTYPES[kind])
    return pd.Series(values, dtype=_DTYPES[kind])


def as_json(value: Any) -> str:
    """Return a value as the text of a "json" column: keys sorted, nothing escaped."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
