"""fluo-audit find: which key is meant, and what it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fluo_audit.errors import ExitCode

PROGRAM = "from fluo_audit.cli.main import run; run()"
SECRET = "hunter2"


def test_the_sample_key_is_found_and_described(run):
    ended = run("--demo", "find")

    assert ended.code == ExitCode.OK
    assert ended.out.splitlines()[1:] == [
        "Found by  alias/fluo-production",
        "State     Enabled, customer managed, SYMMETRIC_DEFAULT, single Region",
        "Rotation  every 90 days, last 2026-10-25, next 2027-01-23",
        "Next: fluo-audit report -d evidence",
    ]


def test_json_names_its_schema(run, sample_account):
    document = json.loads(run("--demo", "find", "-o", "json").out)

    assert document["schema"] == "fluo-audit/find/v1"
    assert document["key_arn"] == sample_account.truth.key_arn
    assert document["key"] == {
        "state": "Enabled",
        "manager": "CUSTOMER",
        "spec": "SYMMETRIC_DEFAULT",
        "multi_region": False,
    }
    assert document["rotation"]["period_days"] == 90
    assert document["rotation"]["last_at"] == "2026-10-25T09:14:07Z"
    assert document["not_read"] == []


def test_several_keys_are_listed(run):
    ended = run("--demo", "--key", "alias/fluo-*", "find")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert "alias/fluo-production" in ended.err
    assert "alias/fluo-staging" in ended.err


def test_no_key(run):
    ended = run("--demo", "--key", "alias/nosuch", "find")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert ended.out == ""


def test_a_region_that_is_not_the_keys_is_refused(run):
    ended = run("find", "--region", "eu-west-1", "--key", "arn:aws:kms:us-east-1:123456789012:key/" + "0" * 8)

    assert ended.code == ExitCode.USAGE
    assert "us-east-1" in ended.err


def test_a_region_without_the_key(run):
    ended = run("--demo", "--region", "eu-west-1", "find")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert "no alias alias/fluo-production in eu-west-1" in ended.err


# --- files ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def arn(sample_account) -> str:
    return sample_account.truth.key_arn


@pytest.fixture
def properties(arn: str) -> Path:
    path = Path("application.properties")
    path.write_text(f"fluo.kms.provider=aws\naws.kms.master-key-id={arn}\ndb.password={SECRET}\n")
    return path


@pytest.fixture
def tfstate(arn: str) -> Path:
    path = Path("terraform.tfstate")
    attributes = {"arn": arn, "policy": SECRET}
    key = {
        "mode": "managed",
        "type": "aws_kms_key",
        "name": "fluo_master_key",
        "instances": [{"attributes": attributes}],
    }
    path.write_text(json.dumps({"version": 4, "lineage": "x", "outputs": {}, "resources": [key]}))
    return path


def test_alias_and_files_agree(run, properties: Path, tfstate: Path):
    ended = run("--demo", "find", "--properties", properties, "--tfstate", tfstate)

    assert ended.code == ExitCode.OK
    assert (
        ended.out.splitlines()[1]
        == "Found by  alias/fluo-production, terraform.tfstate, application.properties (agree)"
    )
    assert SECRET not in ended.out + ended.err


def test_terraform_output_comes_through_a_pipe(arn: str):
    outputs = json.dumps({"kms_key_arn": {"sensitive": False, "type": "string", "value": arn}})

    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--demo", "find", "--terraform-output", "-", "-o", "json"],
        input=outputs,
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(ended.stdout)["sources"] == [
        {"source": "--environment production", "key_arn": arn, "reason": None},
        {"source": "standard input: kms_key_arn", "key_arn": arn, "reason": None},
    ]


def test_two_places_with_two_keys(run, properties: Path, arn: str):
    ended = run("--demo", "find", "--environment", "staging", "--properties", properties)

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert ended.out == ""
    assert "--environment staging names arn:aws:kms" in ended.err
    assert f"application.properties: aws.kms.master-key-id names {arn}" in ended.err


def test_a_place_that_does_not_name_the_key_is_told_and_makes_it_incomplete(run, arn: str):
    Path("backend.env").write_text("AWS_KMS_MASTER_KEY_ID=${KMS_KEY}\n")

    text = run("--demo", "find", "--properties", "backend.env")
    document = json.loads(run("--demo", "find", "--properties", "backend.env", "-o", "json").out)

    reason = "an expression without a default"
    assert text.code == ExitCode.INCOMPLETE
    assert text.out.splitlines()[2] == f"Not found by  backend.env: AWS_KMS_MASTER_KEY_ID: {reason}"
    assert document["key_arn"] == arn
    assert document["sources"][1] == {
        "source": "backend.env: AWS_KMS_MASTER_KEY_ID",
        "key_arn": None,
        "reason": reason,
    }


@pytest.mark.parametrize("content", [None, "not JSON", "[" * 100_000])
def test_a_file_that_cannot_be_used(run, content: str | None):
    if content is not None:
        Path("outputs.json").write_text(content)

    ended = run("--demo", "find", "--terraform-output", "outputs.json")

    assert ended.code == ExitCode.USAGE
    assert ended.err.startswith("Error: outputs.json: ")


def test_the_arn_in_a_file_brings_its_region(run, arn: str):
    Path("a.properties").write_text(f"aws.kms.master-key-id={arn.replace('us-east-1', 'eu-west-1')}")

    brought = run("--demo", "find", "--properties", "a.properties")
    asked = run("--demo", "--region", "us-east-1", "find", "--properties", "a.properties")

    assert "no alias alias/fluo-production in eu-west-1" in brought.err
    assert "aws.kms.master-key-id names arn:aws:kms:eu-west-1" in asked.err
    assert brought.code == asked.code == ExitCode.COULD_NOT_RUN


# --- files that fluo-audit.toml names ------------------------------------------------------------------------------------


def declared(folder: str) -> str:
    Path(folder, "fluo-audit.toml").write_text('environment = "production"\ntfstate = "terraform.tfstate"\n')
    return f"{folder}/fluo-audit.toml"


def test_files_are_declared_beside_the_settings(run, tfstate: Path):
    Path("elsewhere").mkdir()
    tfstate.rename("elsewhere/terraform.tfstate")

    ended = run("--demo", "--config", declared("elsewhere"), "find")

    assert ended.out.splitlines()[1] == "Found by  alias/fluo-production, elsewhere/terraform.tfstate (agree)"


@pytest.mark.usefixtures("tfstate")
def test_a_key_on_the_command_line_is_not_held_against_declared_files(run):
    """Whoever looks at staging for once does not edit the settings first."""
    ended = run("--demo", "--config", declared("."), "--environment", "staging", "find")

    assert ended.code == ExitCode.OK
    assert ended.out.splitlines()[1] == "Found by  alias/fluo-staging"


@pytest.mark.usefixtures("tfstate")
def test_a_state_never_gets_into_what_is_collected(run):
    run("--demo", "--config", declared("."), "-q", "collect", "--last", "1d", "-d", "snapshot")

    files = [path for path in Path("snapshot").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if SECRET.encode() in path.read_bytes() or b"tfstate" in path.read_bytes()] == []
