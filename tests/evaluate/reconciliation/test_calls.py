"""Only days that were read from begin to end are compared."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fluo_audit.evaluate.reconciliation.calls import calls_a_day, days_label, whole_days
from fluo_audit.model.scope import Period
from fluo_audit.model.sources import EVENTS

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "as_of", "days"),
    [
        ("2026-03-01", "2026-03-03", "2026-03-05", (FIRST, SECOND)),
        ("2026-03-01T00:01", "2026-03-03", "2026-03-05", (SECOND,)),
        ("2026-03-01", "2026-03-02T23:59", "2026-03-05", (FIRST,)),
        ("2026-03-01", "2026-03-03", "2026-03-03T00:14", (FIRST,)),
        ("2026-03-01", "2026-03-03", "2026-03-03T00:15", (FIRST, SECOND)),
        ("2026-03-01T08:00", "2026-03-01T20:00", "2026-03-05", ()),
        ("2026-03-01", "2026-03-03", "2026-03-01T00:05", ()),
    ],
)
def test_whole_days_are_covered_and_delivered(start, end, as_of, days):
    assert whole_days(Period(at(start), at(end)), at(as_of)) == days


def test_calls_are_counted_and_not_rows(frame):
    rows = [
        {"event_time": "2026-03-01T23:59", "calls": 1},
        {"event_time": "2026-03-02T00:00", "calls": 400},
        {"event_time": "2026-03-02T10:00", "calls": 2},
    ]

    assert calls_a_day(frame(EVENTS, rows), (FIRST, SECOND, date(2026, 3, 3))) == [1, 402, 0]
    assert calls_a_day(frame(EVENTS, []), (FIRST,)) == [0]


def test_days_are_named_by_the_first_and_the_last():
    assert days_label((FIRST,)) == "2026-03-01"
    assert days_label((FIRST, SECOND)) == "2026-03-01 to 2026-03-02"
