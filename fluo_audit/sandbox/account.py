"""The simulated account: moto, the ledger and the corrections, put together behind a boto3 session."""

from __future__ import annotations

import os
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError

from fluo_audit.sandbox import identities, resources, story
from fluo_audit.sandbox.billing import Bill
from fluo_audit.sandbox.chronicle import past_of
from fluo_audit.sandbox.clock import SAMPLE_NOW, SimulatedClock
from fluo_audit.sandbox.cloudtrail import HORIZON, CloudTrail
from fluo_audit.sandbox.cloudwatch import CloudWatch
from fluo_audit.sandbox.costexplorer import CostExplorer
from fluo_audit.sandbox.emulator import Emulator
from fluo_audit.sandbox.faults import ConnectionLost, Faults
from fluo_audit.sandbox.gateway import Gateway
from fluo_audit.sandbox.iam import Iam
from fluo_audit.sandbox.kms import Kms
from fluo_audit.sandbox.ledger import Ledger
from fluo_audit.sandbox.logfiles import log_files
from fluo_audit.sandbox.rotation import KeyRotation
from fluo_audit.sandbox.sample_settings import SAMPLE_SETTINGS
from fluo_audit.sandbox.truth import Truth, truth_of
from fluo_audit.sandbox.wire import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from botocore.awsrequest import AWSPreparedRequest

__all__ = ["SAMPLE_NOW", "SimulatedAccount", "SimulatedClock", "Truth"]

DELIVERY_DELAY = timedelta(minutes=5)


class SimulatedAccount:
    """An AWS account that lives in this process: `with SimulatedAccount() as account: account.session.client("kms")`.

    `now` and `seed` decide every answer to the byte. Calls made against the account become events of its ledger, which
    LookupEvents shows once `delivery_delay` has passed on the account's clock. No request leaves the process.
    """

    def __init__(
        self,
        *,
        now: datetime = SAMPLE_NOW,
        seed: int = 1,
        delivery_delay: timedelta = DELIVERY_DELAY,
        clock: SimulatedClock | None = None,
    ) -> None:
        self.clock = clock or SimulatedClock(now)
        self._now = now
        self._seed = seed
        self._delay = delivery_delay
        self._ledger = Ledger()
        self._emulator = Emulator(self.clock, seed)
        self._faults = Faults(identities.session_arn(identities.READER, identities.READER_SESSION))
        self._roles = identities.Roles()
        self.gateway = Gateway(
            clock=self.clock,
            seed=seed,
            emulator=self._emulator,
            ledger=self._ledger,
            faults=self._faults,
            roles=self._roles,
        )
        self._truth: Truth | None = None
        self._session: boto3.Session | None = None
        self.sample_settings = SAMPLE_SETTINGS

    def __enter__(self) -> Self:
        self._build()
        return self

    def __exit__(self, *_: object) -> None:
        self._emulator.close()

    @property
    def session(self) -> boto3.Session:
        """Return a session of the audit's role in us-east-1. Its requests are answered by this account."""
        if self._session is None:
            self._session = self.session_in(story.REGION)
        return self._session

    def session_in(self, region: str) -> boto3.Session:
        """Return a session like `session` in another Region."""
        # Nothing of the user's own configuration may reach the session: a profile or an endpoint would change answers.
        core = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
                "ignore_configured_endpoint_urls": (None, None, True, None),
            }
        )
        session = boto3.Session(identities.READER_KEY, "simulated", "simulated", region, core)
        session.events.register_first("before-send", self._send)
        return session

    @property
    def truth(self) -> Truth:
        """Return what a perfect report of the production key says."""
        if self._truth is None:
            raise RuntimeError("enter the account first")
        return self._truth

    def deny(self, action: str, code: str | None = None, message: str | None = None) -> None:
        """Refuse every later call of an action such as `kms:GetKeyPolicy` as IAM does (`*` allowed)."""
        self._faults.deny(action, code, message)

    def fail(self, action: str, error: str, times: int | None = None) -> None:
        """Break later calls of an action, all or the next `times`: throttle, timeout, 5xx, expired or malformed."""
        self._faults.fail(action, error, times)

    def repair(self) -> None:
        """Take back every `deny` and `fail`."""
        self._faults.clear()

    def log_files(self, start: datetime, end: datetime) -> Iterator[tuple[str, bytes]]:
        """Yield the object key and the gzip bytes of the trail's log files with the events of start <= time < end."""
        return log_files(self._ledger.between(start, end))

    def _build(self) -> None:
        calendar = story.Calendar(self._now)
        rotation = KeyRotation(self.clock, self._ledger)
        self.gateway.serve("kms", Kms(self.clock, self._ledger, rotation).operations)
        self.gateway.serve("cloudtrail", CloudTrail(self.clock, self._ledger, self._delay).operations)
        self.gateway.serve("cloudwatch", CloudWatch(self.clock, self._ledger).operations)
        iam = Iam(self._ledger, self._roles)
        self.gateway.serve("iam", iam.operations)
        self.gateway.serve("sts", {"GetCallerIdentity": iam.get_caller_identity})
        api = self.gateway.call
        with self.clock.at(calendar.morning(story.CREATED)):
            key = story.production_key(resources.build_key(api, story.ALIAS, story.TAGS), calendar)
            self._roles.ids.update(resources.build_roles(api, key.arn))
        with self.clock.at(calendar.morning(story.CREATED - 1)):
            staging = story.staging_key(resources.build_key(api, story.STAGING_ALIAS, story.STAGING_TAGS), calendar)
            resources.build_trail(api)
            resources.build_alarms(api, key.id)
        rotation.remember(key.id, key.rotations)
        self._ledger.load(past_of(self._now, self._seed, key, staging, tuple(self._roles.ids.items())))
        due = key.rotations[-1].date + timedelta(days=story.PERIOD_DAYS)
        bill = Bill(key, self._ledger, self._now)
        self.gateway.serve("ce", CostExplorer(self.clock, bill).operations)
        self._truth = truth_of(self._ledger, bill, key, now=self._now, horizon=HORIZON, next_rotation=due)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Answer a request of a boto3 client instead of the network."""
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        try:
            answer = self.gateway.answer(HttpRequest(request.method, request.url, headers, _bytes(request.body)))
        except ConnectionLost:
            raise ConnectTimeoutError(endpoint_url=request.url) from None
        return AWSResponse(request.url, answer.status, answer.headers, RawBody(answer.body))


class RawBody(BytesIO):
    """A body as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self.read()


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else bytes(body.read())
