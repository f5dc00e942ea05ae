"""The simulated account: moto, the ledger and the corrections, put together behind a boto3 session."""

from __future__ import annotations

import os
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from fluo_audit.sandbox import identities, resources, story
from fluo_audit.sandbox.athena import Athena
from fluo_audit.sandbox.authorization import Authorization
from fluo_audit.sandbox.billing import Bill
from fluo_audit.sandbox.buckets import Buckets
from fluo_audit.sandbox.calls import is_read
from fluo_audit.sandbox.chronicle import past_of
from fluo_audit.sandbox.clock import SAMPLE_NOW, SimulatedClock
from fluo_audit.sandbox.cloudtrail import HORIZON, CloudTrail
from fluo_audit.sandbox.cloudwatch import CloudWatch
from fluo_audit.sandbox.costexplorer import CostExplorer
from fluo_audit.sandbox.delivery import Delivery
from fluo_audit.sandbox.directory import Directory
from fluo_audit.sandbox.emulator import Emulator
from fluo_audit.sandbox.encryption import Encryption
from fluo_audit.sandbox.faults import AnswerLost, ConnectionLost, Faults, Target
from fluo_audit.sandbox.gateway import Gateway
from fluo_audit.sandbox.iam import Iam
from fluo_audit.sandbox.keypolicy import KeyPolicies
from fluo_audit.sandbox.keys import Keys
from fluo_audit.sandbox.kms import Kms
from fluo_audit.sandbox.lake import Lake
from fluo_audit.sandbox.ledger import Ledger
from fluo_audit.sandbox.logfiles import log_files
from fluo_audit.sandbox.logs import Logs
from fluo_audit.sandbox.orphans import orphan
from fluo_audit.sandbox.replicas import Replicas
from fluo_audit.sandbox.rotation import KeyRotation
from fluo_audit.sandbox.s3_objects import S3Objects
from fluo_audit.sandbox.sample_settings import SAMPLE_SETTINGS
from fluo_audit.sandbox.settling import Settling
from fluo_audit.sandbox.signing import SigningKeys
from fluo_audit.sandbox.tagging import TagIndex
from fluo_audit.sandbox.trails import Trails
from fluo_audit.sandbox.truth import Truth, truth_of
from fluo_audit.sandbox.wire import HttpRequest
from fluo_audit.sandbox.workgroups import WorkGroups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from botocore.awsrequest import AWSPreparedRequest

__all__ = ["SAMPLE_NOW", "SimulatedAccount", "SimulatedClock", "Truth"]

DELIVERY_DELAY = timedelta(minutes=5)
IAM_PROPAGATION = timedelta(seconds=10)
TAG_INDEX_DELAY = timedelta(seconds=30)
SETTLING = timedelta(seconds=2)


class SimulatedAccount:
    """An AWS account that lives in this process: `with SimulatedAccount() as account: account.session.client("kms")`.

    It is FLUO's production account with over a year of history (with `lake` also in an event data store of CloudTrail
    Lake), or, when `empty`, one with a few roles and nothing else, to provision into. `now` and `seed` decide every
    answer to the byte. Calls made against the account become events of its ledger, which LookupEvents shows once
    `delivery_delay` has passed on the account's clock, and log files soon after; a new role is known to other services
    once `iam_propagation` has, a new key to the tagging API once `tag_index_delay` has. Writes do not find a new bucket
    until `settling` has passed, a new key for half of that, and what is new in IAM for the shorter of that and a fifth
    of `iam_propagation`. Whether somebody may use a key is decided by the policies (see `authorization.py`); every
    other call is carried out for whoever makes it. No request leaves the process.
    """

    def __init__(
        self,
        *,
        empty: bool = False,
        lake: bool = False,
        now: datetime = SAMPLE_NOW,
        seed: int = 1,
        delivery_delay: timedelta = DELIVERY_DELAY,
        iam_propagation: timedelta = IAM_PROPAGATION,
        tag_index_delay: timedelta = TAG_INDEX_DELAY,
        settling: timedelta = SETTLING,
        clock: SimulatedClock | None = None,
    ) -> None:
        self._empty = empty
        self._lake = lake
        self.clock = clock or SimulatedClock(now)
        self._now = now
        self._seed = seed
        self._delay = delivery_delay
        self._propagation = iam_propagation
        self._tag_index_delay = tag_index_delay
        self._ledger = Ledger()
        self._emulator = Emulator(self.clock, seed)
        self._callers = identities.Callers(identities.ADMIN if empty else identities.READER)
        self._faults = Faults(self._callers)
        self._roles = identities.Roles()
        self.gateway = Gateway(
            clock=self.clock,
            seed=seed,
            emulator=self._emulator,
            ledger=self._ledger,
            faults=self._faults,
            roles=self._roles,
            callers=self._callers,
            settling=Settling(self.clock, settling, iam_propagation),
        )
        self._truth: Truth | None = None
        self._sessions: dict[tuple[str, str], boto3.Session] = {}
        self.sample_settings = SAMPLE_SETTINGS

    def __enter__(self) -> Self:
        self._build()
        return self

    def __exit__(self, *_: object) -> None:
        self._emulator.close()

    @property
    def session(self) -> boto3.Session:
        """Return a session of the account's usual role in us-east-1. Its requests are answered by this account.

        The usual role is the audit's, fluo-audit-reader, and in an empty account platform-admin.
        """
        return self.session_in(story.REGION)

    def session_in(self, region: str) -> boto3.Session:
        """Return a session like `session` in another Region."""
        return self._session_of(self._callers.usual, region)

    def session_as(self, role: str, region: str = story.REGION) -> boto3.Session:
        """Return a session of a role of the account, named without its path: calls count as made by that role.

        Over HTTP the access key of its credentials has the same effect. Raises ValueError when there is no such role.
        """
        if role not in self._roles.ids:
            raise ValueError(f"the account has no role {role!r}: it has {', '.join(self._roles.ids) or 'none yet'}")
        return self._session_of(self._callers.session_of(role), region)

    def _session_of(self, caller: identities.RoleSession, region: str) -> boto3.Session:
        if (known := self._sessions.get((caller.access_key, region))) is not None:
            return known
        # Nothing of the user's own configuration may reach the session: a profile or an endpoint would change answers.
        core = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
                "ignore_configured_endpoint_urls": (None, None, True, None),
            }
        )
        session = boto3.Session(caller.access_key, "simulated", "simulated", region, core)
        session.events.register_first("before-send", self._send)
        self._sessions[caller.access_key, region] = session
        return session

    @property
    def truth(self) -> Truth:
        """Return what a perfect report of the production key says. Raises RuntimeError where there is none."""
        if self._truth is None:
            raise RuntimeError("an empty account has no production key" if self._empty else "enter the account first")
        return self._truth

    def deny(
        self,
        action: str,
        code: str | None = None,
        message: str | None = None,
        *,
        resource: str = "*",
        region: str = "*",
    ) -> None:
        """Refuse every later call of an action such as `kms:GetKeyPolicy` as IAM does (`*` allowed).

        `resource` and `region` leave the calls out that are about another ARN, or made in another Region. For a listing
        of objects the ARN is that of the bucket, a slash and the prefix.
        """
        self._faults.deny(Target(action, resource, region), code, message)

    def fail(
        self, action: str, error: str, times: int | None = None, *, resource: str = "*", region: str = "*"
    ) -> None:
        """Break later calls of an action, all or the next `times`: throttle, timeout, 5xx, expired or malformed."""
        self._faults.fail(Target(action, resource, region), error, times)

    def lose_answer(self, action: str, times: int = 1) -> None:
        """Carry out the next `times` calls of an action without an answer: the client waits for it in vain."""
        self._faults.lose_answer(action, times)

    def stop_after_writes(self, number: int) -> None:
        """Answer `number` more writes (calls that change something), and lose the connection then, also for reads.

        0 loses it at once.
        """
        self._faults.stop_after_writes(number)

    def repair(self) -> None:
        """Take back every `deny`, `fail`, `lose_answer` and `stop_after_writes`."""
        self._faults.clear()

    def orphan(self, role: str) -> str:
        """Delete a role in IAM, and return the unique id that key policies show in its place from now on, as in KMS.

        Raises AwsError when there is no such role.
        """
        return orphan(self.gateway, role, self.session.get_available_regions("kms"))

    @property
    def calls(self) -> tuple[str, ...]:
        """Return the calls made so far, such as kms:CreateKey, oldest first: carried out or refused.

        Calls that never arrived are not among them: those of a lost connection and of the fault "timeout".
        """
        return tuple(call.action for call in self.gateway.answered)

    @property
    def writes(self) -> tuple[str, ...]:
        """Return those calls that were to change something."""
        return tuple(call.action for call in self.gateway.answered if not is_read(call))

    def log_files(self, start: datetime, end: datetime) -> Iterator[tuple[str, bytes]]:
        """Yield the object key and the gzip bytes of the trail's log files with the events of start <= time < end.

        They are those that S3 serves once they are delivered, where start and end are full five minutes.
        """
        for file in log_files(self._ledger.between(start, end)):
            yield file.key, file.body

    def _build(self) -> None:
        directory = Directory(self.gateway, self.clock, self._propagation)
        rotation = self._serve_kms(directory)
        keys = Keys(self.clock)
        signing_keys = SigningKeys(story.Calendar(self._now))
        delivery = Delivery(self.clock, self._ledger, self._delay, signing_keys)
        cloudtrail = CloudTrail(self.clock, self._ledger, self._delay, delivery, signing_keys)
        self.gateway.serve("cloudtrail", cloudtrail.operations)
        self.gateway.serve("cloudtrail", Trails(directory, keys).operations)
        self.gateway.serve("cloudwatch", CloudWatch(self.clock, self._ledger).operations)
        self.gateway.serve("logs", Logs(self.clock, keys).operations)
        self.gateway.serve("s3", Buckets().operations)
        objects, workgroups = S3Objects(delivery, self._ledger), WorkGroups(self.clock)
        self.gateway.serve("s3", objects.operations)
        self.gateway.serve("athena", workgroups.operations | Athena(self.clock, objects, workgroups).operations)
        store_created = story.Calendar(self._now).morning(story.TRAIL_CREATED) if self._lake else None
        lake = Lake(self.clock, self._ledger, self._delay, store_created)
        self.gateway.serve("cloudtrail", lake.operations)
        iam = Iam(self._ledger, self._roles, directory)
        self.gateway.serve("iam", iam.operations)
        self.gateway.serve("sts", {"GetCallerIdentity": iam.get_caller_identity})
        tags = TagIndex(self.clock, keys, self._tag_index_delay)
        self.gateway.serve("resourcegroupstaggingapi", tags.operations)
        if self._empty:
            self._build_blank()
        else:
            self._build_sample(rotation)

    def _serve_kms(self, directory: Directory) -> KeyRotation:
        keys, authorization = Keys(self.clock), Authorization(directory, self._roles)
        policies = KeyPolicies(directory, authorization)
        rotation = KeyRotation(self.clock, self._ledger, keys)
        kms = Kms(self.clock, self._ledger, keys, policies, rotation)
        for part in (kms, rotation, Replicas(keys, policies), Encryption(keys, authorization)):
            self.gateway.serve("kms", part.operations)
        return rotation

    def _build_blank(self) -> None:
        with self.clock.at(story.Calendar(self._now).morning(story.CREATED)):
            resources.build_blank(self.gateway.call)
        self.gateway.serve("ce", CostExplorer(self.clock, ()).operations)

    def _build_sample(self, rotation: KeyRotation) -> None:
        calendar, api = story.Calendar(self._now), self.gateway.call
        with self.clock.at(calendar.morning(story.CREATED)):
            key = story.production_key(resources.build_key(api, story.ALIAS, story.TAGS), calendar)
            resources.build_roles(api, key.arn)
        with self.clock.at(calendar.morning(story.CREATED - 1)):
            staging = story.staging_key(resources.build_key(api, story.STAGING_ALIAS, story.STAGING_TAGS), calendar)
        with self.clock.at(calendar.morning(story.TRAIL_CREATED)):
            resources.build_trail(api)
        with self.clock.at(calendar.morning(story.CREATED - 1)):
            resources.build_alarms(api, key.id)
            resources.build_workgroup(api)
        rotation.remember(key.id, key.rotations)
        self._ledger.load(past_of(self._now, self._seed, key, staging, tuple(self._roles.ids.items())))
        due = key.rotations[-1].date + timedelta(days=story.PERIOD_DAYS)
        bill = Bill(key, self._ledger, self._now)
        self.gateway.serve("ce", CostExplorer(self.clock, bill.rows()).operations)
        self._truth = truth_of(self._ledger, bill, key, now=self._now, horizon=HORIZON, next_rotation=due)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Answer a request of a boto3 client instead of the network."""
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        try:
            answer = self.gateway.answer(HttpRequest(request.method, request.url, headers, _bytes(request.body)))
        except AnswerLost:
            raise ReadTimeoutError(endpoint_url=request.url) from None
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
