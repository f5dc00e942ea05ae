"""Say periods, and the part of one that nobody can have read yet."""

from __future__ import annotations

from datetime import datetime

from fluo_audit.model.scope import Period, Scope


def describe(period: Period) -> str:
    """Return a period as the completeness table prints it."""
    return f"{moment(period.start)} to {moment(period.end)}"


def moment(at: datetime) -> str:
    """Return a moment to the minute."""
    return f"{at:%Y-%m-%d %H:%M}"


def future_gap(scope: Scope) -> tuple[str, ...]:
    """Return, as a gap, the part of the period that comes after the collection."""
    start, end = max(scope.period.start, scope.as_of), scope.period.end
    return (f"{moment(start)} to {moment(end)} had not happened yet",) if start < end else ()
