"""What AWS billed: to the last digit, for whole months, and every page paid for is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fluo_audit.aws.door import Door
from fluo_audit.aws.live import LiveTransport
from fluo_audit.collect.costexplorer import collect_cost
from fluo_audit.model.evidence import Completeness
from fluo_audit.model.scope import Period

AS_OF = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def day(at: str, *groups: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"TimePeriod": {"Start": at, "End": at}, "Groups": list(groups), **more}


def group(usage: str, unblended: str = "0.0322580645", blended: str = "0.03", quantity: str = "1") -> dict[str, Any]:
    metrics = {"UnblendedCost": unblended, "BlendedCost": blended, "UsageQuantity": quantity}
    return {"Keys": [usage], "Metrics": {name: {"Amount": amount, "Unit": "USD"} for name, amount in metrics.items()}}


def test_costs_of_every_page_are_kept_to_the_last_digit(aws):
    whole = {
        "TimePeriod": {"Start": "2025-11-01", "End": "2026-11-23"},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost", "BlendedCost", "UsageQuantity"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
        "Filter": {"Dimensions": {"Key": "SERVICE", "Values": ["AWS Key Management Service"]}},
    }
    first = [day("2026-11-01", group("us-east-1-KMS-Keys"), group("us-east-1-KMS-Requests", "0"), Estimated=False)]
    second = [day("2026-11-02"), day("2026-11-03", group("us-east-1-KMS-Keys", "1E-10"), Estimated=True)]
    aws.answers("ce:GetCostAndUsage", {"ResultsByTime": first, "NextPageToken": "t1"}, whole)
    aws.answers("ce:GetCostAndUsage", {"ResultsByTime": [], "NextPageToken": "t2"}, {**whole, "NextPageToken": "t1"})
    aws.answers("ce:GetCostAndUsage", {"ResultsByTime": second}, {**whole, "NextPageToken": "t2"})
    cost = aws.collect("cost")

    assert cost.value["day"].tolist() == [date(2026, 11, 1), date(2026, 11, 1), date(2026, 11, 3)]
    assert cost.value["unblended"].tolist() == [Decimal("0.0322580645"), Decimal(0), Decimal("1E-10")]
    assert cost.value["estimated"].tolist() == [False, False, True]
    assert cost.coverage.remarks[0] == "3 pages of Cost Explorer, $0.03"
    assert cost.coverage.covered == "2025-11-01 to 2026-11-22, by day"
    assert cost.coverage.completeness is Completeness.COMPLETE
    assert cost.proof == ("E01",)


def test_an_estimate_that_is_not_stated_is_left_open(aws):
    aws.answers("ce:GetCostAndUsage", {"ResultsByTime": [day("2026-11-01", group("KMS-Keys"))]})
    cost = aws.collect("cost")

    assert cost.value["estimated"].isna().all()
    assert cost.coverage.remarks[0] == "1 page of Cost Explorer, $0.01"


def without(path: tuple[Any, ...]) -> dict[str, Any]:
    broken = day("2026-11-01", group("KMS-Keys"))
    place: Any = broken
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return broken


@pytest.mark.parametrize(
    "broken",
    [
        without(("Groups",)),
        without(("TimePeriod",)),
        without(("Groups", 0, "Keys", 0)),
        without(("Groups", 0, "Metrics")),
        without(("Groups", 0, "Metrics", "UnblendedCost")),
        without(("Groups", 0, "Metrics", "BlendedCost", "Amount")),
        day("01.11.2026", group("KMS-Keys")),
        day("2026-11-01", group("KMS-Keys", "1,00")),
        day("2026-11-01", group("KMS-Keys", "")),
        day("2026-11-01", group("KMS-Keys", "NaN")),
        day("2026-11-01", group("KMS-Keys", "-Infinity")),
    ],
)
def test_a_malformed_day_makes_the_source_missing(aws, broken: dict[str, Any]):
    """A sum over the other days would look like a smaller bill."""
    aws.answers("ce:GetCostAndUsage", {"ResultsByTime": [day("2026-10-31", group("KMS-Keys")), broken]})
    missing = aws.collect("cost")

    assert (missing.operation, missing.reason) == ("ce:GetCostAndUsage", "malformed answer")
    assert missing.message.startswith("a day with")


def test_what_cost_explorer_forgot_is_a_gap(aws):
    aws.answers("ce:GetCostAndUsage", {"ResultsByTime": []})
    cost = aws.collect("cost", period=Period(AS_OF - timedelta(days=500), AS_OF))

    assert cost.coverage.gaps == ("before 2025-11-01: Cost Explorer keeps thirteen months",)


def test_costs_that_are_not_there_yet_are_a_reason(aws):
    aws.refuses("ce:GetCostAndUsage", "DataUnavailableException")

    assert aws.collect("cost").reason == "DataUnavailableException"


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "us-east-1"), ("aws-cn", "cn-northwest-1"), ("aws-us-gov", "us-gov-west-1")]
)
def test_cost_explorer_is_asked_where_the_partition_has_it(aws, partition: str, region: str):
    aws.answers("ce:GetCostAndUsage", {"ResultsByTime": []})
    job = aws.job()
    home = "us-gov-west-1" if partition == "aws-us-gov" else "eu-west-1"
    key = job.scope.key_arn.replace("arn:aws:kms:us-east-1", f"arn:{partition}:kms:{home}")
    door = Door(LiveTransport(aws, aws.clock), home)
    collect_cost(door.reader("cost"), replace(job, scope=replace(job.scope, key_arn=key, region=home)), {})

    assert [e.call.region for e in door.exchanges] == [region]


@pytest.mark.parametrize(
    ("now", "first"), [("2026-11-01", "2025-11-01"), ("2026-01-31", "2025-01-01"), ("2028-02-29", "2027-02-01")]
)
def test_twelve_whole_months_are_asked_for(aws, now: str, first: str):
    aws.answers("ce:GetCostAndUsage", {"ResultsByTime": []})
    job = aws.job()
    as_of = datetime.fromisoformat(f"{now}T00:00:00+00:00")
    door = Door(LiveTransport(aws, aws.clock), "us-east-1")
    collect_cost(door.reader("cost"), replace(job, scope=replace(job.scope, as_of=as_of)), {})

    assert door.exchanges[0].call.parameters["TimePeriod"] == {"Start": first, "End": now}
