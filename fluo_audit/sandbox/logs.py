"""CloudWatch Logs: what moto takes though AWS refuses it, and what it leaves out of its answers.

Log events are not simulated: no metric filter ever counts one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.services import may_use_key
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.keys import Keys

_NAME = re.compile(r"[\w./#-]{1,512}", re.ASCII)
_RETENTION_DAYS = {
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}  # fmt: skip
_NO_GROUP = AwsError("ResourceNotFoundException", "The specified log group does not exist.")


class Logs:
    """Log groups and metric filters as moto keeps them."""

    def __init__(self, clock: SimulatedClock, keys: Keys) -> None:
        self._clock = clock
        self._keys = keys
        self._created: dict[tuple[str, str, str], int] = {}  # Region, log group, filter: epoch in milliseconds

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "CreateLogGroup": self.create_log_group,
            "DescribeLogGroups": self.describe_log_groups,
            "PutRetentionPolicy": self.put_retention_policy,
            "PutMetricFilter": self.put_metric_filter,
            "DescribeMetricFilters": self.describe_metric_filters,
        }

    def create_log_group(self, request: Request) -> dict[str, Any]:
        """Create a log group; its key must let CloudWatch Logs encrypt this very group."""
        name = request.parameters["logGroupName"]
        if not _NAME.fullmatch(name):
            pattern = "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
            raise AwsError("InvalidParameterException", f"Value at 'logGroupName' failed to satisfy: {pattern}")
        if key := request.parameters.get("kmsKeyId"):
            self._require_key(request, key, f"arn:aws:logs:{request.call.region}:{ACCOUNT}:log-group:{name}")
        return request.moto()

    def _require_key(self, request: Request, name: str, group: str) -> None:
        refused = AwsError(
            "AccessDeniedException",
            f"The specified KMS key does not exist or is not allowed to be used with Arn '{group}'",
        )
        try:
            key = self._keys.find_by_id(request, name)
        except AwsError:
            raise refused from None
        policy = request.ask("GetKeyPolicy", service="kms", KeyId=key["KeyId"], PolicyName="default")["Policy"]
        service, context = f"logs.{request.call.region}.amazonaws.com", {"aws:logs:arn": group}
        needed = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
        if not all(may_use_key(service, action, key["Arn"], policy, context=context) for action in needed):
            raise refused

    def describe_log_groups(self, request: Request) -> dict[str, Any]:
        """Return log groups with the number of their metric filters."""
        answer = request.moto()
        for group in answer["logGroups"]:
            group["metricFilterCount"] = len(self._filters(request, group["logGroupName"]))
        return answer

    def put_retention_policy(self, request: Request) -> dict[str, Any]:
        """Set the days that events are kept, one of the numbers CloudWatch Logs offers."""
        if request.parameters["retentionInDays"] not in _RETENTION_DAYS:
            allowed = ", ".join(map(str, sorted(_RETENTION_DAYS)))
            raise AwsError("InvalidParameterException", f"1 validation error: retentionInDays must be one of {allowed}")
        return request.moto()

    def put_metric_filter(self, request: Request) -> dict[str, Any]:
        """Create or replace a metric filter of a log group that exists."""
        group, name = request.parameters["logGroupName"], request.parameters["filterName"]
        self._require_group(request, group)
        if any(one["filterName"] == name for one in self._filters(request, group)):
            request.ask("DeleteMetricFilter", logGroupName=group, filterName=name)  # moto would have it twice
        present = int(self._clock.now().timestamp() * 1000)
        self._created.setdefault((request.call.region, group, name), present)
        return request.moto()

    def describe_metric_filters(self, request: Request) -> dict[str, Any]:
        """Return metric filters in order of name, with the time of their creation."""
        if group := request.parameters.get("logGroupName"):
            self._require_group(request, group)
        answer = request.moto()
        answer["metricFilters"].sort(key=lambda one: str(one["filterName"]))
        for one in answer["metricFilters"]:
            one["creationTime"] = self._created[request.call.region, one["logGroupName"], one["filterName"]]
        return answer

    def _filters(self, request: Request, group: str) -> list[Any]:
        found: list[Any] = request.ask("DescribeMetricFilters", logGroupName=group)["metricFilters"]
        return found

    def _require_group(self, request: Request, name: str) -> None:
        found = request.ask("DescribeLogGroups", logGroupNamePrefix=name)["logGroups"]
        if not any(group["logGroupName"] == name for group in found):
            raise _NO_GROUP
