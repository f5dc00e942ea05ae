"""Accounts whose wire is watched, and one collection with its facts as they were seen live."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.validate import validate_parameters

from fluo_audit.aws.door import Door
from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.session import sealed_session
from fluo_audit.aws.snapshot import Snapshot, record
from fluo_audit.collect.all import collect
from fluo_audit.collect.job import Job
from fluo_audit.model.evidence import Fact
from fluo_audit.model.scope import Period, Scope
from fluo_audit.sandbox.account import RawBody, SimulatedAccount
from fluo_audit.settings import EventSettings, settings_of

REGION = "us-east-1"


@dataclass(frozen=True)
class Sent:
    """One request that reached the network, when, and the answer that the network gave."""

    at: datetime
    action: str
    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass
class WatchedAccount(SimulatedAccount):
    """The simulated account, with a record of its own of every request and answer."""

    sent: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def _send(self, request: Any, **rest: Any) -> AWSResponse:
        at, target = self.clock.now(), request.headers.get("X-Amz-Target", b"")
        action = target.decode() if isinstance(target, bytes) else target
        self.sent.append(Sent(at, action.rpartition(".")[2], 0, b"", {}))
        answer = super()._send(request, **rest)
        self.sent[-1] = Sent(at, self.sent[-1].action, answer.status_code, answer.content, dict(answer.headers))
        return AWSResponse(answer.url, answer.status_code, answer.headers, RawBody(answer.content))


@pytest.fixture
def account() -> Iterator[WatchedAccount]:
    """Give an account of the test's own."""
    with WatchedAccount() as account:
        yield account


def job_of(account: SimulatedAccount, days: int, events_from: str = "lookup") -> Job:
    now = account.clock.now()
    key = account.session.client("kms").describe_key(KeyId="alias/fluo-production")["KeyMetadata"]
    scope = Scope(key["AWSAccountId"], REGION, key["Arn"], Period(now - timedelta(days=days), now), now, sample=True)
    return Job(
        scope, settings_of(account.sample_settings, "the sample settings").baseline, EventSettings(source=events_from)
    )


@pytest.fixture(scope="session")
def job_over() -> Callable[..., Job]:
    """Give a function that makes the job of a collection of an account's last days."""
    return job_of


@dataclass(frozen=True)
class Collection:
    """What one collection saw, and what it kept."""

    facts: Mapping[str, Fact[Any]]
    snapshot: Snapshot
    sent: tuple[Sent, ...]


@pytest.fixture(scope="session")
def collect_all() -> Callable[..., Collection]:
    """Give a function that collects every source of an account."""

    def run(account: WatchedAccount, days: int = 7) -> Collection:
        job = job_of(account, days)
        before = len(account.sent)
        door = Door(LiveTransport(account.session, account.clock), REGION)
        facts = collect(door, job)
        snapshot = record(job.scope, job.baseline, job.events, door.exchanges)
        return Collection(facts, snapshot, tuple(account.sent[before:]))

    return run


@pytest.fixture(scope="session")
def collection(collect_all: Callable[..., Collection]) -> Collection:
    """Give one whole collection of the sample account over seven days."""
    with WatchedAccount() as account:
        return collect_all(account)


@pytest.fixture
def saying() -> Callable[..., boto3.Session]:
    """Give a function that makes a session whose every request gets the same answer."""

    def make(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> boto3.Session:
        session = sealed_session()
        answer = headers or {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "r-1"}
        session.events.register(
            "before-send", lambda request, **_: AWSResponse(request.url, status, dict(answer), RawBody(body))
        )
        return session

    return make


class ScriptedService:
    """A session whose requests are answered, operation by operation, from lists of answers; the last one stays.

    An answer is what the operation returns, checked against the service model, or (HTTP status, error code, message).
    """

    def __init__(self, service: str, script: Mapping[str, list[Any]]) -> None:
        self.session = sealed_session()
        self.model = self.session.client(service, "us-east-1").meta.service_model
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._script: dict[str, list[Any]] = defaultdict(list, {name: list(found) for name, found in script.items()})
        self.session.events.register("before-send", self._answer)

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.sent]

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.sent.append((operation, json.loads(request.body)))
        waiting = self._script[operation]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        status = 200
        if isinstance(answer, tuple):
            status, code, message = answer
            answer = {"__type": code, "message": message}
        else:
            validate_parameters(answer, self.model.operation_model(operation).output_shape)
        headers = {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": f"r-{len(self.sent)}"}
        return AWSResponse(request.url, status, headers, RawBody(json.dumps(answer).encode()))


@pytest.fixture
def scripted() -> type[ScriptedService]:
    """Give the service that answers from a script."""
    return ScriptedService
