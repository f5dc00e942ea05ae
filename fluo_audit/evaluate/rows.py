"""Turn a frame into plain Python rows, for the checks that judge record by record."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


def rows(frame: Frame) -> tuple[dict[str, Any], ...]:
    """Return one mapping of column to value a row. What AWS left out (NA, NaT) is None; times are `datetime` in UTC."""
    plain = frame.astype(object).where(frame.notna(), None)
    return tuple(
        {str(column): _plain(value) for column, value in record.items()} for record in plain.to_dict("records")
    )


def _plain(value: object) -> object:
    return value.to_pydatetime() if isinstance(value, datetime) and hasattr(value, "to_pydatetime") else value
