"""Real Terraform against the simulated account: the real AWS provider is replaced by the stand-in beside this file.

Nothing of this machine's own Terraform reaches a run, and a run reaches nothing but 127.0.0.1: it has a home folder, a
CLI configuration with one source of providers, and an environment of its own.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.sandbox.server import SandboxServer

ROOT = Path(__file__).parent.parent.parent
MODULE = ROOT / "provision" / "terraform" / "aws-kms"
PYTHON = ROOT / ".setup" / "terraform-venv" / "bin" / "python"
VERSION = "5.99.0"
"""The version that the stand-in poses as."""
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
CHANGES = 2
"""What `terraform plan -detailed-exitcode` exits with when there is something to do."""


@dataclass(frozen=True)
class Workspace:
    """A folder in which Terraform runs."""

    folder: Path
    environment: Mapping[str, str]

    def write(self, modules: Mapping[str, Mapping[str, Any]]) -> None:
        """Write a root module: the module once for each name, and the first one's replicas and outputs."""
        source, first = os.path.relpath(MODULE, self.folder), next(iter(modules))
        regions = modules[first].get("replica_regions", ())
        replicas = {
            f"replica_{region}": {
                "source": f"{source}/modules/replica",
                "providers": {"aws": f"aws.{region}"},
                "settings": f'${{module.{first}.replica_settings["{region}"]}}',
            }
            for region in regions
        }
        root = {
            "provider": {"aws": [{"region": REGION}, *({"alias": region, "region": region} for region in regions)]},
            "module": {name: {"source": source, **variables} for name, variables in modules.items()} | replicas,
            "output": {name: {"value": f"${{module.{first}.{name}}}"} for name in output_names()},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(root, indent=2), encoding="utf-8")

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run Terraform, and return what it prints. It must exit with `code`."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        told = f"terraform {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == code, told
        return done.stdout

    def plan(self, *arguments: str, code: int) -> dict[str, str]:
        """Plan, and return what would be done: address in the module -> create, update, delete or replace."""
        events = self._plan(*arguments, "-detailed-exitcode", code=code)
        changes = [event["change"] for event in events if event["type"] == "planned_change"]
        return {change["resource"]["addr"].removeprefix("module.fluo_kms."): change["action"] for change in changes}

    def problems(self, *arguments: str) -> list[dict[str, Any]]:
        """Plan what cannot be planned, and return the diagnostics that say why."""
        events = self._plan(*arguments, code=1)
        diagnostics = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
        return [diagnostic for diagnostic in diagnostics if diagnostic["severity"] == "error"]

    def _plan(self, *arguments: str, code: int) -> list[dict[str, Any]]:
        printed = self.run("plan", "-input=false", "-json", *arguments, code=code)
        return [json.loads(line) for line in printed.splitlines()]

    def apply(self) -> None:
        """Do what the last `plan("-out=plan")` says."""
        self.run("apply", "-input=false", "plan")

    def outputs(self) -> dict[str, Any]:
        """Return every output by name."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}


@dataclass(frozen=True)
class Applied:
    """The module, applied: the account it was applied to, and what it put out."""

    account: SimulatedAccount
    endpoint: str
    workspace: Workspace
    outputs: Mapping[str, Any]

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a client of the administrator, who does things by hand."""
        return self.account.session_in(region).client(service)

    def backend(self, role: str = "fluo-backend") -> Any:
        """Return a KMS client of a role of the backend."""
        return self.account.session_as(role).client("kms")

    def key_policy(self, region: str = REGION) -> dict[str, dict[str, Any]]:
        """Return the statements of the key policy by Sid, in their order."""
        kms = self.client("kms", region)
        text = kms.get_key_policy(KeyId=self.outputs["kms_key_id"], PolicyName="default")["Policy"]
        return {statement["Sid"]: in_one_order(statement) for statement in json.loads(text)["Statement"]}


def in_one_order(value: Any) -> Any:
    """Return JSON with its lists sorted: KMS returns those of a policy in any order."""
    if isinstance(value, dict):
        return {name: in_one_order(item) for name, item in value.items()}
    return sorted(value) if isinstance(value, list) else value


@pytest.fixture(scope="session")
def new_workspace(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Workspace]:
    """Give a function that makes workspaces. Without Terraform the tests that need one are skipped."""
    if shutil.which("terraform") is None:
        pytest.skip("Terraform is not installed")
    assert PYTHON.exists(), f"{PYTHON} is missing: run make setup"
    home = tmp_path_factory.mktemp("terraform")
    mirror = home / "providers"
    _install_stand_in(mirror)
    config = home / "cli.tfrc"
    config.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n', encoding="utf-8"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TF_CLI_CONFIG_FILE": str(config),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
        "AWS_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "1",
        **CREDENTIALS,
    }

    def new(endpoint: str = "http://127.0.0.1:9", folder: Path | None = None) -> Workspace:
        return Workspace(folder or tmp_path_factory.mktemp("workspace"), environment | {"AWS_ENDPOINT_URL": endpoint})

    return new


def _install_stand_in(mirror: Path) -> None:
    """Put a script where Terraform looks for the real provider's program."""
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    folder = mirror / f"registry.terraform.io/hashicorp/aws/{VERSION}/{platform.system().lower()}_{machine}"
    folder.mkdir(parents=True)
    program = folder / f"terraform-provider-aws_v{VERSION}"
    sources = Path(__file__).parent
    program.write_text(f"#!/bin/sh\nPYTHONPATH='{sources}' exec '{PYTHON}' -m standin.provider\n", encoding="utf-8")
    program.chmod(0o755)


@pytest.fixture(scope="session")
def new_account() -> Iterator[Callable[[], tuple[SimulatedAccount, str]]]:
    """Give a function that makes empty accounts, each with the endpoint it is served at."""
    with ExitStack() as stack:

        def new() -> tuple[SimulatedAccount, str]:
            # The real provider waits until a new role is known to KMS; the stand-in does not.
            account = stack.enter_context(
                SimulatedAccount(empty=True, settling=timedelta(0), iam_propagation=timedelta(0))
            )
            return account, stack.enter_context(_serving(account))

        yield new


@pytest.fixture(scope="session")
def applied(
    new_workspace: Callable[..., Workspace], new_account: Callable[[], tuple[SimulatedAccount, str]]
) -> Callable[[Mapping[str, Any]], Applied]:
    """Give a function that applies the module, with its replicas, to an empty account of its own."""

    def apply(variables: Mapping[str, Any]) -> Applied:
        account, endpoint = new_account()
        workspace = new_workspace(endpoint)
        workspace.write({"fluo_kms": variables})
        workspace.run("init")
        workspace.run("validate")
        workspace.plan("-out=plan", code=CHANGES)
        workspace.apply()
        account.clock.sleep(60)  # a replica needs some seconds, which the real provider waits
        return Applied(account, endpoint, workspace, workspace.outputs())

    return apply


@contextmanager
def _serving(account: SimulatedAccount) -> Iterator[str]:
    with SandboxServer(0, account.gateway) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.endpoint
        finally:
            server.shutdown()
            thread.join()


def output_names() -> Sequence[str]:
    """Return the names of the module's outputs."""
    lines = (MODULE / "outputs.tf").read_text(encoding="utf-8").splitlines()
    return [line.split('"')[1] for line in lines if line.startswith("output ")]
