"""A blank account to provision into, and a person who plans and applies there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fluo_audit import provisioning
from fluo_audit.aws.live import LiveTransport
from fluo_audit.pipeline import Account
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.plan import Plan
from fluo_audit.provision.resource import Step
from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.settings import Settings

BACKEND_ARN = "arn:aws:iam::123456789012:role/fluo-backend"


@dataclass
class Engineer:
    """Plans and applies in one account, as the command line does."""

    sim: SimulatedAccount
    folder: Path
    environment: str = "production"
    role: str = ""
    region: str = "us-east-1"
    plan_name: str = "plan.json"
    told: list[Step] = field(default_factory=list)
    transports: dict[str, LiveTransport] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        settings = Settings(environment=self.environment)
        if self.role not in self.transports:  # making clients takes longer than all the calls
            session = self.sim.session_as(self.role) if self.role else self.sim.session
            self.transports[self.role] = LiveTransport(session, self.sim.clock)
        return Account(self.transports[self.role], self.sim.clock, self.region, settings, sample=True, offline=False)

    @property
    def plan_file(self) -> Path:
        return self.folder / self.plan_name

    def choice(self) -> Choice:
        """Give the choice that the command line makes, with what the journal remembers."""
        spec = provisioning.spec_for(self.account.settings, {}, roles_needed=False)
        return provisioning.choice_for(self.account, spec, self.plan_file)

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """Give a client to look or to interfere by hand."""
        return self.sim.session_in(region).client(service)

    def plan(self, choice: Choice | None = None, **variables: Any) -> Plan:
        spec = provisioning.spec_for(self.account.settings, variables)
        return provisioning.plan_for(self.account, spec, choice or Choice())

    def apply(self, choice: Choice | None = None, **variables: Any) -> Plan:
        """Plan and apply; return what is left."""
        return self.carry_out(self.plan(choice, **variables))

    def carry_out(self, plan: Plan) -> Plan:
        return provisioning.carry_out(self.account, plan, self.plan_file, self.told.append)

    def make_key(self, **parameters: Any) -> str:
        """Make a key by hand, and wait until KMS and the index of tags know it."""
        key = self.client("kms").create_key(**parameters)["KeyMetadata"]["KeyId"]
        self.sim.clock.sleep(60)
        return str(key)

    def key_policy(self, key: str, region: str = "us-east-1") -> dict[str, Any]:
        return json.loads(self.client("kms", region).get_key_policy(KeyId=key, PolicyName="default")["Policy"])


@pytest.fixture(scope="session")
def engineer_in() -> Callable[[SimulatedAccount, Path], Engineer]:
    """Give a function that makes somebody who provisions into an account."""
    return Engineer


@pytest.fixture
def blank() -> Iterator[SimulatedAccount]:
    """Give an account with roles and nothing else."""
    with SimulatedAccount(empty=True) as account:
        yield account


@pytest.fixture
def settled(tmp_path: Path) -> Iterator[Engineer]:
    """Give somebody in an account where each write is carried out at once, and tags are indexed hours later."""
    at_once = timedelta(0)
    with SimulatedAccount(
        empty=True, settling=at_once, iam_propagation=at_once, tag_index_delay=timedelta(hours=9)
    ) as account:
        yield Engineer(account, tmp_path)


@pytest.fixture
def engineer(blank: SimulatedAccount, tmp_path: Path) -> Engineer:
    """Give somebody who provisions into the blank account."""
    return Engineer(blank, tmp_path)
