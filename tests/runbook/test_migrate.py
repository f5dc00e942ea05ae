"""The five steps: each is told by what is there, the backend is asked no earlier than needed, and nothing is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.model.evidence import Missing
from fluo_audit.provision.files.properties import Written, read_properties
from fluo_audit.runbook import migrate
from fluo_audit.runbook.backend import Backend
from fluo_audit.runbook.migrate import configuration, exit_code, infrastructure, no_infrastructure, stages, written_step
from fluo_audit.runbook.step import good, unread, wrong

ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NAMES = frozenset({ARN, ARN.rpartition("/")[2], "alias/fluo-test"})
ROOT = "arn:aws:iam::123456789012:root"
ALLOW = {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
MAY = {"p": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}
DONE = good("x", "there")


def states(found):
    return [stage.state.value for stage in found]


# --- 1 infrastructure -------------------------------------------------------------------------------------------------


def test_key_alias_and_policies_are_the_infrastructure(facts, criteria):
    step = infrastructure(facts(key_policy=[ALLOW], role_policies=MAY), criteria())

    assert (step.conclusion.value, step.said) == ("supported", "key, alias and policies exist")


@pytest.mark.parametrize(
    ("given", "said", "fix"),
    [
        ({"key": {"state": "Disabled"}}, "Disabled", "aws kms enable-key"),
        ({"aliases": ()}, "no alias", "fluo-audit provision plan --environment test"),
        ({"role_policies": ()}, "IAM policy: none is attached", "--attach-to-role"),
    ],
)
def test_what_lacks_of_it_is_named(facts, criteria, given, said, fix):
    step = infrastructure(facts(**{"key_policy": [ALLOW], "role_policies": MAY, **given}), criteria())

    assert step.is_wrong
    assert said in step.said
    assert step.fix.startswith(fix) or fix in step.fix


@pytest.mark.parametrize("source", ["key", "aliases", "key_policy", "role_policies"])
def test_what_was_not_read_of_it_is_not_judged(facts, criteria, source):
    denied = Missing("kms:DescribeKey", "AccessDeniedException")

    step = infrastructure(facts(**{"key_policy": [ALLOW], "role_policies": MAY, source: denied}), criteria())

    assert step.conclusion.value == "inconclusive"


def test_without_a_key_the_first_step_is_next():
    missing = no_infrastructure("no alias alias/fluo-test in us-east-1", "test")

    found = stages(missing, missing, None, (), restart=False)

    assert states(found) == ["next", "later", "later", "later", "later"]
    assert found[0].fix == "fluo-audit provision plan --environment test"


# --- 2 configuration --------------------------------------------------------------------------------------------------

WHOLE = f"fluo.kms.provider=aws\naws.kms.master-key-id={ARN}\naws.kms.region=us-east-1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHOLE, "names provider aws and this key"),
        (WHOLE.replace(ARN, "alias/fluo-test"), "names provider aws and this key"),
        (WHOLE.replace("=aws\n", "=local\n"), "fluo.kms.provider is not aws"),
        (WHOLE.replace("fluo.kms.provider=aws\n", ""), "fluo.kms.provider: "),
        (WHOLE.replace("1234abcd", "ffffffff"), "aws.kms.master-key-id names another key"),
        (WHOLE.replace("=us-east-1", "=eu-west-1"), "aws.kms.region is not us-east-1"),
        (WHOLE.replace("aws.kms.region=us-east-1\n", ""), "aws.kms.region: "),
        (WHOLE + "%prod.fluo.kms.provider=local\n", "%prod.fluo.kms.provider is not aws"),
        ("", "fluo.kms.provider: "),
    ],
)
def test_the_properties_name_provider_key_and_region(text, said):
    step = configuration(read_properties(text, "application.properties"), NAMES, "us-east-1", "application.properties")

    assert said in step.said
    assert step.is_wrong is ("names provider aws" not in said)


def test_what_the_file_says_instead_is_not_repeated():
    text = WHOLE.replace(ARN, "s3cr3t-that-went-astray")

    step = configuration(read_properties(text, "f"), NAMES, "us-east-1", "f")

    assert "s3cr3t" not in step.said


def test_a_file_that_is_not_there_yet():
    assert (
        configuration(None, NAMES, "us-east-1", "application.properties").said
        == "application.properties does not exist"
    )


def test_a_block_that_was_written_names_the_backup():
    said = written_step(Written(changed=True, backup=Path("f.backup"), replaced=("fluo.kms.provider",))).said

    assert said == "block written, backup f.backup; commented out outside it: fluo.kms.provider"
    assert written_step(Written(changed=False, backup=None)).said == "the block was there already"


# --- 3 to 5: the backend ----------------------------------------------------------------------------------------------


def test_without_the_backend_a_restart_is_next():
    found = stages(DONE, DONE, None, NAMES, restart=False)

    assert states(found) == ["done", "done", "next", "later", "later"]
    assert found[2].said == (
        "run one of: sudo systemctl restart fluo-backend | docker restart fluo-backend | "
        "kubectl rollout restart deployment/fluo-backend"
    )


def test_a_backend_that_still_runs_with_local_keys_has_to_be_restarted(serve):
    server = serve(provider="local")

    found = stages(DONE, DONE, Backend(server.url), NAMES, restart=False)

    assert states(found) == ["done", "done", "next", "later", "later"]
    assert found[2].said.startswith("the backend still runs with local")
    assert server.asked == ["GET /api/admin/kms/status"], "no round trip over local keys"


def test_a_configuration_written_just_now_needs_a_restart_whatever_the_backend_says(serve):
    server = serve()

    assert states(stages(DONE, DONE, Backend(server.url), NAMES, restart=True))[2] == "next"
    assert server.asked == []


@pytest.mark.parametrize("shape", ["documented", "source"])
def test_all_five_are_done(serve, shape):
    found = stages(DONE, DONE, Backend(serve(shape=shape).url), NAMES, restart=False)

    assert states(found) == ["done"] * 5
    assert exit_code(found) == ExitCode.OK


def test_a_backend_with_another_key_is_wrong(serve):
    found = stages(DONE, DONE, Backend(serve(key="arn:other").url), NAMES, restart=False)

    assert states(found) == ["done", "done", "done", "wrong", "later"]
    assert "another key" in found[3].said
    assert exit_code(found) == ExitCode.EXCEPTIONS


def test_a_round_trip_that_fails_is_wrong(account, serve):
    account.deny("kms:Encrypt")
    kms = account.session_as("fluo-backend").client("kms")
    server = serve(kms, key=account.truth.key_arn)

    found = stages(DONE, DONE, Backend(server.url), {account.truth.key_arn}, restart=False)

    assert states(found)[4] == "wrong"
    assert "encrypt: FAIL" in found[4].said
    assert "doctor access --backend-url http://127.0.0.1" in found[4].fix


@pytest.mark.parametrize("fault", ["500", "html", "json", "refuse"])
def test_a_backend_that_is_not_understood_leaves_the_rest_open(serve, fault):
    found = stages(DONE, DONE, Backend(serve(fault=fault).url), NAMES, restart=False)

    assert states(found) == ["done", "done", "unread", "later", "later"]
    assert exit_code(found) == ExitCode.INCOMPLETE


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (wrong("x", ""), DONE, ExitCode.EXCEPTIONS),
        (unread("x", ""), wrong("y", ""), ExitCode.INCOMPLETE),
        (DONE, wrong("y", ""), ExitCode.EXCEPTIONS),
    ],
)
def test_the_first_open_step_decides_and_the_backend_is_not_asked_before(serve, first, second, code):
    server = serve()

    found = stages(first, second, Backend(server.url), NAMES, restart=False)

    assert exit_code(found) == code
    assert server.asked == []
    assert [stage.name for stage in found] == list(migrate.NAMES)
