"""Run commands as a user does, in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from fluo_audit import pipeline
from fluo_audit.aws.snapshot import Snapshot
from fluo_audit.cli.main import execute
from fluo_audit.model.report import Report
from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.sandbox.backend import BackendServer, BackendState, serving
from fluo_audit.sandbox.server import SandboxServer

Run = Callable[..., "Ended"]
PROGRAM = "from fluo_audit.cli.main import run; run()"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give every command a machine without AWS configuration, in an empty folder."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "FLUO_AUDIT_", "NO_COLOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs the command line in this process."""

    def command(*arguments: object) -> Ended:
        code = execute([str(each) for each in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return command


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Give a function that starts the command line in a process of its own."""

    def command(*arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return command


@pytest.fixture
def aws_as(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Run]]:
    """Give a function that gives a function that runs a command against an account, as one of its roles, over HTTP."""
    with ExitStack() as open_servers:

        def against(account: SimulatedAccount, role: str) -> Run:
            credentials = account.session_as(role).get_credentials()
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
            monkeypatch.setenv("AWS_REGION", "us-east-1")
            server = open_servers.enter_context(SandboxServer(0, account.gateway))
            thread = Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            open_servers.callback(thread.join)
            open_servers.callback(server.shutdown)
            return lambda *words: run("--endpoint-url", server.endpoint, *words)

        yield against


@pytest.fixture
def backend() -> Iterator[Callable[..., BackendServer]]:
    """Give a function that starts a FLUO backend: with a KMS client it really uses its key."""
    with ExitStack() as open_servers:

        def start(kms: Any = None, **state: Any) -> BackendServer:
            return open_servers.enter_context(serving(BackendServer(BackendState(**state), kms)))

        yield start


@pytest.fixture(scope="session")
def sample_bundle(sample_snapshot: Snapshot, sample_report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a bundle of the sample account that nobody changes, without the PDF."""
    target = tmp_path_factory.mktemp("bundles") / "sample"
    pipeline.write_report(target, sample_snapshot, sample_report, ("html", "json"), "a4")
    return target
