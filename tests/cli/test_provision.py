"""Plan, look, apply, as a person does it in a terminal or a pipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.sandbox.account import SimulatedAccount

BACKEND = "arn:aws:iam::123456789012:role/fluo-backend"
DECLARED = ("--environment", "production", "--fluo-role-arn", BACKEND)


@pytest.fixture
def blank() -> Iterator[SimulatedAccount]:
    """Give a blank account; the commands that use it wait in real time, so a new role is visible at once."""
    with SimulatedAccount(empty=True, settling=timedelta(0), iam_propagation=timedelta(0)) as account:
        yield account


@pytest.fixture
def aws(blank: SimulatedAccount, aws_as: Callable) -> Callable:
    """Give a function that runs a command against a blank account."""
    return aws_as(blank, "platform-admin")


def test_a_plan_shows_what_will_be_added_and_what_it_costs_and_comes_next(aws, blank):
    ended = aws("provision", "plan", *DECLARED)

    assert ended.code == ExitCode.EXCEPTIONS
    assert ended.out.splitlines() == [
        "+ KMS key             alias/fluo-production, rotation 90 days, 5 policy statements",
        "+ alias               alias/fluo-production",
        "+ IAM policy          fluo-kms-access-production, 4 actions, 2 purposes",
        "3 to add, 0 to change, 0 to remove. About $1.00 a month for the keys at first, $3.00 after the second rotation.",
        "Next: fluo-audit provision apply plan-production.json",
    ]
    assert blank.writes == ()


def test_a_saved_plan_is_applied_and_then_nothing_is_left_to_do(aws, blank):
    aws("provision", "plan", *DECLARED)

    applied = aws("provision", "apply", "plan-production.json", "--yes")
    again = aws("provision", "plan", *DECLARED)

    assert applied.code == ExitCode.OK, applied.err
    assert (
        "ok  KMS key alias/fluo-production     created"
        in applied.out.splitlines()[0].replace("  created", "     created")
        or "created" in applied.out
    )
    assert "Read again: everything is as planned." in applied.out
    assert again.code == ExitCode.OK
    assert "0 to add, 0 to change, 0 to remove" in again.out
    assert blank.writes == ("kms:CreateKey", "kms:EnableKeyRotation", "kms:CreateAlias", "iam:CreatePolicy")


def test_applying_twice_writes_once(aws, blank):
    aws("provision", "apply", *DECLARED, "--yes")
    before = blank.writes

    again = aws("provision", "apply", *DECLARED, "--yes")

    assert (again.code, blank.writes) == (ExitCode.OK, before)
    assert "Nothing to do" in again.out


def test_an_old_plan_is_refused_after_something_changed(aws, blank):
    aws("provision", "plan", *DECLARED)
    aws("provision", "apply", *DECLARED, "--yes")
    aws("provision", "plan", *DECLARED, "--key-rotation-period-days", "120", "--out", "later.json")
    before = blank.writes
    key = blank.session.client("kms").list_keys()["Keys"][0]["KeyId"]
    blank.session.client("kms").enable_key_rotation(KeyId=key, RotationPeriodInDays=365)

    refused = aws("provision", "apply", "later.json", "--yes")

    assert refused.code == ExitCode.COULD_NOT_RUN
    assert "something changed since" in refused.err
    assert len(blank.writes) == len(before) + 1, "only the change by hand"


def test_nobody_is_asked_in_a_pipe(aws, blank):
    ended = aws("provision", "apply", *DECLARED)

    assert ended.code == ExitCode.USAGE
    assert "--yes" in ended.err
    assert blank.writes == ()


def test_a_saved_plan_takes_no_further_options(aws):
    aws("provision", "plan", *DECLARED)

    ended = aws("provision", "apply", "plan-production.json", "--take-ownership", "--yes")

    assert ended.code == ExitCode.USAGE
    assert "provision plan" in ended.err


def test_an_edited_plan_is_an_integrity_failure(aws):
    aws("provision", "plan", *DECLARED)
    path = Path("plan-production.json")
    path.write_text(path.read_text().replace('"key_rotation_period_days": 90', '"key_rotation_period_days": 2000'))

    ended = aws("provision", "apply", "plan-production.json", "--yes")

    assert ended.code == ExitCode.INTEGRITY


def test_drift_names_the_fact_and_exits_1(aws, blank):
    aws("provision", "apply", *DECLARED, "--yes")
    key = blank.session.client("kms").list_keys()["Keys"][0]["KeyId"]
    blank.session.client("kms").enable_key_rotation(KeyId=key, RotationPeriodInDays=365)

    ended = aws("provision", "plan", *DECLARED)

    assert ended.code == ExitCode.EXCEPTIONS
    assert "    rotation: 365 -> 90" in ended.out.splitlines()


def test_a_plan_for_programs_lists_facts_and_writes_and_hides_the_external_id(aws):
    ended = aws(
        "provision", "plan", "--environment", "production", "--create-iam-role", "--external-id", "s3cret-id",
        "--trusted-principal", "111122223333", "--tag", "Owner=Platform", "-o", "json",
    )  # fmt: skip
    document = json.loads(ended.out)

    assert document["schema"] == "fluo-audit/plan/v1"
    assert [change["mark"] for change in document["changes"]] == ["+"] * 6
    assert document["changes"][1]["writes"][0]["api"] == "kms:CreateKey"
    assert document["spec"]["tags"] == {"Owner": "Platform"}
    assert "s3cret-id" not in ended.out


def test_the_external_id_does_not_show_on_the_terminal(aws, blank):
    words = ("--environment", "production", "--create-iam-role", "--trusted-principal", "111122223333")
    assert aws("provision", "apply", *words, "--external-id", "first-id", "--yes").code == ExitCode.OK

    ended = aws("provision", "plan", *words, "--external-id", "s3cret-id")

    assert "sts:externalid (external id)" in ended.out.lower().replace("[", "").replace("]", "")
    assert "s3cret-id" not in ended.out


def test_a_file_of_variables_is_completed_by_options(aws):
    Path("spec.toml").write_text(
        f'environment = "staging"\nfluo_role_arns = ["{BACKEND}"]\nkey_rotation_period_days = 120\n'
    )

    ended = aws("provision", "plan", "--spec", "spec.toml", "--key-rotation-period-days", "180")

    assert "alias/fluo-staging, rotation 180 days" in ended.out
    assert Path("plan-staging.json").exists()


def test_the_settings_file_declares_the_desired_state(aws):
    Path("fluo-audit.toml").write_text(f'environment = "staging"\n[provision]\nfluo_role_arns = ["{BACKEND}"]\n')

    assert "alias/fluo-staging" in aws("provision", "plan").out


def test_a_declared_baseline_is_enough(aws):
    Path("fluo-audit.toml").write_text(f'environment = "staging"\n[baseline]\nbackend_roles = ["{BACKEND}"]\n')

    assert aws("provision", "plan").code == ExitCode.EXCEPTIONS


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fluo-role-arn", BACKEND), "no environment"),
        (("--environment", "production"), "nobody may use the key"),
        ((*DECLARED, "--key-rotation-period-days", "30"), "90 to 2560"),
        ((*DECLARED, "--tag", "Owner"), "Owner=Platform"),
    ],
)
def test_a_wrong_spec_is_a_usage_error_before_anything_is_asked(aws, blank, words, said):
    ended = aws("provision", "plan", *words)

    assert ended.code == ExitCode.USAGE
    assert said in ended.err
    assert blank.calls == ()


def test_what_could_not_be_read_is_incomplete_and_says_what_to_grant(aws, blank):
    aws("provision", "apply", *DECLARED, "--yes")
    blank.deny("iam:ListPolicyVersions")

    ended = aws("provision", "plan", *DECLARED)

    assert ended.code == ExitCode.INCOMPLETE
    assert "? IAM policy" in ended.out
    assert "grant iam:ListPolicyVersions" in ended.out


def test_a_hostile_policy_cannot_write_to_the_terminal(aws, blank):
    kms = blank.session.client("kms")
    aws("provision", "apply", *DECLARED, "--yes")
    key = kms.list_keys()["Keys"][0]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append(
        {
            "Sid": "x\x1b[2Jy\u202e",
            "Effect": "Allow",
            "Principal": {"AWS": BACKEND},
            "Action": "kms:ListGrants",
            "Resource": "*",
        }
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))

    ended = aws("provision", "plan", *DECLARED)

    assert "is not ours: kept" in ended.out
    assert "\x1b" not in ended.out
    assert "\u202e" not in ended.out


# --- the sample account: Terraform's key, with a call on record that enforcement would deny -----------------------


def test_the_sample_account_shows_the_calls_that_enforcement_would_deny(run):
    ended = run("--demo", "provision", "plan")

    assert ended.code == ExitCode.EXCEPTIONS
    assert "Pre-flight: calls of the last 90 days that the new policy would deny" in ended.out
    assert "kms:GenerateDataKey" in ended.out
    assert "Terraform manages this key" in ended.out


def test_a_key_of_terraform_is_not_written_to(run):
    ended = run("--demo", "provision", "apply", "--yes")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert "--take-ownership" in ended.err


def test_enforcement_over_observed_calls_needs_a_flag(run):
    refused = run("--demo", "provision", "apply", "--yes", "--take-ownership")
    accepted = run("--demo", "provision", "apply", "--yes", "--take-ownership", "--accept-denied-calls")

    assert refused.code == ExitCode.COULD_NOT_RUN
    assert "--accept-denied-calls" in refused.err
    assert accepted.code == ExitCode.OK, accepted.err
    assert "everything is as planned" in accepted.out


def test_history_that_could_not_be_read_is_no_clear_pre_flight(aws, blank):
    blank.session.client("kms").create_alias(
        AliasName="alias/fluo-production", TargetKeyId=blank.session.client("kms").create_key()["KeyMetadata"]["KeyId"]
    )
    blank.deny("cloudtrail:LookupEvents")

    planned = aws("provision", "plan", *DECLARED)
    refused = aws("provision", "apply", "plan-production.json", "--yes")

    assert "CloudTrail could not be read" in planned.out
    assert refused.code == ExitCode.COULD_NOT_RUN
