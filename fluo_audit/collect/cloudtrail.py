"""Facts that CloudTrail answers: its trails, and the events of the key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from fluo_audit.aws.door import Reader
from fluo_audit.collect.frames import as_json, frame
from fluo_audit.collect.job import Facts, Job, need, point_in_time
from fluo_audit.events.log_files import read_folder
from fluo_audit.events.records import Record, event_row, event_time, is_deep, is_of_kms, is_readable
from fluo_audit.model.evidence import Coverage, Have
from fluo_audit.model.scope import Period, Scope
from fluo_audit.model.sources import EVENT_SELECTORS, EVENTS, TRAIL_STATUS, TRAILS

EVENT_HISTORY = timedelta(days=90)
"""How far back LookupEvents reaches:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html"""
DELIVERY = timedelta(minutes=15)
"""CloudTrail delivers about five minutes after a call on average, and promises nothing."""


def collect_trails(read: Reader, _job: Job, _: Facts) -> Have[pd.DataFrame]:
    """cloudtrail:DescribeTrails, trails of other Regions and of the organisation included."""
    answer = read.call("cloudtrail", "DescribeTrails", ("trailList",), includeShadowTrails=True)
    rows = [
        {
            "trail_arn": trail.get("TrailARN"),
            "name": trail.get("Name"),
            "home_region": trail.get("HomeRegion"),
            "is_multi_region": trail.get("IsMultiRegionTrail"),
            "is_organization": trail.get("IsOrganizationTrail"),
            "log_file_validation": trail.get("LogFileValidationEnabled"),
            "include_global_events": trail.get("IncludeGlobalServiceEvents"),
            "bucket": trail.get("S3BucketName"),
            "prefix": trail.get("S3KeyPrefix"),
            "kms_key_id": trail.get("KmsKeyId"),
            "log_group_arn": trail.get("CloudWatchLogsLogGroupArn"),
        }
        for trail in answer["trailList"]
    ]
    return point_in_time(read, frame(TRAILS, rows), len(rows))


def collect_trail_status(read: Reader, _job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """cloudtrail:GetTrailStatus of every trail."""
    rows = []
    for arn in _trail_arns(read, facts):
        status = read.call("cloudtrail", "GetTrailStatus", ("IsLogging",), Name=arn)
        rows.append(
            {
                "trail_arn": arn,
                "is_logging": status["IsLogging"],
                "latest_delivery_at": status.get("LatestDeliveryTime"),
                "latest_delivery_error": status.get("LatestDeliveryError"),
                "latest_digest_at": status.get("LatestDigestDeliveryTime"),
                "latest_digest_error": status.get("LatestDigestDeliveryError"),
                "started_at": status.get("StartLoggingTime"),
                "stopped_at": status.get("StopLoggingTime"),
            }
        )
    return point_in_time(read, frame(TRAIL_STATUS, rows), len(rows))


def collect_event_selectors(read: Reader, _job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """cloudtrail:GetEventSelectors of every trail: one row a selector, classic or advanced."""
    rows: list[dict[str, Any]] = []
    for arn in _trail_arns(read, facts):
        answer = read.call("cloudtrail", "GetEventSelectors", (), TrailName=arn)
        if "EventSelectors" not in answer and "AdvancedEventSelectors" not in answer:
            raise read.malformed("cloudtrail:GetEventSelectors", f"no selectors in the answer for {arn}")
        rows.extend(_classic_row(arn, selector) for selector in answer.get("EventSelectors") or ())
        rows.extend(_advanced_row(arn, selector) for selector in answer.get("AdvancedEventSelectors") or ())
    return point_in_time(read, frame(EVENT_SELECTORS, rows), len(rows))


def _trail_arns(read: Reader, facts: Facts) -> list[str]:
    arns = need(facts, TRAILS)["trail_arn"]
    if arns.isna().any():
        raise read.malformed("cloudtrail:DescribeTrails", "cloudtrail:DescribeTrails answered a trail without TrailARN")
    return list(arns)


def _classic_row(arn: str, selector: dict[str, Any]) -> dict[str, Any]:
    kinds = selector.get("ReadWriteType")
    return {
        "trail_arn": arn,
        "management": selector.get("IncludeManagementEvents"),
        "reads": None if kinds is None else kinds in {"All", "ReadOnly"},
        "writes": None if kinds is None else kinds in {"All", "WriteOnly"},
        "kms": "kms.amazonaws.com" not in selector.get("ExcludeManagementEventSources", ()),
        "selector": as_json(selector),
    }


def _advanced_row(arn: str, selector: dict[str, Any]) -> dict[str, Any]:
    """Every field of a selector narrows it. What a field outside `_WHOLE` leaves of the KMS events, nobody can tell."""
    fields = {f.get("Field"): f for f in selector.get("FieldSelectors", ())}
    kms = _selects(fields.get("eventSource", {}), "kms.amazonaws.com")
    return {
        "trail_arn": arn,
        "management": _selects(fields["eventCategory"], "Management") if "eventCategory" in fields else None,
        "reads": _selects(fields.get("readOnly", {}), "true"),
        "writes": _selects(fields.get("readOnly", {}), "false"),
        "kms": None if kms and fields.keys() - _WHOLE else kms,
        "selector": as_json(selector),
    }


_WHOLE = {"eventCategory", "eventSource", "readOnly"}


def _selects(field: dict[str, Any], value: str) -> bool:
    """Return whether an advanced field selector lets a value through; its conditions are all to hold."""
    tests: dict[str, Callable[[list[str]], bool]] = {
        "Equals": lambda listed: value in listed,
        "NotEquals": lambda listed: value not in listed,
        "StartsWith": lambda listed: any(value.startswith(text) for text in listed),
        "NotStartsWith": lambda listed: not any(value.startswith(text) for text in listed),
        "EndsWith": lambda listed: any(value.endswith(text) for text in listed),
        "NotEndsWith": lambda listed: not any(value.endswith(text) for text in listed),
    }
    return all(test(field[name]) for name, test in tests.items() if name in field)


def collect_events(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """The events of the key in the period, from Event history or from a folder of log files."""
    return _from_event_history(read, job) if job.events_from == "lookup" else _from_log_files(read, job)


def _from_event_history(read: Reader, job: Job) -> Have[pd.DataFrame]:
    """cloudtrail:LookupEvents by resource name, which matches the key ARN exactly, newest first."""
    scope = job.scope
    window = scope.period.overlap(scope.as_of - EVENT_HISTORY, scope.as_of)
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
    horizon = datetime.fromisoformat(read.calls[-1].requested_at) - EVENT_HISTORY
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


def future_gap(scope: Scope) -> tuple[str, ...]:
    """Return, as a gap, the part of the period that comes after the collection."""
    start, end = max(scope.period.start, scope.as_of), scope.period.end
    return (f"{_moment(start)} to {_moment(end)} had not happened yet",) if start < end else ()


def _is_inside(record: Record, period: Period) -> bool:
    at = event_time(record)
    return at is not None and period.start <= at < period.end


def _lookup(read: Reader, key_arn: str, window: Period) -> Iterable[dict[str, Any]]:
    # EndTime includes its second, the period does not: `_from_event_history` drops what is outside.
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
    return (f"{_moment(period.start)} to {_moment(first)} lies before the 90 days of Event history",)


def _from_log_files(read: Reader, job: Job) -> Have[pd.DataFrame]:
    """The records of the key in a folder of CloudTrail log files.

    Without digests nobody can tell whether a file was left out, so the source is never complete.
    """
    scope = job.scope
    body = read.attach(
        "cloudtrail",
        "LogFiles",
        lambda: read_folder(Path(job.events_from), scope.key_arn, scope.period),
        folder=job.events_from,
        key=scope.key_arn,
        period=describe(scope.period),
    )
    found = json.loads(body)
    files = found["files"]
    records = {record["eventID"]: record for record in found["records"]}
    gaps = ["digest files were not checked, so nothing shows that no log file is missing"]
    gaps += [f"{f['name']}: {f['problem']}" for f in files if f["problem"]]
    gaps += future_gap(scope)
    unreadable = sum(f["unreadable_records"] for f in files)
    if unreadable:
        gaps.append(f"{unreadable} records could not be read")
    total, inside = sum(f["records"] for f in files), sum(f["in_period"] for f in files)
    remarks = [f"{len(files)} files, {total:,} records, {inside:,} of them in the period"]
    repeated = len(found["records"]) - len(records)
    if repeated:
        remarks.append(f"{repeated} records stood in more than one file and count once")
    span = _span(files)
    covered = f"records from {describe(span)}" if span else "no record"
    period = scope.period.overlap(span.start, span.end) if span else None
    coverage = Coverage(describe(scope.period), covered, len(records), tuple(gaps), tuple(remarks), period)
    return Have(frame(EVENTS, _rows(records.values(), scope)), read.proof, coverage)


def _span(files: list[dict[str, Any]]) -> Period | None:
    """Return the time from the first to the last record in the files, of any key and service."""
    times = [datetime.fromisoformat(f[name]) for f in files for name in ("first_at", "last_at") if f[name]]
    return Period(min(times), max(times) + timedelta(seconds=1)) if times else None


def _rows(records: Iterable[Record], scope: Scope) -> list[dict[str, Any]]:
    rows = (event_row(record, scope.key_arn) for record in records)
    return sorted(rows, key=lambda row: (row["event_time"], row["event_id"]))


def describe(period: Period) -> str:
    """Return a period as the completeness table prints it."""
    return f"{_moment(period.start)} to {_moment(period.end)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
