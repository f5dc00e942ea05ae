"""The events of the key in CloudTrail's Event history: as its events, or to compare those from elsewhere with.

Event history reaches back 90 days, and LookupEvents gives 50 events twice a second:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pandas as pd

from fluo_audit.aws.door import Reader, ReadError
from fluo_audit.collect.job import Facts, Job
from fluo_audit.collect.periods import describe, future_gap, moment
from fluo_audit.events.records import Record, event_row, event_time, is_deep, is_of_kms, is_readable
from fluo_audit.frames import frame
from fluo_audit.model.evidence import NOT_ASKED, Coverage, Have, Missing
from fluo_audit.model.scope import Period, Scope
from fluo_audit.model.sources import EVENT_HISTORY, EVENTS

HORIZON = timedelta(days=90)
DELIVERY = timedelta(minutes=15)
"""CloudTrail delivers about five minutes after a call on average, and promises nothing."""
COMPARED = 2_000
"""So many of the newest events are looked up to compare others with: 40 pages, 20 seconds."""


def from_event_history(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """cloudtrail:LookupEvents by resource name, which matches the key ARN exactly, newest first."""
    scope = job.scope
    window = scope.period.overlap(scope.as_of - HORIZON, scope.as_of)
    if window is None:
        future = scope.period.start >= scope.as_of
        gap = "nothing: the period had not begun" if future else "nothing: Event history reaches back 90 days only"
        return Have(frame(EVENTS, ()), read.proof, Coverage(describe(scope.period), gap, 0, (gap,)))
    records: dict[str, Record] = {}
    unreadable = elsewhere = 0
    for entry in _progress(read, job, window, _lookup(read, scope.key_arn, window)):
        record = _record(entry)
        if record is None:
            unreadable += 1
        elif not is_of_kms(record):
            elsewhere += 1
        elif _is_inside(record, window):
            records[record["eventID"]] = record
    # Pages run from new to old, so the horizon that counts is the one at the last page.
    horizon = datetime.fromisoformat(read.calls[-1].requested_at) - HORIZON
    gaps = _horizon_gap(scope.period, max(window.start, horizon)) + future_gap(scope)
    if unreadable:
        gaps += (f"{unreadable} events could not be read",)
    through = window.overlap(horizon, window.end)
    covered = describe(through) if through else "nothing: the period left Event history while it was read"
    remarks = _lookup_remarks(read, scope, len(records), elsewhere)
    coverage = Coverage(describe(scope.period), covered, len(records), gaps, remarks, through)
    return Have(frame(EVENTS, _rows(records.values(), scope)), read.proof, coverage)


def _lookup_remarks(read: Reader, scope: Scope, found: int, elsewhere: int) -> tuple[str, ...]:
    pages = len(read.calls)
    remarks = [f"{pages} page{'s' if pages > 1 else ''} of 50"]
    if scope.period.end > scope.as_of - DELIVERY:
        remarks.append("provisional: calls of the last 15 minutes may still arrive")
    if not found:
        remarks.append("no event names the key: an unused key and one that CloudTrail does not know look the same here")
    if elsewhere:
        remarks.append(f"{elsewhere} events of other services name the key and are not counted")
    return tuple(remarks)


def _is_inside(record: Record, period: Period) -> bool:
    at = event_time(record)
    return at is not None and period.start <= at < period.end


def _lookup(read: Reader, key_arn: str, window: Period) -> Iterable[dict[str, Any]]:
    # EndTime includes its second, the period does not: `from_event_history` drops what is outside.
    return read.pages(
        "cloudtrail",
        "LookupEvents",
        "Events",
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": key_arn}],
        StartTime=window.start,
        EndTime=window.end,
        MaxResults=50,
    )


def _progress(read: Reader, job: Job, window: Period, entries: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Pass entries on, and say at each page how far back it has come."""
    span, pages = window.end - window.start, 0
    for count, entry in enumerate(entries, start=1):
        if len(read.calls) != pages:
            pages = len(read.calls)
            at = min(max(entry.get("EventTime", window.end), window.start), window.end)
            done = (window.end - at) / span
            # Two pages a second; the first page has not yet come back by anything.
            left = f", {(pages - 1) * (1 - done) / done / 2:.0f} s left" if pages > 1 and done > 0 else ""
            job.progress.update(
                read.source, f"{count - 1:,} events, page {pages}, back to {at.astimezone(UTC):%Y-%m-%d}{left}"
            )
        yield entry


def _record(entry: dict[str, Any]) -> Record | None:
    try:
        record = json.loads(entry.get("CloudTrailEvent", ""))
    except (ValueError, RecursionError):
        return None
    return record if is_readable(record) and not is_deep(record) else None


def _horizon_gap(period: Period, first: datetime) -> tuple[str, ...]:
    if first <= period.start:
        return ()
    return (f"{moment(period.start)} to {moment(first)} lies before the 90 days of Event history",)


def _rows(records: Iterable[Record], scope: Scope) -> list[dict[str, Any]]:
    rows = (event_row(record, scope.key_arn) for record in records)
    return sorted(rows, key=lambda row: (row["event_time"], row["event_id"]))


def collect_event_history(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """The newest events of the key in Event history, where the events themselves come from another source."""
    if job.events_from == "lookup":
        message = "the events come from Event history itself"
        raise ReadError(Missing("cloudtrail:LookupEvents", NOT_ASKED, message, "collect with --events-from s3"))
    scope = job.scope
    window = scope.period.overlap(scope.as_of - HORIZON, scope.as_of)
    if window is None:
        gap = "the period lies before the 90 days of Event history"
        return Have(frame(EVENT_HISTORY, ()), read.proof, Coverage(describe(scope.period), "nothing", 0, (gap,)))
    entries = list(islice(_progress(read, job, window, _lookup(read, scope.key_arn, window)), COMPARED))
    if len(entries) == COMPARED:
        window = _given(window, entries[-1].get("EventTime", window.start))
    records = {record["eventID"]: record for record in filter(None, map(_record, entries))}
    rows = [
        {
            "event_id": record["eventID"],
            "event_time": event_time(record),
            "event_source": _text(record, "eventSource"),
            "event_name": _text(record, "eventName"),
            "shared_event_id": _text(record, "sharedEventID"),
        }
        for record in records.values()
        if _is_inside(record, window)
    ]
    gaps = (f"{unread:,} events could not be read",) if (unread := sum(map(_is_unread, entries))) else ()
    remark = f"the newest {len(rows):,} events, to compare with"
    coverage = Coverage(describe(window), describe(window), len(rows), gaps, (remark,), window)
    return Have(frame(EVENT_HISTORY, rows), read.proof, coverage)


def _given(window: Period, last: datetime) -> Period:
    """Return the time whose events were all given, where there may be more than were taken.

    Of the second in which it broke off, some may be lacking; but a second is the least that can be compared.
    """
    start = last.astimezone(UTC) + timedelta(seconds=1)
    return Period(min(max(start, window.start), window.end - timedelta(seconds=1)), window.end)


def _is_unread(entry: dict[str, Any]) -> bool:
    return _record(entry) is None


def _text(record: Record, name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) else None
