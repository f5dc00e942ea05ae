"""The time that digests vouch for, the gaps in it, and why there are any."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fluo_audit.events.chains import Chain
from fluo_audit.events.digests import Digest
from fluo_audit.events.object_names import Kind, ObjectName, parse
from fluo_audit.model.scope import Period

HOUR = timedelta(hours=1)
DUE = timedelta(hours=2)
"""A digest covers an hour and comes within the next."""
NOT_YET = "the digests of the last hours are not delivered yet"
NONE = "the trail has no digest there"
UNKNOWN = "unknown"


def covered(digests: Iterable[Digest]) -> tuple[Period, ...]:
    """Return the time that digests cover, joined and in order.

    Backfill digests cover nothing: they name log files that came late, and do not say that there were no others.
    """
    joined: list[Period] = []
    for digest in sorted(digests, key=lambda each: each.start):
        if digest.name.kind is Kind.BACKFILL or digest.end <= digest.start:
            continue
        if joined and digest.start <= joined[-1].end:
            joined[-1] = Period(joined[-1].start, max(joined[-1].end, digest.end))
        else:
            joined.append(Period(digest.start, digest.end))
    return tuple(joined)


def within(joined: Iterable[Period], period: Period) -> tuple[Period, ...]:
    """Return what lies inside the period of the time given."""
    parts = (period.overlap(each.start, each.end) for each in joined)
    return tuple(part for part in parts if part is not None)


def uncovered(joined: Iterable[Period], period: Period) -> tuple[Period, ...]:
    """Return the rest of the period: together with `within` it is the period."""
    gaps = []
    reached = period.start
    for each in within(joined, period):
        if each.start > reached:
            gaps.append(Period(reached, each.start))
        reached = each.end
    if reached < period.end:
        gaps.append(Period(reached, period.end))
    return tuple(gaps)


@dataclass(frozen=True, slots=True)
class TrailChange:
    """An event that changed what the trail does: StopLogging, UpdateTrail, DeleteTrail and their like."""

    at: datetime
    event_name: str


@dataclass(frozen=True, slots=True)
class Causes:
    """What is known about why digests are not there."""

    chain: Chain
    changes: tuple[TrailChange, ...]
    as_of: datetime

    def of(self, gap: Period) -> str:
        """Return why no valid digest covers a gap, as far as is known."""
        if self.chain.listed.problem:
            return f"the digests could not be listed: {self.chain.listed.problem}"
        known = self._lost_digests(gap) or self._trail_changes(gap) or self._moved_trail(gap)
        if known:
            return known
        if gap.start > self.as_of - DUE:
            return NOT_YET
        return UNKNOWN if self.chain.own else NONE

    def _lost_digests(self, gap: Period) -> str:
        missing = sum(_would_cover(parse(key), gap) for key in self.chain.missing)
        lost = [each.kind.is_failure for each in self.chain.rejected if _would_cover(each.name, gap)]
        parts = {"missing": missing, "not valid": sum(lost), "not readable": len(lost) - sum(lost)}
        return ", ".join(f"digests {what}: {number:,}" for what, number in parts.items() if number)

    def _trail_changes(self, gap: Period) -> str:
        # The chain goes on for up to an hour after logging or validation is turned off.
        inside = [each for each in self.changes if gap.start - HOUR <= each.at <= gap.end]
        return ", ".join(
            f"{each.event_name} at {each.at:%Y-%m-%d %H:%M}" for each in sorted(inside, key=lambda each: each.at)
        )

    def _moved_trail(self, gap: Period) -> str:
        """Return where the digest before the one that ends the gap lies, if the trail delivered elsewhere then."""
        place = self.chain.stretch.trail.place
        for digest in self.chain.valid:
            before = digest.previous
            if (
                before is not None
                and digest.start == gap.end
                and digest.name.kind is Kind.DIGEST
                and (before.bucket != place.bucket or not before.key.startswith(place.root))
            ):
                return f"the digests before lie elsewhere: s3://{before.bucket}/{before.key}"
        return ""


def _would_cover(name: ObjectName | None, gap: Period) -> bool:
    """Return whether a digest of that name covered some of the gap."""
    return name is not None and name.kind is Kind.DIGEST and gap.overlap(name.at - HOUR, name.at) is not None
