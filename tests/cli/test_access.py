"""fluo-audit access can: allowed, denied or unknown, by which statement, and with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.sandbox.account import SimulatedAccount

ROLE = "arn:aws:iam::123456789012:role/fluo-backend"
NOT_ASKED = "permissions boundaries, session policies, service and resource control policies, VPC endpoint policies"


@pytest.fixture
def account() -> Iterator[SimulatedAccount]:
    """Give an account of the test's own."""
    with SimulatedAccount() as account:
        yield account


@pytest.fixture
def can(account: SimulatedAccount, aws_as: Callable) -> Callable:
    """Give a function that asks this account about its production key."""
    ask = aws_as(account, "fluo-audit-reader")
    return lambda *words: ask("--environment", "production", "access", "can", *words)


def put_policy(account: SimulatedAccount, *statements: dict) -> None:
    complete = [{"Principal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*", **each} for each in statements]
    root = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, *complete]})
    account.gateway.call("kms", "PutKeyPolicy", KeyId=account.truth.key_id, Policy=policy)


def test_allowed(run):
    ended = run("--demo", "access", "can", "fluo-backend", "Decrypt")

    assert ended.code == ExitCode.OK
    assert ended.out.splitlines() == [
        f"ok  allowed  kms:Decrypt by {ROLE}, no encryption context",
        "Decided by  key policy, AllowFluoBackendKeyUsage: Allow, always",
        "Reason      allowed by key policy, AllowFluoBackendKeyUsage",
        f"Not asked   {NOT_ASKED}",
    ]


def test_denied_and_what_to_try_next(run):
    ended = run("--demo", "access", "can", "fluo-batch", "kms:generatedatakey")

    assert ended.code == ExitCode.EXCEPTIONS
    assert ended.out.startswith("!!  denied  kms:GenerateDataKey by arn:aws:iam::123456789012:role/fluo-batch, ")
    assert ended.out.splitlines()[-1] == (
        "Next: fluo-audit access can fluo-batch kms:GenerateDataKey --context purpose=pii_redaction"
    )


def test_a_denied_action_that_takes_no_context_suggests_none(run):
    ended = run("--demo", "access", "can", "fluo-backend", "ScheduleKeyDeletion")

    assert ended.code == ExitCode.EXCEPTIONS
    assert "encryption context" not in ended.out
    assert "Next:" not in ended.out


def test_the_context_decides(can, account):
    purpose = {"kms:EncryptionContext:purpose": "a"}
    put_policy(
        account, {"Effect": "Deny", "Sid": "Other", "Condition": {"StringNotEquals": purpose}}, {"Effect": "Allow"}
    )

    assert can("fluo-backend", "Decrypt", "--context", "purpose=a", "--context", "tenantId=x=y").code == ExitCode.OK
    ended = can("fluo-backend", "Decrypt", "--context", "purpose=b")
    assert ended.code == ExitCode.EXCEPTIONS
    assert (
        "Decided by  key policy, Other: Deny, kms:EncryptionContext:purpose is not a, or the key is absent" in ended.out
    )


@pytest.mark.parametrize("operation", ["iam:ListAttachedRolePolicies", "kms:GetKeyPolicy"])
def test_what_matters_and_could_not_be_read_makes_it_unknown(can, account, operation):
    account.deny(operation)
    ended = can("fluo-backend", "Decrypt", "-o", "json")

    assert ended.code == ExitCode.INCOMPLETE
    document = json.loads(ended.out)
    assert (document["outcome"], document["allowed"]) == ("unknown", None)
    assert any(operation in each and "AccessDenied" in each for each in document["not_read"])


def test_what_does_not_matter_is_told_all_the_same(can, account):
    account.deny("kms:ListGrants")
    ended = can("fluo-backend", "Decrypt")

    assert ended.code == ExitCode.OK
    assert "Not read    kms:ListGrants, AccessDenied" in ended.out


def test_a_role_iam_keeps_to_itself_is_unknown_by_name_and_known_by_arn(can, account):
    account.deny("iam:GetRole")

    ended = can("fluo-backend", "Decrypt")
    assert ended.code == ExitCode.INCOMPLETE
    assert "give the ARN" in ended.out
    assert can(ROLE, "Decrypt").code == ExitCode.OK


def test_json(run, sample_account):
    ended = run("--demo", "access", "can", ROLE, "Encrypt", "--context", "purpose=x", "-o", "json")

    assert json.loads(ended.out) == {
        "schema": "fluo-audit/access-can/v1",
        "key_arn": sample_account.truth.key_arn,
        "role_arn": ROLE,
        "action": "kms:Encrypt",
        "encryption_context": {"purpose": "x"},
        "outcome": "allow",
        "allowed": True,
        "statements": [{"policy": "key policy", "statement": "AllowFluoBackendKeyUsage", "says": "Allow, always"}],
        "reason": "allowed by key policy, AllowFluoBackendKeyUsage",
        "not_read": [],
        "not_considered": NOT_ASKED.split(", "),
    }


def test_hostile_text_of_a_policy_reaches_no_terminal(can, account):
    put_policy(account, {"Effect": "Deny", "Sid": "\x1b[31mred\u202e"})
    ended = can("fluo-backend", "Decrypt")

    assert ended.code == ExitCode.EXCEPTIONS
    assert "\\x1b[31mred\\u202e" in ended.out
    assert not {"\x1b", "\u202e"} & set(ended.out)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fluo-backend", "Decyrpt"), "did you mean Decrypt?"),
        (("fluo-backend", "kms:"), "such as Decrypt"),
        (("fluo-backend", "s3:GetObject"), "not an operation of KMS"),
        (("fluo-backend", "ReEncrypt"), "ReEncryptFrom and ReEncryptTo"),
        (("fluo-backend", "ListKeys"), "not made on a key"),
        (("fluo-backend", "Decrypt", "--context", "purpose"), "purpose=pii_redaction"),
        (("fluo-backend", "Decrypt", "--context", "=x"), "purpose=pii_redaction"),
        (("fluo-backend", "Decrypt", "--context", "a=1", "--context", "a=2"), "twice"),
        (("fluo-backend", "DescribeKey", "--context", "a=1"), "carries no encryption context"),
        (("not a role", "Decrypt"), "not a role"),
        ((ROLE.replace("role/", "role/elsewhere/"), "Decrypt"), f"the one of that name is {ROLE}"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(run, words, told):
    ended = run("--demo", "access", "can", *words)

    assert ended.code == ExitCode.USAGE
    assert told in ended.err
    assert ended.out == ""


def test_a_role_that_does_not_exist(run):
    ended = run("--demo", "access", "can", "nosuch", "Decrypt")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert "there is no role arn:aws:iam::123456789012:role/nosuch" in ended.err


def test_a_role_of_another_account(run):
    ended = run("--demo", "access", "can", "arn:aws:iam::444455556666:role/partner", "Decrypt")

    assert ended.code == ExitCode.EXCEPTIONS
    assert "another account" in ended.out
