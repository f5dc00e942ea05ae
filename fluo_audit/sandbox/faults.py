"""Make calls of the simulated account fail on demand, in the words AWS uses."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fluo_audit.sandbox.calls import is_read
from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.wire import AwsError, HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from fluo_audit.sandbox.identities import Callers
    from fluo_audit.sandbox.wire import Call


# The permission that a call needs, where it is not called like the call.
_PERMISSIONS = {
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
}


class ConnectionLost(Exception):  # noqa: N818 - not an error of ours: the transport turns it into its own
    """The request gets no answer: it never arrived."""


class AnswerLost(ConnectionLost):
    """The request gets no answer: it was carried out, but the answer never arrived."""


@dataclass(frozen=True, slots=True)
class Target:
    """The calls of an action, on resources, in Regions: patterns with `*`.

    The resource is what an access-denied message names; for the objects of a listing it is the bucket and the prefix.
    """

    action: str
    resource: str = "*"
    region: str = "*"

    def covers(self, call: Call) -> bool:
        """Return whether a call is one of them."""
        asked = (call.action, self.action), (_subject(call), self.resource), (call.region, self.region)
        return all(fnmatchcase(value, pattern) for value, pattern in asked)


@dataclass(slots=True)
class Fault:
    """What happens to calls, `times` times or for ever."""

    target: Target
    strike: Callable[[Call], HttpAnswer]
    times: int | None = None
    is_denial: bool = False


@dataclass(slots=True)
class Loss:
    """The answers to the next `times` calls of an action (`*` allowed) get lost."""

    action: str
    times: int


class Faults:
    """The faults in force, looked at before a call is answered and before its answer goes out."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._faults: list[Fault] = []
        self._losses: list[Loss] = []
        self._writes_left: int | None = None

    def deny(self, target: Target, code: str | None, message: str | None) -> None:
        """Refuse every later call as IAM does."""

        def strike(call: Call) -> HttpAnswer:
            caller = self._callers.of(call.access_key).arn
            raise AwsError(code or denied_code(call), message or denied_message(caller, call), _denied_status(call))

        self._faults.append(Fault(target, strike, is_denial=True))

    def fail(self, target: Target, error: str, times: int | None) -> None:
        """Break later calls. Raises ValueError for an unknown kind of error."""
        if error not in _STRIKES:
            raise ValueError(f"unknown fault {error!r}: choose one of {', '.join(_STRIKES)}")
        self._faults.append(Fault(target, _STRIKES[error], times))

    def lose_answer(self, action: str, times: int) -> None:
        """Carry out the next calls of an action, and let their answers get lost."""
        self._losses.append(Loss(action, times))

    def stop_after_writes(self, number: int) -> None:
        """Lose the connection for good once `number` more writes were answered; at once for 0."""
        if number < 0:
            raise ValueError("the number of writes is 0 or more")
        self._writes_left = number

    def clear(self) -> None:
        """Mend everything."""
        self._faults.clear()
        self._losses.clear()
        self._writes_left = None

    def connect(self) -> None:
        """Raise ConnectionLost when the connection is lost for good."""
        if self._writes_left == 0:
            raise ConnectionLost("the connection was to be lost after this many writes")

    def deliver(self, call: Call) -> None:
        """Let the answer of a call out. Raises AnswerLost when it is to get lost."""
        for loss in self._losses:
            if loss.times and fnmatchcase(call.action, loss.action):
                loss.times -= 1
                raise AnswerLost(call.action)
        if self._writes_left and not is_read(call):
            self._writes_left -= 1

    def strike(self, call: Call) -> HttpAnswer | None:
        """Return the broken answer, or None when nothing is wrong with the call. Raises AwsError or ConnectionLost."""
        for fault in reversed(self._faults):
            if fault.times != 0 and fault.target.covers(call):
                if fault.times is not None:
                    fault.times -= 1
                return fault.strike(call)
        return None

    def require(self, call: Call) -> None:
        """Raise AwsError when a call is denied that AWS makes in the caller's name."""
        for fault in self._faults:
            if fault.is_denial and fault.target.covers(call):
                fault.strike(call)


def denied_code(call: Call) -> str:
    """Return the code IAM's refusal has in the protocol: the older query services leave out "Exception"."""
    return (
        "AccessDenied"
        if call.protocol in {"query", "rest-xml"} or call.service == "cloudwatch"
        else "AccessDeniedException"
    )


def denied_message(caller: str, call: Call) -> str:
    """Return the message of a refusal: who, what, on which resource."""
    action, resource = _PERMISSIONS.get(call.action, call.action), _resource(call)
    if call.service == "s3" and resource != "*":
        resource = f'"{resource}"'
    return (
        f"User: {caller} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )


def _resource(call: Call) -> str:
    named = call.parameters
    if call.service == "iam" and "RoleName" in named:
        return f"arn:aws:iam::{ACCOUNT}:role/{named['RoleName']}"
    if call.service == "s3" and "Bucket" in named:
        return f"arn:aws:s3:::{named['Bucket']}" + (f"/{named['Key']}" if "Key" in named else "")
    if call.service != "kms" or not named.get("KeyId"):
        return "*"
    text = str(named["KeyId"])
    if text.startswith("arn:"):
        return text
    kind = "" if text.startswith("alias/") else "key/"
    return f"arn:aws:kms:{call.region}:{ACCOUNT}:{kind}{text}"


def _subject(call: Call) -> str:
    return _resource(call) + (f"/{call.parameters['Prefix']}" if "Prefix" in call.parameters else "")


def _denied_status(call: Call) -> int:
    return 400 if call.protocol == "json" else 403


def _throttle(call: Call) -> HttpAnswer:
    if call.protocol == "rest-xml":
        raise AwsError("SlowDown", "Please reduce your request rate.", 503)
    raise AwsError("Throttling" if call.protocol == "query" else "ThrottlingException", "Rate exceeded")


def _server_error(call: Call) -> HttpAnswer:
    if call.protocol == "rest-xml":
        raise AwsError("InternalError", "We encountered an internal error. Please try again.", 500)
    code = "KMSInternalException" if call.service == "kms" else "InternalFailure"
    raise AwsError(code, "The request processing has failed because of an unknown error, exception or failure.", 500)


def _expired(call: Call) -> HttpAnswer:
    code = "ExpiredToken" if call.protocol in {"query", "rest-xml"} else "ExpiredTokenException"
    raise AwsError(code, "The security token included in the request is expired", _denied_status(call))


def _timeout(call: Call) -> HttpAnswer:
    raise ConnectionLost(call.action)


def _malformed(call: Call) -> HttpAnswer:
    return HttpAnswer(200, {"Content-Type": "text/html"}, f"<html><body>{call.action} {{not an answer".encode())


_STRIKES: dict[str, Callable[[Call], HttpAnswer]] = {
    "throttle": _throttle,
    "timeout": _timeout,
    "5xx": _server_error,
    "expired": _expired,
    "malformed": _malformed,
}
