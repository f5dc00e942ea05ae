"""The events of the key out of log files: read from S3 or a folder, or found by a query that AWS carries out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluo_audit.aws.door import AttachError, Failure, Reader, ReadError, timestamp
from fluo_audit.collect.job import Facts, Job, need
from fluo_audit.collect.periods import describe, future_gap
from fluo_audit.collect.trail_logs import Gathered, TrailLogs, choose_trail, delivered, trail_of, with_logs
from fluo_audit.errors import UsageError
from fluo_audit.events.duckdb_engine import DuckDbEngine
from fluo_audit.events.queries import EVERY_EVENT, events_of_key
from fluo_audit.frames import frame
from fluo_audit.model.evidence import NOT_ASKED, Coverage, Have, Missing
from fluo_audit.model.integrity import IntegrityVerdict
from fluo_audit.model.scope import Period, Scope
from fluo_audit.model.sources import EVENT_HISTORY, EVENT_IDS, EVENTS, TRAIL_INTEGRITY, TRAILS

if TYPE_CHECKING:
    import pandas as pd


NAMED = 5
"""Log files that are named one by one in a gap."""


def from_trail(read: Reader, job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """The events of the key in the log files of a trail, read from S3."""
    scope = job.scope
    row = choose_trail(read, need(facts, TRAILS), job.events.trail, scope.region)

    def find(logs: TrailLogs) -> bytes:
        trail = trail_of(logs.objects(row["bucket"]), row)
        return _found(logs.of_trail(trail, scope, delivered(scope), job.progress), scope)

    body = read.attach(
        "cloudtrail", "LogFiles", lambda: with_logs(job, find),
        trail=row["trail_arn"], key=scope.key_arn, period=describe(scope.period),
    )  # fmt: skip
    return _fact(read, scope, json.loads(body), _validation_gaps(facts), read_through(scope))


def from_folder(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """The events of the key in a folder of log files.

    Digests say where their log files lie in S3, so those in a folder cannot be validated: the source is never complete.
    """
    folder = Path(job.events_from)
    if not folder.is_dir() and job.logs is not None:
        raise UsageError(
            f"{folder}: not a folder",
            "give lookup, s3, athena, lake, or the folder that holds the CloudTrail log files",
        )
    body = read.attach(
        "cloudtrail", "LogFiles",
        lambda: with_logs(job, lambda logs: _found(logs.of_folder(folder, job.progress), job.scope)),
        folder=job.events_from, key=job.scope.key_arn, period=describe(job.scope.period),
    )  # fmt: skip
    gap = "digest files were not checked, so nothing shows that no log file is missing"
    found = json.loads(body)
    return _fact(read, job.scope, found, [gap], _span(found))


def _found(gathered: Gathered, scope: Scope) -> bytes:
    """Return, as JSON, the events of the key in what was gathered, and what became of every log file."""
    ingested = gathered.ingested
    if not ingested.objects and not ingested.unread:
        raise AttachError(Failure("no log files", "there is no log file for the period", api="s3:ListObjectsV2"))
    with DuckDbEngine(ingested.pieces) as engine:
        events = events_of_key(lambda query: engine.rows(query, scope))
    times = [each for log in ingested.objects for each in (log.first_at, log.last_at) if each]
    document = {
        "log_files": [
            [log.key, log.sha256, log.size, log.records, log.kept, log.unreadable] for log in ingested.objects
        ],
        "problems": {log.key: log.problem for log in ingested.objects if log.problem},
        "unread": {each.key: f"{each.api}: {each.code}: {each.message}" for each in ingested.unread},
        "replaced": dict.fromkeys(gathered.replaced, "read in an earlier run, and gone or another since"),
        "repeated": sum(len(piece.repeated) for piece in ingested.pieces),
        "first_at": min(times, default=""),
        "last_at": max(times, default=""),
        "events": events,
    }
    return _encoded(document)


def _encoded(document: Any) -> bytes:
    # A record may hold half a surrogate pair, which UTF-8 cannot; as \\udXXX it is JSON all the same.
    return json.dumps(document, ensure_ascii=False, default=timestamp).encode("utf-8", "backslashreplace")


def read_through(scope: Scope) -> Period | None:
    """Return the time of the period that has passed, where all of it was read; None when nothing has."""
    return scope.period.overlap(scope.period.start, scope.as_of)


def _span(found: Mapping[str, Any]) -> Period | None:
    """Return the time from the first to the last record in a folder, of any key and service."""
    if not found["first_at"]:
        return None
    first, last = (datetime.fromisoformat(found[name]) for name in ("first_at", "last_at"))
    return Period(first, last + timedelta(seconds=1))


def _fact(
    read: Reader, scope: Scope, found: Mapping[str, Any], gaps: list[str], covered: Period | None
) -> Have[pd.DataFrame]:
    """Return the events with what was read and what was not."""
    logs = found["log_files"]
    for named in ("problems", "unread", "replaced"):
        gaps = [*gaps, *_named(found[named])]
    gaps += future_gap(scope)
    if unreadable := sum(log[5] for log in logs):
        gaps.append(f"{unreadable:,} records could not be read")
    read_records, kept = sum(log[3] for log in logs), sum(log[4] for log in logs)
    remarks = [f"{len(logs):,} log files, {read_records:,} records, {kept:,} of them of KMS and CloudTrail"]
    if found["repeated"]:
        remarks.append(f"{found['repeated']:,} events were delivered more than once and count once")
    return events_fact(read, scope, found["events"], gaps=gaps, remarks=remarks, covered=covered)


def events_fact(
    read: Reader,
    scope: Scope,
    rows: list[dict[str, Any]],
    *,
    gaps: list[str],
    remarks: list[str],
    covered: Period | None,
) -> Have[pd.DataFrame]:
    """Return events as a fact, with what was read and what was not. `covered` is the time whose events were read."""
    events = frame(EVENTS, rows)
    number = int(events["calls"].sum())
    if number > len(events):
        remarks.append(f"{number:,} calls: those that use the key or look at it are counted by day, not listed")
    said = describe(covered) if covered else "no record"
    period = covered and scope.period.overlap(covered.start, covered.end)
    coverage = Coverage(describe(scope.period), said, number, tuple(gaps), tuple(remarks), period)
    return Have(events, read.proof, coverage)


def _named(problems: Mapping[str, str]) -> list[str]:
    """Name the first log files with a problem, and the number of the rest."""
    lines = [f"{key}: {problem}" for key, problem in sorted(problems.items())]
    return [*lines[:NAMED], f"{len(lines) - NAMED:,} more log files like these"] if len(lines) > NAMED else lines


def _validation_gaps(facts: Facts) -> list[str]:
    """Say what validation did not show about the log files."""
    fact = facts[TRAIL_INTEGRITY.name]
    if isinstance(fact, Missing):
        return [f"the log files were not validated: {fact.operation}: {fact.reason}"]
    verdict = fact.value.verdict
    return [] if verdict is IntegrityVerdict.VERIFIED else [f"validation of the log files ended {verdict}"]


def collect_event_ids(read: Reader, job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """The events of the key one by one over the time of EVENT_HISTORY, where EVENTS counts like calls together."""
    events, history = facts[EVENTS.name], facts[EVENT_HISTORY.name]
    if not isinstance(events, Have) or not isinstance(history, Have) or not (events.value["calls"] > 1).any():
        message = "every event is listed one by one already, or there is nothing to compare with"
        raise ReadError(Missing("cloudtrail:LogFiles", NOT_ASKED, message))
    period = history.coverage.period
    if period is None or job.events_from in {"athena", "lake"}:
        raise ReadError(Missing("cloudtrail:LogFiles", NOT_ASKED, "a second query would cost as much as the first"))
    scope = replace(job.scope, period=period)

    def find(logs: TrailLogs) -> bytes:
        with DuckDbEngine(logs.gathered().ingested.pieces) as engine:
            rows = engine.rows(EVERY_EVENT, scope)
        return _encoded([{name: row[name] for name in EVENT_IDS.columns or ()} for row in rows])

    body = read.attach(
        "cloudtrail", "EventIds", lambda: with_logs(job, find), key=scope.key_arn, period=describe(period)
    )
    rows = json.loads(body)
    coverage = Coverage(describe(period), describe(period), len(rows), period=period)
    return Have(frame(EVENT_IDS, rows), read.proof, coverage)
