"""Ask the FLUO backend over HTTP how it stands with KMS. Whatever comes back is a value; nothing here raises for it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from fluo_audit import __version__
from fluo_audit.errors import UsageError
from fluo_audit.runbook.answers import (
    Health,
    RoundTrip,
    Status,
    Unread,
    health_of,
    not_understood,
    round_trip_of,
    status_of,
)

HEALTH, STATUS, VALIDATE = "/q/health/ready", "/api/admin/kms/status", "/api/admin/kms/validate"
PATIENCE = 15.0
"""Seconds for a connection and for each pause in an answer; a whole answer may take twice as long."""
LARGEST = 2**20
"""Bytes of an answer that are read."""
LONGEST_ADDRESS = 200
_TOKEN = re.compile(r"[\x21-\x7e]*")
_GOOD, _REDIRECTS, _DENIED, _UNKNOWN, _UNAVAILABLE = range(200, 300), range(300, 400), {401, 403}, 404, 503


class Backend:
    """The backend at `url`. `token` goes there as a bearer token and nowhere else: no redirect is followed."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        patience: float = PATIENCE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = _checked(url)
        if not _TOKEN.fullmatch(token):
            raise UsageError(
                "the backend token has characters that no header takes", "set FLUO_AUDIT_BACKEND_TOKEN again"
            )
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # what is unpacked has no size that could be limited beforehand
            "Connection": "close",
            "User-Agent": f"fluo-audit/{__version__}",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._patience = patience
        self._monotonic = monotonic
        self._timeout = urllib3.Timeout(connect=patience, read=patience)

    def health(self) -> Health | Unread:
        """Return the readiness check "kms". A backend that is DOWN answers 503, and says why."""
        answer = self._ask("GET", HEALTH, also=_UNAVAILABLE)
        return answer if isinstance(answer, Unread) else health_of(answer)

    def status(self) -> Status | Unread:
        """Return the KMS provider in use and its cache."""
        answer = self._ask("GET", STATUS)
        return answer if isinstance(answer, Unread) else status_of(answer)

    def round_trip(self) -> RoundTrip | Unread:
        """Have the backend generate a data key, encrypt and decrypt with its own role, and return what it says."""
        answer = self._ask("POST", VALIDATE)
        return answer if isinstance(answer, Unread) else round_trip_of(answer)

    def _ask(self, method: str, path: str, also: int = 0) -> Mapping[str, Any] | Unread:
        """Return the JSON object that the backend answers with success, or with the status `also`."""
        deadline = self._monotonic() + 2 * self._patience
        try:
            # A pool of its own for each question: a connection that is used again may have been closed meanwhile, and
            # nothing is sent twice to find out.
            with (
                urllib3.PoolManager(timeout=self._timeout, retries=False) as pool,
                pool.request(
                    method, self.url + path, headers=self._headers, redirect=False, preload_content=False
                ) as answer,
            ):
                if answer.status not in _GOOD and answer.status != also:
                    return Unread(f"{path} {_refusal(answer)}")
                body = self._body(answer, deadline)
        except HTTPError as error:
            return Unread(f"{path}: {_cause(error, self._patience)}")
        return body if isinstance(body, Unread) else _object(body, answer.headers.get("content-type", ""))

    def _body(self, answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes | Unread:
        """Read piece by piece: a backend that sends one byte at a time must not hold the command for ever."""
        body = b""
        while piece := answer.read1(LARGEST, decode_content=False):
            body += piece
            if len(body) > LARGEST:
                return Unread(f"answered with more than {LARGEST:,} bytes")
            if self._monotonic() > deadline:
                return Unread(f"did not finish its answer within {2 * self._patience:g} s")
        return body


def _checked(url: str) -> str:
    """Return the address without a slash at its end. Raises UsageError."""
    hint = "write it like http://localhost:8080 or https://fluo.example.org"
    try:
        parsed = urllib3.util.parse_url(url)
    except HTTPError as error:
        raise UsageError(f"--backend-url {url}: not a URL", hint) from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise UsageError(f"--backend-url {url}: not an http or https URL", hint)
    if parsed.auth or parsed.query or parsed.fragment:
        raise UsageError(
            "--backend-url holds a user, a query or a fragment", f"{hint}; a token belongs in FLUO_AUDIT_BACKEND_TOKEN"
        )
    return parsed.url.rstrip("/")


def _refusal(answer: urllib3.BaseHTTPResponse) -> str:
    if answer.status in _REDIRECTS:
        target = answer.headers.get("location", "another address")
        return f"redirects to {target[:LONGEST_ADDRESS]}, which is not followed: give that address with --backend-url"
    if answer.status in _DENIED:
        return f"answered {answer.status}: set FLUO_AUDIT_BACKEND_TOKEN to a token the backend accepts"
    if answer.status == _UNKNOWN:
        return "answered 404: is this the address of the FLUO backend?"
    return f"answered {answer.status}"


def _cause(error: HTTPError, patience: float) -> str:
    """Return why there was no answer, in words."""
    if isinstance(error, NameResolutionError):
        return "no such host"
    if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        return f"no connection within {patience:g} s"
    if isinstance(error, NewConnectionError):
        return "connection refused" if isinstance(error.__cause__, ConnectionRefusedError) else "no connection"
    if isinstance(error, ReadTimeoutError):
        return f"no answer within {patience:g} s"
    if isinstance(error, SSLError):
        return f"TLS failed: {error}"
    return "the connection broke off before a whole answer came"


def _object(body: bytes, content_type: str) -> Mapping[str, Any] | Unread:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return not_understood(f"{content_type.partition(';')[0][:LONGEST_ADDRESS] or 'the body'} is not JSON")
    return document if isinstance(document, dict) else not_understood("JSON, but not an object")
