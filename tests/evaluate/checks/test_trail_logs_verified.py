"""The result of validating the trail's log files, for the audit period of the first half of 2026."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fluo_audit.evaluate.checks.trail_logs_verified import trail_logs_verified
from fluo_audit.evaluate.key_events import ONE_BY_ONE
from fluo_audit.model.integrity import (
    IntegrityCounts,
    IntegrityGap,
    IntegrityProblem,
    IntegrityVerdict,
    ProblemKind,
    RegionIntegrity,
    TrailIntegrity,
)
from fluo_audit.model.scope import Period

ACCOUNT, REGION = "111122223333", "us-east-1"
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
WHOLE = Period(START, END)
HOUR = timedelta(hours=1)
COUNTS = IntegrityCounts(4_344, 4_344, logs_vouched=9_000, logs_found=9_000, logs_valid=9_000)
CHANGED = IntegrityProblem(ProblemKind.LOG_CHANGED, "AWSLogs/x/2.json.gz", "its SHA-256 is another", is_failure=True)
UNREAD = IntegrityProblem(ProblemKind.LOG_UNREAD, "AWSLogs/x/1.json.gz", "AccessDenied", is_failure=False)
GAP = IntegrityGap(ACCOUNT, REGION, Period(START, START + HOUR), "logging was stopped")
VERIFIED, FAIL, INCOMPLETE = IntegrityVerdict


def integrity(verdict: IntegrityVerdict = VERIFIED, **more) -> TrailIntegrity:
    region = RegionIntegrity(ACCOUNT, REGION, verdict, COUNTS, (WHOLE,), "first")
    whole = TrailIntegrity("arn:trail/main", "logs", WHOLE, verdict, COUNTS, (region,), (), ())
    return replace(whole, **more)


ELSEWHERE = (RegionIntegrity(ACCOUNT, "eu-west-1", VERIFIED, COUNTS, (WHOLE,), "first"),)
OTHERS = (RegionIntegrity("999999999999", REGION, VERIFIED, COUNTS, (WHOLE,), "first"),)

CASES = [
    ("verified", integrity(), {}, "pass", ["VERIFIED", "9,000 of 9,000 log files, 4,344 of 4,344 digests"]),
    (
        "changed",
        integrity(FAIL, problems=(UNREAD, CHANGED)),
        {},
        "fail",
        ["FAIL: 1 problem with log files and digests of logs", "log changed: its SHA-256 is another", "ref AWSLogs/x/2.json.gz"],
    ),
    ("changed, in what was read", integrity(FAIL, problems=(CHANGED,)), {"partial": ["trail_integrity"]}, "fail", ["log changed"]),
    ("verified, in what was read", integrity(), {"partial": ["trail_integrity"]}, "not_assessed", ["a gap"]),
    (
        "a gap",
        integrity(INCOMPLETE, gaps=(GAP,)),
        {},
        "not_assessed",
        ["INCOMPLETE: no digest for 111122223333 us-east-1, 2026-01-01 00:00 to 2026-01-01 01:00: logging was stopped"],
    ),
    ("a gap without cause", integrity(INCOMPLETE, gaps=(replace(GAP, cause=""),)), {}, "not_assessed", ["cause unknown"]),
    ("an unread log file", integrity(INCOMPLETE, problems=(UNREAD,)), {}, "not_assessed", ["log unread, AWSLogs/x/1.json.gz: AccessDenied"]),
    ("many gaps", integrity(INCOMPLETE, gaps=(GAP,) * 9), {}, "not_assessed", ["; 6 more"]),
    ("incomplete for no stated reason", integrity(INCOMPLETE), {}, "not_assessed", ["no reason was given"]),
    (
        "verified from the second day on",
        integrity(period=Period(START + 24 * HOUR, END)),
        {},
        "not_assessed",
        ["VERIFIED, but not for the whole period: 2026-01-02 to 2026-06-30 was validated"],
    ),
    ("verified until the day before the last", integrity(period=Period(START, END - 24 * HOUR)), {}, "not_assessed", ["whole period"]),
    (
        "without the two hours before the collection",
        integrity(period=Period(START, END - 2 * HOUR)),
        {"as_of": "2026-07-01T00:00"},
        "pass",
        [],
    ),
    (
        "without three hours before the collection",
        integrity(period=Period(START, END - 3 * HOUR)),
        {"as_of": "2026-07-01T00:00"},
        "not_assessed",
        [],
    ),
    ("verified in another Region", integrity(regions=ELSEWHERE), {}, "not_assessed", ["us-east-1 of 111122223333: no chain"]),
    ("verified in another account", integrity(regions=OTHERS), {}, "not_assessed", ["no chain of digests there"]),
    ("verified nowhere", integrity(regions=()), {}, "not_assessed", ["no chain of digests there"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_trail_logs_verified(confirm, *, name, given, settings, expected, texts):
    confirm(trail_logs_verified, [given], settings, expected, *texts)


def test_more_problems_than_a_report_lists_are_counted(judge):
    many = tuple(replace(CHANGED, key=f"{n}.json.gz") for n in range(ONE_BY_ONE + 41))
    finding = judge(trail_logs_verified, integrity(FAIL, problems=(UNREAD, *many)))

    assert [each.ref for each in finding.observations[:-1]] == [each.key for each in many[:ONE_BY_ONE]]
    assert finding.observations[-1].fact == "41 more problems, in the report's JSON"
    assert f"{ONE_BY_ONE + 41} problems" in finding.seen
