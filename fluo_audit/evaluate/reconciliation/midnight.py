"""Calls at midnight: two clocks may put one call on different days, and no more calls than there are about midnight."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from fluo_audit.model.scope import Period

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

APART = timedelta(seconds=10)
"""How far the clocks may differ: a call is recorded when it begins and may be counted when it ends."""
_DAY = timedelta(days=1)
_PEAK = 2  # calls about midnight, against an even day


def explains(differences: Sequence[int], room: Sequence[tuple[int, int]]) -> bool:
    """Return whether calls that moved over the midnights make up for all differences of the days between them.

    `room` says for the midnight before each day, and for the last one, how many calls can have moved back and forth.
    """
    # What moved over a midnight is what moved over the first one and all differences since.
    since = list(accumulate(differences, initial=0))
    lowest = max(-back - each for (back, _), each in zip(room, since, strict=True))
    highest = min(forth - each for (_, forth), each in zip(room, since, strict=True))
    return lowest <= highest


def room(calls: Frame, days: Sequence[date], covered: Period) -> list[tuple[int, int]]:
    """Return for each midnight how many calls lie so close to it that they can have moved: (back, forth).

    Of a row that stands for many calls the times are not known, so it leaves room for its share of a busy day.
    """
    day, time = calls["event_time"].dt.date, calls["event_time"] - calls["event_time"].dt.floor("D")
    single = calls["calls"] == 1
    ends, begins = (calls["calls"][single & close].groupby(day).sum() for close in (time >= _DAY - APART, time < APART))
    grouped, every = calls["calls"][~single].groupby(day).sum(), calls["calls"].groupby(day).sum()
    found = []
    for after in (*days, days[-1] + _DAY):
        before, midnight = after - _DAY, Period.of_days(after, after + _DAY).start
        forth = int(ends.get(before, 0)) + _share(int(grouped.get(before, 0)))
        back = int(begins.get(after, 0)) + _share(int(grouped.get(after, 0)))
        # Beyond the time that was read, the nearest day has to stand for it.
        unread = 1 + _share(int(every.get(days[0] if after == days[0] else before, 0)))
        found.append(
            (
                back if midnight + APART <= covered.end else max(back, unread),
                forth if covered.start <= midnight - APART else max(forth, unread),
            )
        )
    return found


def _share(calls: int) -> int:
    return -(-calls * _PEAK * APART // _DAY) if calls else 0
