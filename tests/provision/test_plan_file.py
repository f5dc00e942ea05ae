"""A saved plan holds for the state it was made for, and for nothing else."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fluo_audit.errors import IntegrityError, OutputError, RefusedError, UsageError
from fluo_audit.policy import Outcome
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.plan_file import (
    Preflight,
    bound_to,
    load_plan,
    plan_document,
    principal,
    require_current,
    save_plan,
)
from fluo_audit.provision.preflight import DeniedCall

BACKEND = "arn:aws:iam::123456789012:role/fluo-backend"
CALL = DeniedCall(
    BACKEND, "kms:Encrypt", ("purpose",), "health_check", Outcome.EXPLICIT_DENY, (), "denied", 3,
    datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC),
)  # fmt: skip


def saved(engineer: Any, preflight: Preflight | None = None, **variables: Any) -> Any:
    plan = engineer.plan(**{"fluo_role_arns": [BACKEND], **variables})
    save_plan(engineer.plan_file, plan_document(plan, preflight, engineer.sim.clock.now()))
    return plan


def test_a_plan_comes_back_as_it_was_saved(engineer):
    plan = saved(engineer, external_id="fluo-secret", trusted_principals=["111122223333"])

    loaded = load_plan(engineer.plan_file)

    assert loaded.spec == plan.spec
    assert loaded.choice == Choice()
    assert loaded.bound_to == bound_to(plan)
    assert loaded.preflight_clear
    require_current(loaded, plan, engineer.sim.clock.now())


def test_only_its_owner_reads_a_plan_for_it_may_hold_an_external_id(engineer):
    saved(engineer)

    assert stat.S_IMODE(engineer.plan_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("preflight", "clear"),
    [(None, True), (Preflight(), True), (Preflight((CALL,)), False), (Preflight(gap="90 of 365 days"), False)],
)
def test_a_plan_remembers_what_the_pre_flight_said(engineer, preflight, clear):
    saved(engineer, preflight)

    assert load_plan(engineer.plan_file).preflight_clear is clear
    document = json.loads(engineer.plan_file.read_text())
    assert [call["purpose"] for call in document["would_be_denied"]] == (
        ["health_check"] if preflight and preflight.calls else []
    )


def test_any_change_to_the_file_is_noticed(engineer):
    saved(engineer)
    document = json.loads(engineer.plan_file.read_text())
    del document["sha256"]
    document["preflight_clear"] = False
    save_plan(engineer.plan_file, {**document, "sha256": "0" * 64})

    with pytest.raises(IntegrityError, match="was changed"):
        load_plan(engineer.plan_file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a plan"),
        ('{"schema": "fluo-audit/plan/v0"}', "not a plan"),
        ("[" * 10**5, "not JSON"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path, text, said):
    path = tmp_path / "plan.json"
    path.write_text(text)

    with pytest.raises(UsageError, match=said):
        load_plan(path)


def test_a_plan_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(UsageError) as refused:
        load_plan(tmp_path / "plan.json")

    assert "provision plan" in refused.value.hint


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OutputError, match="plan"):
        save_plan(tmp_path / "none" / "plan.json", {})


@pytest.mark.parametrize("age", [timedelta(hours=24, seconds=1), timedelta(minutes=-6)])
def test_a_plan_holds_for_a_day(engineer, age):
    plan = saved(engineer)
    loaded = load_plan(engineer.plan_file)

    with pytest.raises(RefusedError, match="not within the day"):
        require_current(loaded, plan, loaded.made_at + age)


def test_a_plan_does_not_hold_after_the_account_changed(engineer):
    saved(engineer)
    engineer.client("kms").create_alias(AliasName="alias/fluo-production", TargetKeyId=engineer.make_key())

    with pytest.raises(RefusedError, match="something changed since"):
        require_current(
            load_plan(engineer.plan_file), engineer.plan(fluo_role_arns=[BACKEND]), engineer.sim.clock.now()
        )


def test_a_plan_does_not_hold_for_another_spec(engineer):
    saved(engineer)
    other = engineer.plan(fluo_role_arns=[BACKEND], key_rotation_period_days=120)

    with pytest.raises(RefusedError, match="another spec"):
        require_current(load_plan(engineer.plan_file), other, engineer.sim.clock.now())


def test_a_plan_does_not_hold_for_another_caller_or_region(engineer):
    saved(engineer)
    loaded, now = load_plan(engineer.plan_file), engineer.sim.clock.now()
    engineer.role = "developer"

    with pytest.raises(RefusedError, match="another caller"):
        require_current(loaded, engineer.plan(fluo_role_arns=[BACKEND]), now)
    engineer.role, engineer.region = "", "eu-west-1"
    with pytest.raises(RefusedError, match="another Region"):
        require_current(loaded, engineer.plan(fluo_role_arns=[BACKEND]), now)


def test_a_plan_does_not_hold_for_another_account_or_version_of_the_tool(engineer):
    plan = saved(engineer)
    loaded, now = load_plan(engineer.plan_file), engineer.sim.clock.now()

    for name, said in (("account", "another account"), ("tool", "another version")):
        other = replace(loaded, bound_to={**loaded.bound_to, name: "other"})
        with pytest.raises(RefusedError, match=said):
            require_current(other, plan, now)


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ("arn:aws:sts::123456789012:assumed-role/admin/alice", "arn:aws:sts::123456789012:assumed-role/admin"),
        ("arn:aws:iam::123456789012:user/alice", "arn:aws:iam::123456789012:user/alice"),
    ],
)
def test_another_session_of_the_same_role_may_apply(caller, expected):
    assert principal(caller) == expected
