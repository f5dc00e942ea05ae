"""The pace of an operation whose quota is shared with everybody in the account."""

from __future__ import annotations

from fluo_audit.aws.clock import Clock

SLOWER, FASTER = 0.7, 0.05
SLOWEST = 0.25
"""Requests a second."""


class Pace:
    """Spaces requests so that there are at most `most` a second, and fewer while somebody else needs the quota.

    A request that was throttled lowers the rate by a part, one that passed raises it by a step: those who share a
    quota so come to equal parts of it (https://en.wikipedia.org/wiki/Additive_increase/multiplicative_decrease).
    """

    def __init__(self, clock: Clock, most: float) -> None:
        self._clock = clock
        self._most = self._rate = most
        self._last: float | None = None

    def wait(self) -> None:
        """Wait until a request may be sent: it counts as sent when this returns."""
        if self._last is not None:
            wait = self._last + 1 / self._rate - self._clock.monotonic()
            if wait > 0:
                self._clock.sleep(wait)
        self._last = self._clock.monotonic()

    def passed(self) -> None:
        """Come back to the full rate by a step."""
        self._rate = min(self._most, self._rate + FASTER)

    def throttled(self) -> None:
        """Leave more of the quota to others."""
        self._rate = max(SLOWEST, self._rate * SLOWER)
