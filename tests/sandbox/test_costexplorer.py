"""Cost Explorer: filter, metrics, groups, dates and pages are honoured."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

KMS_ONLY = {"Dimensions": {"Key": "SERVICE", "Values": ["AWS Key Management Service"]}}
BY_TYPE = [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}]


@pytest.fixture
def cost(shared_account):
    client = shared_account.session.client("ce")

    def ask(start, end, granularity="DAILY", metrics=("UnblendedCost",), **more):
        results, token = [], {}
        while True:
            page = client.get_cost_and_usage(
                TimePeriod={"Start": str(start), "End": str(end)},
                Granularity=granularity,
                Metrics=list(metrics),
                **more,
                **token,
            )
            results.append(page["ResultsByTime"])
            if "NextPageToken" not in page:
                return results
            token = {"NextPageToken": page["NextPageToken"]}

    return ask


def total(result, metric="UnblendedCost"):
    return Decimal(result["Total"][metric]["Amount"])


def test_daily_costs_of_kms_are_the_truth(shared_account, cost):
    first, last = date(2026, 1, 1), date(2026, 11, 23)
    rows = [row for page in cost(first, last + timedelta(days=1), Filter=KMS_ONLY) for row in page]
    found = {date.fromisoformat(row["TimePeriod"]["Start"]): total(row) for row in rows}
    assert found == {day: amount for day, amount in shared_account.truth.daily_cost.items() if day >= first}


def test_monthly_costs_rise_with_the_first_two_rotations_only(shared_account, cost):
    rows = [row for page in cost("2025-11-01", "2026-11-01", "MONTHLY", Filter=KMS_ONLY) for row in page]
    found = {date.fromisoformat(row["TimePeriod"]["Start"]): total(row) for row in rows}
    assert found == {
        month: amount
        for month, amount in shared_account.truth.monthly_cost.items()
        if date(2025, 11, 1) <= month < date(2026, 11, 1)
    }
    assert (found[date(2025, 12, 1)], found[date(2026, 3, 1)], found[date(2026, 6, 1)], found[date(2026, 10, 1)]) == (
        1,
        2,
        3,
        3,
    )


def test_without_filter_the_other_service_shows(cost):
    ((row,),) = cost("2026-10-01", "2026-11-01", "MONTHLY", GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}])
    amounts = {group["Keys"][0]: Decimal(group["Metrics"]["UnblendedCost"]["Amount"]) for group in row["Groups"]}
    assert amounts["Amazon Elastic Compute Cloud - Compute"] > amounts["AWS Key Management Service"] == 3
    assert row["Total"] == {}


@pytest.mark.parametrize(
    "expression",
    [
        {"And": [KMS_ONLY, {"Dimensions": {"Key": "USAGE_TYPE", "Values": ["us-east-1-KMS-Keys"]}}]},
        {"Not": {"Dimensions": {"Key": "SERVICE", "Values": ["Amazon Elastic Compute Cloud - Compute"]}}},
        {"Or": [KMS_ONLY, {"Dimensions": {"Key": "REGION", "Values": ["eu-west-1"]}}]},
    ],
)
def test_filter_expressions_combine(cost, expression):
    ((row,),) = cost("2026-10-01", "2026-11-01", "MONTHLY", Filter=expression)
    assert total(row) == 3


def test_a_wrong_filter_finds_no_cost(cost):
    for wrong in (
        {"Dimensions": {"Key": "SERVICE", "Values": ["KMS"]}},
        {"Tags": {"Key": "Purpose", "Values": ["fluo-backend-encryption"]}},
    ):
        ((row,),) = cost("2026-10-01", "2026-11-01", "MONTHLY", Filter=wrong)
        assert total(row) == 0


def test_requests_under_the_free_tier_cost_nothing_but_are_counted(shared_account, cost):
    ((row,),) = cost(
        "2026-10-01", "2026-11-01", "MONTHLY", ("UnblendedCost", "UsageQuantity"), Filter=KMS_ONLY, GroupBy=BY_TYPE
    )
    groups = {group["Keys"][0]: group["Metrics"] for group in row["Groups"]}
    requests = groups["us-east-1-KMS-Requests"]
    assert requests["UnblendedCost"] == {"Amount": "0", "Unit": "USD"}
    in_october = sum(
        count for (day, name), count in shared_account.truth.operations.items()
        if (day.year, day.month) == (2026, 10) and name in {"GenerateDataKey", "Encrypt", "Decrypt", "DescribeKey"}
    )  # fmt: skip
    assert Decimal(requests["UsageQuantity"]["Amount"]) == in_october
    assert requests["UsageQuantity"]["Unit"] == "Requests"
    assert groups["us-east-1-KMS-Keys"]["UsageQuantity"] == {"Amount": "1", "Unit": "Keys"}


def test_the_current_month_is_an_estimate_and_the_end_is_excluded(cost):
    ((october, november),) = cost("2026-10-15", "2026-11-23", "MONTHLY")
    assert (october["TimePeriod"], october["Estimated"]) == ({"Start": "2026-10-15", "End": "2026-11-01"}, False)
    assert (november["TimePeriod"], november["Estimated"]) == ({"Start": "2026-11-01", "End": "2026-11-23"}, True)


def test_long_answers_come_in_pages_without_gap(cost):
    pages = cost("2026-08-01", "2026-11-01")
    assert len(pages) == 2
    days = [row["TimePeriod"]["Start"] for page in pages for row in page]
    assert days == [str(date(2026, 8, 1) + timedelta(days=number)) for number in range(92)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"TimePeriod": {"Start": "2026-10-02", "End": "2026-10-02"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "2025-09-30", "End": "2026-10-02"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "2026-12-01", "End": "2026-12-02"}}, "ValidationException"),
        ({"TimePeriod": {"Start": "yesterday", "End": "2026-10-02"}}, "ValidationException"),
        ({"Granularity": "HOURLY"}, "ValidationException"),
        ({"Metrics": ["Cost"]}, "ValidationException"),
        ({"Metrics": []}, "ValidationException"),
        ({"GroupBy": BY_TYPE * 3}, "ValidationException"),
        ({"Filter": {"Dimensions": {"Key": "AZ", "Values": ["a"]}}}, "ValidationException"),
        ({"Filter": {**KMS_ONLY, "Not": KMS_ONLY}}, "ValidationException"),
        ({"NextPageToken": "invented"}, "InvalidNextTokenException"),
    ],
)
def test_bad_requests_are_refused(shared_account, change, code):
    usual = {
        "TimePeriod": {"Start": "2026-10-01", "End": "2026-10-02"},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
    }
    with pytest.raises(ClientError) as error:
        shared_account.session.client("ce").get_cost_and_usage(**usual | change)
    assert error.value.response["Error"]["Code"] == code
