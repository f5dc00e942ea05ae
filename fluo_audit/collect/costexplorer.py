"""What AWS billed for KMS, by day and usage type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from fluo_audit.aws.door import Reader
from fluo_audit.collect.job import Facts, Job
from fluo_audit.frames import frame
from fluo_audit.model.evidence import Coverage, Have
from fluo_audit.model.sources import COST

SERVICE = "AWS Key Management Service"
REGION = {"aws": "us-east-1", "aws-cn": "cn-northwest-1"}
"""Cost Explorer has one endpoint a partition: https://docs.aws.amazon.com/general/latest/gr/billing.html"""
CENTS_A_PAGE = 1
"""Each page of the Cost Explorer API costs $0.01: https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/"""


def collect_cost(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """ce:GetCostAndUsage, daily and by usage type, for the last twelve whole months and the one that runs.

    Cost Explorer knows the account and the service, not the key: other keys of the account are in these figures.
    """
    last = job.scope.as_of.date()
    first = _month_start(last, 12)
    rows = [row for day in _days(read, job, first, last) for row in _rows(read, day)]
    pages = len(read.calls)
    gaps: tuple[str, ...] = ()
    if job.scope.period.start.date() < first:
        gaps = (f"before {first}: Cost Explorer keeps thirteen months",)
    coverage = Coverage(
        asked=f"{first} to {last - timedelta(days=1)}, by day",
        covered=f"{first} to {last - timedelta(days=1)}, by day",
        records=len(rows),
        gaps=gaps,
        remarks=(
            f"{pages} page{'s' if pages > 1 else ''} of Cost Explorer, ${pages * CENTS_A_PAGE / 100:.2f}",
            "all KMS keys of the account; figures of the running month are estimates",
        ),
    )
    return Have(frame(COST, rows), read.proof, coverage)


def _days(read: Reader, job: Job, first: date, last: date) -> Iterator[dict[str, Any]]:
    yield from read.pages(
        "ce",
        "GetCostAndUsage",
        "ResultsByTime",
        token=("NextPageToken", "NextPageToken"),
        region=REGION.get(job.scope.partition, job.scope.region),
        TimePeriod={"Start": first.isoformat(), "End": last.isoformat()},
        Granularity="DAILY",
        Metrics=["UnblendedCost", "BlendedCost", "UsageQuantity"],
        GroupBy=[{"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
        Filter={"Dimensions": {"Key": "SERVICE", "Values": [SERVICE]}},
    )


def _rows(read: Reader, day: dict[str, Any]) -> Iterator[dict[str, Any]]:
    try:
        for group in day["Groups"]:
            amounts = group["Metrics"]
            yield {
                "day": date.fromisoformat(day["TimePeriod"]["Start"]),
                "usage_type": group["Keys"][0],
                "unblended": _amount(amounts, "UnblendedCost"),
                "blended": _amount(amounts, "BlendedCost"),
                "usage_quantity": _amount(amounts, "UsageQuantity"),
                "estimated": day.get("Estimated"),
            }
    except (KeyError, IndexError) as error:
        raise read.malformed("ce:GetCostAndUsage", f"a day without {error}") from error
    except ValueError as error:
        raise read.malformed("ce:GetCostAndUsage", f"a day with {error}") from error


def _amount(amounts: dict[str, Any], name: str) -> Decimal:
    text = amounts[name]["Amount"]
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise ValueError(f"{name} {text!r}")
    return amount


def _month_start(day: date, months_back: int) -> date:
    months = day.year * 12 + day.month - 1 - months_back
    return date(months // 12, months % 12 + 1, 1)
