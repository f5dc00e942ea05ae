"""Keys are found by their tags, a while after they were made."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fluo_audit.sandbox.account import SimulatedAccount

TAGS = [{"TagKey": "Environment", "TagValue": "test"}, {"TagKey": "ManagedBy", "TagValue": "fluo-audit"}]
WANTED = [{"Key": tag["TagKey"], "Values": [tag["TagValue"]]} for tag in TAGS]


def found(session):
    """Return the ARNs of the keys with the tags."""
    tagging = session.client("resourcegroupstaggingapi")
    answer = tagging.get_resources(TagFilters=WANTED, ResourceTypeFilters=["kms:key"])
    return [one["ResourceARN"] for one in answer["ResourceTagMappingList"]]


def test_keys_are_found_by_their_tags_in_their_region(blank, aws):
    east, west = aws("kms"), aws("kms", region="us-west-2")
    arn = east.create_key(Tags=TAGS)["KeyMetadata"]["Arn"]
    east.create_key(Tags=TAGS[:1])
    east.create_key()
    west.create_key(Tags=TAGS)
    blank.clock.sleep(30)

    answer = aws("resourcegroupstaggingapi").get_resources(TagFilters=WANTED, ResourceTypeFilters=["kms:key"])
    listed = [{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in TAGS]
    assert answer["ResourceTagMappingList"] == [{"ResourceARN": arn, "Tags": listed}]
    assert answer["PaginationToken"] == ""


def test_a_new_key_is_found_after_half_a_minute(blank, aws):
    arn = aws("kms").create_key(Tags=TAGS)["KeyMetadata"]["Arn"]
    assert found(blank.session) == []
    blank.clock.sleep(29)
    assert found(blank.session) == []
    blank.clock.sleep(1)
    assert found(blank.session) == [arn]


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(minutes=5)])
def test_the_delay_can_be_chosen(delay):
    with SimulatedAccount(empty=True, tag_index_delay=delay) as account:
        arn = account.session.client("kms").create_key(Tags=TAGS)["KeyMetadata"]["Arn"]
        assert found(account.session) == ([] if delay else [arn])
        account.clock.sleep(delay.total_seconds())
        assert found(account.session) == [arn]


def test_other_resources_are_found_at_once(aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="fluo-one")
    s3.put_bucket_tagging(Bucket="fluo-one", Tagging={"TagSet": [{"Key": "Environment", "Value": "test"}]})
    answer = aws("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["s3"])
    assert [one["ResourceARN"] for one in answer["ResourceTagMappingList"]] == ["arn:aws:s3:::fluo-one"]
