"""CloudTrail's calls a day against the metric of the key, whatever the metric is called."""

from __future__ import annotations

import json

import pytest

from fluo_audit.evaluate.reconciliation.key_metrics import EVENTS_METRICS

TWO_DAYS = {"covered": {"events": ("2026-03-01", "2026-03-03")}}
ARN = "arn:aws:kms:us-east-1:111122223333:key/k"


def calls(day: int, number: int, **more) -> dict:
    return {"event_time": f"2026-03-{day:02}T09:00", "calls": number, **more}


def calls_one_by_one(day: int, number: int) -> list[dict]:
    return [calls(day, 1) for _ in range(number)]


def metric(day: int, value: float, operation: str = "Decrypt", name: str = "SuccessfulRequest", **more) -> dict:
    dimensions = {"KeyArn": ARN, "Operation": operation, **more.pop("extra", {})}
    return {
        "namespace": "AWS/KMS",
        "metric": name,
        "dimensions": json.dumps(dimensions),
        "statistic": "Sum",
        "day": f"2026-03-{day:02}",
        "value": value,
        **more,
    }


BOTH = [*calls_one_by_one(1, 10), *calls_one_by_one(2, 20)]
LATE = calls(1, 1, event_time="2026-03-01T23:59:55")
CASES = [
    ("equal on each day", BOTH, [metric(1, 10), metric(2, 20)], {}, ("agrees", 30, 30, 0), ["equal on each of 2 days", "2026-03-01 to 2026-03-02"]),
    ("equal in all, but not by day", BOTH, [metric(1, 20), metric(2, 10)], {}, ("differs", 30, 30, 20), ["2 of 2 days differ", "2026-03-01 CloudTrail recorded 10 successful calls, CloudWatch counted 20"]),
    ("a day without point is a day without calls", BOTH, [metric(1, 10)], {}, ("differs", 30, 10, 20), ["1 of 2 days differ", "CloudWatch counted 0"]),
    ("calls that CloudTrail lacks", [calls(1, 10)], [metric(1, 10), metric(2, 5)], {}, ("differs", 10, 15, 5), ["2026-03-02 CloudTrail recorded 0"]),
    ("one call at midnight", [*BOTH, LATE], [metric(1, 10), metric(2, 21)], {}, ("explained", 31, 31, 2), ["2 days with calls at midnight"]),
    ("one call lost a day is a loss", BOTH, [metric(1, 9), metric(2, 19)], {}, ("differs", 30, 28, 2), []),
    ("no call is near midnight that could have moved", BOTH, [metric(1, 9), metric(2, 21)], {}, ("differs", 30, 30, 2), []),
    ("a value that is no number", BOTH, [metric(1, 10), metric(2, float("inf"))], {}, ("not compared", None, None, None), ["CloudWatch gave inf"]),
    (
        "each operation with a metric, and no other",
        [calls(1, 3), calls(1, 4, event_name="Encrypt"), calls(1, 9, event_name="DescribeKey")],
        [metric(1, 3), metric(1, 4, "Encrypt")],
        {},
        ("agrees", 7, 7, 0),
        ["operations with a metric: Decrypt, Encrypt"],
    ),
    ("failed calls are not successful", [*BOTH, calls(1, 5, error_code="AccessDenied")], [metric(1, 10), metric(2, 20)], {}, ("agrees", 30, 30, 0), []),
    ("AWS at work on the key makes no call", [*BOTH, calls(1, 1, event_type="AwsServiceEvent")], [metric(1, 10), metric(2, 20)], {}, ("agrees", 30, 30, 0), []),
    ("another name for the same", BOTH, [metric(1, 10, name="SuccessCallCount"), metric(2, 20, name="SuccessCallCount")], {}, ("agrees", 30, 30, 0), []),
    ("the operation in another dimension", BOTH, [metric(1, 10, extra={"Operation": "x", "Api": "Decrypt"}), metric(2, 20, extra={"Operation": "x", "Api": "Decrypt"})], {}, ("agrees", 30, 30, 0), []),
    ("no metric of successes", BOTH, [metric(1, 10, name="Latency")], {}, ("not compared", None, None, None), ["no metric of this key counts successful requests by operation; found: Latency"]),
    ("no metric at all", BOTH, [], {}, ("not compared", None, None, None), ["found: none"]),
    ("a metric without operation", BOTH, [metric(1, 10, operation="")], {}, ("not compared", None, None, None), ["by operation"]),
    ("not a sum", BOTH, [metric(1, 10, statistic="Average")], {}, ("not compared", None, None, None), []),
    ("two metrics for one", BOTH, [metric(1, 10), metric(1, 10, name="SuccessfulCalls")], {}, ("not compared", None, None, None), ["several metrics"]),
    ("a breakdown beside the total", BOTH, [metric(1, 10), metric(1, 10, extra={"Zone": "a"})], {}, ("not compared", None, None, None), ["several metrics", "KeyArn and Operation and Zone"]),
    (
        "no whole day",
        BOTH,
        [metric(1, 10)],
        {"covered": {"events": ("2026-03-01T08:00", "2026-03-01T20:00")}},
        ("not compared", None, None, None),
        ["no whole UTC day"],
    ),
    ("no time", BOTH, [metric(1, 10)], {"covered": {"events": None}}, ("not compared", None, None, None), ["no whole UTC day"]),
    ("events read in part", BOTH, [metric(1, 10), metric(2, 20)], {"partial": ["events"]}, ("not compared", None, None, None), ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "events", "metrics", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES]
)
def test_calls_a_day(confirm_row, *, name, events, metrics, settings, expected, texts):
    confirm_row(EVENTS_METRICS, {"events": events, "metrics": metrics}, {**TWO_DAYS, **settings}, expected, *texts)
