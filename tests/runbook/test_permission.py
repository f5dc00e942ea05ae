"""Whom a role's name means, and what the rules that were read say about one call."""

from __future__ import annotations

import pytest

from fluo_audit.errors import FluoAuditError, UsageError
from fluo_audit.frames import frame
from fluo_audit.model.evidence import Coverage, Have, Missing
from fluo_audit.model.sources import ROLES
from fluo_audit.policy import Outcome
from fluo_audit.runbook.permission import named_role, permission, real_role

ACCOUNT = "arn:aws:iam::123456789012:"
ROLE = f"{ACCOUNT}role/fluo-backend"
PURPOSE = "kms:EncryptionContext:purpose"
DENIED = Missing("kms:ListGrants", "AccessDeniedException", remedy="grant kms:ListGrants")

NAMES = [
    ("fluo-backend", ROLE),
    ("role/fluo/fluo-backend", ROLE),
    (f"{ACCOUNT}role/fluo/fluo-backend", f"{ACCOUNT}role/fluo/fluo-backend"),
    ("arn:aws:sts::123456789012:assumed-role/fluo-backend/i-0abc", ROLE),
    ("arn:aws:iam::444455556666:role/partner", "arn:aws:iam::444455556666:role/partner"),
    ("arn:aws-us-gov:sts::444455556666:assumed-role/x/y", "arn:aws-us-gov:iam::444455556666:role/x"),
]


@pytest.mark.parametrize(("text", "role"), NAMES)
def test_a_role_is_named_in_many_ways(criteria, text, role):
    assert named_role(text, criteria().scope) == role


@pytest.mark.parametrize(
    "text",
    ["", "role/", "two words", "fluo-b\u00e4ckend", f"{ACCOUNT}user/alice", f"{ACCOUNT}root", "arn:aws:s3:::b", "a:b"],
)
def test_what_is_no_role_is_refused(criteria, text):
    with pytest.raises(UsageError, match="not a role"):
        named_role(text, criteria().scope)


def roles(arn):
    row = {"role_arn": arn, "role_name": arn.rpartition("/")[2], "trust_policy": None, "created_at": None}
    return Have(frame(ROLES, [row | {"last_used_at": None}]), ("E01",), Coverage("all", "all", 1))


def test_iam_tells_the_path_of_a_role_that_is_named_without():
    pathed = f"{ACCOUNT}role/fluo/fluo-backend"
    assert real_role("fluo-backend", ROLE, roles(pathed)) == pathed
    assert real_role(pathed, pathed, roles(pathed)) == pathed
    with pytest.raises(UsageError, match=f"the one of that name is {pathed}"):
        real_role(ROLE, ROLE, roles(pathed))


def test_a_role_that_does_not_exist_is_an_error():
    with pytest.raises(FluoAuditError, match="there is no role"):
        real_role("fluo-backend", ROLE, Missing("iam:GetRole", "NoSuchEntity"))


def test_without_iam_an_arn_is_taken_as_given_and_a_name_is_not():
    unread = Missing("iam:GetRole", "AccessDenied")
    assert real_role(ROLE, ROLE, unread) == ROLE
    assert real_role("fluo-backend", ROLE, unread) is unread


def allow(**condition):
    statement = {"Sid": "Use", "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}
    return statement | ({"Condition": condition} if condition else {})


def test_the_deciding_statement_is_told_with_its_conditions(facts, criteria):
    found = facts(key_policy=[allow(StringEquals={PURPOSE: "a"})])
    answer = permission(found, criteria(), ROLE, "kms:Decrypt", {"purpose": "a"})

    assert answer.decision.outcome is Outcome.ALLOW
    assert [(ref.statement, words) for ref, words in answer.statements] == [("Use", f"Allow, {PURPOSE} is a")]
    assert answer.missing == ()


def test_a_statement_of_the_roles_own_policy_is_told_too(facts, criteria):
    own = {"Sid": "Own", "Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    answer = permission(facts(role_policies={"p": own}), criteria(), ROLE, "kms:PutKeyPolicy", {})

    assert [ref.statement for ref, _ in answer.statements] == ["Root", "Own"]


def test_a_grant_decides_without_a_statement(facts, criteria):
    ((ref, words),) = permission(facts(grants=[{"name": "batch"}]), criteria(), ROLE, "kms:Decrypt", {}).statements

    assert (ref.policy, ref.statement, words) == ("grant", "batch", "")


@pytest.mark.parametrize(
    ("unread", "outcome"),
    [
        ({"key_policy": DENIED}, Outcome.UNKNOWN),
        ({"role_policies": DENIED}, Outcome.UNKNOWN),
        ({"grants": DENIED}, Outcome.ALLOW),
        ({"key_policy": "{}"}, Outcome.UNKNOWN),
    ],
)
def test_what_could_not_be_read_is_named_and_left_open_where_it_matters(facts, criteria, unread, outcome):
    answer = permission(facts(**{"key_policy": [allow()], **unread}), criteria(), ROLE, "kms:Decrypt", {})

    assert answer.decision.outcome is outcome
    assert (DENIED in answer.missing) is (DENIED in unread.values())
    assert answer.decision.reason
