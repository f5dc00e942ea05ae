"""fluo-audit output: the module's outputs for people, scripts and the backend."""

from __future__ import annotations

import json
from pathlib import Path

import javaproperties
import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.provision.outputs import output_names


def test_one_value_raw_is_that_value_and_a_line_end(run):
    ended = run("--demo", "output", "kms_key_alias", "--raw")

    assert (ended.code, ended.out) == (ExitCode.OK, "alias/fluo-production\n")


@pytest.mark.parametrize(("flag", "printed"), [("--raw", ""), ("--json", "null\n")])
def test_a_value_that_does_not_exist_is_empty_or_null(run, flag, printed):
    ended = run("--demo", "output", "iam_role_arn", flag)

    assert (ended.code, ended.out) == (ExitCode.OK, printed)


def test_all_values_have_the_shape_of_terraform_output(run):
    outputs = json.loads(run("--demo", "output", "--json").out)

    assert set(outputs) == set(output_names())
    assert {frozenset(value) for value in outputs.values()} == {frozenset({"sensitive", "type", "value"})}
    assert outputs["kms_key_alias"] == {"sensitive": False, "type": "string", "value": "alias/fluo-production"}


def test_find_reads_what_output_printed(run, tmp_path):
    file = tmp_path / "outputs.json"
    file.write_text(run("--demo", "output", "--json").out)

    ended = run("--demo", "find", "--terraform-output", file)

    assert ended.code == ExitCode.OK, ended.err
    assert "outputs.json" in ended.out


@pytest.mark.parametrize("name", ["fluo_backend_config", "validation_commands", "retire_steps"])
def test_a_text_is_printed_whole_and_plain(run, name):
    raw, shown = run("--demo", "output", name, "--raw").out, run("--demo", "output", name).out

    assert raw == shown
    assert "EOT" not in raw


def test_the_names_are_listed_without_asking_anybody(run):
    ended = run("output", "--list")

    assert ended.code == ExitCode.OK
    assert [line.split()[0] for line in ended.out.splitlines()] == list(output_names())


def test_everything_is_shown_a_line_each(run):
    ended = run("--demo", "output")

    assert [line.split(" = ")[0] for line in ended.out.splitlines()] == list(output_names())


def test_the_configuration_is_written_once(run):
    path = Path("application.properties")
    path.write_text("quarkus.http.port=8080\n")

    first = run("--demo", "output", "fluo_backend_config", "--write", path)
    once = path.read_bytes()
    second = run("--demo", "output", "fluo_backend_config", "--write", path)

    assert (first.code, second.code) == (ExitCode.OK, ExitCode.OK)
    assert path.read_bytes() == once
    assert once.decode().count("aws.kms.master-key-id") == 1
    assert javaproperties.loads(once.decode())["quarkus.http.port"] == "8080"
    assert Path("application.properties.backup").read_text() == "quarkus.http.port=8080\n"
    assert "nothing was written" in second.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kms_key",), "no output kms_key"),
        (("--raw",), "--raw goes with a NAME"),
        (("kms_key_arn", "--write", "x.properties"), "--write goes with fluo_backend_config"),
    ],
)
def test_a_wrong_question_is_a_usage_error(run, words, said):
    ended = run("--demo", "output", *words)

    assert ended.code == ExitCode.USAGE
    assert said in ended.err


def test_a_key_that_does_not_exist_cannot_be_written_down(run):
    ended = run("--demo", "--environment", "other", "output", "--write", "x.properties")

    assert ended.code == ExitCode.USAGE
    assert "does not exist yet" in ended.err
    assert not Path("x.properties").exists()
