"""What was made moments ago is seen by reads at once and by writes a little later."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from fluo_audit.sandbox.account import SimulatedAccount

ROOT = {
    "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*",
}  # fmt: skip
KEY_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [ROOT]})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
NAMES = {"RoleName": "new"}


@pytest.fixture
def settles():
    """Give an account with the usual delays."""
    with SimulatedAccount(empty=True) as account:
        yield account


def clients(account):
    return tuple(account.session.client(service) for service in ("iam", "kms", "s3"))


def test_a_new_key_is_known_to_writes_after_a_second(settles, refused):
    _, kms, _ = clients(settles)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    writes = (
        lambda: kms.enable_key_rotation(KeyId=key),
        lambda: kms.create_alias(AliasName="alias/new", TargetKeyId=key),
        lambda: kms.put_key_policy(KeyId=key, Policy=KEY_POLICY),
        lambda: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}]),
    )
    for wait in (0, 0.9):
        settles.clock.sleep(wait)
        for write in writes:
            with refused("NotFoundException", key):
                write()
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert kms.list_aliases()["Aliases"] == []
    settles.clock.sleep(0.1)
    for write in writes:
        write()


def test_a_new_replica_settles_by_itself(settles, refused):
    _, kms, _ = clients(settles)
    west = settles.session_in("us-west-2").client("kms")
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    settles.clock.sleep(60)
    kms.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    kms.create_alias(AliasName="alias/new", TargetKeyId=key)
    with refused("NotFoundException"):
        west.create_alias(AliasName="alias/new", TargetKeyId=key)
    settles.clock.sleep(1)
    west.create_alias(AliasName="alias/new", TargetKeyId=key)


def test_a_new_role_policy_or_profile_is_known_to_writes_after_two_seconds(settles, refused, trust):
    iam, _, _ = clients(settles)
    iam.create_role(**NAMES, AssumeRolePolicyDocument=trust)
    iam.create_instance_profile(InstanceProfileName="new")
    policy = iam.create_policy(PolicyName="new", PolicyDocument=POLICY)["Policy"]["Arn"]
    writes = {
        "policy": lambda: iam.attach_role_policy(RoleName="fluo-backend", PolicyArn=policy),
        "role new": lambda: iam.put_role_policy(**NAMES, PolicyName="inline", PolicyDocument=POLICY),
        "Profile new": lambda: iam.add_role_to_instance_profile(InstanceProfileName="new", RoleName="fluo-backend"),
    }
    for wait in (0, 1.9):
        settles.clock.sleep(wait)
        for what, write in writes.items():
            with refused("NoSuchEntity", what.split()[-1]):
                write()
    assert iam.get_role(**NAMES)["Role"]["RoleName"] == "new"
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 0
    settles.clock.sleep(0.1)
    for write in writes.values():
        write()


def test_every_resource_that_a_call_names_has_to_be_known(settles, refused, trust):
    iam, _, _ = clients(settles)
    policy = iam.create_policy(PolicyName="old", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.create_instance_profile(InstanceProfileName="old")
    settles.clock.sleep(60)
    iam.create_role(**NAMES, AssumeRolePolicyDocument=trust)
    with refused("NoSuchEntity", "role with name new"):
        iam.attach_role_policy(**NAMES, PolicyArn=policy)
    with refused("NoSuchEntity", "role with name new"):
        iam.add_role_to_instance_profile(**NAMES, InstanceProfileName="old")


def test_a_new_bucket_takes_settings_after_two_seconds(settles, refused):
    _, _, s3 = clients(settles)
    s3.create_bucket(Bucket="fluo-new")
    versioned, closed = {"Status": "Enabled"}, {"BlockPublicAcls": True}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::fluo-new/*"}
    writes = (
        lambda: s3.put_bucket_versioning(Bucket="fluo-new", VersioningConfiguration=versioned),
        lambda: s3.put_public_access_block(Bucket="fluo-new", PublicAccessBlockConfiguration=closed),
        lambda: s3.put_bucket_policy(Bucket="fluo-new", Policy=json.dumps({"Statement": [statement]})),
    )
    for wait in (0, 1.9):
        settles.clock.sleep(wait)
        for write in writes:
            with refused("NoSuchBucket"):
                write()
    assert s3.head_bucket(Bucket="fluo-new")["BucketRegion"] == "us-east-1"
    settles.clock.sleep(0.1)
    for write in writes:
        write()


@pytest.mark.parametrize(
    ("delays", "wait"),
    [
        ({"settling": timedelta(seconds=6)}, 2),
        ({"settling": timedelta(seconds=6), "iam_propagation": timedelta(seconds=60)}, 6),
        ({"iam_propagation": timedelta(seconds=5)}, 1),
        ({"iam_propagation": timedelta(0)}, 0),
        ({"settling": timedelta(0)}, 0),
    ],
)
def test_in_iam_it_takes_a_fifth_of_the_propagation_at_most(refused, trust, delays, wait):
    with SimulatedAccount(empty=True, **delays) as account:
        iam, _, _ = clients(account)
        iam.create_role(**NAMES, AssumeRolePolicyDocument=trust)
        if wait:
            account.clock.sleep(wait - 0.1)
            with refused("NoSuchEntity"):
                iam.put_role_policy(**NAMES, PolicyName="inline", PolicyDocument=POLICY)
            account.clock.sleep(0.1)
        iam.put_role_policy(**NAMES, PolicyName="inline", PolicyDocument=POLICY)


def test_what_is_not_there_at_all_is_refused_as_ever(settles, refused):
    iam, kms, s3 = clients(settles)
    settles.clock.sleep(60)
    with refused("NoSuchEntity"):
        iam.attach_role_policy(**NAMES, PolicyArn="arn:aws:iam::123456789012:policy/none")
    with refused("NotFoundException"):
        kms.enable_key_rotation(KeyId="11111111-1111-1111-1111-111111111111")
    with refused("NoSuchBucket"):
        s3.put_bucket_versioning(Bucket="fluo-none", VersioningConfiguration={"Status": "Enabled"})


def test_a_refused_call_is_written_down_like_any_other(settles, refused):
    _, kms, _ = clients(settles)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with refused("NotFoundException"):
        kms.enable_key_rotation(KeyId=key)
    assert settles.writes == ("kms:CreateKey", "kms:EnableKeyRotation")
