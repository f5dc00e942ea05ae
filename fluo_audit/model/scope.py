"""What a bundle is about: one key, one period, one moment of collection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open interval of UTC time: `start` belongs to it, `end` does not."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a period needs times with a zone")
        if self.end <= self.start:
            raise ValueError(f"the period ends ({self.end:%Y-%m-%d}) before it starts ({self.start:%Y-%m-%d})")

    @classmethod
    def of_days(cls, first: date, after_last: date) -> Self:
        """Return the period from midnight UTC of `first` to midnight UTC of `after_last`."""
        return cls(_midnight(first), _midnight(after_last))

    @property
    def days(self) -> tuple[date, ...]:
        """Return every UTC day the period touches, in order."""
        last = (self.end - timedelta(microseconds=1)).date()
        return tuple(self.start.date() + timedelta(days=n) for n in range((last - self.start.date()).days + 1))

    @property
    def last_day(self) -> date:
        """Return the last UTC day the period touches: people write periods with both ends included."""
        return self.days[-1]

    @property
    def label(self) -> str:
        """Return the period as people write it: whole days with both ends included, otherwise to the minute."""
        if self.start == _midnight(self.start.date()) and self.end == _midnight(self.end.date()):
            return f"{self.days[0]}" if len(self.days) == 1 else f"{self.days[0]} to {self.last_day}"
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}"

    def overlap(self, start: datetime, end: datetime) -> Period | None:
        """Return the part of the period between two moments, or None."""
        low, high = max(self.start, start), min(self.end, end)
        return Period(low, high) if low < high else None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """One key over one period, seen at one moment.

    `as_of` is the only "now" there is: everything after collection computes with it, so that a saved
    snapshot gives the same report on any day.
    """

    account: str
    region: str
    key_arn: str
    period: Period
    as_of: datetime
    entity: str = ""
    environment: str = ""
    sample: bool = False
    """True for the simulated account: every page then says "Sample data"."""

    @property
    def key_id(self) -> str:
        """Return the key id, the last part of the ARN."""
        return self.key_arn.rpartition("/")[2]

    @property
    def partition(self) -> str:
        """Return the AWS partition of the key: aws, aws-us-gov or aws-cn."""
        return self.key_arn.split(":")[1]
