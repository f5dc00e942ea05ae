"""Somebody looks whether the set-up has one of the 14 defects, in a terminal or a pipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fluo_audit import provisioning
from fluo_audit.aws.live import LiveTransport
from fluo_audit.errors import ExitCode
from fluo_audit.pipeline import Account
from fluo_audit.provision.desired import Choice
from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.settings import Settings

ORIGINAL = Path(__file__).parent.parent / "provision" / "defects" / "data" / "original_module"
FILES = (
    "--module", ORIGINAL / "module", "--terraform-output", ORIGINAL / "root_outputs.json",
    "--properties", ORIGINAL / "application.properties",
)  # fmt: skip
EVERYTHING = {
    "environment": "production",
    "create_iam_role": True,
    "trusted_principals": ["210987654321"],
    "external_id": "fluo-prod-12345",
    "multi_region_enabled": True,
    "replica_regions": ["eu-west-1"],
    "enable_audit_trail": True,
    "enable_alarms": True,
    "enable_cloudwatch_logs": True,
}
SPEC = ("--spec", "spec.json")


@pytest.fixture
def made() -> Iterator[SimulatedAccount]:
    """Give an account in which everything was provisioned; a replica takes a while, which passes at once here."""
    Path("spec.json").write_text(json.dumps(EVERYTHING))
    with SimulatedAccount(empty=True) as simulated:
        transport = LiveTransport(simulated.session_as("platform-admin"), simulated.clock)
        account = Account(transport, simulated.clock, "us-east-1", Settings(), sample=True, offline=False)
        plan = provisioning.plan_for(account, provisioning.spec_for(account.settings, EVERYTHING), Choice())
        left = provisioning.carry_out(account, plan, Path("plan.json"), lambda _: None)
        assert left.pending == ()
        yield simulated


@pytest.fixture
def aws(made: SimulatedAccount, aws_as: Callable[..., Any]) -> Callable[..., Any]:
    return aws_as(made, "platform-admin")


def outcomes(text: str) -> dict[str, str]:
    return {each["id"]: each["outcome"] for each in json.loads(text)["results"]}


def test_the_sample_account_has_two_defects_and_says_which_files_would_tell_more(run):
    ended = run("--demo", "provision", "review")

    lines = ended.out.splitlines()
    assert ended.code == ExitCode.EXCEPTIONS
    assert [line.split()[1] for line in lines if line.startswith("!!")] == [
        "context-in-key-policy",
        "alarms-have-metric",
    ]
    assert [line.split()[0] for line in lines if line[:2] in {"!!", "ok", "??"}].count("ok") == 6
    assert "allowed by key policy, AllowFluoBackendKeyUsage" in ended.out
    assert "UserErrorCount (fluo-kms-throttle-production)" in ended.out
    assert (
        "      Fix: fluo-audit provision apply, or enforce_encryption_context in provision/terraform/aws-kms" in lines
    )
    assert lines[-2] == "2 wrong, 6 right, 6 not known"
    assert lines[-1] == "Next: fluo-audit provision review --module DIR --terraform-output FILE --properties FILE"


def test_the_files_of_the_original_module_bring_its_defects(run):
    ended = run("--demo", "provision", "review", *FILES, "-o", "json")

    document = json.loads(ended.out)
    wrong = [each["id"] for each in document["results"] if each["outcome"] == "defect"]
    assert document["schema"] == "fluo-audit/review/v1"
    assert set(document["results"][0]) == {"id", "title", "outcome", "seen", "means", "fix"}
    assert {
        "variables-have-effect", "properties-are-plain", "outputs-passed-on", "validation-commands-run",
        "module-folder-loads",
    } < set(wrong)  # fmt: skip
    assert [each["id"] for each in document["results"] if each["outcome"] == "not known"] == [
        "environment-variables-map"
    ]


def test_what_was_made_here_has_none_of_them_and_all_of_it_is_known(aws, made):
    properties = Path("application.properties")
    assert aws("output", "fluo_backend_config", *SPEC, "--write", properties).code == ExitCode.OK
    before = made.writes

    ended = aws("provision", "review", *SPEC, "--properties", properties)

    assert ended.code == ExitCode.OK, ended.out
    assert ended.out.splitlines()[-2:] == ["14 right", "Next: fluo-audit report -d evidence"]
    assert made.writes == before


def test_without_a_defect_what_is_not_known_is_incomplete_and_names_the_flag(aws):

    ended = aws("provision", "review", *SPEC)

    assert ended.code == ExitCode.INCOMPLETE
    assert "??  properties-are-plain" in ended.out
    assert ended.out.splitlines()[-1] == "Next: fluo-audit provision review --properties FILE"


def test_what_may_not_be_read_names_the_permission(aws, made):
    made.deny("iam:ListInstanceProfilesForRole")

    ended = aws("provision", "review", *SPEC)

    assert "grant iam:ListInstanceProfilesForRole to the collector" in ended.out


def test_a_set_up_by_hand_is_judged_by_what_its_policies_allow(aws, made):
    """Names, Sids and order are nobody's; the flaws are those of the original module."""
    kms, iam = made.session.client("kms"), made.session.client("iam")
    key = next(
        each["TargetKeyId"] for each in kms.list_aliases()["Aliases"] if each["AliasName"] == "alias/fluo-production"
    )
    role = "arn:aws:iam::123456789012:role/fluo/fluo-backend-production"
    allow = {"Effect": "Allow", "Resource": "*"}
    root = allow | {"Principal": {"AWS": "123456789012"}, "Action": "*"}
    use = allow | {"Sid": "u", "Principal": {"AWS": role}, "Action": ["kms:Gen*", "kms:Enc*", "kms:De*"]}
    for region in ("us-east-1", "eu-west-1"):
        made.session_in(region).client("kms").put_key_policy(
            KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [use, root]})
        )
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    asked = trust | {"Condition": {"StringLike": {"sts:ExternalId": "fluo-*"}}}
    iam.update_assume_role_policy(
        RoleName="fluo-backend-production",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": asked}),
    )
    iam.remove_role_from_instance_profile(
        InstanceProfileName="fluo-backend-production", RoleName="fluo-backend-production"
    )

    ended = aws("provision", "review", *SPEC, "-o", "json")

    assert ended.code == ExitCode.EXCEPTIONS
    assert {id_ for id_, outcome in outcomes(ended.out).items() if outcome == "defect"} == {
        "context-in-key-policy", "external-id-not-of-services", "four-actions-only", "instance-profile-exists",
        "replicas-enforce-too",
    }  # fmt: skip


def test_hostile_files_cannot_write_to_the_terminal(run, tmp_path):
    (tmp_path / "main.tf").write_text('variable "x\x1b[2J\u202ey" {}\n')

    ended = run("--demo", "provision", "review", "--module", tmp_path)

    assert "declared, and used nowhere" in ended.out
    assert "\x1b" not in ended.out
    assert "\u202e" not in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--module", "."), "no .tf file"),
        (("--terraform-output", "gone.json"), "gone.json: cannot be read"),
        (("--properties", "gone.properties"), "gone.properties: cannot be read"),
    ],
)
def test_a_file_that_is_not_there_is_a_usage_error(run, words, said):
    ended = run("--demo", "provision", "review", *words)

    assert ended.code == ExitCode.USAGE
    assert said in ended.err
