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


class ConnectionLost(Exception):  # noqa: N818 - not an error of ours: the transport turns it into its own
    """The request gets no answer: it never arrived."""


class AnswerLost(ConnectionLost):
    """The request gets no answer: it was carried out, but the answer never arrived."""


@dataclass(slots=True)
class Fault:
    """What happens to every call of an action (`*` allowed), `times` times or for ever."""

    action: str
    strike: Callable[[Call], HttpAnswer]
    times: int | None = None


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

    def deny(self, action: str, code: str | None, message: str | None) -> None:
        """Refuse every later call of an action as IAM does."""

        def strike(call: Call) -> HttpAnswer:
            caller = self._callers.of(call.access_key).arn
            raise AwsError(code or denied_code(call), message or denied_message(caller, call), _denied_status(call))

        self._faults.append(Fault(action, strike))

    def fail(self, action: str, error: str, times: int | None) -> None:
        """Break later calls of an action. Raises ValueError for an unknown kind of error."""
        if error not in _STRIKES:
            raise ValueError(f"unknown fault {error!r}: choose one of {', '.join(_STRIKES)}")
        self._faults.append(Fault(action, _STRIKES[error], times))

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
            if fnmatchcase(call.action, fault.action) and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault.strike(call)
        return None


def denied_code(call: Call) -> str:
    """Return the code IAM's refusal has in the protocol: the older query services leave out "Exception"."""
    return (
        "AccessDenied"
        if call.protocol in {"query", "rest-xml"} or call.service == "cloudwatch"
        else "AccessDeniedException"
    )


def denied_message(caller: str, call: Call) -> str:
    """Return the message of a refusal: who, what, on which resource."""
    resource = _resource(call)
    return (
        f"User: {caller} is not authorized to perform: {call.action} on resource: {resource} "
        f"because no identity-based policy allows the {call.action} action"
    )


def _resource(call: Call) -> str:
    name = call.parameters.get("KeyId")
    if call.service != "kms" or not name:
        role = call.parameters.get("RoleName")
        return f"arn:aws:iam::{ACCOUNT}:role/{role}" if call.service == "iam" and role else "*"
    text = str(name)
    if text.startswith("arn:"):
        return text
    kind = "" if text.startswith("alias/") else "key/"
    return f"arn:aws:kms:{call.region}:{ACCOUNT}:{kind}{text}"


def _denied_status(call: Call) -> int:
    return 400 if call.protocol == "json" else 403


def _throttle(call: Call) -> HttpAnswer:
    code = (
        "Throttling"
        if call.protocol == "query"
        else "SlowDown"
        if call.protocol == "rest-xml"
        else "ThrottlingException"
    )
    raise AwsError(code, "Rate exceeded", 503 if call.protocol == "rest-xml" else 400)


def _server_error(call: Call) -> HttpAnswer:
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
