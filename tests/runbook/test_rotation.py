"""Why the key does not rotate, or not in time. The facts say 2 July 2026; v1 since 10 January, v2 since 10 April."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.model.evidence import Missing
from fluo_audit.runbook.rotation import diagnose_rotation
from fluo_audit.runbook.step import exit_code

DENIED = Missing("kms:ListKeyRotations", "AccessDeniedException", "", "grant it")
UNSUPPORTED = Missing("kms:GetKeyRotationStatus", "UnsupportedOperationException")


def at(text):
    return datetime.fromisoformat(text).replace(hour=9, tzinfo=UTC)


CAUSES = [
    ("an asymmetric key", {"key": {"spec": "RSA_2048"}, "rotation": UNSUPPORTED, "rotations": UNSUPPORTED}, "kind of key", "RSA_2048", ""),
    ("a key of a custom key store", {"key": {"origin": "AWS_CLOUDHSM"}}, "kind of key", "AWS_CLOUDHSM", ""),
    ("imported material", {"key": {"origin": "EXTERNAL"}}, "kind of key", "rotated on demand", ""),
    ("disabled", {"key": {"state": "Disabled"}}, "key state", "Disabled", "aws kms enable-key"),
    ("off", {"rotation": {"enabled": False}}, "automatic rotation", "is off", "enable-key-rotation --key-id arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab --rotation-period-in-days 90"),
    ("off under Terraform", {"rotation": {"enabled": False}, "tags": {"ManagedBy": "terraform"}}, "automatic rotation", "is off", "set key_rotation_period_days = 90 in the Terraform module"),
    ("too rarely", {"rotation": {"period_days": 365}}, "rotation period", "every 365 days", "--rotation-period-in-days 90"),
    ("the last one was late", {"rotations": [at("2026-04-20")], "rotation": {"next_at": at("2026-07-19")}}, "last rotation", "10 days late", ""),
    ("the material in use is overdue", {"rotations": [], "rotation": {"next_at": at("2026-07-09")}}, "material in use", "v1 since 2026-01-10, 173 days, due 2026-04-10, 83 days late", "rotate-key-on-demand"),
    ("the next one will be late", {"rotation": {"next_at": at("2026-08-01")}}, "next rotation", "2026-08-01, due 2026-07-09: too late", "rotate-key-on-demand"),
    ("the next one did not come", {"rotation": {"next_at": at("2026-06-20")}}, "next rotation", "has not taken place", "rotate-key-on-demand"),
]  # fmt: skip


@pytest.mark.parametrize("case", CAUSES, ids=[case[0] for case in CAUSES])
def test_the_cause_is_found(facts, criteria, case):
    _, given, name, said, fix = case

    diagnosis = diagnose_rotation(facts(**given), criteria())

    assert diagnosis.cause is not None, diagnosis
    assert (diagnosis.cause.name, said in diagnosis.cause.said) == (name, True), diagnosis.cause
    assert fix in diagnosis.cause.fix
    assert diagnosis.sentence == "The key does not rotate every 90 days."
    assert exit_code(diagnosis.steps) == ExitCode.EXCEPTIONS


def test_a_healthy_key(facts, criteria):
    diagnosis = diagnose_rotation(facts(), criteria())

    assert diagnosis.sentence == "The key rotates every 90 days."
    assert exit_code(diagnosis.steps) == ExitCode.OK, diagnosis.steps


def test_a_new_key_has_not_rotated_yet(facts, criteria):
    new = {"key": {"created_at": at("2026-06-25")}, "rotations": (), "rotation": {"next_at": at("2026-09-23")}}

    diagnosis = diagnose_rotation(facts(**new), criteria())

    assert exit_code(diagnosis.steps) == ExitCode.OK, diagnosis.steps
    assert [step.said for step in diagnosis.steps if step.name == "last rotation"] == ["none yet"]


def test_what_came_late_long_ago_is_told_and_not_blamed(facts, criteria):
    rotations = [at("2026-01-20"), at("2026-04-19")]
    long_ago = {
        "key": {"created_at": at("2025-10-12")},
        "rotations": rotations,
        "rotation": {"next_at": at("2026-07-18")},
    }

    diagnosis = diagnose_rotation(facts(**long_ago), criteria())

    assert diagnosis.cause is None
    assert any("v1 was replaced 10 days late before that" in step.said for step in diagnosis.steps)


def test_the_declared_cryptoperiod_is_the_measure(facts, criteria):
    found = facts(rotation={"period_days": 180, "next_at": at("2026-10-07")})

    assert diagnose_rotation(found, criteria(cryptoperiod_days=180)).cause is None
    assert diagnose_rotation(found, criteria()).cause.name == "rotation period"


@pytest.mark.parametrize("source", ["key", "rotation", "rotations"])
def test_what_was_not_read_is_not_judged(facts, criteria, source):
    diagnosis = diagnose_rotation(facts(**{source: DENIED}), criteria())

    assert diagnosis.cause is None
    assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE
    assert any("kms:ListKeyRotations, AccessDeniedException; grant it" in step.said for step in diagnosis.steps)


def test_a_next_date_that_aws_left_out_is_not_judged(facts, criteria):
    diagnosis = diagnose_rotation(facts(rotation={"next_at": None}), criteria())

    assert diagnosis.cause is None
    assert exit_code(diagnosis.steps) == ExitCode.INCOMPLETE
