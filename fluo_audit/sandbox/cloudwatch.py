"""CloudWatch: the metrics of KMS, counted from the ledger, and alarms as AWS starts them.

Two metrics exist. AWS/Usage CallCount is documented and counts the whole account. AWS/KMS SuccessfulRequest with the
dimensions KeyArn and Operation is unconfirmed: AWS announced usage metrics per key in 2025, the names are from memory.
AWS/KMS UserErrorCount and SystemErrorCount, which the original alarms watch, do not exist.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.paging import BadMarkerError, page_of, read_marker, write_marker
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.ledger import Event, Ledger

_ALARM_PAGE, _METRIC_PAGE, _MOST_POINTS, _MOST_STATISTICS = 50, 500, 100_800, 1_440
_LISTED_FOR = timedelta(weeks=2)
# How long CloudWatch keeps points: below five minutes 15 days, below an hour 63 days, else 455 days.
_KEPT = ((300, timedelta(days=15)), (3600, timedelta(days=63)))
_KEPT_LONGEST = timedelta(days=455)
_COUNTED = {"Sum", "SampleCount"}
_STATISTICS = _COUNTED | {"Average", "Minimum", "Maximum"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: namespace, name and dimensions in order of name."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    def listed(self) -> dict[str, Any]:
        """Return the metric as ListMetrics gives it."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}


_NAMESPACES = {"AWS/KMS", "AWS/Usage"}


class CloudWatch:
    """Metrics derived from the ledger; alarms kept by moto."""

    def __init__(self, clock: SimulatedClock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._counted: dict[str, dict[Metric, list[datetime]]] = defaultdict(lambda: defaultdict(list))
        self._read = 0

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "ListMetrics": self.list_metrics,
            "GetMetricData": self.get_metric_data,
            "GetMetricStatistics": self.get_metric_statistics,
            "PutMetricAlarm": self.put_metric_alarm,
            "DescribeAlarms": self.describe_alarms,
        }

    def _metrics(self, region: str) -> Mapping[Metric, Sequence[datetime]]:
        """Return the times of the calls each metric of a Region counts."""
        events = self._ledger.having("EventSource", "kms.amazonaws.com")
        for event in events[self._read :]:
            for metric in _metrics_of(event):
                self._counted[event.region][metric].append(event.time)
        self._read = len(events)
        return self._counted[region]

    def list_metrics(self, request: Request) -> dict[str, Any]:
        """Return the metrics that had data in the last two weeks."""
        parameters = dict(request.parameters)
        token = parameters.pop("NextToken", None)
        since = self._clock.now() - (timedelta(hours=3) if "RecentlyActive" in parameters else _LISTED_FOR)
        found = [metric for metric, times in self._metrics(request.call.region).items() if times[-1] >= since]
        found.sort(key=lambda metric: (metric.namespace, metric.name, metric.dimensions))
        listed = [metric.listed() for metric in found if _asked_for(metric, parameters)]
        if parameters.get("Namespace") not in _NAMESPACES:
            listed += request.moto()["Metrics"]
        page, following = _page(listed, _METRIC_PAGE, token, parameters)
        return {"Metrics": page} | following

    def get_metric_data(self, request: Request) -> dict[str, Any]:
        """Return the points of several metrics, in pages of `MaxDatapoints`. Expressions are not simulated."""
        parameters = dict(request.parameters)
        token, most = parameters.pop("NextToken", None), parameters.get("MaxDatapoints", _MOST_POINTS)
        skip = _position(parameters, token)
        position, results = 0, []
        for query in parameters["MetricDataQueries"]:
            points = self._points_of_query(request.call.region, query, parameters)
            first, last = max(skip - position, 0), max(skip + most - position, 0)
            position += len(points)
            shown = points[first:last]
            if not token or shown:
                results.append(
                    {
                        "Id": query["Id"],
                        "Label": query.get("Label", query["MetricStat"]["Metric"]["MetricName"]),
                        "Timestamps": [moment for moment, _ in shown],
                        "Values": [value for _, value in shown],
                        "StatusCode": "Complete" if last >= len(points) else "PartialData",
                    }
                )
        more = {"NextToken": write_marker(parameters, skip + most)} if position > skip + most else {}
        return {"MetricDataResults": results, "Messages": []} | more

    def _points_of_query(
        self, region: str, query: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> list[tuple[datetime, float]]:
        if "MetricStat" not in query:
            raise AwsError("ValidationError", "The simulated account answers MetricStat queries only, no expressions")
        stat = query["MetricStat"]
        if stat["Stat"] not in _STATISTICS:
            raise AwsError("ValidationError", f"The statistic {stat['Stat']} is not simulated")
        metric = _metric(stat["Metric"])
        counts = self._counts(region, metric, parameters["StartTime"], parameters["EndTime"], stat["Period"])
        points = [(moment, float(count) if stat["Stat"] in _COUNTED else 1.0) for moment, count in counts]
        return points if parameters.get("ScanBy") == "TimestampAscending" else points[::-1]

    def get_metric_statistics(self, request: Request) -> dict[str, Any]:
        """Return the points of one metric, in no order, as AWS warns."""
        parameters = request.parameters
        period, start, end = parameters["Period"], parameters["StartTime"], parameters["EndTime"]
        wanted = (end - start).total_seconds() / period
        if wanted > _MOST_STATISTICS:
            message = f"You have requested up to {wanted:.0f} datapoints, which exceeds the limit of 1,440."
            raise AwsError("InvalidParameterCombination", message)
        points = []
        for moment, count in self._counts(request.call.region, _metric(parameters), start, end, period):
            values = {name: float(count) if name in _COUNTED else 1.0 for name in parameters.get("Statistics", ())}
            points.append({"Timestamp": moment, "Unit": "Count", **values})
        Random(len(points)).shuffle(points)  # noqa: S311 - repeatable on purpose, no secret
        return {"Label": parameters["MetricName"], "Datapoints": points}

    def _counts(
        self, region: str, metric: Metric, start: datetime, end: datetime, period: int
    ) -> Iterator[tuple[datetime, int]]:
        """Yield the periods with data. A period starts at a multiple of its length; without data there is no point."""
        times = self._metrics(region).get(metric, ())
        kept = next((age for below, age in _KEPT if period < below), _KEPT_LONGEST)
        oldest = max(start, self._clock.now() - kept)
        number = int(oldest.timestamp()) // period
        while (moment := datetime.fromtimestamp(number * period, UTC)) < end:
            number += 1
            count = bisect_left(times, moment + timedelta(seconds=period)) - bisect_left(times, moment)
            if count:
                yield moment, count

    def put_metric_alarm(self, request: Request) -> dict[str, Any]:
        """Create or change an alarm. A new one is in INSUFFICIENT_DATA, and stays so while its metric has no data.

        A change leaves state and tags as they are.
        """
        name = request.parameters["AlarmName"]
        known = request.ask("DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
        answer = request.moto(**({"Tags": []} if known else {}))
        state = known[0]["StateValue"] if known else "INSUFFICIENT_DATA"
        reason = known[0]["StateReason"] if known else "Unchecked: Initial alarm creation"
        request.ask("SetAlarmState", AlarmName=name, StateValue=state, StateReason=reason)
        return answer

    def describe_alarms(self, request: Request) -> dict[str, Any]:
        """Return the alarms in order of name, in pages."""
        parameters = dict(request.parameters)
        token, size = parameters.pop("NextToken", None), parameters.get("MaxRecords", _ALARM_PAGE)
        known = request.moto()
        page, following = _page(
            sorted(known["MetricAlarms"], key=lambda alarm: str(alarm["AlarmName"])), size, token, parameters
        )
        return {"MetricAlarms": page, "CompositeAlarms": known.get("CompositeAlarms", [])} | following


def _metrics_of(event: Event) -> Iterator[Metric]:
    """Yield the metrics an event counts in."""
    if event.type != "AwsApiCall":
        return
    usage = (("Class", "None"), ("Resource", event.name), ("Service", "KMS"), ("Type", "API"))
    yield Metric("AWS/Usage", "CallCount", usage)
    if not event.error_code and event.parameters and "encryptionContext" in event.parameters:
        for resource in event.resources:
            yield Metric("AWS/KMS", "SuccessfulRequest", (("KeyArn", resource.arn), ("Operation", event.name)))


def _metric(asked: Mapping[str, Any]) -> Metric:
    dimensions = sorted((one["Name"], one["Value"]) for one in asked.get("Dimensions", ()))
    return Metric(asked["Namespace"], asked["MetricName"], tuple(dimensions))


def _asked_for(metric: Metric, parameters: Mapping[str, Any]) -> bool:
    if (
        parameters.get("Namespace", metric.namespace) != metric.namespace
        or parameters.get("MetricName", metric.name) != metric.name
    ):
        return False
    has = dict(metric.dimensions)
    return all(
        one["Name"] in has and one.get("Value", has[one["Name"]]) == has[one["Name"]]
        for one in parameters.get("Dimensions", ())
    )


def _page(
    items: Sequence[Any], size: int, token: str | None, parameters: Mapping[str, Any]
) -> tuple[Sequence[Any], dict[str, str]]:
    try:
        page, following = page_of(items, size, token, parameters)
    except BadMarkerError:
        raise AwsError("InvalidNextToken", "The next token specified is invalid.") from None
    return page, {"NextToken": following} if following else {}


def _position(parameters: Mapping[str, Any], token: str | None) -> int:
    try:
        return read_marker(parameters, token) if token else 0
    except BadMarkerError:
        raise AwsError("InvalidNextToken", "The next token specified is invalid.") from None
