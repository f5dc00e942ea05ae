"""CloudWatch and CloudWatch Logs: log groups, metric filters and alarms."""

from __future__ import annotations

from typing_extensions import override

from standin.resource import AwsResource, Gone, State, key_values, tag_map
from standin.schema import NUMBER, TEXT_SET, computed, defaulted, list_block, optional, required


class LogGroup(AwsResource):
    """A log group."""

    NAME = "cloudwatch_log_group"
    ATTRIBUTES = (
        required("name", fixed=True),
        defaulted("retention_in_days", 0, NUMBER),
        optional("kms_key_id"),
        computed("arn"),
    )

    def make(self, state: State) -> str:
        """Create the log group and set its retention."""
        logs, name = self.aws.client("logs"), state["name"]
        key = {"kmsKeyId": state["kms_key_id"]} if state["kms_key_id"] else {}
        tags = {"tags": state["tags"]} if state["tags"] else {}
        logs.create_log_group(logGroupName=name, **key, **tags)
        self._retain(state)
        return str(name)

    def look(self, state: State) -> State:
        """Find the log group by its name."""
        logs = self.aws.client("logs")
        listed = logs.describe_log_groups(logGroupNamePrefix=state["id"])["logGroups"]
        group = next((one for one in listed if one["logGroupName"] == state["id"]), None)
        if group is None:
            raise Gone
        arn = group["arn"].removesuffix(":*")  # as the real provider keeps it
        return {
            "arn": arn,
            "retention_in_days": group.get("retentionInDays", 0),
            "kms_key_id": group.get("kmsKeyId"),
            "tags": logs.list_tags_for_resource(resourceArn=arn)["tags"],
        }

    def change(self, before: State, after: State) -> None:
        """Set the retention, the key and the tags."""
        logs = self.aws.client("logs")
        self._retain(after)
        if after["kms_key_id"] != before["kms_key_id"]:
            logs.associate_kms_key(logGroupName=before["id"], kmsKeyId=after["kms_key_id"])
        if after["tags"]:
            logs.tag_resource(resourceArn=before["arn"], tags=after["tags"])

    def _retain(self, state: State) -> None:
        if state["retention_in_days"]:
            days = int(state["retention_in_days"])
            self.aws.client("logs").put_retention_policy(logGroupName=state["name"], retentionInDays=days)

    def remove(self, state: State) -> None:
        """Delete the log group."""
        self.aws.client("logs").delete_log_group(logGroupName=state["id"])


class MetricFilter(AwsResource):
    """A metric filter."""

    NAME = "cloudwatch_log_metric_filter"
    TAGGED = False
    ATTRIBUTES = (required("name", fixed=True), required("log_group_name", fixed=True), required("pattern"))
    BLOCKS = (
        list_block(
            "metric_transformation",
            required("namespace"),
            required("name"),
            required("value"),
            optional("default_value"),
        ),
    )

    def make(self, state: State) -> str:
        """Create or replace the filter."""
        (metric,) = state["metric_transformation"]
        default = {} if metric["default_value"] is None else {"defaultValue": float(metric["default_value"])}
        self.aws.client("logs").put_metric_filter(
            logGroupName=state["log_group_name"],
            filterName=state["name"],
            filterPattern=state["pattern"],
            metricTransformations=[
                {
                    "metricNamespace": metric["namespace"],
                    "metricName": metric["name"],
                    "metricValue": metric["value"],
                    **default,
                }
            ],
        )
        return str(state["name"])

    def look(self, state: State) -> State:
        """Find the filter by its name."""
        listed = self.aws.client("logs").describe_metric_filters(
            logGroupName=state["log_group_name"], filterNamePrefix=state["name"]
        )["metricFilters"]
        found = next((one for one in listed if one["filterName"] == state["name"]), None)
        if found is None:
            raise Gone
        (metric,) = found["metricTransformations"]
        default = metric.get("defaultValue")
        return {
            "pattern": found["filterPattern"],
            "metric_transformation": [
                {
                    "namespace": metric["metricNamespace"],
                    "name": metric["metricName"],
                    "value": metric["metricValue"],
                    "default_value": None if default is None else f"{default:g}",
                }
            ],
        }

    @override
    def change(self, before: State, after: State) -> None:
        """Replace the filter."""
        self.make(after)

    def remove(self, state: State) -> None:
        """Delete the filter."""
        self.aws.client("logs").delete_metric_filter(logGroupName=state["log_group_name"], filterName=state["name"])


# The attributes that are read back, with their names in the API. The numbers are whole but for the threshold.
_TEXTS = {
    "comparison_operator": "ComparisonOperator",
    "metric_name": "MetricName",
    "namespace": "Namespace",
    "statistic": "Statistic",
    "treat_missing_data": "TreatMissingData",
}
_NUMBERS = {"evaluation_periods": "EvaluationPeriods", "period": "Period"}


class Alarm(AwsResource):
    """An alarm on a metric."""

    NAME = "cloudwatch_metric_alarm"
    ATTRIBUTES = (
        required("alarm_name", fixed=True),
        optional("alarm_description"),
        required("comparison_operator"),
        required("evaluation_periods", NUMBER),
        optional("metric_name"),
        optional("namespace"),
        optional("period", NUMBER),
        optional("statistic"),
        optional("threshold", NUMBER),
        defaulted("treat_missing_data", "missing"),
        optional("alarm_actions", TEXT_SET),
        computed("arn"),
    )

    def make(self, state: State) -> str:
        """Create or replace the alarm."""
        self.aws.client("cloudwatch").put_metric_alarm(
            AlarmName=state["alarm_name"],
            AlarmDescription=state["alarm_description"] or "",
            AlarmActions=state["alarm_actions"] or [],
            Threshold=float(state["threshold"]),
            Tags=key_values(state["tags"]),
            **{name: state[attribute] for attribute, name in _TEXTS.items()},
            **{name: int(state[attribute]) for attribute, name in _NUMBERS.items()},
        )
        return str(state["alarm_name"])

    def look(self, state: State) -> State:
        """Find the alarm by its name."""
        cloudwatch = self.aws.client("cloudwatch")
        listed = cloudwatch.describe_alarms(AlarmNames=[state["id"]])["MetricAlarms"]
        if not listed:
            raise Gone
        alarm = listed[0]
        tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
        return {
            "arn": alarm["AlarmArn"],
            "alarm_description": alarm.get("AlarmDescription"),
            "alarm_actions": alarm["AlarmActions"] or state["alarm_actions"],  # none and an empty set are the same
            "threshold": alarm["Threshold"],
            "tags": tag_map(tags),
            **{attribute: alarm[name] for attribute, name in (_TEXTS | _NUMBERS).items()},
        }

    def change(self, before: State, after: State) -> None:
        """Replace the alarm, and tag it: PutMetricAlarm leaves the tags of an existing one alone."""
        self.make(after)
        self.aws.client("cloudwatch").tag_resource(ResourceARN=before["arn"], Tags=key_values(after["tags"]))

    def remove(self, state: State) -> None:
        """Delete the alarm."""
        self.aws.client("cloudwatch").delete_alarms(AlarmNames=[state["id"]])


RESOURCES = (LogGroup, MetricFilter, Alarm)
