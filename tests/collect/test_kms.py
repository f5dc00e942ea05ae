"""The key as KMS tells it: fields left out are never taken for no."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

from fluo_audit.model.evidence import Missing

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:us-east-1:111122223333:key/{KEY_ID}"
MOMENT = datetime(2026, 1, 10, 9, 30, tzinfo=UTC)
ELSEWHERE = MOMENT.astimezone(timezone(timedelta(hours=-9)))


def test_a_key_with_everything(aws):
    aws.answers(
        "kms:DescribeKey",
        {
            "KeyMetadata": {
                "KeyId": KEY_ID,
                "Arn": KEY,
                "AWSAccountId": "111122223333",
                "KeyState": "PendingDeletion",
                "KeyManager": "CUSTOMER",
                "Origin": "EXTERNAL",
                "KeySpec": "SYMMETRIC_DEFAULT",
                "KeyUsage": "ENCRYPT_DECRYPT",
                "Description": "master",
                "MultiRegion": True,
                "MultiRegionConfiguration": {
                    "MultiRegionKeyType": "PRIMARY",
                    "PrimaryKey": {"Arn": KEY, "Region": "us-east-1"},
                    "ReplicaKeys": [{"Region": "us-west-2"}, {"Region": "eu-west-1"}],
                },
                "CreationDate": ELSEWHERE,
                "DeletionDate": ELSEWHERE,
                "ValidTo": ELSEWHERE,
                "CurrentKeyMaterialId": "m" * 64,
            }
        },
        {"KeyId": KEY},
    )
    key = aws.collect("key").value

    assert (key.state, key.manager, key.origin, key.usage) == (
        "PendingDeletion",
        "CUSTOMER",
        "EXTERNAL",
        "ENCRYPT_DECRYPT",
    )
    assert (key.multi_region, key.multi_region_type) == (True, "PRIMARY")
    assert key.replica_regions == ("eu-west-1", "us-west-2")
    assert key.created_at == key.deletion_at == key.valid_to == MOMENT
    assert key.created_at.utcoffset() == timedelta(0)
    assert key.current_material_id == "m" * 64


def test_a_key_of_which_aws_says_next_to_nothing(aws):
    aws.answers("kms:DescribeKey", {"KeyMetadata": {"KeyId": KEY_ID}})
    key = aws.collect("key").value

    assert key.multi_region is None
    assert (key.created_at, key.deletion_at, key.valid_to) == (None, None, None)
    assert (key.state, key.manager, key.origin, key.usage, key.multi_region_type) == ("", "", "", "", "")


@pytest.mark.parametrize(
    ("source", "api", "answer"),
    [
        ("key", "kms:DescribeKey", {}),
        ("key_policy", "kms:GetKeyPolicy", {}),
        ("rotation", "kms:GetKeyRotationStatus", {"KeyId": KEY_ID}),
        ("rotations", "kms:ListKeyRotations", {"Truncated": False}),
        ("aliases", "kms:ListAliases", {}),
        ("tags", "kms:ListResourceTags", {}),
        ("grants", "kms:ListGrants", {}),
        ("last_usage", "kms:GetKeyLastUsage", {"KeyId": KEY_ID}),
    ],
)
def test_an_answer_without_its_content_is_no_answer(aws, source: str, api: str, answer: dict[str, Any]):
    """An empty list would read as "there is none"."""
    aws.answers(api, answer)
    missing = aws.collect(source)

    assert isinstance(missing, Missing)
    assert (missing.operation, missing.reason) == (api, "malformed answer")


@pytest.mark.parametrize(
    ("source", "api"),
    [
        ("key", "kms:DescribeKey"),
        ("key_policy", "kms:GetKeyPolicy"),
        ("rotation", "kms:GetKeyRotationStatus"),
        ("rotations", "kms:ListKeyRotations"),
        ("aliases", "kms:ListAliases"),
        ("tags", "kms:ListResourceTags"),
        ("grants", "kms:ListGrants"),
        ("last_usage", "kms:GetKeyLastUsage"),
    ],
)
def test_a_denied_read_is_missing_with_the_action_to_grant(aws, source: str, api: str):
    aws.refuses(api)
    missing = aws.collect(source)

    assert isinstance(missing, Missing)
    assert (missing.operation, missing.reason, missing.remedy) == (
        api,
        "AccessDeniedException",
        f"grant {api} to the collector",
    )


def test_the_policy_is_taken_to_the_letter(aws):
    text = '{\n  "Version" : "2012-10-17", "Statement": []}\n'
    aws.answers("kms:GetKeyPolicy", {"Policy": text, "PolicyName": "default"}, {"KeyId": KEY, "PolicyName": "default"})

    assert aws.collect("key_policy").value.text == text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"KeyRotationEnabled": False}, (False, None, None, None)),
        (
            {"KeyRotationEnabled": True, "RotationPeriodInDays": 90, "NextRotationDate": ELSEWHERE},
            (True, 90, MOMENT, None),
        ),
        ({"KeyRotationEnabled": True, "OnDemandRotationStartDate": ELSEWHERE}, (True, None, None, MOMENT)),
    ],
)
def test_the_rotation_setting(aws, answer: dict[str, Any], expected: tuple[Any, ...]):
    aws.answers("kms:GetKeyRotationStatus", answer, {"KeyId": KEY})
    status = aws.collect("rotation").value

    assert (status.enabled, status.period_days, status.next_at, status.on_demand_started_at) == expected


def test_rotations_come_from_every_page_and_the_first_material_has_no_date(aws):
    asked = {"KeyId": KEY, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
    aws.answers(
        "kms:ListKeyRotations",
        {
            "Rotations": [{"KeyMaterialId": "a" * 64, "KeyMaterialState": "NON_CURRENT"}],
            "NextMarker": "m1",
            "Truncated": True,
        },
        asked,
    )
    aws.answers(
        "kms:ListKeyRotations",
        {"Rotations": [{"KeyMaterialId": "b" * 64, "RotationDate": ELSEWHERE, "RotationType": "AUTOMATIC"}]},
        {**asked, "Marker": "m1"},
    )
    rotations = aws.collect("rotations")

    assert rotations.value["key_material_id"].tolist() == ["a" * 64, "b" * 64]
    assert rotations.value["rotated_at"].isna().tolist() == [True, False]
    assert rotations.value["rotated_at"][1] == pd.Timestamp(MOMENT)
    assert rotations.value["key_material_state"].isna().tolist() == [False, True]
    assert (rotations.proof, rotations.coverage.records) == (("E01",), 2)
    assert [(e.call.id, e.call.page) for e in aws.door.exchanges] == [("E01", 1), ("E01", 2)]


def test_a_grant_shows_grantee_constraints_and_who_may_retire_it(aws):
    aws.answers(
        "kms:ListGrants",
        {
            "Grants": [
                {
                    "KeyId": KEY,
                    "GrantId": "g1",
                    "CreationDate": ELSEWHERE,
                    "GranteePrincipal": "arn:aws:iam::111122223333:role/fluo-batch",
                    "RetiringPrincipal": "arn:aws:iam::111122223333:role/admin",
                    "IssuingAccount": "arn:aws:iam::111122223333:root",
                    "Operations": ["Encrypt", "Decrypt"],
                    "Constraints": {"EncryptionContextSubset": {"tenant": "t-1", "purpose": "x"}},
                }
            ],
            "NextMarker": "m1",
            "Truncated": True,
        },
        {"KeyId": KEY},
    )
    aws.answers(
        "kms:ListGrants",
        {"Grants": [{"GrantId": "g2", "GranteeServicePrincipal": "rds.amazonaws.com"}], "Truncated": False},
        {"KeyId": KEY, "Marker": "m1"},
    )
    first, second = aws.collect("grants").value.to_dict("records")

    assert first["grantee"] == "arn:aws:iam::111122223333:role/fluo-batch"
    assert json.loads(first["operations"]) == ["Decrypt", "Encrypt"]
    assert json.loads(first["constraints"]) == {"EncryptionContextSubset": {"purpose": "x", "tenant": "t-1"}}
    assert pd.isna(first["name"])
    assert (second["grant_id"], second["grantee"]) == ("g2", "rds.amazonaws.com")
    assert pd.isna(second["retiring_principal"])
    assert pd.isna(second["created_at"])


def test_aliases_come_from_every_page(aws):
    page = {"Aliases": [{"AliasName": "alias/fluo-a", "CreationDate": ELSEWHERE}], "NextMarker": "n", "Truncated": True}
    aws.answers("kms:ListAliases", page, {"KeyId": KEY})
    aws.answers("kms:ListAliases", {"Aliases": [{"AliasName": "alias/fluo-b"}]}, {"KeyId": KEY, "Marker": "n"})
    aliases = aws.collect("aliases").value

    assert aliases["alias_name"].tolist() == ["alias/fluo-a", "alias/fluo-b"]
    assert aliases["created_at"].isna().tolist() == [False, True]


def test_tags_come_from_every_page_as_they_are(aws):
    aws.answers("kms:ListResourceTags", {"Tags": [{"TagKey": "a", "TagValue": ""}], "NextMarker": "n"}, {"KeyId": KEY})
    aws.answers("kms:ListResourceTags", {"Tags": [{"TagKey": "<b>", "TagValue": "=1"}]}, {"KeyId": KEY, "Marker": "n"})

    assert aws.collect("tags").value.to_numpy().tolist() == [["a", ""], ["<b>", "=1"]]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"KeyLastUsage": {}, "TrackingStartDate": ELSEWHERE}, ("", None, "", MOMENT)),
        (
            {"KeyLastUsage": {"Operation": "Decrypt", "Timestamp": ELSEWHERE, "CloudTrailEventId": "e-1"}},
            ("Decrypt", MOMENT, "e-1", None),
        ),
    ],
)
def test_the_last_use_that_kms_knows(aws, answer: dict[str, Any], expected: tuple[Any, ...]):
    aws.answers("kms:GetKeyLastUsage", answer, {"KeyId": KEY})
    usage = aws.collect("last_usage").value

    assert (usage.operation, usage.used_at, usage.event_id, usage.tracking_since) == expected


def test_a_token_that_sends_back_to_its_own_page_ends_the_read(aws):
    for marker in ({}, {"Marker": "m"}):
        aws.answers("kms:ListGrants", {"Grants": [], "NextMarker": "m", "Truncated": True}, {"KeyId": KEY, **marker})

    assert aws.collect("grants").reason == "malformed answer"
