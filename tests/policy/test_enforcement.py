"""Ways round a required encryption context: found in the seed's policies, absent from the corrected ones."""

from __future__ import annotations

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.policy import Caller, Grant, Outcome, enforces_context, parse_policy

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = "arn:aws:iam::111122223333:role/fluo/fluo-backend-production"
PURPOSE = {"purpose": {"pii_redaction", "compliance_evidence"}}
TENANTS = PURPOSE | {"tenantId": {"tenant-123", "tenant-456"}}


@pytest.fixture
def gaps(load):
    """Return a function that gives the gaps of the role for a key policy and identity policies, by name."""

    def found(key: str, *identity: str, allowed=PURPOSE, action="kms:GenerateDataKey", grants=()):
        policies = [load(name) for name in identity]
        return enforces_context(
            Caller(ROLE), action, KEY, allowed, key_policy=load(key), identity_policies=policies, grants=grants
        )

    return found


@pytest.mark.parametrize("action", ["kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt"])
def test_the_seed_enforces_nothing(gaps, action):
    found = gaps("seed_key", "seed_role", action=action)
    assert [gap.attempt for gap in found] == [
        "no encryption context",
        "only a foreign key",
        "purpose is 'fluo-audit-undeclared'",
    ]
    assert {gap.decision.statements[0].statement for gap in found} == {"AllowFluoBackendKeyUsage"}


@pytest.mark.parametrize("identity", ["draft_role", "kms_all_role"])
@pytest.mark.parametrize("action", ["kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt", "kms:ReEncryptFrom"])
def test_the_corrected_policy_enforces_the_purpose(gaps, identity, action):
    assert gaps("draft_key", identity, action=action) == ()
    assert gaps("draft_tenants_key", identity, action=action, allowed=TENANTS) == ()


def test_tenants_allowed_but_not_denied_leak_through_the_root_delegation(gaps):
    found = gaps("tenants_without_deny_key", "draft_role", allowed=TENANTS)
    assert [gap.attempt for gap in found] == ["tenantId missing, the rest right", "tenantId is 'fluo-audit-undeclared'"]
    assert [ref.statement for ref in found[0].decision.statements] == ["EnableIAMUserPermissions", "FluoKmsUse"]


def test_purposes_that_the_policy_allows_beyond_the_declared_ones(gaps):
    found = gaps("draft_key", "draft_role", allowed={"purpose": {"pii_redaction"}})
    assert [gap.encryption_context for gap in found] == [(("purpose", "compliance_evidence"),)]


def test_a_pattern_in_place_of_a_value(load):
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"StringLike": {"kms:EncryptionContext:Purpose": "*redaction"}},
    }
    policy = parse_policy({"Version": "2012-10-17", "Statement": statement})
    (gap,) = enforces_context(Caller(ROLE), "kms:Decrypt", KEY, PURPOSE, key_policy=policy)
    assert gap.attempt == "purpose is 'xredaction'"


def test_a_grant_without_constraint_is_a_way_round(gaps):
    grant = Grant(grant_id="g1", grantee=ROLE, operations=("Decrypt",), name="batch")
    found = gaps("default_key", action="kms:Decrypt", grants=[grant])
    assert {(ref.policy, ref.statement) for gap in found for ref in gap.decision.statements} == {("grant", "batch")}
    assert len(found) == 3


def test_what_could_not_be_read_is_a_gap_of_unknown_outcome(load):
    found = enforces_context(
        Caller(ROLE), "kms:Decrypt", KEY, PURPOSE, key_policy=load("default_key"), identity_policies=None
    )
    assert {gap.decision.outcome for gap in found} == {Outcome.UNKNOWN}


@pytest.mark.parametrize(
    ("action", "allowed"), [("kms:DescribeKey", PURPOSE), ("kms:Decrypt", {}), ("kms:Decrypt", {"purpose": set()})]
)
def test_a_question_that_makes_no_sense_is_refused(gaps, action, allowed):
    with pytest.raises(UsageError):
        gaps("draft_key", action=action, allowed=allowed)
