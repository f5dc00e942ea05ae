"""The rules put together from facts: who decides, which context a call needs, and what could not be read."""

from __future__ import annotations

import pytest

from fluo_audit.model.evidence import Missing
from fluo_audit.policy import Outcome, PolicySyntaxError
from fluo_audit.runbook.rules import context_words, main_purpose, rules_of

ACCOUNT = "arn:aws:iam::123456789012:"
ROLE = f"{ACCOUNT}role/fluo-backend"
PURPOSE, TENANT = "kms:EncryptionContext:purpose", "kms:EncryptionContext:tenantId"
DENIED = Missing("kms:ListGrants", "AccessDeniedException")


def statement(effect, principal=ROLE, **condition):
    found = {"Effect": effect, "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"}
    return found | {"Condition": condition}


@pytest.mark.parametrize(
    ("statements", "context"),
    [
        ([], {}),
        ([statement("Allow", StringEquals={PURPOSE: "a"})], {}),
        ([statement("Allow", StringEquals={TENANT: ["t1", "t2"]})], {"tenantId": "t1"}),
        ([statement("Allow", StringLike={TENANT: "tenant-*"})], {"tenantId": "tenant-x"}),
        ([statement("Deny", StringNotEquals={TENANT: "t1"})], {"tenantId": "t1"}),
        ([statement("Deny", StringEquals={TENANT: "banned"})], {}),
        ([statement("Allow", StringNotEquals={TENANT: "banned"})], {}),
        ([statement("Allow", Null={TENANT: "false"})], {}),
        ([statement("Allow", f"{ACCOUNT}role/other", StringEquals={TENANT: "t1"})], {}),
        ([statement("Allow", f"{ACCOUNT}root", StringEquals={TENANT: "t1"})], {"tenantId": "t1"}),
    ],
)
def test_a_call_carries_what_statements_for_the_role_ask_beside_the_purpose(facts, criteria, statements, context):
    rules = rules_of(facts(key_policy=statements), criteria())

    assert rules.context(ROLE, "pii_redaction") == {"purpose": "pii_redaction", **context}


def test_an_action_without_encryption_context_is_asked_without_one(facts, criteria):
    rules = rules_of(facts(key_policy=[statement("Allow", StringEquals={PURPOSE: "a"})]), criteria())

    assert rules.decide(ROLE, "kms:DescribeKey", {"purpose": "a"}).outcome is Outcome.IMPLICIT_DENY
    assert rules.decide(ROLE, "kms:Encrypt", {"purpose": "a"}).is_allowed


@pytest.mark.parametrize(
    ("constraints", "allowed"),
    [
        ("{}", True),
        ('{"EncryptionContextSubset": {"purpose": "a"}}', True),
        ('{"EncryptionContextEquals": {"purpose": "a", "tenantId": "t"}}', False),
        ('{"SourceArn": "arn:aws:s3:::bucket"}', False),
    ],
)
def test_grants_count_with_their_constraints(facts, criteria, constraints, allowed):
    admin = statement("Allow", f"{ACCOUNT}role/admin")
    rules = rules_of(facts(key_policy=[admin], grants=[{"constraints": constraints}]), criteria())

    assert rules.decide(ROLE, "kms:Encrypt", {"purpose": "a"}).is_allowed is allowed


def test_what_was_not_read_keeps_a_decision_open(facts, criteria):
    rules = rules_of(facts(key_policy=[statement("Allow", f"{ACCOUNT}role/admin")], grants=DENIED), criteria())

    assert rules.decide(ROLE, "kms:Encrypt", {}).outcome is Outcome.UNKNOWN
    assert rules.missing == {"grants": DENIED}


def test_a_malformed_policy_is_an_error(facts, criteria):
    with pytest.raises(PolicySyntaxError):
        rules_of(facts(key_policy="{"), criteria())


@pytest.mark.parametrize(
    ("declared", "purpose"),
    [
        (("compliance_evidence", "pii_redaction"), "pii_redaction"),
        ((), "pii_redaction"),
        (("b", "a"), "a"),
    ],
)
def test_the_purpose_to_try_is_one_that_was_declared(criteria, declared, purpose):
    assert main_purpose(criteria(encryption_context_purposes=declared).baseline) == purpose


def test_contexts_are_written_as_people_do():
    assert context_words({"purpose": "a", "tenantId": "t"}) == "purpose=a, tenantId=t"
    assert context_words({}) == "no encryption context"
