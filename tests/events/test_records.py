"""What a CloudTrail record of KMS says, in every form that AWS writes it and in some that AWS does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.events.records import concerns_key, event_row, event_time, is_deep, is_readable, resource_arns
from fluo_audit.model.sources import EVENTS

KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:us-east-1:111122223333:key/{KEY_ID}"
OTHER = "arn:aws:kms:us-east-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321"
REPLICATED = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
REPLICA = REPLICATED.replace("us-east-1", "eu-west-1")


def record(**members: Any) -> dict[str, Any]:
    """Return a whole record of a Decrypt; members given as None are left out."""
    whole = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:i-1",
            "arn": "arn:aws:sts::111122223333:assumed-role/fluo-backend/i-1",
            "accountId": "111122223333",
            "accessKeyId": "ASIAEXAMPLE123456789",
            "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/fluo-backend"}},
        },
        "eventTime": "2026-11-22T10:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "10.0.0.7",
        "userAgent": "aws-sdk-java/2.30",
        "requestParameters": {"keyId": KEY, "encryptionContext": {"tenant": "t-1", "purpose": "pii_redaction"}},
        "responseElements": None,
        "additionalEventData": {"keyMaterialId": "m" * 64},
        "requestID": "r-1",
        "eventID": "e-1",
        "readOnly": True,
        "resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": KEY}],
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }
    return {name: value for name, value in {**whole, **members}.items() if value is not None}


# --- which key -----------------------------------------------------------------------------------------------------

NAMED = {
    "resources": {"resources": [{"ARN": KEY}], "requestParameters": None},
    "alias, and the ARN among the resources": {
        "requestParameters": {"keyId": "alias/fluo-production"},
        "resources": [{"ARN": KEY}],
    },
    "two resources, as of CreateAlias": {
        "requestParameters": {"aliasName": "alias/new", "targetKeyId": KEY_ID},
        "resources": [{"ARN": "arn:aws:kms:us-east-1:111122223333:alias/new"}, {"ARN": KEY}],
    },
    "key id": {"requestParameters": {"keyId": KEY_ID}, "resources": None},
    "key ARN": {"requestParameters": {"keyId": KEY}, "resources": []},
    "target of an alias": {"requestParameters": {"targetKeyId": KEY_ID}, "resources": None},
    "source of a ReEncrypt": {"requestParameters": {"sourceKeyId": KEY, "destinationKeyId": OTHER}, "resources": None},
    "destination of a ReEncrypt": {
        "requestParameters": {"sourceKeyId": OTHER, "destinationKeyId": KEY_ID},
        "resources": None,
    },
    "details of a service event": {
        "requestParameters": None,
        "resources": None,
        "serviceEventDetails": {"keyId": KEY, "rotationType": "AUTOMATIC"},
    },
    "answer, as of ScheduleKeyDeletion": {
        "requestParameters": None,
        "resources": None,
        "responseElements": {"keyId": KEY},
    },
    "error message only": {
        "requestParameters": None,
        "resources": None,
        "errorCode": "AccessDenied",
        "errorMessage": f"User: arn:aws:iam::9:user/x is not authorized to perform: kms:Decrypt on resource: {KEY}",
    },
}


@pytest.mark.parametrize("members", NAMED.values(), ids=NAMED)
def test_a_record_names_the_key_in_any_of_these_ways(members: dict[str, Any]):
    assert concerns_key(record(**members), KEY)


NOT_NAMED = {
    "another key": {"requestParameters": {"keyId": OTHER}, "resources": [{"ARN": OTHER}]},
    "no key, as of ListKeys": {"requestParameters": None, "resources": []},
    "an alias nobody resolves": {"requestParameters": {"keyId": "alias/fluo-production"}, "resources": None},
    "another service that names the key": {"eventSource": "ec2.amazonaws.com"},
    "the begin of the ARN": {"requestParameters": {"keyId": KEY[:-1]}, "resources": [{"ARN": KEY[:-1]}]},
    "an id that begins alike": {"requestParameters": {"keyId": f"{KEY_ID}0"}, "resources": None},
    "the context says it": {"requestParameters": {"encryptionContext": {"keyId": KEY}}, "resources": None},
}


@pytest.mark.parametrize("members", NOT_NAMED.values(), ids=NOT_NAMED)
def test_a_record_of_something_else_is_not_taken(members: dict[str, Any]):
    assert not concerns_key(record(**members), KEY)


def test_the_id_that_replicas_share_means_the_key_of_its_region():
    typed = {"keyId": REPLICATED.rpartition("/")[2]}
    there = record(awsRegion="eu-west-1", requestParameters=typed, resources=[{"ARN": REPLICA}])
    denied_there = record(awsRegion="eu-west-1", requestParameters=typed, resources=None)

    assert not concerns_key(there, REPLICATED)
    assert not concerns_key(denied_there, REPLICATED)
    assert concerns_key(there, REPLICA)
    assert concerns_key(denied_there, REPLICA)


# --- what is readable ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.08", "1.11", "1.99", "1"])
def test_every_minor_version_is_read(version: str):
    assert is_readable(record(eventVersion=version))


@pytest.mark.parametrize(
    "members",
    [
        {"eventVersion": "2.0"},
        {"eventVersion": "10.1"},
        {"eventVersion": None},
        {"eventVersion": 1.11},
        {"eventID": None},
        {"eventID": ""},
        {"eventID": ["e"]},
        {"eventTime": None},
        {"eventTime": 1795341600},
        {"eventTime": "2026-11-22 10:00:00"},
        {"eventTime": "2026-11-22T10:00:00+01:00"},
        {"eventTime": "2026-02-30T10:00:00Z"},
        {"eventTime": "2026-11-22T10:00:60Z"},
        {"eventTime": "2026-11-22T10:00:00Z\n"},
        {"eventTime": "9999-12-31T23:59:59Z"},
        {"eventTime": "٢٠٢٦-١١-٢٢T١٠:٠٠:٠٠Z"},
    ],
)
def test_what_this_reader_cannot_place_is_not_readable(members: dict[str, Any]):
    assert is_readable(record())
    assert not is_readable(record(**members))


@pytest.mark.parametrize("value", [None, [], "record", 7, [record()]])
def test_what_is_no_object_is_not_readable(value: Any):
    assert not is_readable(value)


def test_nesting_is_measured_up_to_a_limit():
    flat: Any = "x"
    for _ in range(15):
        flat = {"a": [flat]}
    bottomless: Any = "x"
    for _ in range(100_000):
        bottomless = [bottomless]

    assert not is_deep(record(requestParameters=flat))
    assert is_deep(record(requestParameters=bottomless))
    assert not is_deep(flat, levels=30)
    assert is_deep(flat, levels=29)


# --- the row ---------------------------------------------------------------------------------------------------------


def test_a_row_says_who_did_what_when_and_how():
    row = event_row(record())

    assert set(row) == set(EVENTS.columns)
    assert row["event_time"] == datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    assert row["principal_arn"] == "arn:aws:sts::111122223333:assumed-role/fluo-backend/i-1"
    assert row["issuer_arn"] == "arn:aws:iam::111122223333:role/fluo-backend"
    assert row["access_key_suffix"] == "6789"
    assert row["encryption_context"] == '{"purpose": "pii_redaction", "tenant": "t-1"}'
    assert (row["key_material_id"], row["tls_version"]) == ("m" * 64, "TLSv1.3")
    assert (row["error_code"], row["rotation_type"], row["shared_event_id"]) == (None, None, None)
    assert (row["calls"], row["last_time"]) == (1, row["event_time"])


def test_no_access_key_is_shown_whole():
    assert "ASIAEXAMPLE123456789" not in str(event_row(record()))


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("false", False), ("True", True), (True, True), (False, False)]
)
def test_read_only_is_text_in_event_history_and_boolean_in_log_files(value: Any, expected: bool):
    assert event_row(record(readOnly=value))["read_only"] is expected


@pytest.mark.parametrize("value", [None, "", "yes", 1, ["true"], {}])
def test_an_unknown_read_only_is_left_open_and_not_false(value: Any):
    assert event_row(record(readOnly=value))["read_only"] is None


def test_a_rotation_is_an_event_of_kms_itself():
    row = event_row(
        record(
            eventName="RotateKey",
            eventType="AwsServiceEvent",
            userIdentity={"accountId": "111122223333", "invokedBy": "AWS Internal"},
            requestParameters=None,
            additionalEventData=None,
            serviceEventDetails={
                "rotationType": "AUTOMATIC",
                "keyOrigin": "AWS_KMS",
                "previousKeyMaterialId": "p" * 64,
                "currentKeyMaterialId": "n" * 64,
            },
        )
    )

    assert (row["rotation_type"], row["key_material_id"]) == ("AUTOMATIC", "n" * 64)
    assert row["principal_arn"] == row["issuer_arn"] == row["invoked_by"] == "AWS Internal"
    assert row["access_key_suffix"] is None


def reencrypt(source: str, destination: str) -> dict[str, Any]:
    return record(
        eventName="ReEncrypt",
        requestParameters={
            "sourceKeyId": source,
            "sourceEncryptionContext": {"side": "source"},
            "destinationKeyId": destination,
            "destinationEncryptionContext": {"side": "destination"},
        },
    )


@pytest.mark.parametrize(
    ("source", "destination", "side"),
    [(KEY, OTHER, "source"), (OTHER, KEY, "destination"), (OTHER, KEY_ID, "destination"), (KEY, KEY, "source")],
)
def test_of_a_reencrypt_the_context_is_the_one_of_the_key(source: str, destination: str, side: str):
    row = event_row(reencrypt(source, destination), KEY)

    assert json.loads(row["encryption_context"]) == {"side": side}


def test_a_call_without_context_is_not_a_call_with_an_empty_one():
    assert event_row(record(requestParameters={"keyId": KEY}))["encryption_context"] is None
    assert event_row(record(requestParameters={"keyId": KEY, "encryptionContext": {}}))["encryption_context"] == "{}"


# --- hostile records -------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from([*record(), "serviceEventDetails", "errorCode", "errorMessage", "sharedEventID", "extra"])


@given(st.dictionaries(MEMBERS, VALUES, max_size=12))
def test_no_type_in_any_member_stops_the_reader(members: dict[str, Any]):
    """Every column is a text, a boolean, a time, a number or nothing, whatever stood in the record."""
    hostile = {**record(), **members}

    row = event_row(hostile, KEY)

    assert all(value is None or isinstance(value, str | bool | datetime | int) for value in row.values())
    assert concerns_key(hostile, KEY) in {True, False}
    assert is_readable(hostile) in {True, False}
    assert all(isinstance(arn, str) for arn in resource_arns(hostile))
    assert event_time(hostile) is None or event_time(hostile).utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    "members",
    [
        {"eventName": ["Decrypt"], "userIdentity": "root", "requestParameters": [KEY]},
        {"resources": {"ARN": KEY}, "requestParameters": {"keyId": [KEY]}},
        {"resources": [KEY, None, {"ARN": 5}, {"arn": KEY}], "requestParameters": None},
        {"eventSource": ["kms.amazonaws.com"]},
    ],
)
def test_a_key_in_the_wrong_place_does_not_count(members: dict[str, Any]):
    hostile = {**record(), "requestParameters": {}, "resources": [], **members}

    assert not concerns_key(hostile, KEY)
