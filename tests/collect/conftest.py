"""AWS as a test words it: botocore's Stubber holds both the request and the answer to the service model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import xform_name
from botocore.stub import Stubber

from fluo_audit.aws.door import Door, ReadError
from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.session import sealed_session
from fluo_audit.collect.all import ALL
from fluo_audit.collect.job import Job, Silent
from fluo_audit.model.baseline import Baseline
from fluo_audit.model.evidence import Fact
from fluo_audit.model.scope import Period, Scope
from fluo_audit.sandbox.clock import SimulatedClock
from fluo_audit.settings import EventSettings

ACCOUNT = "111122223333"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY_ID}"
SESSION = sealed_session()  # shared: it has read the service models
AS_OF = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@dataclass
class Aws:
    """A session whose clients answer what a test says, in order, and a run of one collector over it."""

    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(AS_OF))
    door: Door = field(init=False, repr=False)
    _stubs: dict[str, tuple[Any, Stubber]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.door = Door(LiveTransport(self, self.clock), "us-east-1")

    def client(self, service: str, **_: Any) -> Any:
        if service not in self._stubs:
            client = SESSION.client(service, region_name="us-east-1")
            self._stubs[service] = (client, Stubber(client))
            self._stubs[service][1].activate()
        return self._stubs[service][0]

    def answers(self, api: str, answer: Mapping[str, Any], expected: Mapping[str, Any] | None = None) -> None:
        """Queue an answer, and the parameters that the request for it must have."""
        service, operation = api.split(":")
        self.client(service)
        self._stubs[service][1].add_response(
            xform_name(operation), dict(answer), None if expected is None else dict(expected)
        )

    def refuses(self, api: str, code: str = "AccessDeniedException") -> None:
        """Queue an error answer."""
        service, operation = api.split(":")
        self.client(service)
        self._stubs[service][1].add_client_error(xform_name(operation), code, "no", http_status_code=400)

    def job(self, *, days: int = 7, period: Period | None = None, key: str = KEY, **more: Any) -> Job:
        """Return the job of a collection at `AS_OF`.

        By name: fields of the baseline, `events_from`, `events` (more settings of events), progress and logs.
        """
        scope = Scope(ACCOUNT, "us-east-1", key, period or Period(AS_OF - timedelta(days=days), AS_OF), AS_OF)
        events = EventSettings(source=more.pop("events_from", "lookup"), **more.pop("events", {}))
        progress, logs = more.pop("progress", Silent()), more.pop("logs", None)
        return Job(scope, Baseline(**more), events, progress, logs, self.clock)

    def collect(self, source: str, facts: Mapping[str, Fact[Any]] | None = None, **job: Any) -> Fact[Any]:
        """Return the fact that the collector of a source makes of the queued answers, all of which it must ask for."""
        collector = next(c for c in ALL if c.source.name == source)
        self.door = Door(LiveTransport(self, self.clock), "us-east-1")
        try:
            fact: Fact[Any] = collector.function(self.door.reader(source), self.job(**job), facts or {})
        except ReadError as error:
            fact = error.missing
        for _, stub in self._stubs.values():
            stub.assert_no_pending_responses()
        return fact


@pytest.fixture
def aws() -> Aws:
    """Give an AWS without any answer yet."""
    return Aws()
