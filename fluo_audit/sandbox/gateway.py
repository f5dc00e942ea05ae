"""The front door of the simulated account: every request, in process or over HTTP, is answered here.

A call meets the faults first; what it names may be too new to be found (`settling.py`); then come the account's own
operations (what moto lacks or gets wrong), then moto. Whatever the answer, it carries a request id and the simulated
date, and the call itself becomes an event of the ledger.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fluo_audit.sandbox import wire
from fluo_audit.sandbox.calls import event_of_call, is_data_event
from fluo_audit.sandbox.story import REGION
from fluo_audit.sandbox.wire import AwsError, Call, HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.emulator import Emulator
    from fluo_audit.sandbox.faults import Faults
    from fluo_audit.sandbox.identities import Callers, Roles, RoleSession
    from fluo_audit.sandbox.ledger import Ledger, Resource
    from fluo_audit.sandbox.settling import Settling

    Operation = Callable[["Request"], Mapping[str, Any] | HttpAnswer]

_REQUEST_ID = re.compile(rb"<RequestId>[^<]*</RequestId>")
# Headers of moto's answers that are kept; the rest is moto's own date, ids and connection talk.
_KEPT = {
    "x-amz-bucket-region",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "content-type",
    "x-amzn-errortype",
    "x-amzn-query-error",
    "content-encoding",
    "etag",
    "last-modified",
    "location",
    "content-range",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A call being answered, and the two ways to ask for more: moto's answer, and another operation.

    A call from inside, such as those that build the account, is nobody's: nothing is refused to it.
    """

    call: Call
    request_id: str
    gateway: Gateway
    session: RoleSession
    http: HttpRequest
    inside: bool = False
    touched: list[Resource] = field(default_factory=list)
    """The resources the call turns out to be about, where its parameters do not tell."""
    also: list[tuple[Call, Resource]] = field(default_factory=list)
    """What AWS writes down beside the call itself: further calls, and the resource of each."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Return the parameters of the call."""
        return self.call.parameters

    def moto(self, **changes: Any) -> dict[str, Any]:
        """Return moto's answer to the call, with some parameters changed. Raises AwsError."""
        changed = replace(self.call, parameters={**self.call.parameters, **changes})
        return self.gateway.ask_moto(changed)

    def ask(
        self, operation: str, *, service: str | None = None, region: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Return moto's answer to another operation, of the same service and Region unless named. Raises AwsError."""
        where = {"service": service or self.call.service, "region": region or self.call.region}
        return self.gateway.ask_moto(replace(self.call, operation=operation, parameters=parameters, **where))

    def require(self, service: str, operation: str, **parameters: Any) -> None:
        """Raise AwsError when the caller is denied another call, which AWS makes in the caller's name."""
        self.gateway.require(replace(self.call, service=service, operation=operation, parameters=parameters))

    def forward(self) -> HttpAnswer:
        """Return moto's answer to the request as it came."""
        return self.gateway.forward(self.http)


class Gateway:
    """Answers requests, one at a time."""

    def __init__(
        self,
        *,
        clock: SimulatedClock,
        seed: int,
        emulator: Emulator,
        ledger: Ledger,
        faults: Faults,
        roles: Roles,
        callers: Callers,
        settling: Settling,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._emulator = emulator
        self._ledger = ledger
        self._faults = faults
        self._roles = roles
        self._callers = callers
        self._settling = settling
        self._operations: dict[str, Operation] = {}
        self._seen: Counter[str] = Counter()
        self._lock = RLock()
        self.answered: list[Call] = []
        """The calls from outside that were carried out or refused, oldest first; not those that never arrived."""

    def serve(self, service: str, operations: Mapping[str, Operation]) -> None:
        """Put the account's own operations of a service before moto's."""
        self._operations |= {f"{service}:{name}": operation for name, operation in operations.items()}

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Return the answer to a request from outside, and write the call down. Raises ConnectionLost."""
        with self._lock:
            self._faults.connect()
            try:
                call = wire.read_call(request)
            except AwsError as error:
                request_id = self._nth(request.url)
                return self._stamped(request, wire.write_error("json", error, request_id), request_id)
            request_id = self._nth(
                f"{call.action}/{call.region}/{json.dumps(call.parameters, sort_keys=True, default=str)}"
            )
            asked = Request(call, request_id, self, self._callers.of(call.access_key), request)
            try:
                answer = self._faults.strike(call) or self._answer(asked)
                failure = _failure(call, answer)
            except AwsError as error:
                answer, failure = wire.write_error(call.protocol, error, request_id), error
            self._write_down(asked, failure)
            self._faults.deliver(call)
            return self._stamped(request, answer, request_id)

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a call from inside: no faults, not written down. Raises AwsError."""
        session = self._callers.usual
        call = Call(service, operation, REGION, session.access_key, parameters)
        request = Request(call, "set-up", self, session, wire.write_request(call), inside=True)
        return wire.read_answer(call, self._answer(request))

    def ask_moto(self, call: Call) -> dict[str, Any]:
        """Return moto's answer to a call. Raises AwsError."""
        return wire.read_answer(call, self._emulator.send(wire.write_request(call)))

    def require(self, call: Call) -> None:
        """Raise AwsError when a call is denied. The call is not made."""
        self._faults.require(call)

    def forward(self, request: HttpRequest) -> HttpAnswer:
        """Return moto's answer to an HTTP request. Raises AwsError for what moto does not know."""
        return self._emulator.send(request)

    def _answer(self, request: Request) -> HttpAnswer:
        if not request.inside:
            self._settling.require(request)
        own = self._operations.get(request.call.action)
        if own is None:
            return request.forward()
        result = own(request)
        return result if isinstance(result, HttpAnswer) else wire.write_answer(request.call, result, request.request_id)

    def _write_down(self, request: Request, failure: AwsError | None) -> None:
        call, session, present = request.call, request.session, self._clock.now()
        self.answered.append(call)
        if is_data_event(call):
            return
        since = present.replace(minute=0, second=0)
        caller = self._roles.session(session.role, session.name, call.access_key, since)
        written = [(call, request.touched, failure), *((one, [resource], None) for one, resource in request.also)]
        for told, touched, error in written:
            self._ledger.add(event_of_call(caller, told, request.request_id, present, touched=touched, failure=error))

    def _nth(self, what: str) -> str:
        """Return a request id that depends on the request and how often it was made, not on what ran in between."""
        self._seen[what] += 1
        digest = hashlib.sha256(f"{self._seed}/{what}/{self._seen[what]}".encode()).digest()
        return str(UUID(bytes=digest[:16], version=4))

    def _stamped(self, request: HttpRequest, answer: HttpAnswer, request_id: str) -> HttpAnswer:
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name.lower() in _KEPT or name.lower().startswith("x-amz-meta-")
        }
        body = _REQUEST_ID.sub(f"<RequestId>{request_id}</RequestId>".encode(), answer.body)
        kept |= {
            "x-amzn-RequestId": request_id,
            "Date": format_datetime(self._clock.now().replace(microsecond=0), usegmt=True),
        }
        # An answer to HEAD has the length of a body, and no body.
        length = answer.headers.get("content-length", "0") if request.method == "HEAD" else str(len(body))
        kept["Content-Length"] = length
        return HttpAnswer(answer.status, kept, body)


def _failure(call: Call, answer: HttpAnswer) -> AwsError | None:
    if answer.status < 400:  # noqa: PLR2004 - HTTP: 400 and above are errors
        return None
    try:
        wire.read_answer(call, answer)
    except AwsError as error:
        return error
    return None
