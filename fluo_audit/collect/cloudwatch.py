"""Facts that CloudWatch answers: metrics of the key, alarms that watch it, and whether their metrics exist."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

import pandas as pd

from fluo_audit.aws.door import Reader
from fluo_audit.collect.job import Facts, Job, need, point_in_time
from fluo_audit.collect.periods import describe, future_gap
from fluo_audit.frames import as_json, frame
from fluo_audit.model.evidence import Coverage, Have
from fluo_audit.model.scope import Scope
from fluo_audit.model.sources import ALARM_METRICS, ALARMS, METRICS

DAY = 86400
RETENTION = timedelta(days=455)
"""How long CloudWatch keeps data of one hour and more:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html"""
LISTED_FOR = "two weeks"
"""ListMetrics names metrics that had data in the last two weeks, and no others."""


def collect_metrics(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """Daily sums of every metric in AWS/KMS that has the key in a dimension. Names are discovered, never assumed."""
    scope = job.scope
    listed = read.pages("cloudwatch", "ListMetrics", "Metrics", each=("Namespace", "MetricName"), Namespace="AWS/KMS")
    found = [metric for metric in listed if _of_key(metric, job)]
    found.sort(key=lambda m: (m["MetricName"], as_json(_dimensions(m))))
    window = scope.period.overlap(scope.as_of - RETENTION, scope.as_of)
    asked = describe(scope.period)
    gaps = _gaps(scope)
    if window is None:
        return Have(frame(METRICS, ()), read.proof, Coverage(asked, "nothing", 0, gaps))
    if not found:
        remark = f"no metric in AWS/KMS carried this key in the last {LISTED_FOR}"
        return Have(frame(METRICS, ()), read.proof, Coverage(asked, describe(window), 0, gaps, (remark,)))
    queries = [
        {"Id": f"m{n}", "ReturnData": True, "MetricStat": {"Metric": metric, "Period": DAY, "Stat": "Sum"}}
        for n, metric in enumerate(found)
    ]
    rows: list[dict[str, Any]] = []
    ended = {query["Id"]: "no answer" for query in queries}
    for result in read.pages(
        "cloudwatch",
        "GetMetricData",
        "MetricDataResults",
        each=("Id", "StatusCode"),
        MetricDataQueries=queries,
        StartTime=window.start,
        EndTime=window.end,
        ScanBy="TimestampAscending",
    ):
        if result["Id"] not in ended:
            raise read.malformed("cloudwatch:GetMetricData", "cloudwatch:GetMetricData answered what was not asked")
        ended[result["Id"]] = result["StatusCode"]  # PartialData until a later page completes it
        rows.extend(_metric_rows(read, found[int(result["Id"][1:])], result))
    broken = {f"{m['MetricName']}: {end}" for m, end in zip(found, ended.values(), strict=True) if end != "Complete"}
    gaps += tuple(sorted(broken))
    coverage = Coverage(asked, describe(window), len(rows), gaps, (f"{len(found)} metrics found by ListMetrics",))
    return Have(frame(METRICS, rows), read.proof, coverage)


def _gaps(scope: Scope) -> tuple[str, ...]:
    """Return what of the period CloudWatch cannot know: what is too old, and what is to come."""
    oldest = scope.as_of - RETENTION
    old = (f"before {oldest:%Y-%m-%d}: CloudWatch keeps daily sums for 455 days",)
    return (old if scope.period.start < oldest else ()) + future_gap(scope)


def collect_alarms(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """cloudwatch:DescribeAlarms: the metric alarms that watch this key.

    An alarm watches the key when the key stands in a dimension of its metric, or when it bears the name that the
    FLUO module gives its alarms. Alarms on metrics made from log events are not recognised by this.
    """
    found = list(read.pages("cloudwatch", "DescribeAlarms", "MetricAlarms", AlarmTypes=["MetricAlarm"]))
    rows = [_alarm_row(alarm) for alarm in found if _watches(alarm, job)]
    return point_in_time(read, frame(ALARMS, rows), len(rows), f"{len(found)} metric alarms in the Region")


def collect_alarm_metrics(read: Reader, _job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """cloudwatch:ListMetrics for the metric of every alarm: an alarm on a metric without data never fires."""
    rows: list[dict[str, Any]] = []
    for alarm in need(facts, ALARMS).to_dict("records"):
        watched = {
            name: None if pd.isna(alarm[name]) else alarm[name] for name in ("namespace", "metric", "dimensions")
        }
        exists = _exists(read, watched) if watched["metric"] and watched["namespace"] else None
        rows.append({"alarm_name": alarm["alarm_name"], **watched, "exists": exists})
    return point_in_time(read, frame(ALARM_METRICS, rows), len(rows))


def _exists(read: Reader, watched: dict[str, Any]) -> bool:
    """Return whether a metric of exactly these dimensions had data in the last two weeks."""
    dimensions = json.loads(watched["dimensions"])
    listed = read.pages(
        "cloudwatch",
        "ListMetrics",
        "Metrics",
        Namespace=watched["namespace"],
        MetricName=watched["metric"],
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
    )
    return any(_dimensions(metric) == dimensions for metric in listed)


def _metric_rows(read: Reader, metric: dict[str, Any], result: dict[str, Any]) -> list[dict[str, Any]]:
    times, values = result.get("Timestamps", ()), result.get("Values", ())
    if len(times) != len(values):
        raise read.malformed("cloudwatch:GetMetricData", f"{len(times)} times, but {len(values)} values")
    return [
        {
            "namespace": metric["Namespace"],
            "metric": metric["MetricName"],
            "dimensions": as_json(_dimensions(metric)),
            "statistic": "Sum",
            "day": at.astimezone(UTC).date(),
            "value": value,
        }
        for at, value in zip(times, values, strict=True)
    ]


def _dimensions(metric: dict[str, Any]) -> dict[str, str]:
    return {d.get("Name", ""): d.get("Value", "") for d in metric.get("Dimensions", ())}


def _of_key(metric: dict[str, Any], job: Job) -> bool:
    return bool({job.scope.key_arn, job.scope.key_id} & set(_dimensions(metric).values()))


def _watches(alarm: dict[str, Any], job: Job) -> bool:
    watched = [alarm, *(m.get("MetricStat", {}).get("Metric", {}) for m in alarm.get("Metrics", ()))]
    return alarm.get("AlarmName", "").startswith("fluo-kms-") or any(_of_key(metric, job) for metric in watched)


def _alarm_row(alarm: dict[str, Any]) -> dict[str, Any]:
    return {
        "alarm_name": alarm.get("AlarmName"),
        "alarm_arn": alarm.get("AlarmArn"),
        "namespace": alarm.get("Namespace"),
        "metric": alarm.get("MetricName"),
        "dimensions": as_json(_dimensions(alarm)),
        "state": alarm.get("StateValue"),
        "actions_enabled": alarm.get("ActionsEnabled"),
        "alarm_actions": as_json(alarm.get("AlarmActions", [])),
        "state_updated_at": alarm.get("StateUpdatedTimestamp"),
    }
