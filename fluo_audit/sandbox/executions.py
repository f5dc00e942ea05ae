"""A statement on its way through a query service, on the simulated clock."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from fluo_audit.sandbox.trino import Answer

_IN_QUEUE, _PLANNED = timedelta(milliseconds=200), timedelta(milliseconds=600)
_BYTES_A_SECOND = 50_000_000


@dataclass(slots=True)
class Execution:
    """A statement that was accepted. What becomes of it is known at once, and told when its time has come."""

    id: str
    asked: Mapping[str, Any]
    """What the service tells of it from the start."""
    submitted: datetime
    scanned: int = 0
    """Bytes, when it ends by itself."""
    answer: Answer | None = None
    failure: str = ""
    """Why it fails, if it does."""
    cancelled: str = ""
    """Why it is cancelled, if it is."""
    stopped: datetime | None = None

    @property
    def started(self) -> datetime:
        """Return when it leaves the queue."""
        return self.submitted + _IN_QUEUE

    @property
    def ended(self) -> datetime:
        """Return when it ends."""
        return self.stopped or self.started + _PLANNED + timedelta(seconds=self.scanned / _BYTES_A_SECOND)

    def state(self, now: datetime) -> str:
        """Return its state at a moment: QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED."""
        if now < self.ended:
            return "QUEUED" if now < self.started else "RUNNING"
        return "CANCELLED" if self.cancelled else "FAILED" if self.failure else "SUCCEEDED"

    def scanned_until(self, now: datetime) -> int:
        """Return how many bytes it has scanned by a moment."""
        if now >= self.ended and not self.stopped:
            return self.scanned
        scanning = min(now, self.ended) - self.started - _PLANNED
        return min(self.scanned, max(0, round(scanning.total_seconds() * _BYTES_A_SECOND)))

    def stop(self, now: datetime, reason: str) -> None:
        """Cancel it, unless it has ended."""
        if now < self.ended:
            self.stopped, self.cancelled = now, reason


def execution_id(request_id: str) -> str:
    """Return the id of the statement that a request starts."""
    return str(UUID(bytes=hashlib.sha256(f"query/{request_id}".encode()).digest()[:16], version=4))


def milliseconds(duration: timedelta) -> int:
    """Return a duration in milliseconds, 0 for one that has not begun."""
    return max(0, duration // timedelta(milliseconds=1))
