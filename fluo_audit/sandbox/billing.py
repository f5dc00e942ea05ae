"""What the account is billed, hour by hour: the source of the Cost Explorer rows.

A KMS key costs $1 a month; its first and its second rotation add $1 a month each, later ones nothing. The month's price
is spread evenly over the hours of the month. Requests stay under the free 20,000 a month and cost nothing.
https://aws.amazon.com/kms/pricing/
"""

from __future__ import annotations

from bisect import bisect
from calendar import monthrange
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fluo_audit.sandbox.ledger import Ledger
    from fluo_audit.sandbox.story import KeyStory

KMS_SERVICE = "AWS Key Management Service"
EC2_SERVICE = "Amazon Elastic Compute Cloud - Compute"
KEYS, REQUESTS, BOXES = "us-east-1-KMS-Keys", "us-east-1-KMS-Requests", "BoxUsage:t3.medium"
_PAID_ROTATIONS = 2
_BOX_HOURLY, _BOX_COUNT = Decimal("0.0416"), 3
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the bill of one day: usage in the unit of the usage type, cost in US dollars."""

    day: date
    service: str
    usage_type: str
    unit: str
    usage: Decimal
    cost: Decimal


class Bill:
    """The bill of the account up to now.

    Only the production key is in it. The staging key is left out, so that the total of KMS is the cost of one key and a
    report can be checked against it; on AWS it would add $1 a month to the same rows.
    """

    def __init__(self, key: KeyStory, ledger: Ledger, now: datetime) -> None:
        self._requests: Counter[date] = Counter()
        for event in ledger.having("ResourceName", key.arn):
            if event.read_only and event.type == "AwsApiCall":
                self._requests[event.time.date()] += 1
        self._hours = {day: _hours(day, key.created, now) for day in _days(key.created.date(), now.date())}
        self._rotations = [rotation.date for rotation in key.rotations[:_PAID_ROTATIONS]]

    def rows(self) -> list[Row]:
        """Return the lines of the bill, day by day."""
        lines: list[Row] = []
        for day, hours in self._hours.items():
            stored = Decimal(len(hours)) / _hours_in_month(day)
            lines.append(Row(day, KMS_SERVICE, KEYS, "Keys", stored, self._storage(day)))
            lines.append(Row(day, KMS_SERVICE, REQUESTS, "Requests", Decimal(self._requests[day]), Decimal(0)))
            boxes = Decimal(len(hours) * _BOX_COUNT)
            lines.append(Row(day, EC2_SERVICE, BOXES, "Hrs", boxes, boxes * _BOX_HOURLY))
        return lines

    def daily_cost(self) -> dict[date, Decimal]:
        """Return the cost of the key per UTC day; today's up to now."""
        return {day: rounded(self._storage(day)) for day in self._hours}

    def monthly_cost(self) -> dict[date, Decimal]:
        """Return the cost of the key per month, by the first day of the month."""
        months: dict[date, Decimal] = defaultdict(Decimal)
        for day in self._hours:
            months[day.replace(day=1)] += self._storage(day)
        return {month: rounded(cost) for month, cost in months.items()}

    def _storage(self, day: date) -> Decimal:
        """Return the price of the key's hours in a day, before rounding."""
        dollars = sum(1 + bisect(self._rotations, hour) for hour in self._hours[day])
        return Decimal(dollars) / _hours_in_month(day)


def rounded(amount: Decimal) -> Decimal:
    """Return an amount with the ten decimals Cost Explorer gives."""
    return amount.quantize(Decimal("0.0000000001"))


def _hours(day: date, start: datetime, end: datetime) -> list[datetime]:
    """Return the hours of a day, by their first moment, in which something that runs from start to end is billed."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    hours = (midnight + number * _HOUR for number in range(24))
    return [hour for hour in hours if start - _HOUR < hour <= end - _HOUR]


def _hours_in_month(day: date) -> int:
    return monthrange(day.year, day.month)[1] * 24


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
