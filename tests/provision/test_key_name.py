"""The forms of a key's name, and the Region that a name brings."""

from __future__ import annotations

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.provision.key_name import KeyName, key_name, names_in, region_named, region_of

ID = "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"
MRK = "mrk-1234abcd12ab34cd56ef1234567890ab"


def arn(region: str = "us-east-1", key: str = ID) -> str:
    return f"arn:aws:kms:{region}:111122223333:key/{key}"


@pytest.mark.parametrize(
    ("name", "region"),
    [
        (arn("eu-west-1"), "eu-west-1"),
        (f"arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/{MRK}", "us-gov-west-1"),
        ("arn:aws-cn:kms:cn-north-1:111122223333:alias/fluo-production", "cn-north-1"),
        (ID, ""),
        ("alias/fluo-production", ""),
        ("arn:aws:iam::111122223333:role/x", ""),
        ("", ""),
    ],
)
def test_an_arn_brings_its_region(name: str, region: str):
    assert region_of(name) == region


@pytest.mark.parametrize(
    "value",
    [arn(), arn("us-gov-west-1"), ID, MRK, "alias/fluo-production", "arn:aws:kms:us-east-1:111122223333:alias/a/b_c"],
)
def test_a_file_may_use_every_form_that_kms_takes(value: str):
    named = key_name(value, "outputs.json", "kms_key_arn")

    assert (named.value, named.source) == (value, "outputs.json: kms_key_arn")


@pytest.mark.parametrize(
    "value", ["hunter2", "fluo-production", "alias/*", "alias/", f"{arn()}\n", f" {ID}", "arn:aws:s3:::b", "x" * 10**5]
)
def test_what_is_no_name_is_an_error_that_does_not_repeat_it(value: str):
    """It may be a password on the wrong line."""
    with pytest.raises(UsageError) as error:
        key_name(value, "outputs.json", "kms_key_arn")

    assert error.value.message == "outputs.json: kms_key_arn is not the name of a KMS key"


@pytest.mark.parametrize("region", ["eu-west-1", "hunter2", "us-east-1 "])
def test_a_region_beside_the_name_must_be_one_and_the_same(region: str):
    with pytest.raises(UsageError, match=r"not a Region|another Region"):
        key_name(arn("us-east-1"), "application.properties", "aws.kms.master-key-id", region)

    assert key_name(ID, "application.properties", "aws.kms.master-key-id", "eu-west-1").home == "eu-west-1"


def test_the_first_name_with_a_region_says_where_to_ask():
    names = [
        KeyName("", "a", reason="empty"),
        KeyName(ID, "b"),
        KeyName(ID, "c", region="eu-west-1"),
        KeyName(arn(), "d"),
    ]

    assert region_named(names) == "eu-west-1"
    assert region_named(names[:2]) == ""


def test_a_replica_elsewhere_is_dropped_where_its_file_names_the_key_of_this_region():
    primary, replica, other = arn("us-east-1", MRK), arn("us-west-2", MRK), arn("us-west-2", ID)
    names = [
        KeyName(primary, "state"),
        KeyName(replica, "state"),
        KeyName(replica, "properties"),
        KeyName(other, "state"),
    ]

    def kept(region: str) -> list[tuple[str, str]]:
        return [(name.value, name.file) for name in names_in(region, names)]

    assert kept("us-east-1") == [(primary, "state"), (replica, "properties"), (other, "state")]
    assert kept("us-west-2") == [(replica, "state"), (replica, "properties"), (other, "state")]
    assert len(kept("eu-west-1")) == 4  # nothing fits: the disagreement is for the finder to tell
