"""fluo-audit validate: the steps after deployment, as a person or a pipeline runs them."""

from __future__ import annotations

import json

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.sandbox.account import SimulatedAccount

ROLE = "arn:aws:iam::123456789012:role/fluo-backend"


@pytest.fixture
def account():
    with SimulatedAccount() as account:
        yield account


def test_the_demo_shows_every_step_and_the_flaw_of_the_sample_key(run):
    ended = run("--demo", "validate")

    lines = ended.out.splitlines()
    assert ended.code == ExitCode.EXCEPTIONS
    assert [(line[:2], line[4:22].rstrip()) for line in lines[:8]] == [
        ("ok", "describe-key"),
        ("ok", "rotation"),
        ("--", "generate-data-key"),
        ("ok", "role/fluo-backend"),
        ("!!", "role/fluo-backend"),
        ("ok", "backend health"),
        ("ok", "backend provider"),
        ("ok", "backend round trip"),
    ]
    assert "purpose=fluo-audit-undeclared: allowed by key policy, AllowFluoBackendKeyUsage" in lines[4]
    assert lines[0].endswith(" 0 ms")
    assert lines[8] == "6 passed, 1 wrong, 1 not judged"
    assert lines[9].startswith("Next: set enforce_encryption_context = true in the Terraform module")


def test_the_steps_as_json(run, sample_account):
    ended = run("--demo", "validate", "-o", "json")

    document = json.loads(ended.out)
    assert document["schema"] == "fluo-audit/validate/v1"
    assert document["key_arn"] == sample_account.truth.key_arn
    assert (document["expect"], document["dry_run"]) == ("aws", True)
    assert document["steps"][0] == {
        "name": "describe-key",
        "conclusion": "supported",
        "said": "the key is Enabled",
        "milliseconds": 0,
        "fix": None,
    }
    assert {step["conclusion"] for step in document["steps"]} == {"supported", "exception", "not applicable"}


def test_a_pipeline_with_the_backends_role_passes_when_all_is_as_it_should_be(account, aws_as, backend):
    """A statement for the declared purposes, a Deny for all others, and a backend that sends what is declared."""
    use, purpose = ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"], "kms:EncryptionContext:purpose"
    root, me = {"AWS": "arn:aws:iam::123456789012:root"}, {"AWS": ROLE}
    statements = [
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": me, "Action": ["kms:Describe*", "kms:List*", "kms:Get*"], "Resource": "*"},
        {"Effect": "Allow", "Principal": me, "Action": use, "Resource": "*",
         "Condition": {"StringEquals": {purpose: ["pii_redaction", "compliance_evidence"]}}},
        {"Effect": "Deny", "Principal": me, "Action": use, "Resource": "*",
         "Condition": {"StringNotEquals": {purpose: ["pii_redaction", "compliance_evidence"]}}},
    ]  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    account.gateway.call("kms", "PutKeyPolicy", KeyId=account.truth.key_id, Policy=policy)
    sends = dict.fromkeys(("health", "generate_data_key", "encrypt", "decrypt", "key_retrieval"), "pii_redaction")
    kms = account.session_as("fluo-backend").client("kms")
    server = backend(kms, key="alias/fluo-production", purposes=sends)
    declared("backend_roles", ROLE)

    ended = aws_as(account, "fluo-backend")("validate", "--environment", "production", "--backend-url", server.url)

    assert ended.code == ExitCode.OK, ended.out
    assert "dry run as role/fluo-backend, purpose=pii_redaction: allowed" in ended.out
    assert "purpose=fluo-audit-undeclared: denied, as it should be" in ended.out
    assert ended.out.splitlines()[-2:] == ["7 passed", "Next: fluo-audit report -d evidence"]


def declared(name, *values):
    from pathlib import Path

    Path("fluo-audit.toml").write_text(f"[baseline]\n{name} = {json.dumps(values)}\n", encoding="utf-8")


def test_without_declared_roles_the_backend_is_not_judged(account, aws_as):
    ended = aws_as(account, "fluo-audit-reader")("validate", "--environment", "production")

    assert ended.code == ExitCode.INCOMPLETE
    assert "set backend_roles under [baseline]" in ended.out
    assert "not known to be the backend" in ended.out
    assert "--backend-url names it" in ended.out


def test_local_keys_need_no_aws(run, backend):
    server = backend(provider="local", shape="source")

    ended = run("validate", "--expect", "local", "--backend-url", server.url)

    assert ended.code == ExitCode.OK
    assert ended.out.splitlines()[:2] == [
        "ok  backend health      UP, provider local",
        "ok  backend provider    local",
    ]


def test_local_keys_without_a_backend_is_a_question_to_nobody(run):
    ended = run("validate", "--expect", "local")

    assert ended.code == ExitCode.USAGE
    assert "--backend-url" in ended.err


def test_a_backend_on_local_keys_where_aws_is_expected(run, backend):
    ended = run("--demo", "validate", "--backend-url", backend(provider="local", key="").url)

    assert ended.code == ExitCode.EXCEPTIONS
    assert "!!  backend provider    local, and should be aws" in ended.out


def test_a_backend_that_does_not_answer(run):
    ended = run("--demo", "validate", "--backend-url", "http://127.0.0.1:9", "-o", "json")

    steps = {step["name"]: step for step in json.loads(ended.out)["steps"]}
    assert steps["backend health"]["conclusion"] == "inconclusive"
    assert "connection refused" in steps["backend health"]["said"]


def test_an_address_that_is_none_is_refused_before_anything_is_asked(run):
    ended = run("--demo", "validate", "--backend-url", "localhost:8080")

    assert ended.code == ExitCode.USAGE
    assert "http://localhost:8080" in ended.err


def test_the_token_comes_from_the_environment_and_is_never_printed(run, backend, monkeypatch):
    server = backend(token="s3cr3t", provider="local")
    monkeypatch.setenv("FLUO_AUDIT_BACKEND_URL", server.url)
    refused = run("validate", "--expect", "local")
    monkeypatch.setenv("FLUO_AUDIT_BACKEND_TOKEN", "s3cr3t")

    ended = run("validate", "--expect", "local")

    assert (refused.code, ended.code) == (ExitCode.INCOMPLETE, ExitCode.OK)
    assert "FLUO_AUDIT_BACKEND_TOKEN" in refused.out
    assert "s3cr3t" not in ended.out + ended.err + run("validate", "--help").out


def test_what_the_backend_says_cannot_steer_the_terminal(run, backend):
    ended = run("--demo", "validate", "--backend-url", backend(key="arn:\x1b[31mred\u202e").url)

    assert "\x1b" not in ended.out
    assert "\u202e" not in ended.out
    assert "arn:\\x1b[31mred\\u202e" in ended.out


def test_no_plaintext_is_printed_or_written_without_dry_run(account, aws_as, tmp_path):
    declared("backend_roles", ROLE)

    ended = aws_as(account, "fluo-backend")("validate", "--no-dry-run", "--environment", "production", "-o", "json")

    document = json.loads(ended.out)
    assert document["dry_run"] is False
    assert any("made and thrown away as role/fluo-backend" in step["said"] for step in document["steps"])
    assert "laintext" not in ended.out
    assert "iphertext" not in ended.out
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["fluo-audit.toml"]
