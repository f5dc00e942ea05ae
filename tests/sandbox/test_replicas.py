"""Multi-Region keys: a replica shares id, material and rotation with its primary key, and nothing else."""

from __future__ import annotations

import json

import pytest

ROOT = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Id": "own", "Statement": [ROOT]})
TAGS = [{"TagKey": "Environment", "TagValue": "test"}]


@pytest.fixture
def east(aws):
    return aws("kms")


@pytest.fixture
def west(aws):
    return aws("kms", region="us-west-2")


@pytest.fixture
def key(east):
    """Give the id of a multi-Region primary key with alias and tags."""
    key = east.create_key(MultiRegion=True, Tags=TAGS, Description="primary", Policy=POLICY)["KeyMetadata"]["KeyId"]
    east.create_alias(AliasName="alias/fluo-test", TargetKeyId=key)
    east.create_grant(KeyId=key, GranteePrincipal="arn:aws:iam::123456789012:role/developer", Operations=["Decrypt"])
    return key


def arn(key, region):
    return f"arn:aws:kms:{region}:123456789012:key/{key}"


def family(key, *regions):
    return {
        "PrimaryKey": {"Arn": arn(key, "us-east-1"), "Region": "us-east-1"},
        "ReplicaKeys": [{"Arn": arn(key, region), "Region": region} for region in regions],
    }


def configuration(client, key):
    return client.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]


def test_a_multi_region_key_has_an_id_of_its_own_form_and_no_replica(east, key):
    prefix, digits = key.split("-")
    assert (prefix, len(digits), set(digits) - set("0123456789abcdef")) == ("mrk", 32, set())
    assert configuration(east, key) == family(key) | {"MultiRegionKeyType": "PRIMARY"}
    assert east.describe_key(KeyId="alias/fluo-test")["KeyMetadata"]["KeyId"] == key


@pytest.mark.parametrize("named", ["id", "arn"])
def test_a_replica_has_its_own_policy_tags_and_description_and_no_alias_or_grant(east, west, key, named):
    name = key if named == "id" else arn(key, "us-east-1")
    answer = east.replicate_key(KeyId=name, ReplicaRegion="us-west-2", Policy=POLICY, Tags=TAGS, Description="replica")

    metadata = west.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["Arn"], metadata["KeyId"], metadata["Description"]) == (arn(key, "us-west-2"), key, "replica")
    assert (answer["ReplicaKeyMetadata"]["Arn"], answer["ReplicaPolicy"]) == (arn(key, "us-west-2"), POLICY)
    assert answer["ReplicaTags"] == west.list_resource_tags(KeyId=key)["Tags"] == TAGS
    assert west.get_key_policy(KeyId=key)["Policy"] == POLICY
    assert west.list_aliases()["Aliases"] == west.list_grants(KeyId=key)["Grants"] == []
    assert west.list_keys()["Keys"] == [{"KeyId": key, "KeyArn": arn(key, "us-west-2")}]


def test_without_a_policy_a_replica_gets_the_default_one(east, west, key):
    east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")

    document = json.loads(west.get_key_policy(KeyId=key)["Policy"])
    assert (document["Id"], [one["Principal"] for one in document["Statement"]]) == (
        "key-default-1",
        [ROOT["Principal"]],
    )
    assert west.list_resource_tags(KeyId=key)["Tags"] == []
    assert west.describe_key(KeyId=key)["KeyMetadata"]["Description"] == ""


def test_every_key_of_the_family_knows_the_others(aws, east, west, key):
    east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    east.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")

    whole = family(key, "us-west-2", "eu-west-1")
    assert configuration(east, key) == whole | {"MultiRegionKeyType": "PRIMARY"}
    assert configuration(west, key) == whole | {"MultiRegionKeyType": "REPLICA"}
    assert configuration(aws("kms", region="eu-west-1"), key) == whole | {"MultiRegionKeyType": "REPLICA"}


def test_a_replica_is_created_for_some_seconds_and_cannot_be_used_yet(blank, east, west, key, refused):
    state = east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")["ReplicaKeyMetadata"]["KeyState"]
    assert state == west.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Creating"
    with refused("KMSInvalidStateException", "is creating"):
        west.encrypt(KeyId=key, Plaintext=b"x")
    assert east.encrypt(KeyId=key, Plaintext=b"x")

    blank.clock.sleep(5)
    metadata = west.describe_key(KeyId=key)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Enabled", True)


def test_what_one_encrypts_the_other_decrypts(blank, east, west, key):
    blob = east.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]
    east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    blank.clock.sleep(5)

    answer = west.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})
    assert (answer["Plaintext"], answer["KeyId"]) == (b"secret", arn(key, "us-west-2"))


def test_rotation_is_the_primary_s_and_shows_in_the_replica(blank, east, west, key, refused):
    east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    blank.clock.sleep(5)
    east.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    east.rotate_key_on_demand(KeyId=key)

    status = west.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"], status["KeyId"]) == (
        True,
        90,
        arn(key, "us-west-2"),
    )
    histories = [client.list_key_rotations(KeyId=key)["Rotations"] for client in (east, west)]
    assert [one["KeyMaterialId"] for one in histories[0]] == [one["KeyMaterialId"] for one in histories[1]] != []
    with refused("UnsupportedOperationException"):
        west.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)


def test_policy_aliases_tags_and_state_of_a_replica_change_alone(blank, east, west, key):
    east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    blank.clock.sleep(5)
    changed = POLICY.replace("own", "changed")
    west.put_key_policy(KeyId=arn(key, "us-west-2"), Policy=changed)
    west.create_alias(AliasName="alias/fluo-test", TargetKeyId=key)
    west.tag_resource(KeyId=key, Tags=[{"TagKey": "Region", "TagValue": "west"}])
    west.disable_key(KeyId=arn(key, "us-west-2"))

    assert (west.get_key_policy(KeyId=key)["Policy"], east.get_key_policy(KeyId=key)["Policy"]) == (changed, POLICY)
    (alias,) = west.list_aliases(KeyId=key)["Aliases"]
    assert (alias["AliasArn"], alias["TargetKeyId"]) == ("arn:aws:kms:us-west-2:123456789012:alias/fluo-test", key)
    assert east.list_resource_tags(KeyId=key)["Tags"] == TAGS
    assert east.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


@pytest.mark.parametrize(
    ("region", "code"),
    [
        ("us-west-2", "AlreadyExistsException"),
        ("us-east-1", "AlreadyExistsException"),
        ("xx-east-1", "ValidationException"),
    ],
)
def test_there_is_one_replica_for_each_region_there_is(east, key, refused, region, code):
    east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    with refused(code):
        east.replicate_key(KeyId=key, ReplicaRegion=region)
    assert len(configuration(east, key)["ReplicaKeys"]) == 1


def test_only_an_enabled_primary_key_is_replicated(blank, east, west, key, refused):
    single = east.create_key()["KeyMetadata"]["KeyId"]
    with refused("UnsupportedOperationException"):
        east.replicate_key(KeyId=single, ReplicaRegion="us-west-2")
    with refused("NotFoundException"):
        east.replicate_key(KeyId="alias/fluo-test", ReplicaRegion="us-west-2")
    east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    with refused("UnsupportedOperationException"):
        west.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    east.disable_key(KeyId=key)
    with refused("DisabledException"):
        east.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")


def test_a_replica_s_policy_is_judged_like_any_other(east, west, key, refused):
    empty = json.dumps({"Version": "2012-10-17", "Statement": [ROOT | {"Principal": {"AWS": []}}]})
    nobody = POLICY.replace(":root", ":role/nobody")
    locked = POLICY.replace(":root", ":role/developer")
    for text in (empty, nobody, locked):
        with refused("MalformedPolicyDocumentException"):
            east.replicate_key(KeyId=key, ReplicaRegion="us-west-2", Policy=text)
    assert west.list_keys()["Keys"] == []


def test_both_regions_tell_of_the_replication(blank, aws, east, key):
    east.replicate_key(KeyId=key, ReplicaRegion="us-west-2")
    blank.clock.sleep(600)
    told = {
        region: [(one["EventName"], one["Resources"][0]["ResourceName"])
                 for one in aws("cloudtrail", region=region).lookup_events()["Events"] if not one["EventName"].startswith("Lookup")]
        for region in ("us-east-1", "us-west-2")
    }  # fmt: skip
    assert told["us-east-1"][0] == ("ReplicateKey", arn(key, "us-east-1"))
    assert told["us-west-2"] == [("CreateKey", arn(key, "us-west-2"))]
