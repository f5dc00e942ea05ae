"""Every command that a remedy names can be typed: it exists, takes these options, and quotes what AWS said."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from fluo_audit.cli.main import main
from fluo_audit.cli.options import Globals
from fluo_audit.model.evidence import Missing
from fluo_audit.runbook.remedies import Remedies, enable_key, remedies_of

ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLES = ("arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b")
PLAIN = Remedies("test", ARN, ROLES)

VARIABLES = [
    {"fluo_role_arns": ROLES[:1]},
    {"attach_to_role": True, "fluo_iam_role_name": "fluo-backend"},
    {"encryption_context_purposes": ("a", "b")},
    {"extra_context_purposes": ("health_check",)},
    {"enforce_encryption_context": True},
    {"enforce_encryption_context": False},
    {"key_rotation_period_days": 90},
    {},
]


@pytest.mark.parametrize("variables", VARIABLES, ids=lambda each: "-".join(each) or "none")
@pytest.mark.parametrize("more", [[], ["--prune", "Some Sid"]], ids=["plain", "prune"])
def test_a_plan_takes_every_option_it_is_given(variables, more):
    program, group, name, *options = [*shlex.split(PLAIN.plan(**variables)), *more]

    command = main.commands[group].commands[name]
    # click keeps the first names of the help option that it sees of a command, and pages are generated from it.
    names = main.context_settings["help_option_names"]
    context = command.make_context(name, options, obj=Globals(), help_option_names=names)

    assert program == "fluo-audit"
    assert context.obj.environment == "test"
    for variable, value in variables.items():
        assert context.params[variable] == value


def test_terraform_is_told_the_variable_and_the_way_out():
    fix = Remedies("test", ARN, ROLES, terraform=True).plan(fluo_role_arns=ROLES)

    assert fix.startswith('set fluo_role_arns = ["arn:aws:iam::123456789012:role/a", "arn:')
    assert shlex.split(fix.rpartition("take over: ")[2])[-1] == "--take-ownership"


@pytest.mark.parametrize(("days", "period"), [(30, "90"), (90, "90"), (365, "365"), (9999, "2560")])
def test_a_rotation_period_is_one_that_kms_takes(days, period):
    assert PLAIN.rotation(days).endswith(f"--rotation-period-in-days {period}")


def test_text_of_aws_is_quoted():
    evil = Remedies("test", "arn'; touch /tmp/x; '", ("$(id)",))

    assert shlex.split(evil.kms("enable-key")) == ["aws", "kms", "enable-key", "--key-id", "arn'; touch /tmp/x; '"]
    assert "$(id)" in shlex.split(evil.plan())


@pytest.mark.parametrize(
    ("state", "commands"),
    [("Disabled", 1), ("PendingDeletion", 2), ("PendingImport", 0), ("Enabled", 0)],
)
def test_a_key_is_enabled_by_as_many_commands_as_its_state_needs(facts, state, commands):
    fix = enable_key(facts(key={"state": state}), PLAIN)

    assert fix.count("aws kms ") == commands


def test_the_environment_is_the_declared_one_or_in_the_alias(facts, criteria):
    declared = criteria()
    nobody = replace(declared, scope=replace(declared.scope, environment=""))

    assert remedies_of(facts(), declared).environment == "test"
    assert remedies_of(facts(aliases=["alias/fluo-blue"]), nobody).environment == "blue"
    assert remedies_of(facts(aliases=Missing("kms:ListAliases", "AccessDenied")), nobody).environment == "ENV"


@pytest.mark.parametrize(
    ("tags", "terraform"), [({"ManagedBy": "terraform"}, True), ({"ManagedBy": "fluo-audit"}, False), ({}, False)]
)
def test_terraform_is_known_by_its_tag(facts, criteria, tags, terraform):
    assert remedies_of(facts(tags=tags), criteria()).terraform is terraform
