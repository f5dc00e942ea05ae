"""A role that key policies name is deleted: its unique id stands there from then on, and cannot be put there again."""

from __future__ import annotations

import json

import pytest

from fluo_audit.sandbox.wire import AwsError

ACCOUNT = "arn:aws:iam::123456789012"
GONE, OTHER = f"{ACCOUNT}:role/fluo-backend", f"{ACCOUNT}:role/developer"
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}


def allowing(principal, **more):
    return ROOT | {"Principal": {"AWS": principal}, "Action": "kms:Decrypt"} | more


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [ROOT, *statements]})


def principals(kms, key):
    """Return who is named in the statements after the first."""
    statements = json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Statement"][1:]
    return [one["Principal"]["AWS"] for one in statements]


@pytest.fixture
def kms(aws):
    return aws("kms")


def test_its_unique_id_takes_its_place_in_every_key_policy(blank, aws, kms):
    role_id = aws("iam").get_role(RoleName="fluo-backend")["Role"]["RoleId"]
    condition = {"ArnEquals": {"aws:PrincipalArn": GONE}}
    key = kms.create_key(Policy=policy(allowing(GONE, Condition=condition), allowing([GONE, OTHER]), allowing(OTHER)))
    key = key["KeyMetadata"]["KeyId"]
    west = aws("kms", region="us-west-2")
    there = west.create_key(Policy=policy(allowing(GONE)))["KeyMetadata"]["KeyId"]
    untouched = kms.create_key(Policy=policy(allowing(OTHER)))["KeyMetadata"]["KeyId"]

    assert blank.orphan("fluo-backend") == role_id
    assert role_id.startswith("AROA")
    one, several, other = principals(kms, key)
    assert (one, set(several), other) == (role_id, {role_id, OTHER}, OTHER)
    stored = json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Statement"]
    assert stored[1]["Condition"] == condition
    assert principals(west, there) == [role_id]
    assert kms.get_key_policy(KeyId=untouched)["Policy"] == policy(allowing(OTHER))


def test_a_policy_that_names_it_cannot_be_put_again(blank, kms, refused):
    key = kms.create_key(Policy=policy(allowing(GONE)))["KeyMetadata"]["KeyId"]
    blank.orphan("fluo-backend")
    with refused("MalformedPolicyDocumentException", "invalid principals"):
        kms.put_key_policy(KeyId=key, Policy=kms.get_key_policy(KeyId=key)["Policy"])


def test_the_role_is_gone_from_iam_whatever_it_holds(account, refused):
    account.orphan("fluo-backend")
    iam = account.session.client("iam")
    with refused("NoSuchEntity"):
        iam.get_role(RoleName="fluo-backend")
    assert iam.get_instance_profile(InstanceProfileName="fluo-backend")["InstanceProfile"]["Roles"] == []
    assert account.writes == ()


def test_a_role_must_exist_to_be_orphaned(blank):
    with pytest.raises(AwsError, match="NoSuchEntity"):
        blank.orphan("nobody")
