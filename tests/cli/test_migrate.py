"""fluo-audit migrate: from local keys to AWS in five steps, one run after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fluo_audit.errors import ExitCode
from fluo_audit.sandbox.account import SimulatedAccount

ROLE = "arn:aws:iam::123456789012:role/fluo-backend"
LOCAL = "quarkus.http.port=8080\nfluo.kms.provider=local\n"


@pytest.fixture
def properties():
    """Give the properties file of a backend on local keys."""
    path = Path("application.properties")
    path.write_text(LOCAL, encoding="utf-8")
    return path


def marks(ended):
    return [line[:2] for line in ended.out.splitlines()[:5]]


def test_the_whole_way_in_an_empty_account(aws_as, backend, properties):
    """Every command is one that the tool itself names as the next."""
    with SimulatedAccount(empty=True, settling=timedelta(0), iam_propagation=timedelta(0)) as account:
        Path("fluo-audit.toml").write_text(f'environment = "new"\n[baseline]\nbackend_roles = ["{ROLE}"]\n')
        admin = aws_as(account, "platform-admin")
        sends = dict.fromkeys(("health", "generate_data_key", "encrypt", "decrypt", "key_retrieval"), "pii_redaction")
        server = backend(account.session_as("fluo-backend").client("kms"), provider="local", purposes=sends)
        migrate = ("migrate", "--properties", properties, "--backend-url", server.url)

        nothing = admin(*migrate, "--yes")
        assert (nothing.code, marks(nothing)) == (ExitCode.EXCEPTIONS, ["->", "  ", "  ", "  ", "  "])
        assert nothing.out.splitlines()[-1] == "Next: fluo-audit provision plan --environment new"
        assert properties.read_text() == LOCAL, "nothing is written before its turn"

        assert admin("provision", "apply", "--yes").code == ExitCode.OK
        asked = admin(*migrate)
        assert (asked.code, marks(asked)) == (ExitCode.EXCEPTIONS, ["ok", "->", "  ", "  ", "  "])
        assert asked.out.splitlines()[-1].endswith(" --yes")
        assert properties.read_text() == LOCAL, "nobody agreed"

        written = admin(*migrate, "--yes")
        assert (written.code, marks(written)) == (ExitCode.EXCEPTIONS, ["ok", "ok", "->", "  ", "  "])
        assert "sudo systemctl restart fluo-backend" in written.out
        assert Path("application.properties.backup").read_text() == LOCAL

        running = admin(*migrate)
        assert marks(running) == ["ok", "ok", "->", "  ", "  "]
        assert "still runs with local" in running.out

        key = dict(line.split("=", 1) for line in properties.read_text().splitlines() if "=" in line)
        server.state = replace(server.state, provider="aws", key=key["aws.kms.master-key-id"])  # the restart
        done = admin(*migrate)
        assert (done.code, marks(done)) == (ExitCode.OK, ["ok"] * 5)
        assert done.out.splitlines()[-1] == "Next: fluo-audit report -d evidence"

        before = properties.read_bytes()
        assert admin(*migrate, "--yes").code == ExitCode.OK
        assert properties.read_bytes() == before, "running it again changes nothing"


def test_each_step_says_what_it_saw(run, properties):
    ended = run("--demo", "migrate", "--properties", properties)

    assert ended.code == ExitCode.EXCEPTIONS
    assert ended.out.splitlines() == [
        "ok  1 infrastructure   key, alias and policies exist",
        "->  2 configuration    fluo.kms.provider is not aws",
        "    3 restart",
        "    4 provider is aws",
        "    5 round trip",
        "Next: fluo-audit migrate --properties application.properties --yes",
    ]


def test_without_a_backend_the_next_command_asks_for_one(run, properties):
    ended = run("--demo", "migrate", "--properties", properties, "--yes")

    assert marks(ended) == ["ok", "ok", "->", "  ", "  "]
    assert (
        ended.out.splitlines()[-1] == "Next: fluo-audit migrate --properties application.properties --backend-url URL"
    )
    assert "fluo.kms.provider=aws\n" in properties.read_text()


@pytest.mark.parametrize(("answer", "written"), [("y", True), ("n", False), ("", False)])
def test_on_a_terminal_it_asks_before_it_writes(properties, answer, written):
    terminal, ours = os.openpty()
    command = [sys.executable, "-c", "from fluo_audit.cli.main import run; run()"]
    process = subprocess.Popen(
        [*command, "--demo", "migrate", "--properties", properties],
        stdin=ours,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(terminal, f"{answer}\n".encode())
    out, err = process.communicate()
    os.close(ours)
    os.close(terminal)

    assert "Write provider, key and Region of AWS KMS into application.properties? [y/N]" in out, err
    assert (properties.read_text() != LOCAL) is written
    assert process.returncode == ExitCode.EXCEPTIONS


def test_a_file_that_does_not_exist_is_made_with_yes_only(run):
    without = run("--demo", "migrate", "--properties", "new.properties")
    assert "new.properties does not exist" in without.out
    assert not Path("new.properties").exists()

    run("--demo", "migrate", "--properties", "new.properties", "--yes")
    assert "fluo.kms.provider=aws\n" in Path("new.properties").read_text()


def test_a_line_that_would_win_over_the_block_stops_it(run, properties):
    properties.write_text(LOCAL + "%prod.fluo.kms.provider=local\n", encoding="utf-8")

    ended = run("--demo", "migrate", "--properties", properties, "--yes")

    assert ended.code == ExitCode.USAGE
    assert "%prod.fluo.kms.provider" in ended.err
    assert "%prod.fluo.kms.provider=local\n" in properties.read_text()


def test_a_file_that_names_another_key_is_what_migration_is_for(run, properties):
    other = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    properties.write_text(f"fluo.kms.provider=aws\naws.kms.master-key-id={other}\naws.kms.region=us-east-1\n")
    Path("fluo-audit.toml").write_text(
        f'environment = "production"\nproperties = "{properties}"\n[baseline]\nbackend_roles = ["{ROLE}"]\n'
    )

    ended = run("--demo", "--config", "fluo-audit.toml", "migrate", "--properties", properties)

    assert "->  2 configuration    aws.kms.master-key-id names another key" in ended.out
    assert other not in ended.out


def test_a_backend_that_does_not_answer_leaves_the_rest_open(run, properties):
    run("--demo", "migrate", "--properties", properties, "--yes")

    ended = run("--demo", "migrate", "--properties", properties, "--backend-url", "http://127.0.0.1:9")

    assert (ended.code, marks(ended)) == (ExitCode.INCOMPLETE, ["ok", "ok", "??", "  ", "  "])


def test_a_folder_is_no_properties_file(run):
    Path("folder").mkdir()

    assert run("--demo", "migrate", "--properties", "folder").code == ExitCode.USAGE


def test_the_file_has_to_be_named(run):
    assert run("--demo", "migrate").code == ExitCode.USAGE
