"""CloudWatch: the log group that CloudTrail delivers to, the metric filters that count in it, and the alarms on them.

AWS/KMS has no metric of failed or throttled requests, so the alarms count CloudTrail's records: docs/adr says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fluo_audit.errors import RefusedError
from fluo_audit.provision.look import Look
from fluo_audit.provision.resource import Resource, Seen, Step


class LogGroup:
    """A log group. `details`: tags."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the retention and the key of the log group."""
        listed = look.pages(
            "logs", "DescribeLogGroups", "logGroups", token=("nextToken", "nextToken"), logGroupNamePrefix=wanted.name
        )
        group = next((one for one in listed or () if one.get("logGroupName") == wanted.name), None)
        if group is None:
            return None
        return Seen({"retention": group.get("retentionInDays", "for ever"), "key": group.get("kmsKeyId", "")})

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give CreateLogGroup and PutRetentionPolicy."""
        if seen is None:
            parameters = {
                "logGroupName": wanted.name,
                "kmsKeyId": wanted.facts["key"],
                "tags": dict(wanted.details["tags"]),
            }
            yield Step(wanted.label, "created", "logs", "CreateLogGroup", "", parameters)
        if seen is None or "retention" in changed:
            parameters = {"logGroupName": wanted.name, "retentionInDays": wanted.facts["retention"]}
            yield Step(wanted.label, "retention set", "logs", "PutRetentionPolicy", "", parameters)


class MetricFilter:
    """A metric filter. `details`: log group, made here (whether this plan creates the log group)."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return what the filter counts. Raises RefusedError when the log group that was named does not exist."""
        group = wanted.details["log group"]
        listed = look.pages(
            "logs", "DescribeMetricFilters", "metricFilters", token=("nextToken", "nextToken"),
            absent=("ResourceNotFoundException",), logGroupName=group, filterNamePrefix="fluo-kms-",
        )  # fmt: skip
        if listed is None and not wanted.details["made here"]:
            raise RefusedError(
                f"the log group {group} does not exist in {look.place.region}",
                "name the one that a CloudTrail trail delivers to, or use --enable-audit-trail",
            )
        found = next((one for one in listed or () if one.get("filterName") == wanted.name), None)
        if found is None:
            return None
        metric: Mapping[str, Any] = next(iter(found.get("metricTransformations") or ()), {})
        return Seen(
            {
                "pattern": found.get("filterPattern", ""),
                "metric": metric.get("metricName", ""),
                "namespace": metric.get("metricNamespace", ""),
                "value": metric.get("metricValue", ""),
                "default": metric.get("defaultValue", "none"),
            }
        )

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give PutMetricFilter, which creates and replaces."""
        if seen is None or changed:
            metric = {
                "metricName": wanted.facts["metric"],
                "metricNamespace": wanted.facts["namespace"],
                "metricValue": wanted.facts["value"],
                "defaultValue": wanted.facts["default"],
            }
            parameters = {
                "logGroupName": wanted.details["log group"],
                "filterName": wanted.name,
                "filterPattern": wanted.facts["pattern"],
                "metricTransformations": [metric],
            }
            yield Step(wanted.label, "set", "logs", "PutMetricFilter", "", parameters)


_KEPT = ("OKActions", "InsufficientDataActions", "DatapointsToAlarm", "Unit")
"""What others may have set on an alarm: PutMetricAlarm without them would drop them."""
_ALARM_FACTS = {
    "namespace": "Namespace",
    "metric": "MetricName",
    "statistic": "Statistic",
    "period": "Period",
    "evaluation periods": "EvaluationPeriods",
    "threshold": "Threshold",
    "comparison": "ComparisonOperator",
    "missing data": "TreatMissingData",
    "actions enabled": "ActionsEnabled",
    "actions": "AlarmActions",
}


class Alarm:
    """A metric alarm. `details`: description, tags, names (of all alarms, so that one call reads them)."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return what the alarm watches."""
        listed = look.pages("cloudwatch", "DescribeAlarms", "MetricAlarms", AlarmNames=wanted.details["names"])
        alarm = next((one for one in listed or () if one.get("AlarmName") == wanted.name), None)
        if alarm is None:
            return None
        facts = {fact: alarm.get(member) for fact, member in _ALARM_FACTS.items() if fact in wanted.facts}
        facts["dimensions"] = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", ())}
        if "actions" in facts:
            facts["actions"] = sorted(facts["actions"] or ())
        return Seen(facts, {name: alarm[name] for name in ("AlarmActions", *_KEPT) if alarm.get(name)})

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give PutMetricAlarm, which creates and replaces; actions that nobody asked to change stay."""
        if seen is None or changed:
            parameters: dict[str, Any] = {
                member: wanted.facts[fact] for fact, member in _ALARM_FACTS.items() if fact in wanted.facts
            }
            if seen is not None:
                parameters = {**seen.raw, **parameters}
            else:
                parameters["Tags"] = [{"Key": k, "Value": v} for k, v in sorted(wanted.details["tags"].items())]
            parameters |= {"AlarmName": wanted.name, "AlarmDescription": wanted.details["description"]}
            yield Step(wanted.label, "set", "cloudwatch", "PutMetricAlarm", "", parameters)
