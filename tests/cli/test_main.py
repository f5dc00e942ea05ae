"""Every way a command ends has one exit code, and says where, what and what next."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from fluo_audit import __version__
from fluo_audit.cli.main import main
from fluo_audit.errors import ExitCode


def test_help_teaches_every_command(run):
    ended = run("--help")

    assert ended.code == ExitCode.OK
    for name in main.commands:
        assert f"\n  {name} " in ended.out
    assert "--demo report" in ended.out


def test_version(run):
    assert run("--version").out == f"fluo-audit {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["find", "--nosuch"],
        ["report"],
        ["--demo", "report", "--last", "9", "-d", "x"],
        ["--demo", "report", "--format", "docx", "-d", "x"],
        ["--demo", "report", "--framework", "iso", "-d", "x"],
        ["--demo", "report", "--from", "2026-10-01", "-d", "x"],
        ["--demo", "report", "--events-from", "nosuch", "-d", "x"],
        ["--config", "nosuch.toml", "find"],
        ["report", "nosuch", "-d", "x"],
        ["verify", "nosuch"],
        ["find"],
        ["catalog", "checks", "nosuch"],
    ],
    ids=" ".join,
)
def test_usage_errors_end_with_2_and_write_nothing(run, arguments: list[str], tmp_path):
    ended = run(*arguments)

    assert ended.code == ExitCode.USAGE
    assert "Error: " in ended.err
    assert "Traceback" not in ended.err
    assert list((tmp_path / "here").iterdir()) == []


def test_no_credentials_says_what_to_do(run):
    ended = run("find", "--region", "us-east-1")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert "no AWS credentials" in ended.err
    assert "--profile" in ended.err


def test_a_profile_that_does_not_exist(run):
    ended = run("--profile", "nosuch", "find")

    assert ended.code == ExitCode.COULD_NOT_RUN
    assert "nosuch" in ended.err


def test_an_unknown_setting_is_named_with_its_file(run, tmp_path):
    (tmp_path / "here" / "fluo-audit.toml").write_text("[baseline]\ncryptoperiod_dayz = 90\n")

    ended = run("find")

    assert ended.code == ExitCode.USAGE
    assert "fluo-audit.toml: unknown setting baseline.cryptoperiod_dayz" in ended.err
    assert "baseline.cryptoperiod_days" in ended.err


def test_an_option_may_stand_before_or_behind_the_command(run):
    before = run("--demo", "--key", "alias/fluo-staging", "find")
    behind = run("find", "--demo", "--key", "alias/fluo-staging")

    assert before.out == behind.out
    assert "alias/fluo-staging" in behind.out


def test_an_option_can_be_set_in_the_environment(run, monkeypatch):
    monkeypatch.setenv("FLUO_AUDIT_DEMO", "1")

    assert "alias/fluo-production" in run("find").out


def test_a_bug_is_called_one_and_its_traceback_goes_to_a_file(run):
    @click.command("explode")
    def explode() -> None:
        raise RuntimeError("boom \x1b[31m")

    main.add_command(explode)
    try:
        ended = run("explode")
    finally:
        del main.commands["explode"]

    assert ended.code == ExitCode.BUG
    assert "this is a bug" in ended.err
    assert "Traceback" not in ended.err
    assert "\x1b" not in ended.err
    path = ended.err.rpartition("report it with ")[2].split(";")[0]
    assert "RuntimeError: boom" in Path(path).read_text(encoding="utf-8")


def test_an_interrupted_command_says_so(run):
    @click.command("wait")
    def wait() -> None:
        raise KeyboardInterrupt

    main.add_command(wait)
    try:
        ended = run("wait")
    finally:
        del main.commands["wait"]

    assert ended.code == 130
    assert "No result was written" in ended.err
