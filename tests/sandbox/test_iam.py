"""Roles, policies and the caller's identity."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def iam(shared_account):
    return shared_account.session.client("iam")


def test_the_backend_was_last_used_at_its_last_event(shared_account, iam):
    role = iam.get_role(RoleName="fluo-backend")["Role"]
    usage = shared_account.session.client("kms").get_key_last_usage(KeyId=shared_account.truth.key_arn)
    assert role["RoleLastUsed"] == {"LastUsedDate": usage["KeyLastUsage"]["Timestamp"], "Region": "us-east-1"}
    assert role["Arn"] == "arn:aws:iam::123456789012:role/fluo-backend"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}


def test_records_repeat_the_unique_id_of_the_role(shared_account, iam):
    role_id = iam.get_role(RoleName="fluo-backend")["Role"]["RoleId"]
    shared_account.clock.sleep(1)
    event = shared_account.session.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "Encrypt"}], EndTime=shared_account.truth.now
    )["Events"][0]
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert identity["sessionContext"]["sessionIssuer"]["principalId"] == role_id
    assert identity["principalId"] == f"{role_id}:{event['Username']}"


def test_the_backends_policy_asks_for_a_purpose(iam):
    (attached,) = iam.list_attached_role_policies(RoleName="fluo-backend")["AttachedPolicies"]
    assert attached["PolicyName"] == "fluo-kms-access-production"
    document = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId="v1")["PolicyVersion"]["Document"]
    describe, use = document["Statement"]
    assert (describe["Action"], "Condition" in describe) == ("kms:DescribeKey", False)
    assert use["Condition"] == {
        "StringEquals": {"kms:EncryptionContext:purpose": ["pii_redaction", "compliance_evidence"]}
    }


def test_the_instance_profile_holds_the_role(iam):
    profile = iam.get_instance_profile(InstanceProfileName="fluo-backend")["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["fluo-backend"]


def test_the_batch_role_has_no_kms_permission(iam):
    for attached in iam.list_attached_role_policies(RoleName="fluo-batch")["AttachedPolicies"]:
        document = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId="v1")["PolicyVersion"]["Document"]
        assert "kms" not in json.dumps(document)


def test_the_caller_is_a_session_of_the_audits_role(shared_account, iam):
    identity = shared_account.session.client("sts").get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/fluo-audit-reader/export"
    assert identity["UserId"] == iam.get_role(RoleName="fluo-audit-reader")["Role"]["RoleId"] + ":export"
