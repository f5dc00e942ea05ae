"""Calls of the key counted by UTC day, and the whole days that two sources both cover."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from fluo_audit.model.scope import Period

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

DELIVERY = timedelta(minutes=15)
"""Newer calls are not compared: CloudTrail delivers after about five minutes on average, and promises nothing."""


def whole_days(covered: Period, as_of: datetime) -> tuple[date, ...]:
    """Return the UTC days that lie in the covered time from begin to end, and whose calls CloudTrail has delivered."""
    known = covered.overlap(covered.start, as_of - DELIVERY)
    if known is None:
        return ()
    days = (Period.of_days(day, day + timedelta(days=1)) for day in known.days)
    return tuple(day.start.date() for day in days if known.start <= day.start and day.end <= known.end)


def calls_a_day(events: Frame, days: Iterable[date]) -> list[int]:
    """Return the number of calls on each day. A row that stands for many lies within one UTC day."""
    found = events["calls"].groupby(events["event_time"].dt.date).sum()
    return [int(found.get(day, 0)) for day in days]


def days_label(days: tuple[date, ...]) -> str:
    """Return the first and last of some days as people write them."""
    return f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
