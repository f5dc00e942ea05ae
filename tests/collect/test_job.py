"""What a fact rests on, and what it says when that is missing."""

from __future__ import annotations

import pytest

from fluo_audit.aws.door import ReadError
from fluo_audit.collect.job import need, point_in_time, undeclared
from fluo_audit.model.evidence import Completeness, Coverage, Have, Missing
from fluo_audit.model.sources import KEY_POLICY


def test_what_is_built_on_a_missing_fact_is_missing_for_the_same_reason():
    missing = Missing("kms:GetKeyPolicy", "AccessDenied", "no", "grant it", ("E05",))

    with pytest.raises(ReadError) as error:
        need({"key_policy": missing}, KEY_POLICY)
    assert error.value.missing == missing


def test_a_fact_that_was_read_is_given():
    have = Have("text", ("E05",), Coverage("", "", 1))

    assert need({"key_policy": have}, KEY_POLICY) == "text"


def test_a_fact_of_one_moment_says_which(aws):
    aws.answers("kms:ListResourceTags", {"Tags": []})
    coverage = aws.collect("tags").coverage

    assert (coverage.asked, coverage.covered) == ("point in time", "2026-11-23 06:00:00 UTC")
    assert coverage.completeness is Completeness.COMPLETE


def test_a_fact_without_a_call_names_no_moment(aws):
    assert point_in_time(aws.door.reader("x"), 1, 0).coverage.covered == "-"


def test_what_nobody_declared_names_the_setting(aws):
    missing = undeclared(aws.door.reader("roles"), "iam:GetRole", "backend_roles").missing

    assert (missing.operation, missing.reason) == ("iam:GetRole", "not declared")
    assert "backend_roles" in missing.message
    assert missing.remedy == "set backend_roles under [baseline] in fluo-audit.toml"
