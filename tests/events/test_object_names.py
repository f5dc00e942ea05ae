from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.events.object_names import Kind, ObjectName, Trail, TrailPlace, digest_prefix, log_prefix, parse

LOG = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/10/111122223333_CloudTrail_us-east-1_20260310T0205Z_Mo2DbMNYmLsEXAMP.json.gz"
DIGEST = (
    "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/10/"
    "111122223333_CloudTrail-Digest_us-east-1_main_us-east-1_20260310T020131Z.json.gz"
)


def test_the_name_of_a_log_file():
    assert parse(LOG) == ObjectName(
        Kind.LOG, "", "", "111122223333", "us-east-1", datetime(2026, 3, 10, 2, 5, tzinfo=UTC)
    )


def test_the_name_of_a_digest():
    assert parse(DIGEST) == ObjectName(
        kind=Kind.DIGEST,
        prefix="",
        organization="",
        account="111122223333",
        region="us-east-1",
        at=datetime(2026, 3, 10, 2, 1, 31, tzinfo=UTC),
        trail="main",
        home_region="us-east-1",
    )


def test_the_name_of_a_backfill_digest():
    name = parse(DIGEST.replace("Z.json", "Z_backfill.json"))

    assert name is not None
    assert (name.kind, name.trail, name.day) == (Kind.BACKFILL, "main", date(2026, 3, 10))


@pytest.mark.parametrize("prefix", ["", "a", "a/b c", "AWSLogs", "AWSLogs/111122223333/CloudTrail"])
@pytest.mark.parametrize("organization", ["", "o-exampleorg1"])
def test_prefix_and_organisation_are_told_apart(prefix: str, organization: str):
    root = "/".join(part for part in (prefix, "AWSLogs", organization) if part)

    for key in (LOG, DIGEST):
        name = parse(key.replace("AWSLogs", root, 1))
        assert name is not None
        assert (name.prefix, name.organization, name.account) == (prefix, organization, "111122223333")


@given(
    st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._-]{2,30}", fullmatch=True),
    st.sampled_from(["us-east-1", "us-gov-west-1", "ap-southeast-2", "eusc-de-east-1", "us-isob-east-1"]),
)
def test_a_trail_may_be_called_almost_anything(trail: str, home: str):
    name = parse(DIGEST.replace("_main_us-east-1_", f"_{trail}_{home}_"))

    assert name is not None
    assert (name.trail, name.home_region) == (trail, home)


@pytest.mark.parametrize(
    "key",
    {
        "": "no name",
        "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/10/": "a folder",
        LOG.replace("AWSLogs/", ""): "outside of AWSLogs",
        LOG.replace("/CloudTrail/", "/CloudTrail-Insight/").replace("_CloudTrail_", "_CloudTrail-Insight_"): "Insights",
        LOG.replace("/CloudTrail/", "/CloudTrail-Digest/"): "a log file in the folder of digests",
        LOG + ".1": "more behind it",
        LOG + "\n": "a line end",
        LOG.removesuffix(".gz"): "not packed",
        LOG.replace("111122223333_", "444455556666_"): "the file of another account",
        LOG.replace("_us-east-1_", "_us-west-2_"): "the file of another Region",
        LOG.replace("/03/10/", "/03/11/"): "the file of another day",
        LOG.replace("T0205Z", "T0260Z"): "no minute",
        LOG.replace("T0205Z", "T2400Z"): "no hour",
        LOG.replace("2026/03/10", "2026/02/30").replace("20260310", "20260230"): "no day",
        LOG.replace("2026/03/10", "0000/03/10").replace("20260310", "00000310"): "no year",
        LOG.replace("T0205Z", "T٠205Z"): "digits of another script",
        LOG.replace("_Mo2DbMNYmLsEXAMP", ""): "nothing that makes it unique",
        LOG.replace("111122223333", "11112222333"): "no account",
        DIGEST.replace("_main_", "_"): "a digest without a trail",
        DIGEST.replace("_main_", "_ma/in_"): "a digest one folder deeper",
        DIGEST.replace("20260310T020131Z", "20260310T0201Z"): "a digest without seconds",
        DIGEST.replace("Z.json", "Z_forged.json"): "another ending",
    },
)
def test_what_cloudtrail_would_not_name_like_this_is_nothing(key: str):
    assert parse(key) is None


def test_a_long_hostile_name_takes_no_time():
    assert parse("AWSLogs/" * 200 + "a_" * 400 + "1" * 200) is None


@pytest.mark.parametrize("place", [TrailPlace("b"), TrailPlace("b", "x/y"), TrailPlace("b", "x", "o-exampleorg1")])
def test_folders_are_those_that_names_lie_in(place: TrailPlace):
    key = LOG.replace("AWSLogs/", place.root, 1)
    name = parse(key)
    assert name is not None

    assert (name.prefix, name.organization) == (place.prefix, place.organization)
    for folder in (
        log_prefix(place, name.account),
        log_prefix(place, name.account, name.region),
        log_prefix(place, name.account, name.region, name.day),
    ):
        assert key.startswith(folder)
        assert folder.endswith("/")
    digest = DIGEST.replace("AWSLogs/", place.root, 1)
    assert digest.startswith(digest_prefix(place, name.account, name.region, name.day))
    assert not digest.startswith(log_prefix(place, name.account))


def test_an_arn_says_whose_trail_it_is():
    trail = Trail("arn:aws-us-gov:cloudtrail:us-gov-west-1:111122223333:trail/main_trail", TrailPlace("b"))

    assert (trail.name, trail.home_region, trail.account) == ("main_trail", "us-gov-west-1", "111122223333")
