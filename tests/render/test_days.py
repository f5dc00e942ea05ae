"""The time axis: a moment has its place within its day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fluo_audit.render.days import Days

DAYS = tuple(date(2026, 2, 27) + timedelta(days=n) for n in range(4))
AXIS = Days(DAYS, 100, 10)


@pytest.mark.parametrize(
    ("moment", "x"),
    [
        (datetime(2026, 2, 27, tzinfo=UTC), 100),
        (datetime(2026, 2, 27, 12, tzinfo=UTC), 105),
        (datetime(2026, 3, 1, tzinfo=UTC), 120),
        (datetime(2026, 3, 3, tzinfo=UTC), 140),
    ],
)
def test_a_moment_has_its_place(moment, x):
    assert AXIS.at(moment) == pytest.approx(x)


def test_few_days_do_not_fill_the_width_unless_asked_to():
    assert Days.between(DAYS, 100, 600).right < 200
    assert Days(DAYS, 100, 125).right == 600
