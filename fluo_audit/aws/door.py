"""What collectors call. Every exchange with AWS passes here and is kept: answers, errors and refusals to answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from fluo_audit.aws.permissions import READS, SENT_ONCE, iam_action
from fluo_audit.errors import RefusedError
from fluo_audit.model.evidence import ApiCall, Missing


@dataclass(frozen=True, slots=True)
class Request:
    """One read, before it is sent."""

    source: str
    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any]
    once: bool = False
    """Whether sending it twice could do it twice: then it is repeated only when AWS says that it did not begin."""

    @property
    def api(self) -> str:
        """Return service:operation."""
        return f"{self.service}:{self.operation}"

    def key(self) -> str:
        """Return the text by which a recorded answer to the same request is found."""
        return json.dumps(
            [self.source, self.service, self.operation, self.region, plain(self.parameters)], sort_keys=True
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a read gave no answer: AWS's error code, or a short cause of our own."""

    code: str
    message: str
    lost: bool = False
    """True when the request may have reached AWS and no answer came back."""
    status: int = 0
    """HTTP status of an error answer."""
    api: str = ""
    """What failed, where that is not the operation of the request itself."""


class AttachError(Exception):
    """Local material that cannot be made, because something it is made from could not be read."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.api}: {failure.code}: {failure.message}")
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with everything that came back."""

    call: ApiCall
    headers: Mapping[str, str]
    body: bytes
    answer: Mapping[str, Any] | None = field(compare=False)
    failure: Failure | None


class Transport(Protocol):
    """Something that answers requests: AWS, or a snapshot."""

    def send(self, request: Request) -> Exchange:
        """Return the exchange; an error of AWS or of the network is part of it, never raised."""
        ...

    def attach(self, request: Request, produce: Callable[[], bytes]) -> Exchange:
        """Return an exchange whose body `produce` makes from local files, or a snapshot has kept.

        An AttachError of `produce` is part of it, never raised.
        """
        ...


class ReadError(Exception):
    """A read that gave no usable answer. Collectors let it pass; it ends as a `Missing` fact."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(f"{missing.operation}: {missing.reason}")
        self.missing = missing


class Door:
    """Hands out readers, one a source, and keeps what passed through them in order."""

    def __init__(self, transport: Transport, region: str, allowed: frozenset[str] = READS) -> None:
        self._transport = transport
        self._allowed = allowed
        self.region = region
        self.exchanges: list[Exchange] = []
        self._ids = 0

    def reader(self, source: str) -> Reader:
        """Return a reader whose calls are recorded as evidence for `source`."""
        return Reader(self, source)

    def pass_through(self, request: Request, before: ApiCall | None = None) -> Exchange:
        """Refuse what is not a listed read; otherwise send, number and keep it. `before` is the page before it."""
        if request.api not in self._allowed:
            raise RefusedError(f"{request.api} is not a read that this tool makes; nothing was sent")
        return self._keep(self._transport.send(request), before)

    def attach(self, request: Request, produce: Callable[[], bytes]) -> Exchange:
        """Take local material in as evidence: numbered and kept like an answer of AWS."""
        return self._keep(self._transport.attach(request, produce))

    def _keep(self, exchange: Exchange, before: ApiCall | None = None) -> Exchange:
        if before is None:
            self._ids += 1
        id_, page = (before.id, before.page + 1) if before else (f"E{self._ids:02d}", 1)
        kept = replace(exchange, call=replace(exchange.call, id=id_, page=page))
        self.exchanges.append(kept)
        return kept


class Reader:
    """The reads of one source. `proof` names the calls it made so far."""

    def __init__(self, door: Door, source: str) -> None:
        self._door = door
        self.source = source
        self.calls: list[ApiCall] = []

    @property
    def proof(self) -> tuple[str, ...]:
        """Return the evidence ids of the calls made so far."""
        return tuple(dict.fromkeys(call.id for call in self.calls))

    def call(
        self, service: str, operation: str, expect: tuple[str, ...] = (), region: str = "", **parameters: Any
    ) -> Mapping[str, Any]:
        """Return AWS's answer as botocore parses it.

        `expect` names members that AWS always sends ("Policy.DefaultVersionId" for one inside another): an answer
        without one of them was cut or garbled, and is no answer. Raises `ReadError`.
        """
        return self._ask(self._request(service, operation, region, parameters), expect, None)

    def repeat(
        self, service: str, operation: str, expect: tuple[str, ...] = (), region: str = "", **parameters: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Ask the same again each time an answer is taken. The answers are pages of one read. Raises `ReadError`."""
        request = self._request(service, operation, region, parameters)
        before: ApiCall | None = None
        while True:
            answer = self._ask(request, expect, before)
            before = self.calls[-1]
            yield answer

    def _request(self, service: str, operation: str, region: str, parameters: Mapping[str, Any]) -> Request:
        once = f"{service}:{operation}" in SENT_ONCE
        return Request(self.source, service, operation, region or self._door.region, parameters, once)

    def _ask(self, request: Request, expect: tuple[str, ...], before: ApiCall | None) -> Mapping[str, Any]:
        exchange = self._door.pass_through(request, before)
        self.calls.append(exchange.call)
        if exchange.failure is not None or exchange.answer is None:
            raise self.failed(request.api, exchange.failure or Failure("no answer", ""))
        self._require(request.api, exchange.answer, expect)
        return exchange.answer

    def _require(self, api: str, answer: Mapping[str, Any], expect: tuple[str, ...]) -> None:
        for path in expect:
            found: Any = answer
            for member in path.split("."):
                if member not in found:
                    raise self.malformed(api, f"{api} answered without {path}")
                found = found[member]

    def pages(
        self,
        service: str,
        operation: str,
        items: str,
        *,
        token: tuple[str, str] = ("NextToken", "NextToken"),
        each: tuple[str, ...] = (),
        region: str = "",
        **parameters: Any,
    ) -> Iterator[Any]:
        """Give every item of every page; `token` is (member of the request, member of the answer).

        `each` names members that AWS always sends with an item. Raises `ReadError`, also for a page that sends back
        to itself.
        """
        api = f"{service}:{operation}"
        for page in self.answers(service, operation, (items,), token=token, region=region, **parameters):
            for item in page[items]:
                self._require(api, item, each)
                yield item

    def answers(
        self,
        service: str,
        operation: str,
        expect: tuple[str, ...],
        *,
        token: tuple[str, str] = ("NextToken", "NextToken"),
        region: str = "",
        **parameters: Any,
    ) -> Iterator[Mapping[str, Any]]:
        """Give every page whole, as `pages` gives their items; `expect` as in `call`. Raises `ReadError`."""
        cursor: dict[str, Any] = {}
        before: ApiCall | None = None
        while True:
            request = self._request(service, operation, region, {**parameters, **cursor})
            page = self._ask(request, expect, before)
            before = self.calls[-1]
            yield page
            if not page.get(token[1]):
                return
            following = {token[0]: page[token[1]]}
            if following == cursor:
                raise self.malformed(request.api, f"{request.api} named the same page as the next one")
            cursor = following

    def attach(self, service: str, operation: str, produce: Callable[[], bytes], **parameters: Any) -> bytes:
        """Return local material that was kept as evidence.

        Raises `ReadError` when a snapshot lacks it, and about what failed when `produce` raises AttachError.
        """
        request = Request(self.source, service, operation, self._door.region, parameters)
        exchange = self._door.attach(request, produce)
        self.calls.append(exchange.call)
        if exchange.failure is not None:
            raise self.failed(exchange.failure.api or request.api, exchange.failure)
        return exchange.body

    def failed(self, api: str, failure: Failure) -> ReadError:
        """Return the error that makes this source missing."""
        return ReadError(Missing(api, failure.code, failure.message, remedy(api, failure.code), self.proof))

    def malformed(self, api: str, what: str) -> ReadError:
        """Return the error for an answer that is not what AWS documents."""
        return self.failed(api, Failure(MALFORMED, what))


NO_CREDENTIALS = "no AWS credentials"
UNUSABLE_CREDENTIALS = "credentials not usable"
MALFORMED = "malformed answer"
INVALID_REQUEST = "request not valid"
FAILED_API = "fluo-audit-failed-api"
"""Among the headers of evidence that could not be made: what failed."""
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"})
INVALID_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        UNUSABLE_CREDENTIALS,
    }
)


def remedy(api: str, code: str) -> str:
    """Return what to do about a failed read."""
    if code in DENIED:
        return f"grant {iam_action(api)} to the collector"
    if code in INVALID_CREDENTIALS:
        return "renew the credentials and collect again"
    if code == NO_CREDENTIALS:
        return "collect with AWS credentials"
    if code == INVALID_REQUEST:
        return "correct the setting that the request was made from"
    return "collect again"


def _sheet(request: Request, requested_at: str, endpoint: str, failure: Failure | None, body: bytes) -> ApiCall:
    return ApiCall(
        id="",
        page=1,
        source=request.source,
        service=request.service,
        operation=request.operation,
        api_version="",
        region=request.region,
        endpoint=endpoint,
        parameters=plain(request.parameters),
        requested_at=requested_at,
        server_date="",
        request_id="",
        status=0 if failure else 200,
        error_code=failure.code if failure else "",
        error_message=failure.message if failure else "",
        attempts=0 if failure else 1,
        file="",
        size=len(body),
        sha256="" if failure else hashlib.sha256(body).hexdigest(),
    )


def attached(request: Request, requested_at: str, produce: Callable[[], bytes]) -> Exchange:
    """Return the exchange of evidence that is made here and does not come from AWS."""
    try:
        body = produce()
    except AttachError as error:
        return replace(unanswered(request, error.failure, requested_at), headers={FAILED_API: error.failure.api})
    return Exchange(_sheet(request, requested_at, "local files", None, body), {}, body, None, None)


def unanswered(request: Request, failure: Failure, requested_at: str = "") -> Exchange:
    """Return the exchange of a request that was not sent."""
    return Exchange(_sheet(request, requested_at, "", failure, b""), {}, b"", None, failure)


def failure_of(call: ApiCall, headers: Mapping[str, str]) -> Failure | None:
    """Return why a kept call without an answer has none."""
    if call.status:
        return None
    return Failure(call.error_code, call.error_message, api=headers.get(FAILED_API, ""))


def plain(value: Any) -> Any:
    """Return request parameters as JSON values: times as ISO 8601 UTC texts."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return timestamp(value)
    return value


def timestamp(moment: datetime) -> str:
    """Return a time as ISO 8601 UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
