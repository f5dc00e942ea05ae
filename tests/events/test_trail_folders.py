from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fluo_audit.events.object_names import Trail, TrailPlace
from fluo_audit.events.trail_folders import Folders, find_folders
from fluo_audit.model.integrity import ProblemKind

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "digest_vectors.py")))
OWN = Trail(made.ARN, TrailPlace(made.BUCKET))
OF_ALL = replace(OWN, place=TrailPlace(made.BUCKET, "x", made.ORGANIZATION))
HOME = (made.ACCOUNT, made.REGION)


def find(keys: list[str], trail: Trail = OWN, *, denied: str = "?", **options: Any) -> Folders:
    bucket = made.Bucket()
    for key in keys:
        bucket.write(key, b"")
    bucket.failing = [("ListFolders", denied, "AccessDenied")]
    asked = {"expected": (), "only_account": "", "only_region": "", "workers": 2} | options
    return find_folders(bucket, trail, **asked)


def test_regions_with_log_files_or_digests_are_found():
    keys = [f"AWSLogs/{made.ACCOUNT}/{kind}/x" for kind in ("CloudTrail/eu-west-1", "CloudTrail-Digest/us-gov-east-1")]

    assert find(keys) == Folders(
        ((made.ACCOUNT, made.REGION), (made.ACCOUNT, "eu-west-1"), (made.ACCOUNT, "us-gov-east-1")), (), ()
    )


def test_the_home_region_and_what_is_expected_are_judged_though_nothing_lies_there():
    assert find([]).pairs == (HOME,)
    assert find([], expected=[(made.MEMBER, "eu-west-1")]).pairs == (HOME, (made.MEMBER, "eu-west-1"))


def test_other_accounts_are_those_of_an_organisation():
    keys = [
        f"x/AWSLogs/{made.ORGANIZATION}/{made.MEMBER}/CloudTrail/eu-west-1/x",
        f"AWSLogs/{made.MEMBER}/CloudTrail/us-east-1/x",
    ]

    assert find(keys).pairs == (HOME,)
    assert find(keys, OF_ALL).pairs == (HOME, (made.MEMBER, "eu-west-1"))


def test_a_trail_of_one_region_and_a_question_about_one_leave_the_others_out():
    keys = [f"AWSLogs/{made.ACCOUNT}/CloudTrail/{region}/x" for region in (made.REGION, "eu-west-1", "us-east-1")]

    assert find(keys, replace(OWN, is_multi_region=False)).pairs == (HOME,)
    assert find(keys, only_region="eu-west-1").pairs == ((made.ACCOUNT, "eu-west-1"),)


def test_one_account_of_an_organisation_can_be_asked_for():
    folder = f"x/AWSLogs/{made.ORGANIZATION}"
    keys = [f"{folder}/{account}/CloudTrail/eu-west-1/x" for account in (made.ACCOUNT, made.MEMBER)]

    assert find(keys, OF_ALL, only_account=made.MEMBER).pairs == ((made.MEMBER, "eu-west-1"),)
    assert find([], OF_ALL, only_account=made.MEMBER, only_region="us-east-1").pairs == ((made.MEMBER, "us-east-1"),)


def test_names_that_are_no_region_are_told_and_never_asked_about():
    keys = [
        f"AWSLogs/{made.ACCOUNT}/CloudTrail/{name}/x"
        for name in ("evil.example", "..", "us-east-1a", "EU-west-1", "aws")
    ]

    found = find(keys)

    assert found.pairs == (HOME,)
    assert len(found.remarks) == 5


def test_folders_that_could_not_be_listed_are_a_problem_and_no_failure():
    keys = [f"AWSLogs/{made.ACCOUNT}/{kind}/eu-west-1/x" for kind in ("CloudTrail", "CloudTrail-Digest")]

    found = find(keys, denied="/CloudTrail/")

    assert found.pairs == (HOME, (made.ACCOUNT, "eu-west-1"))
    assert [(each.kind, each.key, each.is_failure) for each in found.problems] == [
        (ProblemKind.LISTING_UNREAD, f"AWSLogs/{made.ACCOUNT}/CloudTrail/", False)
    ]
    assert find(keys, OF_ALL, denied=f"{made.ORGANIZATION}/").problems[0].key == OF_ALL.place.root
