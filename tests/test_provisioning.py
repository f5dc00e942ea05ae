"""The pre-flight: calls that succeed today are named before a policy denies them, and silence is not clearance."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fluo_audit import provisioning
from fluo_audit.aws.live import LiveTransport
from fluo_audit.collect.job import Silent
from fluo_audit.pipeline import Account
from fluo_audit.policy import Outcome
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.plan_file import Preflight
from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.settings import Settings, settings_of

BACKEND = "arn:aws:iam::123456789012:role/fluo-backend"
DEVELOPER = "arn:aws:iam::123456789012:role/developer"
HOUR = 3600


@pytest.fixture
def sim() -> Iterator[SimulatedAccount]:
    with SimulatedAccount(empty=True) as account:
        yield account


@pytest.fixture
def account(sim: SimulatedAccount) -> Account:
    transport = LiveTransport(sim.session, sim.clock)
    return Account(transport, sim.clock, "us-east-1", Settings(environment="production"), sample=True, offline=False)


def make_key(sim: SimulatedAccount, *statements: dict, **changes: object) -> str:
    """Make a key by hand, with the root statement and others."""
    root = {"Sid": "EnableIAMUserPermissions", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, *statements]})
    kms = sim.session.client("kms")
    key = kms.create_key(Policy=policy, **changes)["KeyMetadata"]["KeyId"]
    sim.clock.sleep(60)
    kms.create_alias(AliasName="alias/fluo-production", TargetKeyId=key)
    return str(key)


def allow(sid: str, role: str) -> dict:
    actions = ["kms:DescribeKey", "kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]
    return {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": role}, "Action": actions, "Resource": "*"}


def use(sim: SimulatedAccount, role: str, key: str, **context: str) -> None:
    kms = sim.session_as(role).client("kms")
    kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)


def preflight(account: Account, choice: Choice | None = None, **variables: object) -> Preflight | None:
    account.clock.sleep(2 * HOUR)  # what was called lies behind the last full hour, and was delivered
    spec = provisioning.spec_for(account.settings, variables)
    plan = provisioning.plan_for(account, spec, choice or Choice())
    return provisioning.preflight_of(account, plan, Silent())


def test_a_call_with_a_purpose_nobody_declared_would_be_denied(sim, account):
    key = make_key(sim, allow("AllowFluoBackendKeyUsage", BACKEND))
    use(sim, "fluo-backend", key, purpose="pii_redaction")
    use(sim, "fluo-backend", key, purpose="health_check")

    found = preflight(account, fluo_role_arns=[BACKEND])
    allowed = preflight(account, fluo_role_arns=[BACKEND], extra_context_purposes=["health_check"])

    assert [(call.purpose, call.outcome, call.count) for call in found.calls] == [
        ("health_check", Outcome.EXPLICIT_DENY, 1)
    ]
    assert not found.clear
    assert allowed == Preflight()


def test_a_role_that_is_left_out_loses_the_key_and_its_calls_are_named(sim, account):
    key = make_key(sim, allow("AllowFluoBackendKeyUsage", DEVELOPER))
    use(sim, "developer", key, purpose="pii_redaction")

    found = preflight(account, fluo_role_arns=[BACKEND])

    assert [call.role for call in found.calls] == [DEVELOPER]


def test_a_statement_to_be_pruned_may_be_what_a_caller_lives_on(sim, account):
    key = make_key(sim, allow("AllowFluoBackendKeyUsage", BACKEND), allow("Legacy", DEVELOPER))
    use(sim, "developer", key, purpose="pii_redaction")

    kept = preflight(account, fluo_role_arns=[BACKEND])
    pruned = preflight(account, Choice(prune=("Legacy",)), fluo_role_arns=[BACKEND])

    assert kept.calls == ()
    assert [call.role for call in pruned.calls] == [DEVELOPER]


def test_enforcement_switched_off_still_tells_who_loses_the_key(sim, account):
    key = make_key(sim, allow("AllowFluoBackendKeyUsage", DEVELOPER))
    use(sim, "developer", key)

    found = preflight(account, fluo_role_arns=[BACKEND], enforce_encryption_context=False)

    assert [call.role for call in found.calls] == [DEVELOPER]


def test_calls_to_a_replica_are_not_read_so_nothing_is_clear(sim, account):
    key = make_key(sim, MultiRegion=True)
    kms = sim.session.client("kms")
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    sim.clock.sleep(60)
    asked = {"fluo_role_arns": [BACKEND], "multi_region_enabled": True, "replica_regions": ["eu-west-1"]}

    found = preflight(account, **asked)

    assert found.gap == "calls to the replica in eu-west-1 were not read"
    assert not found.clear


def test_history_that_could_not_be_read_is_a_gap(sim, account):
    make_key(sim, allow("AllowFluoBackendKeyUsage", BACKEND))
    sim.deny("cloudtrail:LookupEvents")

    assert "LookupEvents" in preflight(account, fluo_role_arns=[BACKEND]).gap


def test_where_no_key_policy_changes_nothing_is_asked(sim, account, tmp_path):
    spec = provisioning.spec_for(account.settings, {"fluo_role_arns": [BACKEND]})
    first = provisioning.plan_for(account, spec, Choice())
    assert provisioning.preflight_of(account, first, Silent()) is None, "a new key has no callers"

    provisioning.carry_out(account, first, tmp_path / "plan.json", print)

    assert preflight(account, fluo_role_arns=[BACKEND]) is None
    assert "cloudtrail:LookupEvents" not in sim.calls


def test_what_the_baseline_declares_completes_the_spec():
    settings = settings_of(
        {
            "environment": "production",
            "baseline": {
                "backend_roles": [BACKEND],
                "key_administrators": [DEVELOPER, "arn:aws:iam::123456789012:user/alice"],
                "cryptoperiod_days": 120,
                "encryption_context_purposes": ["a"],
            },
            "provision": {"enable_cloudwatch_logs": True},
        },
        "settings",
    )

    spec = provisioning.spec_for(settings, {"key_rotation_period_days": 100})

    assert (spec.fluo_role_arns, spec.key_admin_arns) == ((BACKEND,), (DEVELOPER,))
    assert (spec.key_rotation_period_days, spec.purposes, spec.enable_cloudwatch_logs) == (100, ("a",), True)
    assert provisioning.spec_for(settings, {"create_iam_role": True}).fluo_role_arns == ()
