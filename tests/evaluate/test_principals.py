"""Principals are recognised in the forms AWS writes them."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.principals import is_iam_arn, is_one_of, is_service_role, matches_any, short_name

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fluo/backend"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/backend/i-0abc"
USER = f"arn:aws:iam::{ACCOUNT}:user/backend"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ROLE, ROLE, True),
        (SESSION, ROLE, True),
        (ROLE, SESSION, True),
        (SESSION, SESSION.replace("i-0abc", "i-0def"), True),
        (ROLE, ROLE.replace("fluo/", ""), True),
        (SESSION, ROLE.replace("backend", "batch"), False),
        (SESSION, ROLE.replace(ACCOUNT, "444455556666"), False),
        (USER, ROLE, False),
        (USER, USER, True),
        ("logs.us-east-1.amazonaws.com", "logs.us-east-1.amazonaws.com", True),
        ("AROAEXAMPLE", ROLE, False),
        ("", "", True),
        ("arn:aws:sts::111122223333:assumed-role", ROLE, False),
    ],
)
def test_a_session_is_its_role_and_nobody_else(one, other, same):
    assert is_one_of(one, (USER + "-x", other)) is same


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [(f"arn:aws:iam::{ACCOUNT}:role/fluo/*", True), ("arn:aws:iam::*:role/other", False), ("*", True), ("fluo", False)],
)
def test_a_pattern_fits_part_by_part(pattern, fits):
    assert matches_any(ROLE, (pattern,)) is fits


def test_no_pattern_fits_nothing():
    assert not matches_any(ROLE, ())


def test_only_the_reserved_path_of_the_own_account_is_a_service_role():
    linked = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"

    assert is_service_role(linked, ACCOUNT)
    assert not is_service_role(linked, "444455556666")
    assert not is_service_role(f"arn:aws:iam::{ACCOUNT}:role/fluo/aws-service-role", ACCOUNT)
    assert not is_service_role("rds.amazonaws.com", ACCOUNT)


@pytest.mark.parametrize(
    ("text", "is_arn"),
    [(ROLE, True), (SESSION, True), ("AROAEXAMPLE", False), ("arn:aws:s3:::bucket", False), ("*", False)],
)
def test_arns_of_principals_are_told_from_other_texts(text, is_arn):
    assert is_iam_arn(text) is is_arn


def test_people_name_a_principal_by_the_end_of_its_arn():
    assert short_name(ROLE) == "role/fluo/backend"
    assert short_name("logs.us-east-1.amazonaws.com") == "logs.us-east-1.amazonaws.com"
