"""Workgroups of Athena."""

from __future__ import annotations

import pytest

from fluo_audit.sandbox.shapes import problems

CUTOFF = {"BytesScannedCutoffPerQuery": 20_000_000}


@pytest.fixture
def athena(aws):
    return aws("athena")


def configuration(athena, name):
    return athena.get_work_group(WorkGroup=name)["WorkGroup"]["Configuration"]


def test_every_region_has_the_group_primary_without_limit_or_location(aws):
    for region in ("us-east-1", "eu-west-1"):
        answer = aws("athena", region=region).get_work_group(WorkGroup="primary")
        assert problems("athena", "GetWorkGroup", answer) == []
        assert answer["WorkGroup"]["State"] == "ENABLED"
        assert not {"BytesScannedCutoffPerQuery", "ResultConfiguration"} & answer["WorkGroup"]["Configuration"].keys()


def test_a_group_keeps_its_limit_until_it_is_removed(athena):
    athena.create_work_group(Name="audit", Configuration=CUTOFF, Description="Queries")
    assert configuration(athena, "audit")["BytesScannedCutoffPerQuery"] == 20_000_000

    location = {"OutputLocation": "s3://results/"}
    athena.update_work_group(WorkGroup="audit", ConfigurationUpdates={"ResultConfigurationUpdates": location})
    assert configuration(athena, "audit")["ResultConfiguration"] == location
    athena.update_work_group(
        WorkGroup="audit", State="DISABLED", ConfigurationUpdates={"RemoveBytesScannedCutoffPerQuery": True}
    )
    group = athena.get_work_group(WorkGroup="audit")["WorkGroup"]
    assert "BytesScannedCutoffPerQuery" not in group["Configuration"]
    assert (group["State"], group["Description"]) == ("DISABLED", "Queries")


def test_groups_are_listed_in_pages(athena):
    for name in ("a", "b"):
        athena.create_work_group(Name=name)
    first = athena.list_work_groups(MaxResults=2)
    second = athena.list_work_groups(MaxResults=2, NextToken=first["NextToken"])
    assert problems("athena", "ListWorkGroups", first) == []
    assert [group["Name"] for page in (first, second) for group in page["WorkGroups"]] == ["primary", "a", "b"]
    assert "NextToken" not in second


def test_what_athena_refuses(athena, refused):
    with refused("InvalidRequestException", "is not found"):
        athena.get_work_group(WorkGroup="none")
    with refused("InvalidRequestException", "already created"):
        athena.create_work_group(Name="primary")
    with refused("InvalidRequestException", "token"):
        athena.list_work_groups(NextToken="foreign")
