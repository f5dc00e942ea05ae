"""fluo-audit find: which key is meant, and what it is."""

from __future__ import annotations

import json

from fluo_audit.errors import ExitCode


def test_the_sample_key_is_found_and_described(run):
    ended = run("--demo", "find")

    assert ended.code == ExitCode.OK
    assert ended.out.splitlines()[1:] == [
        "Found by  alias/fluo-production",
        "State     Enabled, customer managed, SYMMETRIC_DEFAULT, single Region",
        "Rotation  every 90 days, last 2026-10-25, next 2027-01-23",
        "Next: fluo-audit report -d evidence",
    ]


def test_json_names_its_schema(run, sample_account):
    document = json.loads(run("--demo", "find", "-o", "json").out)

    assert document["schema"] == "fluo-audit/find/v1"
    assert document["key_arn"] == sample_account.truth.key_arn
    assert document["key"] == {
        "state": "Enabled",
        "manager": "CUSTOMER",
        "spec": "SYMMETRIC_DEFAULT",
        "multi_region": False,
    }
    assert document["rotation"]["period_days"] == 90
    assert document["rotation"]["last_at"] == "2026-10-25T09:14:07Z"
    assert document["not_read"] == []


def test_several_keys_are_listed(run):
    ended = run("--demo", "--key", "alias/fluo-*", "find")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert "alias/fluo-production" in ended.err
    assert "alias/fluo-staging" in ended.err


def test_no_key(run):
    ended = run("--demo", "--key", "alias/nosuch", "find")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert ended.out == ""


def test_a_region_that_is_not_the_keys_is_refused(run):
    ended = run("find", "--region", "eu-west-1", "--key", "arn:aws:kms:us-east-1:123456789012:key/" + "0" * 8)

    assert ended.code == ExitCode.USAGE
    assert "us-east-1" in ended.err


def test_a_region_without_the_key(run):
    ended = run("--demo", "--region", "eu-west-1", "find")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert "no alias alias/fluo-production in eu-west-1" in ended.err
