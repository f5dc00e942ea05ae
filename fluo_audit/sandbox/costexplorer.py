"""Cost Explorer over the account's bill: honours filter, metrics, groups and dates. moto honours none of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.billing import rounded
from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.paging import BadMarkerError, page_of
from fluo_audit.sandbox.story import REGION
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fluo_audit.sandbox.billing import Row
    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request

PAGE = 62  # periods a page; what AWS cuts at is not documented
HISTORY_MONTHS = 13
_MOST_GROUPS = 2
_COSTS = ("BlendedCost", "UnblendedCost", "AmortizedCost", "NetUnblendedCost", "NetAmortizedCost")
_METRICS = (*_COSTS, "UsageQuantity", "NormalizedUsageAmount")


@dataclass(frozen=True, slots=True)
class Period:
    """One row of an answer: days with start <= day < end."""

    start: date
    end: date


class CostExplorer:
    """GetCostAndUsage over the lines of a bill."""

    def __init__(self, clock: SimulatedClock, rows: Sequence[Row]) -> None:
        self._clock = clock
        self._rows = rows

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {"GetCostAndUsage": self.get_cost_and_usage}

    def get_cost_and_usage(self, request: Request) -> dict[str, Any]:
        """Return cost and usage by day or month, in pages."""
        parameters = dict(request.parameters)
        token = parameters.pop("NextPageToken", None)
        metrics, groups = _metrics(parameters), _groups(parameters)
        periods = self._periods(parameters)
        try:
            page, following = page_of(periods, PAGE, token, parameters)
        except BadMarkerError:
            raise AwsError("InvalidNextTokenException", "The pagination token is invalid") from None
        wanted = [row for row in self._rows if _matches(row, parameters.get("Filter"))]
        this_month = self._clock.now().date().replace(day=1)
        results = []
        for period in page:
            rows = [row for row in wanted if period.start <= row.day < period.end]
            results.append(
                {
                    "TimePeriod": {"Start": period.start.isoformat(), "End": period.end.isoformat()},
                    "Total": {} if groups else _amounts(rows, metrics),
                    "Groups": _grouped(rows, groups, metrics),
                    # The bill of a month is final some days after its end; here, at its end.
                    "Estimated": period.end > this_month,
                }
            )
        answer: dict[str, Any] = {"ResultsByTime": results, "DimensionValueAttributes": []}
        if groups:
            answer["GroupDefinitions"] = parameters["GroupBy"]
        return answer | ({"NextPageToken": following} if following else {})

    def _periods(self, parameters: Mapping[str, Any]) -> list[Period]:
        start, end = (_day(parameters["TimePeriod"][name]) for name in ("Start", "End"))
        today = self._clock.now().date()
        if start >= end:
            raise _invalid("Start date (and hour) should be before end date (and hour)")
        if start > today:
            raise _invalid("Start date cannot be after today")
        if start < _months_before(today, HISTORY_MONTHS):
            raise _invalid("You haven't enabled historical data beyond 13 months")
        granularity = parameters.get("Granularity")
        if granularity not in {"DAILY", "MONTHLY"}:
            raise _invalid(f"Granularity {granularity} is not enabled for this account")
        periods = []
        while start < end:
            following = (
                start + timedelta(days=1)
                if granularity == "DAILY"
                else (start.replace(day=1) + timedelta(days=32)).replace(day=1)
            )
            periods.append(Period(start, min(following, end)))
            start = following
        return periods


def _metrics(parameters: Mapping[str, Any]) -> Sequence[str]:
    metrics: Sequence[str] = parameters.get("Metrics") or ()
    if not metrics or not set(metrics) <= set(_METRICS):
        raise _invalid(f"Metrics must be some of {', '.join(_METRICS)}")
    return metrics


def _groups(parameters: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    groups: Sequence[Mapping[str, str]] = parameters.get("GroupBy") or ()
    if len(groups) > _MOST_GROUPS:
        raise _invalid("Number of group definitions cannot exceed 2")
    return groups


def _dimension(row: Row, key: str) -> str:
    known = {
        "SERVICE": row.service,
        "USAGE_TYPE": row.usage_type,
        "REGION": REGION,
        "LINKED_ACCOUNT": ACCOUNT,
        "RECORD_TYPE": "Usage",
    }
    if key not in known:
        raise _invalid(f"Dimension {key} is not simulated")
    return known[key]


def _matches(row: Row, expression: Mapping[str, Any] | None) -> bool:
    """Tell whether a row passes a filter. No cost allocation tag is activated: a filter by tag matches nothing."""
    if not expression:
        return True
    if len(expression) != 1:
        raise _invalid("An expression has exactly one of And, Or, Not, Dimensions, Tags, CostCategories")
    ((kind, operand),) = expression.items()
    if kind == "And":
        return all(_matches(row, one) for one in operand)
    if kind == "Or":
        return any(_matches(row, one) for one in operand)
    if kind == "Not":
        return not _matches(row, operand)
    absent = "ABSENT" in operand.get("MatchOptions", ())
    return absent if kind != "Dimensions" else _dimension(row, operand["Key"]) in operand.get("Values", ())


def _grouped(rows: Iterable[Row], groups: Sequence[Mapping[str, str]], metrics: Sequence[str]) -> list[dict[str, Any]]:
    if not groups:
        return []
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        keys = tuple(f"{one['Key']}$" if one["Type"] == "TAG" else _dimension(row, one["Key"]) for one in groups)
        found[keys].append(row)
    return [{"Keys": keys, "Metrics": _amounts(found[keys], metrics)} for keys in sorted(found)]


def _amounts(rows: Sequence[Row], metrics: Sequence[str]) -> dict[str, dict[str, str]]:
    cost = rounded(sum((row.cost for row in rows), Decimal(0)))
    usage = rounded(sum((row.usage for row in rows), Decimal(0)))
    units = {row.unit for row in rows}
    unit = units.pop() if len(units) == 1 else "N/A"
    return {
        metric: {"Amount": _amount(cost), "Unit": "USD"}
        if metric in _COSTS
        else {"Amount": _amount(usage), "Unit": unit}
        for metric in metrics
    }


def _amount(value: Decimal) -> str:
    """Return an amount as Cost Explorer writes it: a string without trailing zeros."""
    return format(value.normalize(), "f") if value else "0"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _invalid(f"Invalid date {text}: expected yyyy-MM-dd") from None


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
