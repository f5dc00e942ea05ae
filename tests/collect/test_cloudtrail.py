"""Trails as AWS describes them: where they deliver, whether they do, and what they record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TRAIL = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"
AS_OF = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


# --- trails ------------------------------------------------------------------------------------------------------------


def trails_of(aws, *trails: Mapping[str, Any]) -> dict[str, Any]:
    aws.answers("cloudtrail:DescribeTrails", {"trailList": list(trails)}, {"includeShadowTrails": True})
    return {"trails": aws.collect("trails")}


def test_an_organisation_trail_of_another_region_is_listed(aws):
    trail = {
        "Name": "org",
        "TrailARN": "arn:aws:cloudtrail:eu-west-1:999999999999:trail/org",
        "HomeRegion": "eu-west-1",
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": True,
        "LogFileValidationEnabled": False,
        "IncludeGlobalServiceEvents": True,
        "S3BucketName": "b",
        "S3KeyPrefix": "p",
        "KmsKeyId": KEY,
        "CloudWatchLogsLogGroupArn": "arn:aws:logs:eu-west-1:999999999999:log-group:x",
    }
    row = trails_of(aws, trail)["trails"].value.iloc[0]

    assert row.tolist() == [
        trail["TrailARN"],
        "org",
        "eu-west-1",
        True,
        True,
        False,
        True,
        "b",
        "p",
        KEY,
        trail["CloudWatchLogsLogGroupArn"],
    ]


def test_what_aws_leaves_out_of_a_trail_is_neither_yes_nor_no(aws):
    row = trails_of(aws, {"TrailARN": TRAIL})["trails"].value.iloc[0]

    assert row.drop("trail_arn").isna().all()


def test_the_status_is_asked_for_each_trail(aws):
    delivered = AS_OF - timedelta(minutes=4)
    facts = trails_of(aws, {"TrailARN": TRAIL}, {"TrailARN": f"{TRAIL}-2"})
    aws.answers("cloudtrail:GetTrailStatus", {"IsLogging": True, "LatestDeliveryTime": delivered}, {"Name": TRAIL})
    aws.answers(
        "cloudtrail:GetTrailStatus",
        {"IsLogging": False, "LatestDeliveryError": "AccessDenied", "StopLoggingTime": delivered},
        {"Name": f"{TRAIL}-2"},
    )
    first, second = aws.collect("trail_status", facts).value.to_dict("records")

    assert (first["is_logging"], first["latest_delivery_at"]) == (True, pd.Timestamp(delivered))
    assert pd.isna(first["latest_delivery_error"])
    assert pd.isna(first["latest_digest_at"])
    assert (second["is_logging"], second["latest_delivery_error"]) == (False, "AccessDenied")
    assert second["stopped_at"] == pd.Timestamp(delivered)


def test_a_status_without_its_one_answer_is_none(aws):
    facts = trails_of(aws, {"TrailARN": TRAIL})
    aws.answers("cloudtrail:GetTrailStatus", {})

    assert aws.collect("trail_status", facts).reason == "malformed answer"


@pytest.mark.parametrize("source", ["trail_status", "event_selectors"])
def test_without_trails_their_details_are_missing_for_the_same_reason(aws, source: str):
    aws.refuses("cloudtrail:DescribeTrails")
    missing = aws.collect("trails")

    assert aws.collect(source, {"trails": missing}) == missing


@pytest.mark.parametrize("source", ["trail_status", "event_selectors"])
def test_a_trail_without_arn_cannot_be_asked_about(aws, source: str):
    facts = trails_of(aws, {"Name": "nameless"})

    assert aws.collect(source, facts).reason == "malformed answer"


# --- event selectors -----------------------------------------------------------------------------------------------------


def selectors_of(aws, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    facts = trails_of(aws, {"TrailARN": TRAIL})
    aws.answers("cloudtrail:GetEventSelectors", {"TrailARN": TRAIL, **answer}, {"TrailName": TRAIL})
    rows = aws.collect("event_selectors", facts).value
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def selected(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["management"], row["reads"], row["writes"], row["kms"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"ReadWriteType": "All", "IncludeManagementEvents": True}, (True, True, True, True)),
        ({"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}, (True, False, True, True)),
        ({"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}, (True, True, False, True)),
        ({"ReadWriteType": "All", "IncludeManagementEvents": False}, (False, True, True, True)),
        ({}, (None, None, None, True)),
        (
            {
                "ReadWriteType": "All",
                "IncludeManagementEvents": True,
                "ExcludeManagementEventSources": ["rdsdata.amazonaws.com", "kms.amazonaws.com"],
            },
            (True, True, True, False),
        ),
        (
            {
                "ReadWriteType": "All",
                "IncludeManagementEvents": True,
                "ExcludeManagementEventSources": ["rdsdata.amazonaws.com"],
            },
            (True, True, True, True),
        ),
    ],
)
def test_a_classic_selector(aws, selector: dict[str, Any], expected: tuple[Any, ...]):
    (row,) = selectors_of(aws, {"EventSelectors": [selector]})

    assert selected(row) == expected
    assert json.loads(row["selector"]) == selector


def advanced(*fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"AdvancedEventSelectors": [{"Name": "n", "FieldSelectors": [MANAGEMENT, *fields]}]}


MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


@pytest.mark.parametrize(
    ("condition", "kms"),
    [
        ({"Equals": ["kms.amazonaws.com"]}, True),
        ({"Equals": ["s3.amazonaws.com", "kms.amazonaws.com"]}, True),
        ({"Equals": ["s3.amazonaws.com"]}, False),
        ({"NotEquals": ["kms.amazonaws.com"]}, False),
        ({"NotEquals": ["rdsdata.amazonaws.com"]}, True),
        ({"StartsWith": ["kms."]}, True),
        ({"StartsWith": ["s3."]}, False),
        ({"NotStartsWith": ["km"]}, False),
        ({"NotStartsWith": ["s3"]}, True),
        ({"EndsWith": [".amazonaws.com"]}, True),
        ({"EndsWith": [".aws.internal"]}, False),
        ({"NotEndsWith": [".amazonaws.com"]}, False),
        ({"NotEndsWith": ["rdsdata.amazonaws.com"]}, True),
        ({"StartsWith": ["kms"], "NotEquals": ["kms.amazonaws.com"]}, False),
    ],
)
def test_an_advanced_selector_takes_or_drops_kms_by_every_operator(aws, condition: dict[str, Any], kms: bool):
    (row,) = selectors_of(aws, advanced({"Field": "eventSource", **condition}))

    assert selected(row) == (True, True, True, kms)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], (True, True, True, True)),
        ([{"Field": "readOnly", "Equals": ["true"]}], (True, True, False, True)),
        ([{"Field": "readOnly", "Equals": ["false"]}], (True, False, True, True)),
        ([{"Field": "readOnly", "NotEquals": ["true"]}], (True, False, True, True)),
        # What of the key's events is left by these cannot be told, and is neither yes nor no.
        ([{"Field": "eventName", "NotEquals": ["Decrypt"]}], (True, True, True, None)),
        ([{"Field": "userIdentity.arn", "NotEquals": ["arn:aws:iam::1:role/x"]}], (True, True, True, None)),
        ([{"Field": "sessionCredentialFromConsole", "Equals": ["true"]}], (True, True, True, None)),
        (
            [{"Field": "eventName", "Equals": ["Decrypt"]}, {"Field": "eventSource", "Equals": ["s3.amazonaws.com"]}],
            (True, True, True, False),
        ),
    ],
)
def test_the_other_fields_of_an_advanced_selector(aws, fields: list[dict[str, Any]], expected: tuple[Any, ...]):
    (row,) = selectors_of(aws, advanced(*fields))

    assert selected(row) == expected


def test_a_selector_of_data_events_records_no_management_events(aws):
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]
    (row,) = selectors_of(aws, {"AdvancedEventSelectors": [{"FieldSelectors": fields}]})

    assert row["management"] is False


def test_each_selector_is_a_row(aws):
    both = [
        {"FieldSelectors": [MANAGEMENT, {"Field": "readOnly", "Equals": ["true"]}]},
        {"FieldSelectors": [MANAGEMENT, {"Field": "readOnly", "Equals": ["false"]}]},
    ]
    rows = selectors_of(aws, {"AdvancedEventSelectors": both})

    assert [selected(row) for row in rows] == [(True, True, False, True), (True, False, True, True)]


def test_an_answer_without_any_kind_of_selector_is_none(aws):
    facts = trails_of(aws, {"TrailARN": TRAIL})
    aws.answers("cloudtrail:GetEventSelectors", {"TrailARN": TRAIL})

    assert aws.collect("event_selectors", facts).reason == "malformed answer"
