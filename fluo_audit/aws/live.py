"""Send reads to AWS: paced, retried, checked against the service model, recorded to the byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004, botocore's own
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    LoginError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from fluo_audit import __version__
from fluo_audit.aws.clock import Clock
from fluo_audit.aws.door import (
    INVALID_REQUEST,
    MALFORMED,
    NO_CREDENTIALS,
    UNUSABLE_CREDENTIALS,
    Exchange,
    Failure,
    Request,
    attached,
    plain,
    timestamp,
    unanswered,
)
from fluo_audit.aws.pace import Pace
from fluo_audit.aws.request_model import violations
from fluo_audit.errors import UsageError
from fluo_audit.model.evidence import ApiCall

ATTEMPTS = 4
THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes that say the request was turned away before anything was done."""
RETRIED = THROTTLED | {
    "DependencyTimeoutException",
    "InternalFailure",
    "InternalServiceException",
    "KMSInternalException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
}
MOST_PER_SECOND = {"cloudtrail:LookupEvents": 2.0}
"""Two requests a second for the account and Region, shared with everybody in it:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html"""
PATIENCE = 300.0
"""Seconds for which such an operation may be throttled without one answer. Throttles are not counted: a read of
thousands of pages meets many."""


def config() -> Config:
    """Return the client settings: our own retries, so that waiting goes through the clock and is recorded."""
    return Config(
        retries={"total_max_attempts": 1},
        connect_timeout=10,
        read_timeout=30,
        user_agent_extra=f"fluo-audit/{__version__}",
    )


def open_client(
    session: boto3.Session, service: str, region: str, endpoint_url: str | None = None, more: Config | None = None
) -> Any:
    """Return a botocore client with the settings of `config`, and `more`. Raises UsageError."""
    settings = config().merge(more) if more else config()
    try:
        return session.client(service, region_name=region, config=settings, endpoint_url=endpoint_url)
    except (ValueError, BotoCoreError) as error:
        raise UsageError(
            f"no client for {service} in {region}: {error}", "check --region, --endpoint-url and the AWS_* variables"
        ) from error


@dataclass(slots=True)
class _Wire:
    """What the last attempt brought back, verbatim."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class LiveTransport:
    """Answers requests by asking AWS (or the endpoint given) through one boto3 session."""

    def __init__(self, session: boto3.Session, clock: Clock, endpoint_url: str | None = None) -> None:
        self._session = session
        self._clock = clock
        self._endpoint_url = endpoint_url
        self._clients: dict[tuple[str, str], Any] = {}
        self._paces: dict[tuple[str, str], Pace] = {}
        self._wire = _Wire()

    def send(self, request: Request) -> Exchange:
        """Ask AWS, again when it says to slow down or fails on its side, and return what came back."""
        client = self._client(request.service, request.region)
        shape = client.meta.service_model.operation_model(request.operation).input_shape
        broken = list(violations(shape, request.parameters)) if shape is not None else []
        if broken:
            refused = Failure(INVALID_REQUEST, f"{request.api} was not sent: {'; '.join(broken)}")
            return unanswered(request, refused, timestamp(self._clock.now()))
        return self._ask(client, request)

    def attach(self, request: Request, produce: Callable[[], bytes]) -> Exchange:
        """Read local material now."""
        return attached(request, timestamp(self._clock.now()), produce)

    def _ask(self, client: Any, request: Request) -> Exchange:
        pace, began = self._pace(request), self._clock.monotonic()
        attempts = throttles = 0
        while True:
            attempts += 1
            if pace:
                pace.wait()
            requested_at = timestamp(self._clock.now())
            answer, failure = self._attempt(client, request)
            if failure is None:
                if pace:
                    pace.passed()
                break
            if pace and failure.code in THROTTLED:
                pace.throttled()
                throttles += 1
                if self._clock.monotonic() - began < PATIENCE:
                    continue
                break
            counted = attempts - throttles
            if counted == ATTEMPTS or not self._worth_repeating(request, failure):
                break
            self._clock.sleep(2.0 ** (counted - 1))
        call = self._sheet(client, request, requested_at, attempts, failure)
        return Exchange(call, self._wire.headers, self._wire.body, answer, failure)

    def _attempt(self, client: Any, request: Request) -> tuple[Mapping[str, Any] | None, Failure | None]:
        self._wire = _Wire()
        return ask(client, request)

    def _worth_repeating(self, request: Request, failure: Failure) -> bool:
        if request.once:
            return failure.code in THROTTLED
        return failure.lost or failure.code in RETRIED or self._wire.status >= 500  # noqa: PLR2004, HTTP's server errors

    def _pace(self, request: Request) -> Pace | None:
        most = MOST_PER_SECOND.get(request.api)
        if most is None:
            return None
        return self._paces.setdefault((request.api, request.region), Pace(self._clock, most))

    def _client(self, service: str, region: str) -> Any:
        if (service, region) not in self._clients:
            client = open_client(self._session, service, region, self._endpoint_url)
            client.meta.events.register("before-parse.*", self._keep_wire)
            self._clients[service, region] = client
        return self._clients[service, region]

    def _keep_wire(self, response_dict: Mapping[str, Any], **_: Any) -> None:
        headers = {name.lower(): str(value) for name, value in response_dict["headers"].items()}
        body = response_dict["body"]
        self._wire = _Wire(response_dict["status_code"], headers, body if isinstance(body, bytes) else b"")

    def _sheet(
        self, client: Any, request: Request, requested_at: str, attempts: int, failure: Failure | None
    ) -> ApiCall:
        wire = self._wire
        return ApiCall(
            id="",
            page=1,
            source=request.source,
            service=request.service,
            operation=request.operation,
            api_version=client.meta.service_model.api_version,
            region=request.region,
            endpoint=client.meta.endpoint_url,
            parameters=plain(request.parameters),
            requested_at=requested_at,
            server_date=wire.headers.get("date", ""),
            request_id=wire.headers.get("x-amzn-requestid", ""),
            status=wire.status,
            error_code=failure.code if failure else "",
            error_message=failure.message if failure else "",
            attempts=attempts if wire.status or (failure and failure.lost) else 0,
            file="",
            size=len(wire.body),
            sha256=hashlib.sha256(wire.body).hexdigest() if wire.status else "",
        )


_NO_ANSWER = (HTTPClientError, ConnectionError, IncompleteReadError)
_UNUSABLE = (
    CredentialRetrievalError,
    LoginError,
    NoAuthTokenError,
    PartialCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)
# A member of another type than the service model says lets botocore's parsers fail in whatever way Python does.
_NOT_PARSED = (ResponseParserError, AttributeError, KeyError, OverflowError, RuntimeError, TypeError, ValueError)


def ask(client: Any, request: Request) -> tuple[Mapping[str, Any] | None, Failure | None]:
    """Return the answer of a botocore client to the request, or why there is none."""
    try:
        return getattr(client, xform_name(request.operation))(**request.parameters), None
    except ClientError as error:
        return None, _error_of(error.response)
    except NoCredentialsError as error:
        return None, Failure(NO_CREDENTIALS, str(error))
    except _UNUSABLE as error:
        return None, Failure(UNUSABLE_CREDENTIALS, str(error))
    except BotoCoreError as error:
        lost = isinstance(error, _NO_ANSWER)
        return None, Failure(type(error).__name__.removesuffix("Error"), str(error), lost)
    except _NOT_PARSED as error:
        return None, Failure(MALFORMED, f"{request.api}: {error}")


def _error_of(response: Mapping[str, Any]) -> Failure:
    """Return the error in an answer. A malformed one has lists or mappings where code and message should be."""
    detail, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, message = str(detail.get("Code", "Unknown")), str(detail.get("Message", ""))
    return Failure(code, message, status=metadata.get("HTTPStatusCode", 0))


class OfflineTransport:
    """Stands in for AWS without credentials: local files are read, and every request says why it was not sent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def send(self, request: Request) -> Exchange:
        """Return an exchange that was not sent."""
        failure = Failure(NO_CREDENTIALS, f"{request.api} was not sent: no AWS credentials were found")
        return unanswered(request, failure, timestamp(self._clock.now()))

    def attach(self, request: Request, produce: Callable[[], bytes]) -> Exchange:
        """Read local material now."""
        return attached(request, timestamp(self._clock.now()), produce)
