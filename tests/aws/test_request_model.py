"""What botocore lets through and AWS would refuse is seen before it is sent."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from fluo_audit.aws.request_model import violations

MODELS = botocore.session.get_session()
COST = {
    "TimePeriod": {"Start": "2026-10-01", "End": "2026-11-01"},
    "Granularity": "DAILY",
    "Metrics": ["UnblendedCost"],
}


def broken(api: str, parameters: dict[str, Any]) -> list[str]:
    service, operation = api.split(":")
    shape = MODELS.get_service_model(service).operation_model(operation).input_shape
    assert shape is not None
    return list(violations(shape, parameters))


@pytest.mark.parametrize(
    ("api", "parameters", "said"),
    [
        ("cloudtrail:LookupEvents", {"MaxResults": 1000}, "MaxResults: 1000 is more than 50"),
        ("cloudtrail:LookupEvents", {"MaxResults": 0}, "MaxResults: 0 is less than 1"),
        ("kms:EnableKeyRotation", {"KeyId": "k", "RotationPeriodInDays": 5000}, "5000 is more than 2560"),
        ("kms:ListGrants", {"KeyId": "k", "Limit": 2000}, "Limit: 2000 is more than 1000"),
        ("kms:DescribeKey", {"KeyId": "k" * 3000}, "KeyId: 3000 characters is more than 2048"),
        ("organizations:ListAccounts", {"MaxResults": 100}, "MaxResults: 100 is more than 20"),
        (
            "cloudtrail:LookupEvents",
            {"LookupAttributes": [{"AttributeKey": "ResourceArn", "AttributeValue": "x"}]},
            "LookupAttributes[0].AttributeKey: 'ResourceArn' is not one of",
        ),
        ("ce:GetCostAndUsage", {**COST, "TimePeriod": {"Start": "01.10.2026", "End": "x"}}, "TimePeriod.Start"),
        ("ce:GetCostAndUsage", {**COST, "Granularity": "WEEKLY"}, "Granularity: 'WEEKLY' is not one of"),
        ("iam:GetRole", {"RoleName": "fluo backend"}, "RoleName: 'fluo backend' does not match"),
        ("iam:GetRole", {"RoleName": ""}, "RoleName: 0 characters is less than 1"),
        ("cloudwatch:ListMetrics", {"Dimensions": [{"Name": "n"}] * 11}, "Dimensions: 11 items is more than 10"),
        ("kms:Encrypt", {"EncryptionContext": {"a": "b"}, "KeyId": ""}, "KeyId: 0 characters is less than 1"),
    ],
)
def test_a_value_outside_the_model_is_named_with_its_place(api: str, parameters: dict[str, Any], said: str):
    found = broken(api, parameters)

    assert any(said in each for each in found), found


@pytest.mark.parametrize(
    ("api", "parameters"),
    [
        ("cloudtrail:LookupEvents", {"MaxResults": 50}),
        ("ce:GetCostAndUsage", COST),
        ("iam:GetRole", {"RoleName": "fluo-backend"}),
        ("kms:ListAliases", {"Marker": "AE0=", "Limit": 1000}),
        ("ce:GetCostAndUsage", {**COST, "Filter": {"CostCategories": {"Key": "Größe"}}}),  # a \p{..} pattern
    ],
)
def test_a_value_that_aws_takes_is_let_through(api: str, parameters: dict[str, Any]):
    assert broken(api, parameters) == []


@pytest.mark.parametrize(
    "parameters", [{"MaxResults": "many"}, {"LookupAttributes": None}, {"LookupAttributes": ["x"]}, {"NextToken": 5}]
)
def test_a_value_of_another_type_is_left_to_botocore(parameters: dict[str, Any]):
    assert broken("cloudtrail:LookupEvents", parameters) == []


def test_a_member_the_model_does_not_know_is_left_to_botocore():
    assert broken("kms:DescribeKey", {"KeyId": "k", "Colour": "red"}) == []
