"""fluo-audit doctor: the three trees, the cause in them, and the command that puts it right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.sandbox.account import SimulatedAccount

ROLE = "arn:aws:iam::123456789012:role/fluo-backend"


@pytest.fixture
def account():
    with SimulatedAccount() as account:
        yield account


@pytest.fixture
def ask(account, aws_as):
    """Give a function that runs doctor against the account, with the backend role declared."""
    Path("fluo-audit.toml").write_text(f'environment = "production"\n[baseline]\nbackend_roles = ["{ROLE}"]\n')
    asked = aws_as(account, "fluo-audit-reader")
    return lambda *words: asked("doctor", *words)


def put_policy(account, *statements):
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    account.gateway.call("kms", "PutKeyPolicy", KeyId=account.truth.key_id, Policy=policy)


READERS = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:role/fluo-audit-reader"},
    "Action": "kms:*",
    "Resource": "*",
}


def test_the_sample_account_is_well(run):
    ended = run("--demo", "doctor")

    assert ended.code == ExitCode.OK
    blocks = ended.out.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [
        "role/fluo-backend may use the key.",
        "The key rotates every 90 days.",
        "KMS cost $3.00 in 2026-10, budget $6.00.",
    ]
    assert all(block.rstrip().endswith("Nothing wrong found.") for block in blocks)


@pytest.mark.parametrize("topic", ["access", "rotation", "cost"])
def test_one_topic_alone(run, topic):
    document = json.loads(run("--demo", "doctor", topic, "-o", "json").out)

    assert [each["topic"] for each in document["diagnoses"]] == [topic]
    assert document["schema"] == "fluo-audit/doctor/v1"
    assert document["diagnoses"][0]["fix"] is None


def test_a_key_policy_without_the_role_is_marked_as_the_cause(account, ask):
    put_policy(account, READERS)

    ended = ask("access")

    assert ended.code == ExitCode.EXCEPTIONS
    lines = ended.out.splitlines()
    assert (
        lines[0] == "role/fluo-backend may not kms:DescribeKey, kms:GenerateDataKey, kms:Encrypt, kms:Decrypt. Cause:"
    )
    marked = [line for line in lines if "<- this one" in line]
    assert marked == ["!!  key policy            no statement for this role or its account  <- this one"]
    assert lines[-1].startswith(f'Fix: set fluo_role_arns = ["{ROLE}"] in the Terraform module')


def test_a_policy_that_is_not_attached_is_the_cause(account, ask):
    root = {"AWS": "arn:aws:iam::123456789012:root"}
    put_policy(account, READERS, {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"})
    arn = "arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-production"
    account.gateway.call("iam", "DetachRolePolicy", RoleName="fluo-backend", PolicyArn=arn)

    ended = ask("access", "-o", "json")

    (diagnosis,) = json.loads(ended.out)["diagnoses"]
    cause = [step["name"] for step in diagnosis["steps"] if step["cause"]]
    assert (ended.code, cause) == (ExitCode.EXCEPTIONS, ["IAM policy"])
    assert "attach_to_role = true" in diagnosis["fix"]


def test_enforcement_that_turns_the_backend_down_is_the_cause(account, ask, backend):
    purposes = {"kms:EncryptionContext:purpose": ["pii_redaction", "compliance_evidence"]}
    me, use = {"AWS": ROLE}, ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]
    put_policy(
        account,
        READERS,
        {"Effect": "Allow", "Principal": me, "Action": "kms:DescribeKey", "Resource": "*"},
        {"Effect": "Allow", "Principal": me, "Action": use, "Resource": "*", "Condition": {"StringEquals": purposes}},
    )
    server = backend(account.session_as("fluo-backend").client("kms"), key=account.truth.key_arn, shape="source")

    ended = ask("access", "--backend-url", server.url)

    assert ended.code == ExitCode.EXCEPTIONS
    (marked,) = [line for line in ended.out.splitlines() if "<- this one" in line]
    assert marked.startswith("!!  backend's own checks  purpose=health_check, purpose=validation")
    assert 'extra_context_purposes = ["health_check"' in ended.out.splitlines()[-1]


def test_rotation_that_is_off_is_the_cause(account, ask):
    account.gateway.call("kms", "DisableKeyRotation", KeyId=account.truth.key_id)

    ended = ask("rotation")

    assert ended.code == ExitCode.EXCEPTIONS
    (marked,) = [line for line in ended.out.splitlines() if "<- this one" in line]
    assert marked.startswith("!!  automatic rotation  automatic rotation is off")
    assert "key_rotation_period_days = 90" in ended.out.splitlines()[-1]


def test_a_low_cache_hit_rate_is_the_cause_of_high_cost(run, backend):
    ended = run("--demo", "doctor", "cost", "--backend-url", backend(hit_rate=0.4).url)

    assert ended.code == ExitCode.EXCEPTIONS
    assert "!!  cache hit rate      40%, 250 keys in the cache: below 80%  <- this one" in ended.out
    assert "kms.cache.max-size=5000" in ended.out.splitlines()[-1]


def test_the_backend_of_the_source_does_not_tell_the_hit_rate_and_that_is_no_gap(run, backend):
    ended = run("--demo", "doctor", "cost", "--backend-url", backend(shape="source").url)

    assert ended.code == ExitCode.OK
    assert "--  cache hit rate      the backend does not tell it" in ended.out


@pytest.mark.parametrize(
    ("topic", "action"),
    [("access", "kms:GetKeyPolicy"), ("rotation", "kms:ListKeyRotations"), ("cost", "ce:GetCostAndUsage")],
)
def test_what_could_not_be_read_is_named_and_ends_with_3(account, ask, topic, action):
    account.deny(action)

    ended = ask(topic)

    assert ended.code == ExitCode.INCOMPLETE
    (line,) = [line for line in ended.out.splitlines() if action in line]
    assert line.startswith("??")
    assert "Nothing wrong found." not in ended.out


def test_a_topic_that_is_none(run):
    assert run("--demo", "doctor", "health").code == ExitCode.USAGE


def test_names_from_aws_cannot_steer_the_terminal(account, ask):
    evil = {"Sid": "No\u202e", "Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}
    put_policy(account, READERS, evil)

    ended = ask("access")

    assert "\u202e" not in ended.out
    assert "No\\u202e" in ended.out
