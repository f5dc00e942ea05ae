"""No more calls can have moved over a midnight than there were about it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.evaluate.reconciliation.midnight import explains, room
from fluo_audit.model.scope import Period
from fluo_audit.model.sources import EVENTS

DAYS = (date(2026, 3, 2), date(2026, 3, 3))
AROUND = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC))
EXACT = Period(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))


def at(text: str, calls: int = 1) -> dict:
    return {"event_time": f"2026-03-{text}", "calls": calls}


@pytest.mark.parametrize(
    ("calls", "covered", "expected"),
    [
        ([at("02T12:00")], AROUND, [(0, 0), (0, 0), (0, 0)]),
        ([at("02T23:59:50"), at("02T23:59:49")], AROUND, [(0, 0), (0, 1), (0, 0)]),
        ([at("03T00:00:09"), at("03T00:00:10")], AROUND, [(0, 0), (1, 0), (0, 0)]),
        ([at("01T23:59:59"), at("04T00:00:00")], AROUND, [(0, 1), (0, 0), (1, 0)]),
        ([at("02T00:01", 86_400)], AROUND, [(20, 0), (0, 20), (0, 0)]),
        ([at("02T00:01", 2)], AROUND, [(1, 0), (0, 1), (0, 0)]),
        ([at("02T12:00")], EXACT, [(0, 2), (0, 0), (1, 0)]),
        ([], EXACT, [(0, 1), (0, 0), (1, 0)]),
    ],
    ids=[
        "none",
        "at the end",
        "at the begin",
        "of the days beside",
        "in groups",
        "in small groups",
        "unread beside",
        "no calls",
    ],
)
def test_room_is_what_lies_within_ten_seconds(frame, calls, covered, expected):
    assert room(frame(EVENTS, calls), DAYS, covered) == expected


@pytest.mark.parametrize(
    ("differences", "about", "expected"),
    [
        ((0, 0), [(0, 0), (0, 0), (0, 0)], True),
        ((1, -1), [(0, 0), (0, 1), (0, 0)], True),
        ((-1, 1), [(0, 0), (1, 0), (0, 0)], True),
        ((-1, 1), [(0, 0), (0, 1), (0, 0)], False),
        ((2, -2), [(0, 0), (0, 1), (0, 0)], False),
        ((0, -1), [(0, 0), (9, 9), (0, 0)], False),
        ((-1, 0), [(0, 1), (0, 0), (0, 0)], True),
        ((0, 1), [(0, 0), (0, 0), (0, 1)], True),
        ((1, 0), [(0, 0), (0, 1), (0, 0)], False),
        ((1, 1), [(1, 0), (0, 0), (0, 1)], True),
    ],
)
def test_differences_are_explained_by_what_can_have_moved(differences, about, expected):
    assert explains(differences, about) is expected


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.floats(0, 1)), min_size=2, max_size=12))
def test_whatever_moved_within_the_room_is_explained_and_a_loss_beyond_it_is_not(midnights):
    about = [(back, forth) for back, forth, _ in midnights]
    moved = [round(-back + part * (back + forth)) for back, forth, part in midnights]
    differences = [after - before for before, after in pairwise(moved)]
    loss = 1 + sum(back + forth for back, forth in about)

    assert explains(differences, about)
    assert not explains([differences[0] - loss, *differences[1:]], about)
