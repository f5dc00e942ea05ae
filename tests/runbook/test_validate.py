"""The steps after deployment against simulated accounts and a backend over HTTP."""

from __future__ import annotations

import socket

import pytest

from fluo_audit import pipeline
from fluo_audit.errors import ExitCode
from fluo_audit.provision.find import FoundKey
from fluo_audit.runbook.answers import Health, Status
from fluo_audit.runbook.backend import Backend
from fluo_audit.runbook.rules import FOREIGN
from fluo_audit.runbook.step import exit_code
from fluo_audit.runbook.validate import health_step, provider_step, validate_backend, validate_key

ACCOUNT = "arn:aws:iam::123456789012:"
ROLE = f"{ACCOUNT}role/fluo-backend"
PURPOSE = "kms:EncryptionContext:purpose"
USE = ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]
PURPOSES = ["pii_redaction", "compliance_evidence"]


def statement(sid, action, principal=ROLE, effect="Allow", **condition):
    found = {"Sid": sid, "Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


ROOT = statement("Root", "kms:*", f"{ACCOUNT}root")
ENFORCED = [
    ROOT,
    statement("Describe", "kms:DescribeKey"),
    statement("Use", USE, StringEquals={PURPOSE: PURPOSES}),
    statement("DenyOther", USE, effect="Deny", StringNotEquals={PURPOSE: PURPOSES}),
]


@pytest.fixture
def validated(opened):
    """Give a function that runs the steps on the key: {name: step}, in their order."""

    def run(account, role="fluo-audit-reader", *, dry_run=True):
        open_ = opened(account, role)
        found = FoundKey(account.truth.key_arn, "its ARN")
        steps, _ = validate_key(pipeline.probing(open_, found, dry_run=dry_run))
        return steps

    return run


def by_name(steps):
    return {step.name: (step.conclusion.value, step.said) for step in steps}


def test_the_backend_role_itself_tries_both_purposes(account, validated, put_policy):
    put_policy(account, *ENFORCED, statement("Read", ["kms:Get*", "kms:List*"]))

    steps = by_name(validated(account, "fluo-backend"))

    assert steps["generate-data-key"] == (
        "supported",
        "dry run as role/fluo-backend, purpose=pii_redaction: allowed",
    )
    assert steps["other purpose"] == ("supported", f"dry run, purpose={FOREIGN}: denied, as it should be")
    assert "role/fluo-backend" not in steps, "what was tried needs no judgement of policies"


def test_a_policy_that_enforces_nothing_is_found_by_the_call(account, validated):
    """In the sample account the key policy allows the role without a condition."""
    steps = by_name(validated(account, "fluo-backend"))

    assert steps["generate-data-key"][0] == "supported"
    assert steps["other purpose"] == ("exception", f"dry run, purpose={FOREIGN}: allowed, and should be denied")


def test_a_refused_backend_says_nothing_about_the_other_purpose(account, validated, put_policy):
    put_policy(account, statement("Root", "kms:*", f"{ACCOUNT}role/platform-admin"))

    steps = by_name(validated(account, "fluo-backend"))

    assert steps["generate-data-key"][0] == "exception"
    assert steps["other purpose"] == ("not applicable", "not tried: it says nothing while the right one is denied")


@pytest.mark.parametrize("role", ["fluo-audit-reader", "platform-admin", "developer"])
def test_another_caller_says_nothing_about_the_backend(account, validated, put_policy, role):
    """Then the policies are judged, and the answer is the same whoever asks."""
    put_policy(account, *ENFORCED)
    account.gateway.call(
        "iam", "PutRolePolicy", RoleName=role, PolicyName="all",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}',
    )  # fmt: skip

    steps = validated(account, role)

    live = by_name(steps)["generate-data-key"]
    assert live[0] == "not applicable"
    assert f"as role/{role}, purpose=pii_redaction: allowed; no backend role" in live[1]
    assert "other purpose" not in by_name(steps)
    judged = [(step.conclusion.value, step.said) for step in steps if step.name == "role/fluo-backend"]
    assert judged == [
        ("supported", "by its policies, purpose=pii_redaction: allowed"),
        ("supported", f"by its policies, purpose={FOREIGN}: denied, as it should be"),
    ]
    assert exit_code(steps) == ExitCode.OK


def test_by_its_policies_the_sample_backend_may_too_much(account, validated):
    steps = validated(account)

    judged = [step for step in steps if step.name == "role/fluo-backend"]
    assert [step.conclusion.value for step in judged] == ["supported", "exception"]
    assert "key policy, AllowFluoBackendKeyUsage, and should be denied" in judged[1].said
    assert "enforce_encryption_context = true" in judged[1].fix


def test_policies_that_leave_it_open_are_not_judged(account, validated, put_policy):
    put_policy(account, ROOT, statement("Office", USE, IpAddress={"aws:SourceIp": "10.0.0.0/8"}))
    arn = f"{ACCOUNT}policy/fluo/fluo-kms-access-production"
    account.gateway.call("iam", "DetachRolePolicy", RoleName="fluo-backend", PolicyArn=arn)

    judged = [step for step in validated(account) if step.name == "role/fluo-backend"]

    assert [step.conclusion.value for step in judged] == ["inconclusive", "inconclusive"]
    assert "aws:SourceIp" in judged[0].said


@pytest.mark.parametrize("action", ["kms:GetKeyPolicy", "iam:ListAttachedRolePolicies", "kms:ListGrants"])
def test_policies_that_cannot_be_read_are_not_judged(account, validated, action):
    account.deny(action)

    steps = validated(account)

    judged = [step for step in steps if step.name == "role/fluo-backend"]
    assert [step.conclusion.value for step in judged] == ["inconclusive"]
    assert action in judged[0].said


@pytest.mark.parametrize(("dry_run", "word", "made"), [(True, "dry run", 0), (False, "made and thrown away", 1)])
def test_only_without_dry_run_a_key_is_made_and_none_under_the_other_purpose(account, validated, dry_run, word, made):
    steps = validated(account, "fluo-backend", dry_run=dry_run)

    account.clock.sleep(600)
    events = account.session.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GenerateDataKey"}],
        StartTime=account.clock.now().replace(minute=0),
    )["Events"]
    assert by_name(steps)["generate-data-key"][1].startswith(word)
    assert sum('"errorCode"' not in each["CloudTrailEvent"] for each in events) == made
    assert not any("laintext" in step.said for step in steps)


def test_a_disabled_key_is_wrong_for_everybody(account, validated):
    account.gateway.call("kms", "DisableKey", KeyId=account.truth.key_id)

    steps = by_name(validated(account, "fluo-backend"))

    assert steps["describe-key"] == ("exception", "the key is Disabled")
    assert steps["generate-data-key"][0] == "exception"
    assert "DisabledException" in steps["generate-data-key"][1]


@pytest.mark.parametrize("fault", ["timeout", "5xx", "malformed"])
def test_a_call_that_was_lost_is_not_judged(account, validated, fault):
    account.fail("kms:GenerateDataKey", fault)

    assert by_name(validated(account, "fluo-backend"))["generate-data-key"][0] == "inconclusive"


def test_without_knowing_the_caller_nothing_is_tried(account, validated):
    account.deny("sts:GetCallerIdentity")

    steps = by_name(validated(account))

    assert steps["generate-data-key"][0] == "inconclusive"
    assert "sts:GetCallerIdentity" in steps["generate-data-key"][1]


def test_rotation_that_is_off_is_found(account, validated):
    account.gateway.call("kms", "DisableKeyRotation", KeyId=account.truth.key_id)

    assert by_name(validated(account))["rotation"] == ("exception", "automatic rotation is off")


def test_calls_are_timed_by_the_clock_that_is_given(account, validated):
    """The simulated clock moves only when somebody waits: a throttled call waits a second before it is repeated."""
    account.fail("kms:DescribeKey", "throttle", times=1)

    steps = {step.name: step.milliseconds for step in validated(account)}

    assert (steps["describe-key"], steps["rotation"]) == (1000, 0)


# --- the backend ------------------------------------------------------------------------------------------------------


def test_a_backend_that_uses_the_key(account, serve):
    kms = account.session_as("fluo-backend").client("kms")
    server = serve(kms, key=account.truth.key_arn)

    steps = validate_backend(Backend(server.url), "aws", {account.truth.key_arn})

    assert by_name(steps)["backend health"] == ("supported", "UP, provider aws, same key")
    assert by_name(steps)["backend provider"] == ("supported", "aws, cache hit rate 85%")
    assert by_name(steps)["backend round trip"] == ("supported", "4 of 4 tests PASS")
    assert exit_code(steps) == ExitCode.OK


def test_true_enforcement_turns_the_backend_of_the_source_down(account, serve, put_policy):
    """Its own checks send purposes that nobody declared."""
    put_policy(account, *ENFORCED)
    kms = account.session_as("fluo-backend").client("kms")
    server = serve(kms, key=account.truth.key_arn, shape="source")

    steps = by_name(validate_backend(Backend(server.url), "aws", {account.truth.key_arn}))

    assert steps["backend health"][0] == "exception"
    assert "not authorized to perform: kms:GenerateDataKey" in steps["backend health"][1]
    assert steps["backend round trip"][0] == "exception"


def test_another_key_is_found(serve):
    steps = by_name(validate_backend(Backend(serve(key="arn:other").url), "aws", {"arn:mine", "alias/mine"}))

    assert steps["backend health"] == ("exception", "UP, provider aws, but with another key: arn:other")


@pytest.mark.parametrize("name", ["arn:mine", "mine", "alias/mine"])
def test_the_key_may_be_called_by_any_of_its_names(name):
    health = Health(up=True, provider="aws", key=name, error="")

    assert health_step(health, {"arn:mine", "mine", "alias/mine"}, "").said == "UP, provider aws, same key"


def test_a_backend_that_does_not_name_its_key_is_not_said_to_use_it():
    step = health_step(Health(up=True, provider="aws", key="", error=""), {"arn:mine"}, "")

    assert step.said.endswith("which key it uses, it does not say")


@pytest.mark.parametrize(
    ("provider", "expect", "conclusion"),
    [
        ("aws", "aws", "supported"),
        ("local", "aws", "exception"),
        ("local", "local", "supported"),
        ("aws", "local", "exception"),
    ],
)
def test_the_provider_is_the_expected_one(provider, expect, conclusion):
    assert provider_step(Status(provider, None, None), expect).conclusion.value == conclusion


def test_a_backend_that_is_away_is_not_judged():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        steps = validate_backend(Backend(f"http://127.0.0.1:{unused.getsockname()[1]}"), "aws", ())

    assert [step.conclusion.value for step in steps] == ["inconclusive"] * 3
    assert exit_code(steps) == ExitCode.INCOMPLETE


@pytest.mark.parametrize("fault", ["500", "html", "json", "refuse", "redirect"])
def test_a_broken_backend_never_passes(serve, fault):
    steps = validate_backend(Backend(serve(fault=fault).url), "aws", ())

    assert exit_code(steps) == ExitCode.INCOMPLETE
