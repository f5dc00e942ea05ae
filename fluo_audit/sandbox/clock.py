"""The simulated account's clock: time moves only when somebody sleeps on it, or when the test says so."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE_NOW = datetime(2026, 11, 23, 6, 0, 0, tzinfo=UTC)


class SimulatedClock:
    """Gives UTC time, a monotonic reading and a sleep that returns at once and moves both forward."""

    def __init__(self, now: datetime = SAMPLE_NOW) -> None:
        if now.tzinfo is None:
            raise ValueError("the clock needs a time with a time zone")
        self._start = self._now = now.astimezone(UTC)
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the simulated time, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds since this clock was made."""
        return (self.now() - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Move the time forward by `seconds` and return at once."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self._lock:
            self._now += timedelta(seconds=seconds)

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Show another time inside the block: what is created in it carries that date."""
        present, self._now = self._now, moment.astimezone(UTC)
        try:
            yield
        finally:
            self._now = present


class RunningClock(SimulatedClock):
    """A simulated clock that runs at the speed of a real one, for the served account."""

    def __init__(self, now: datetime = SAMPLE_NOW) -> None:
        super().__init__(now)
        self._started = time.monotonic()

    def now(self) -> datetime:
        """Return the start time plus what has really passed since, in UTC."""
        return self._now + timedelta(seconds=time.monotonic() - self._started)
