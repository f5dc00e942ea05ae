"""What KMS remembers as the last use is the newest use that CloudTrail recorded, within an hour. Collected at 06:00."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.reconciliation.last_usage import EVENTS_LAST_USAGE

NONE = (None, None, None)


def use(at: str, id_: str = "e1", **more) -> dict:
    return {"event_id": id_, "event_time": f"2026-03-{at}", **more}


def last(at: str | None, id_: str = "e1", **more) -> dict:
    return {"used_at": f"2026-03-{at}" if at else None, "event_id": id_, "tracking_since": "2026-01-01", **more}


CASES = [
    ("the newest use in both", {"events": [use("09T10:00", "e0"), use("10T10:00")], "last_usage": last("10T10:00")}, {}, ("agrees", 1, 1, 0), ["event e1 is the newest use in both", "Decrypt at 2026-03-10T10:00:00Z"]),
    ("times within an hour", {"events": [use("10T10:00")], "last_usage": last("10T11:00")}, {}, ("agrees", 1, 1, 0), []),
    ("times further apart", {"events": [use("10T10:00")], "last_usage": last("10T11:01")}, {}, ("differs", 1, 1, 1), ["KMS says 2026-03-10T11:01:00Z and CloudTrail 2026-03-10T10:00:00Z", "ref e1"]),
    ("an event that CloudTrail lacks", {"events": [use("09T10:00", "e0")], "last_usage": last("10T10:00", "e9")}, {}, ("differs", 0, 1, 1), ["not among those that CloudTrail gave", "ref e9"]),
    ("a later use that KMS does not know", {"events": [use("09T10:00", "e0"), use("10T10:00")], "last_usage": last("09T10:00", "e0")}, {}, ("differs", 1, 0, 1), ["KMS knows of none after 2026-03-09T10:00:00Z"]),
    (
        "a later use of the last hour",
        {"events": [use("11T04:00", "e0"), use("11T05:30")], "last_usage": last("11T04:00", "e0")},
        {"covered": {"events": ("2026-03-01", "2026-03-11T06:00")}},
        ("explained", 1, 1, 0),
        ["later use, at 2026-03-11T05:30:00Z: KMS may take an hour"],
    ),
    ("a later use within an hour of the last", {"events": [use("10T10:00", "e0"), use("10T10:59")], "last_usage": last("10T10:00", "e0")}, {}, ("explained", 1, 1, 0), []),
    ("looks and failures are no uses", {"events": [use("10T10:00"), use("10T20:00", "e2", event_name="DescribeKey"), use("10T21:00", "e3", error_code="AccessDenied")], "last_usage": last("10T10:00")}, {}, ("agrees", 1, 1, 0), []),
    ("never used", {"events": [], "last_usage": last(None, "")}, {}, ("agrees", 0, 0, 0), ["KMS knows of no use since 2026-01-01"]),
    ("never used, says KMS", {"events": [use("10T10:00")], "last_usage": last(None, "")}, {}, ("differs", 1, 0, 1), ["CloudTrail recorded a use at 2026-03-10T10:00:00Z"]),
    (
        "used for the first time just now",
        {"events": [use("11T05:30")], "last_usage": last(None, "")},
        {"covered": {"events": ("2026-03-01", "2026-03-11T06:00")}},
        ("explained", 1, 0, 1),
        ["KMS may take an hour"],
    ),
    ("used before KMS kept track", {"events": [use("05T10:00")], "last_usage": last(None, "", tracking_since="2026-03-08")}, {}, ("agrees", 0, 0, 0), []),
    ("last used before the period", {"events": [], "last_usage": {"used_at": "2026-02-20", "event_id": "e0"}}, {}, ("agrees", 0, 0, 0), ["no use after 2026-02-20"]),
    ("used in the period, before it says KMS", {"events": [use("05T10:00")], "last_usage": {"used_at": "2026-02-20", "event_id": "e0"}}, {}, ("differs", 1, 0, 1), []),
    ("last used after the time that was read", {"events": [use("10T10:00", "e0")], "last_usage": last("11T05:30")}, {}, ("not compared", *NONE), ["lies after the time that was read", "lookup-events --lookup-attributes AttributeKey=EventId,AttributeValue=e1"]),
    (
        "and Event history was read until then",
        {"events": [use("10T10:00", "e0")], "last_usage": last("11T05:30"), "event_history": [use("11T05:30")]},
        {"covered": {"event_history": ("2026-03-11T04:00", "2026-03-11T06:00")}},
        ("agrees", 1, 1, 0),
        [],
    ),
    (
        "Event history does not stand in for the log files",
        {"events": [use("10T09:00", "e0")], "last_usage": last("10T10:00"), "event_history": [use("10T10:00")]},
        {},
        ("differs", 0, 1, 1),
        [],
    ),
    (
        "counted in groups: found by operation and time",
        {"events": [use("10T00:01", "e0", calls=500, last_time="2026-03-10T10:00")], "last_usage": last("10T10:00", "e9")},
        {},
        ("agrees", 1, 1, 0),
        ["by operation and time, not by its id"],
    ),
    (
        "counted in groups: another operation",
        {"events": [use("10T00:01", "e0", calls=500, last_time="2026-03-10T10:00")], "last_usage": last("10T10:00", "e9", operation="Encrypt")},
        {},
        ("differs", 0, 1, 1),
        [],
    ),
    (
        "counted in groups, and the ids are known",
        {
            "events": [use("10T00:01", "e0", calls=500, last_time="2026-03-10T10:00")],
            "last_usage": last("10T10:00", "e9"),
            "event_ids": [use("10T10:00", "e8")],
        },
        {},
        ("differs", 0, 1, 1),
        ["ref e9"],
    ),
    ("no id", {"events": [use("10T10:00")], "last_usage": last("10T10:00", "")}, {}, ("not compared", *NONE), ["without CloudTrailEventId"]),
    ("neither use nor begin of tracking", {"events": [use("10T10:00")], "last_usage": {"event_id": ""}}, {}, ("not compared", *NONE), ["without Timestamp and without TrackingStartDate"]),
    ("no time", {"events": [], "last_usage": last("10T10:00")}, {"covered": {"events": None}}, ("not compared", *NONE), ["no time was read"]),
    ("events read in part", {"events": [use("10T10:00")], "last_usage": last("10T10:00")}, {"partial": ["events"]}, ("not compared", *NONE), ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_last_usage(confirm_row, *, name, given, settings, expected, texts):
    confirm_row(EVENTS_LAST_USAGE, given, settings, expected, *texts)
