"""Policies are asked for every action, in the contexts their statements could want."""

from __future__ import annotations

import pytest

from fluo_audit.policy import parse_policy
from fluo_audit.policy.powers import Powers, by_statements, powers

KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = "arn:aws:iam::111122223333:role/backend"
PURPOSE, TENANT = "kms:EncryptionContext:purpose", "kms:EncryptionContext:tenantId"


def able(*statements: dict[str, object]) -> Powers:
    """Ask a key policy whose statements all name the role."""
    rest = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Resource": "*"}
    policy = parse_policy({"Version": "2012-10-17", "Statement": [rest | s for s in statements]}, name="key policy")
    return powers(ROLE, KEY_ARN, policy)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"StringEquals": {PURPOSE: ["a", "b"]}},
        {"StringLike": {PURPOSE: "a*", TENANT: "tenant-?"}},
        {"StringNotEquals": {PURPOSE: "a"}},
        {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["purpose"]}},
    ],
    ids=["none", "one key", "two keys with wildcards", "any other value", "names of keys"],
)
def test_an_action_is_found_in_whatever_context_it_is_allowed(condition):
    found = able({"Action": "kms:Decrypt", "Condition": condition})

    assert [action.name for action in found.allowed] == ["Decrypt"]
    assert not found.unsettled


def test_what_the_policies_leave_open_is_neither_allowed_nor_denied():
    found = able({"Action": "kms:Decrypt", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}})

    assert not found.allowed
    assert [action.name for action in found.unsettled] == ["Decrypt"]


def test_actions_are_grouped_by_the_statement_that_decides_them():
    found = able({"Sid": "Use", "Action": ["kms:Encrypt", "kms:Decrypt"]}, {"Action": "kms:DescribeKey"})

    assert by_statements(found.allowed) == {
        "key policy, Use": ["kms:Decrypt", "kms:Encrypt"],
        "key policy, statement 2": ["kms:DescribeKey"],
    }
