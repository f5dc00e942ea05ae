"""The last use that KMS itself remembers, against the newest cryptographic call that CloudTrail recorded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fluo_audit.evaluate.key_events import CRYPTOGRAPHIC, succeeded
from fluo_audit.evaluate.reconciliation.comparison import Compared, Comparison, Read, not_compared
from fluo_audit.evaluate.wording import utc
from fluo_audit.model.evidence import Have
from fluo_audit.model.facts import LastUsage
from fluo_audit.model.finding import Observation
from fluo_audit.model.report import Outcome
from fluo_audit.model.scope import Scope
from fluo_audit.model.sources import EVENT_HISTORY, EVENT_IDS, EVENTS, LAST_USAGE

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

TOLERANCE = timedelta(hours=1)
"""How late kms:GetKeyLastUsage may be, and how far its time may lie from that of the event."""
_MAY_BE_LATE = "KMS may take an hour to learn of a use"


def compare(read: Read, scope: Scope) -> Compared:
    """Look for the event that KMS names, and for a later use, which KMS should know of after an hour."""
    usage: LastUsage = read[LAST_USAGE.name].value
    covered = read[EVENTS.name].coverage.period
    known = usage.used_at or usage.tracking_since
    if covered is None:
        return not_compared("no time was read from CloudTrail")
    if known is None or (usage.used_at and not usage.event_id):
        left_out = "Timestamp and without TrackingStartDate" if known is None else "CloudTrailEventId"
        return not_compared(f"kms:GetKeyLastUsage answered without {left_out}")
    newest = _newest_use(read[EVENTS.name].value)
    later = newest if newest is not None and newest > known else None
    if later is not None and known + TOLERANCE < later <= scope.as_of - TOLERANCE:
        said = f"CloudTrail recorded a use at {utc(later)}, KMS knows of none after {utc(known)}"
        return Compared(Outcome.DIFFERS, said, 1, 0, 1, flagged=(Observation(said, utc(later)),))
    if usage.used_at and usage.used_at >= covered.start:
        return _named(read, usage, usage.used_at, later)
    return _none_in_period(known, later, used=usage.used_at is not None)


def _none_in_period(known: datetime, later: datetime | None, *, used: bool) -> Compared:
    if later is not None:
        return Compared(Outcome.EXPLAINED, f"CloudTrail recorded a use at {utc(later)}: {_MAY_BE_LATE}", 1, 0, 1)
    said = f"KMS knows of no use {'after' if used else 'since'} {utc(known)}, and CloudTrail recorded none"
    return Compared(Outcome.AGREES, said, 0, 0, 0)


def _newest_use(events: Frame) -> datetime | None:
    uses = events[succeeded(events) & events["event_name"].isin(CRYPTOGRAPHIC)]
    times = uses["last_time"].dropna()
    return None if times.empty else times.max().to_pydatetime()


def _named(read: Read, usage: LastUsage, used_at: datetime, later: datetime | None) -> Compared:
    """Look for the event that KMS names where CloudTrail was read at that time."""
    over = f"{usage.operation} at {utc(used_at)}"
    places = [read[s.name] for s in (EVENT_IDS, EVENTS, EVENT_HISTORY) if s.name in read]
    place = next((each for each in places if _covers(each, used_at)), None)
    if place is None:
        how = f"aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventId,AttributeValue={usage.event_id}"
        return not_compared(f"the last use, at {utc(used_at)}, lies after the time that was read; to see it: {how}")
    times = place.value.loc[place.value["event_id"].eq(usage.event_id).fillna(value=False), "event_time"]
    if not times.empty:
        return _same_event(usage, used_at, times.iloc[0].to_pydatetime(), later, over)
    if _ends_a_group(place.value, usage.operation, used_at):
        said = "the events are counted in groups, so it was found by operation and time, not by its id"
        return Compared(Outcome.AGREES, said, 1, 1, 0, over)
    said = "the event that KMS names as the last use is not among those that CloudTrail gave"
    return Compared(Outcome.DIFFERS, said, 0, 1, 1, over, (Observation(said, utc(used_at), ref=usage.event_id),))


def _same_event(usage: LastUsage, used_at: datetime, at: datetime, later: datetime | None, over: str) -> Compared:
    if abs(at - used_at) > TOLERANCE:
        said = f"of the same event KMS says {utc(used_at)} and CloudTrail {utc(at)}"
        return Compared(Outcome.DIFFERS, said, 1, 1, 1, over, (Observation(said, utc(at), ref=usage.event_id),))
    if later is not None and later > at:
        return Compared(
            Outcome.EXPLAINED, f"CloudTrail has a later use, at {utc(later)}: {_MAY_BE_LATE}", 1, 1, 0, over
        )
    return Compared(Outcome.AGREES, f"event {usage.event_id} is the newest use in both", 1, 1, 0, over)


def _covers(fact: Have[Frame], moment: datetime) -> bool:
    covered = fact.coverage.period
    return covered is not None and covered.start <= moment < covered.end


def _ends_a_group(events: Frame, operation: str, moment: datetime) -> bool:
    """Say whether a group of calls of this operation ends about then."""
    if "calls" not in events:
        return False
    groups = events[(events["calls"] > 1) & events["event_name"].eq(operation).fillna(value=False)]
    return bool(((groups["last_time"] - moment).abs() <= TOLERANCE).any())


EVENTS_LAST_USAGE = Comparison(
    "events-last-usage",
    "The last use of the key",
    "CloudTrail events",
    "KMS, the last use it knows",
    (EVENTS, LAST_USAGE),
    compare,
    may_use=(EVENT_IDS, EVENT_HISTORY),
)
