"""Find events that were delivered more than once: CloudTrail promises at least once.

The same event comes again within hours, if it does. So a day is compared with itself and its neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fluo_audit.events.parquet import Fingerprints


class Seen:
    """The events of one account and Region that are in the store, for days that are taken in order."""

    def __init__(self) -> None:
        self._days: dict[date, list[Fingerprints]] = defaultdict(list)

    def forget(self, before: date) -> None:
        """Drop the days that no later one is compared with."""
        for day in [each for each in self._days if each < before - timedelta(days=1)]:
            del self._days[day]

    def knows(self, day: date) -> bool:
        """Return whether the events of a day were added."""
        return day in self._days

    def open(self, day: date) -> None:
        """Remember that all that is known of a day was added."""
        self._days.setdefault(day, [])

    def add(self, day: date, found: Fingerprints) -> list[int]:
        """Take in the events of one piece, and return the positions of those that were there before, or twice in it."""
        repeated = _second(found)
        for near in (day - timedelta(days=1), day, day + timedelta(days=1)):
            for known in self._days.get(near, ()):
                repeated |= _among(found, known)
        self._days[day].append(found[np.lexsort((found[:, 1], found[:, 0]))])
        return np.flatnonzero(repeated).tolist()


def _second(found: Fingerprints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which rows stand earlier among `found` already."""
    order = np.lexsort((found[:, 1], found[:, 0]))  # stable, so the first of equals stays first
    ordered = found[order]
    marks = np.zeros(len(found), dtype=np.bool_)
    if len(found):
        marks[order[1:]] = (ordered[1:] == ordered[:-1]).all(axis=1)
    return marks


def _among(found: Fingerprints, known: Fingerprints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Say which rows stand in `known`, which is sorted."""
    marks = np.zeros(len(found), dtype=np.bool_)
    low = np.searchsorted(known[:, 0], found[:, 0], side="left")
    high = np.searchsorted(known[:, 0], found[:, 0], side="right")
    for place in np.flatnonzero(high > low):  # few: the other half decides
        marks[place] = bool((known[low[place] : high[place], 1] == found[place, 1]).any())
    return marks
