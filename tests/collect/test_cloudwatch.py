"""Metrics of the key, alarms that watch it, and whether their metrics exist."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

from fluo_audit.model.evidence import Completeness
from fluo_audit.model.scope import Period

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:us-east-1:111122223333:key/{KEY_ID}"
AS_OF = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def metric(name: str, **dimensions: str) -> dict[str, Any]:
    return {
        "Namespace": "AWS/KMS",
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }


# --- metrics -----------------------------------------------------------------------------------------------------------


def list_metrics(aws, *metrics: Mapping[str, Any]) -> None:
    aws.answers("cloudwatch:ListMetrics", {"Metrics": list(metrics)}, {"Namespace": "AWS/KMS"})


def data(aws, *results: Mapping[str, Any], **more: Any) -> None:
    aws.answers("cloudwatch:GetMetricData", {"MetricDataResults": list(results), **more})


def test_metrics_are_discovered_on_every_page_by_arn_or_id(aws):
    aws.answers("cloudwatch:ListMetrics", {"Metrics": [metric("ByArn", KeyArn=KEY)], "NextToken": "t"})
    aws.answers(
        "cloudwatch:ListMetrics",
        {"Metrics": [metric("ById", KeyId=KEY_ID), metric("Other", KeyId="x"), metric("None")]},
        {"Namespace": "AWS/KMS", "NextToken": "t"},
    )
    midnight = datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=5)))
    data(
        aws,
        {"Id": "m0", "StatusCode": "Complete", "Timestamps": [midnight], "Values": [7.0]},
        {"Id": "m1", "StatusCode": "Complete", "Timestamps": [], "Values": []},
    )
    metrics = aws.collect("metrics")

    assert metrics.value.to_dict("records") == [
        {
            "namespace": "AWS/KMS",
            "metric": "ByArn",
            "dimensions": json.dumps({"KeyArn": KEY}),
            "statistic": "Sum",
            "day": date(2026, 11, 21),
            "value": 7.0,
        }
    ]
    assert metrics.coverage.remarks == ("2 metrics found by ListMetrics",)
    assert metrics.coverage.completeness is Completeness.COMPLETE
    assert [len(e.call.parameters.get("MetricDataQueries", ())) for e in aws.door.exchanges] == [0, 0, 2]


def test_no_metric_is_said_to_prove_little(aws):
    list_metrics(aws, metric("Other", KeyId="x"))
    metrics = aws.collect("metrics")

    assert len(metrics.value) == 0
    assert metrics.coverage.remarks == ("no metric in AWS/KMS carried this key in the last two weeks",)


def result(status: str, number: int = 0, **more: Any) -> dict[str, Any]:
    return {"Id": f"m{number}", "StatusCode": status, "Timestamps": [AS_OF - DAY], "Values": [1.0], **more}


@pytest.mark.parametrize(
    ("pages", "gaps", "rows"),
    [
        ([[result("Complete")]], (), 1),
        ([[result("PartialData")], [result("Complete")]], (), 2),
        ([[result("InternalError", Timestamps=[], Values=[])], [result("Complete")]], (), 1),
        ([[result("PartialData")]], ("Uses: PartialData",), 1),
        ([[result("Forbidden", Timestamps=[], Values=[])]], ("Uses: Forbidden",), 0),
        ([[]], ("Uses: no answer",), 0),
    ],
)
def test_what_cloudwatch_did_not_complete_is_a_gap(aws, pages: list[Any], gaps: tuple[str, ...], rows: int):
    list_metrics(aws, metric("Uses", KeyId=KEY_ID))
    for number, page in enumerate(pages):
        data(aws, *page, **({"NextToken": f"t{number}"} if number + 1 < len(pages) else {}))
    metrics = aws.collect("metrics")

    assert metrics.coverage.gaps == gaps
    assert len(metrics.value) == rows


@pytest.mark.parametrize(
    "answer",
    [
        {"Id": "m7", "StatusCode": "Complete"},
        {"Id": "m", "StatusCode": "Complete"},
        {"Id": "m0", "StatusCode": "Complete", "Timestamps": [AS_OF], "Values": []},
        {"Id": "m0"},
        {"StatusCode": "Complete"},
    ],
)
def test_a_result_that_fits_no_question_is_no_answer(aws, answer: dict[str, Any]):
    list_metrics(aws, metric("Uses", KeyId=KEY_ID))
    data(aws, answer)

    assert aws.collect("metrics").reason == "malformed answer"


@pytest.mark.parametrize("answer", [{"Namespace": "AWS/KMS"}, {"MetricName": "n"}])
def test_a_metric_without_a_name_is_no_answer(aws, answer: dict[str, Any]):
    list_metrics(aws, answer)

    assert aws.collect("metrics").reason == "malformed answer"


def test_what_cloudwatch_forgot_and_what_is_to_come_are_gaps(aws):
    list_metrics(aws, metric("Uses", KeyId=KEY_ID))
    data(aws, result("Complete"))
    metrics = aws.collect("metrics", period=Period(AS_OF - 500 * DAY, AS_OF + DAY))

    assert metrics.coverage.gaps == (
        "before 2025-08-25: CloudWatch keeps daily sums for 455 days",
        "2026-11-23 06:00 to 2026-11-24 06:00 had not happened yet",
    )
    asked = aws.door.exchanges[1].call.parameters
    assert (asked["StartTime"], asked["EndTime"]) == ("2025-08-25T06:00:00.000Z", "2026-11-23T06:00:00.000Z")


@pytest.mark.parametrize("days", [(-600, -500), (1, 2)])
def test_a_period_out_of_reach_is_not_complete(aws, days: tuple[int, int]):
    list_metrics(aws, metric("Uses", KeyId=KEY_ID))
    metrics = aws.collect("metrics", period=Period(AS_OF + days[0] * DAY, AS_OF + days[1] * DAY))

    assert metrics.coverage.covered == "nothing"
    assert metrics.coverage.completeness is Completeness.PARTIAL


# --- alarms ------------------------------------------------------------------------------------------------------------


def alarm(name: str, **more: Any) -> dict[str, Any]:
    return {"AlarmName": name, **more}


def on(**dimensions: str) -> dict[str, Any]:
    return {"Namespace": "AWS/KMS", **metric("Uses", **dimensions)}


def alarms_of(aws, *alarms: Mapping[str, Any]) -> Any:
    aws.answers("cloudwatch:DescribeAlarms", {"MetricAlarms": list(alarms)}, {"AlarmTypes": ["MetricAlarm"]})
    return aws.collect("alarms")


def test_alarms_of_the_key_are_found_by_dimension_name_or_metric_math(aws):
    math = {"Metrics": [{"Id": "e1", "Expression": "m1/60"}, {"Id": "m1", "MetricStat": stat(KeyId=KEY_ID)}]}
    alarms = alarms_of(
        aws,
        alarm("by-arn", **on(KeyArn=KEY)),
        alarm("by-id", **on(KeyId=KEY_ID)),
        alarm("math", **math),
        alarm("fluo-kms-denied", Namespace="FLUO", MetricName="Denied"),
        alarm("other-key", **on(KeyId="x")),
        alarm("other-math", Metrics=[{"Id": "m1", "MetricStat": stat(KeyId="x")}]),
        alarm("other"),
    )

    assert alarms.value["alarm_name"].tolist() == ["by-arn", "by-id", "math", "fluo-kms-denied"]
    assert alarms.coverage.remarks == ("7 metric alarms in the Region",)
    assert alarms.value["metric"].isna().tolist() == [False, False, True, False]


def stat(**dimensions: str) -> dict[str, Any]:
    return {"Metric": metric("Uses", **dimensions), "Period": 60, "Stat": "Sum"}


def test_an_alarm_says_its_state_and_whom_it_tells(aws):
    whole = alarm(
        "fluo-kms-x",
        AlarmArn="arn:aws:cloudwatch:us-east-1:111122223333:alarm:fluo-kms-x",
        StateValue="INSUFFICIENT_DATA",
        ActionsEnabled=False,
        AlarmActions=["arn:aws:sns:us-east-1:111122223333:ops"],
        StateUpdatedTimestamp=AS_OF,
    )
    first, second = alarms_of(aws, whole, alarm("fluo-kms-y")).value.to_dict("records")

    assert (first["state"], first["actions_enabled"]) == ("INSUFFICIENT_DATA", False)
    assert json.loads(first["alarm_actions"]) == ["arn:aws:sns:us-east-1:111122223333:ops"]
    assert first["state_updated_at"] == pd.Timestamp(AS_OF)
    assert pd.isna(second["actions_enabled"])
    assert pd.isna(second["state"])


def test_alarms_come_from_every_page(aws):
    aws.answers("cloudwatch:DescribeAlarms", {"MetricAlarms": [alarm("fluo-kms-1")], "NextToken": "t"})
    aws.answers("cloudwatch:DescribeAlarms", {"MetricAlarms": [alarm("fluo-kms-2")]})

    assert aws.collect("alarms").value["alarm_name"].tolist() == ["fluo-kms-1", "fluo-kms-2"]


def test_an_alarm_is_dead_when_no_metric_has_exactly_its_dimensions(aws):
    facts = {
        "alarms": alarms_of(
            aws,
            alarm("fluo-kms-1", **on(KeyId=KEY_ID)),
            alarm("fluo-kms-2", Namespace="AWS/KMS", MetricName="Uses"),
            alarm("fluo-kms-3", MetricName="NoNamespace"),
            alarm("fluo-kms-4", Metrics=[{"Id": "m1", "MetricStat": stat(KeyId=KEY_ID)}]),
        )
    }
    by_id = {"Namespace": "AWS/KMS", "MetricName": "Uses", "Dimensions": [{"Name": "KeyId", "Value": KEY_ID}]}
    aws.answers("cloudwatch:ListMetrics", {"Metrics": [], "NextToken": "t"}, by_id)
    aws.answers("cloudwatch:ListMetrics", {"Metrics": [metric("Uses", KeyId=KEY_ID)]}, {**by_id, "NextToken": "t"})
    aws.answers("cloudwatch:ListMetrics", {"Metrics": [metric("Uses", KeyId=KEY_ID)]}, {**by_id, "Dimensions": []})
    watched = aws.collect("alarm_metrics", facts).value

    exists = watched.set_index("alarm_name")["exists"]
    assert (exists["fluo-kms-1"], exists["fluo-kms-2"]) == (True, False)
    assert exists[["fluo-kms-3", "fluo-kms-4"]].isna().all()


def test_an_alarm_of_more_dimensions_than_can_be_asked_for_stops_no_other_source(aws):
    """CloudWatch takes ten dimensions in ListMetrics and thirty in an alarm."""
    many = {f"d{n}": "x" for n in range(11)} | {"KeyId": KEY_ID}
    facts = {"alarms": alarms_of(aws, alarm("fluo-kms-1", **on(**many)))}
    missing = aws.collect("alarm_metrics", facts)

    assert missing.reason == "request not valid"
    assert "more than 10" in missing.message


def test_without_alarms_their_metrics_are_missing_for_the_same_reason(aws):
    aws.refuses("cloudwatch:DescribeAlarms", "AccessDenied")
    missing = aws.collect("alarms")

    assert missing.remedy == "grant cloudwatch:DescribeAlarms to the collector"
    assert aws.collect("alarm_metrics", {"alarms": missing}) == missing
