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


POLICY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}})


@pytest.fixture
def new(aws):
    """Give an IAM client of an empty account."""
    return aws("iam")


@pytest.fixture
def role(new, trust):
    new.create_role(
        RoleName="fluo-backend-test", Path="/fluo/", AssumeRolePolicyDocument=trust, MaxSessionDuration=3600,
        Description="the backend", Tags=[{"Key": "Environment", "Value": "test"}],
    )  # fmt: skip
    return "fluo-backend-test"


@pytest.fixture
def policy(new):
    return new.create_policy(PolicyName="access", Path="/fluo/", PolicyDocument=POLICY)["Policy"]["Arn"]


def test_a_role_keeps_path_duration_tags_and_trust(blank, new, role, trust, refused):
    found = new.get_role(RoleName=role)["Role"]
    assert found["Arn"] == "arn:aws:iam::123456789012:role/fluo/fluo-backend-test"
    assert (found["MaxSessionDuration"], found["CreateDate"]) == (3600, blank.clock.now())
    assert found["Tags"] == [{"Key": "Environment", "Value": "test"}]
    assert found["AssumeRolePolicyDocument"] == json.loads(trust)
    with refused("EntityAlreadyExists"):
        new.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    with refused("NoSuchEntity"):
        new.get_role(RoleName="none")


def test_a_role_can_be_changed(new, role, trust, refused):
    other = trust.replace("ec2.", "ecs-tasks.")
    new.update_role(RoleName=role, MaxSessionDuration=7200)
    new.update_assume_role_policy(RoleName=role, PolicyDocument=other)

    found = new.get_role(RoleName=role)["Role"]
    assert (found["MaxSessionDuration"], found["Description"]) == (7200, "the backend")
    assert found["AssumeRolePolicyDocument"] == json.loads(other)
    for call in (
        lambda: new.update_role(RoleName="none", MaxSessionDuration=7200),
        lambda: new.update_assume_role_policy(RoleName="none", PolicyDocument=trust),
    ):
        with refused("NoSuchEntity"):
            call()


def test_a_trust_policy_is_json_and_trusts_who_exists(new, role, trust, refused):
    nobody = trust.replace('{"Service": "ec2.amazonaws.com"}', '{"AWS": "arn:aws:iam::123456789012:role/nobody"}')
    for text, message in (
        ("{}", "invalid Json"),
        ("nothing", "invalid Json"),
        (nobody, 'Invalid principal in policy: "AWS":'),
    ):
        with refused("MalformedPolicyDocument", message):
            new.create_role(RoleName="other", AssumeRolePolicyDocument=text)
        with refused("MalformedPolicyDocument", message):
            new.update_assume_role_policy(RoleName=role, PolicyDocument=text)
    existing = nobody.replace("role/nobody", "role/developer")
    assert new.create_role(RoleName="other", AssumeRolePolicyDocument=existing)


def test_a_managed_policy_has_five_versions_at_most(new, policy, refused):
    other = POLICY.replace("kms:*", "kms:Decrypt")
    for _ in range(4):
        version = new.create_policy_version(PolicyArn=policy, PolicyDocument=other, SetAsDefault=True)["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"], "Document" in version) == ("v5", True, False)
    with refused("LimitExceeded"):
        new.create_policy_version(PolicyArn=policy, PolicyDocument=other)
    with refused("DeleteConflict"):
        new.delete_policy_version(PolicyArn=policy, VersionId="v5")

    new.delete_policy_version(PolicyArn=policy, VersionId="v1")
    new.create_policy_version(PolicyArn=policy, PolicyDocument=POLICY)
    listed = new.list_policy_versions(PolicyArn=policy)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in listed] == [
        ("v6", False), ("v5", True), ("v4", False), ("v3", False), ("v2", False),
    ]  # fmt: skip
    assert not any("Document" in one for one in listed)
    assert new.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"] == "v5"
    assert new.get_policy_version(PolicyArn=policy, VersionId="v6")["PolicyVersion"]["Document"] == json.loads(POLICY)
    with refused("NoSuchEntity"):
        new.get_policy_version(PolicyArn=policy, VersionId="v1")


def test_the_name_of_a_managed_policy_is_unique_whatever_its_path(new, policy, refused):
    assert policy == "arn:aws:iam::123456789012:policy/fluo/access"
    for path in ("/fluo/", "/"):
        with refused("EntityAlreadyExists"):
            new.create_policy(PolicyName="access", Path=path, PolicyDocument=POLICY)
    with refused("MalformedPolicyDocument"):
        new.create_policy(PolicyName="other", PolicyDocument="{}")
    with refused("NoSuchEntity"):
        new.get_policy(PolicyArn=policy + "-none")


def test_policies_are_attached_and_put_on_a_role(new, role, policy, refused):
    new.attach_role_policy(RoleName=role, PolicyArn=policy)
    new.attach_role_policy(RoleName=role, PolicyArn=policy)
    new.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=POLICY)

    assert new.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == [
        {"PolicyName": "access", "PolicyArn": policy}
    ]
    assert new.get_role_policy(RoleName=role, PolicyName="inline")["PolicyDocument"] == json.loads(POLICY)
    for call in (
        lambda: new.attach_role_policy(RoleName="none", PolicyArn=policy),
        lambda: new.attach_role_policy(RoleName=role, PolicyArn=policy + "-none"),
        lambda: new.list_attached_role_policies(RoleName="none"),
        lambda: new.get_role_policy(RoleName=role, PolicyName="none"),
        lambda: new.put_role_policy(RoleName="none", PolicyName="inline", PolicyDocument=POLICY),
    ):
        with refused("NoSuchEntity"):
            call()


def test_an_instance_profile_holds_one_role(new, role, trust, refused):
    new.create_instance_profile(InstanceProfileName=role, Path="/fluo/")
    new.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
    new.create_role(RoleName="other", AssumeRolePolicyDocument=trust)

    found = new.get_instance_profile(InstanceProfileName=role)["InstanceProfile"]
    assert found["Arn"] == "arn:aws:iam::123456789012:instance-profile/fluo/fluo-backend-test"
    assert [one["RoleName"] for one in found["Roles"]] == [role]
    with refused("LimitExceeded"):
        new.add_role_to_instance_profile(InstanceProfileName=role, RoleName="other")
    with refused("EntityAlreadyExists"):
        new.create_instance_profile(InstanceProfileName=role)
    with refused("NoSuchEntity"):
        new.get_instance_profile(InstanceProfileName="none")
