"""Collected frames as plain rows, for the tables of the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fluo_audit.evaluate.rows import rows
from fluo_audit.evaluate.wording import utc
from fluo_audit.model.evidence import Fact, Have
from fluo_audit.model.report import Cell, Reconciliation, Table
from fluo_audit.model.sources import ALL

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


def tables(facts: Mapping[str, Fact[Any]]) -> tuple[Table, ...]:
    """Return every frame that was collected, an empty one included: no row is a fact, no table is a gap."""
    return tuple(
        table(source.name, source.title, fact.value)
        for source in ALL
        if source.columns is not None and isinstance(fact := facts.get(source.name), Have)
    )


def table(name: str, title: str, frame: Frame) -> Table:
    """Return one frame as a table."""
    columns = tuple(map(str, frame.columns))
    return Table(name, title, columns, tuple(tuple(_cell(row[c]) for c in columns) for row in rows(frame)))


def reconciliation_table(found: Sequence[Reconciliation]) -> Table:
    """Return the reconciliation as a table: one row a comparison."""
    columns = ("name", "what", "left_name", "left", "right_name", "right", "difference", "outcome", "explanation")
    return Table(
        "reconciliation",
        "Counts of CloudTrail against other sources",
        (*columns, "evidence"),
        tuple((*(_cell(getattr(each, column)) for column in columns), " ".join(each.evidence)) for each in found),
    )


def _cell(value: object) -> Cell:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, (date, Decimal)):
        return str(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return str(value)
