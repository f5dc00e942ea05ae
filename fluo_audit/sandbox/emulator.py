"""moto as the store behind a simulated account: reached through one function, run by the account's clock and seed.

moto keeps everything in module globals. Each emulator owns its share of them and puts it in place for the length of
one request:

- the contents of moto's backends;
- the state of `mock_random`, where every id that moto invents comes from;
- the name `datetime` in `moto.core.utils` and `moto.s3.models`, where every date comes from;
- some functions of moto's KMS, which are in `seams.py`.

Between requests moto is as it was found: several accounts, and other users of moto, live side by side.
`tests/sandbox/test_emulator.py` holds moto to these seams.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from random import Random
from threading import RLock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import moto.core.utils
import moto.s3.models
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.moto_api._internal import mock_random

from fluo_audit.sandbox.seams import SEAMS
from fluo_audit.sandbox.wire import AwsError, HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fluo_audit.sandbox.clock import SimulatedClock

    Backends = list[tuple[Any, list[tuple[dict[str, Any], dict[str, Any]]]]]

_ONE_AT_A_TIME = RLock()  # over all emulators: they share moto's globals


class Emulator:
    """moto, answering HTTP requests in this process from a state of its own."""

    def __init__(self, clock: SimulatedClock, seed: int) -> None:
        clocked = _clocked_datetime(clock)
        self._names = (
            (moto.core.utils, "datetime", clocked),
            (moto.s3.models, "datetime", clocked),
            *SEAMS,
        )
        self._random: Any = Random(seed).getstate()  # noqa: S311 - repeatable on purpose, no secret
        self._backends: Backends = []
        self._stubber = BotocoreStubber()
        self._open = True

    def close(self) -> None:
        """Drop the state. Later requests are errors."""
        with self._in_place():
            BackendDict.reset()
        self._backends = []
        self._open = False

    def send(self, request: HttpRequest) -> HttpAnswer:
        """Return moto's answer to a request. Raises AwsError with status 501 for what moto does not know."""
        if not self._open:
            raise RuntimeError("the simulated account was left: it answers no more requests")
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name] = value
        prepared = AWSPreparedRequest(request.method, request.url, headers, request.body, stream_output=False)
        try:
            with self._in_place():
                answer = self._stubber.process_request(prepared)
        except NotImplementedError as error:
            raise not_simulated(str(error)) from error
        if answer is None or answer[2] == "Not yet implemented":
            raise not_simulated(f"no service answers at {request.url}")
        status, answered, body = answer
        headers_text = {str(name): str(value) for name, value in answered.items()}
        return HttpAnswer(int(status), headers_text, body if isinstance(body, bytes) else body.encode())

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """Have this emulator's share of moto's globals in place, and afterwards what was there before."""
        with _ONE_AT_A_TIME:
            backends, random_state = _take_out(), mock_random.getstate()
            found = [(module, name, getattr(module, name)) for module, name, _ in self._names]
            _put_in(self._backends)
            mock_random.setstate(self._random)
            _set(self._names)
            try:
                yield
            finally:
                self._backends, self._random = _take_out(), mock_random.getstate()
                _set(found)
                mock_random.setstate(random_state)
                _put_in(backends)


def not_simulated(what: str) -> AwsError:
    """Return the error for an operation the simulated account does not have."""
    return AwsError("NotSimulated", f"The simulated account does not know this operation: {what}", 501)


def _take_out() -> Backends:
    """Empty moto's backends, without resetting them, and return what was in them."""
    # The list is moto's own record of the backends in use. S3 also keeps its buckets by name in an attribute.
    taken = []
    for backend in BackendDict._instances:  # noqa: SLF001
        stores = [backend, *(value for value in vars(backend).values() if isinstance(value, dict))]
        taken.append((backend, [(store, dict(store)) for store in stores]))
        for store in stores:
            store.clear()
    BackendDict._instances.clear()  # noqa: SLF001
    return taken


def _put_in(backends: Backends) -> None:
    for backend, stores in backends:
        for store, content in stores:
            store.update(content)
        BackendDict._instances.append(backend)  # noqa: SLF001


def _set(names: Iterable[tuple[Any, str, Any]]) -> None:
    for place, name, value in names:
        setattr(place, name, value)


def _clocked_datetime(clock: SimulatedClock) -> SimpleNamespace:
    """Return a stand-in for the module `datetime` whose `datetime.now` reads the clock."""

    class ClockedDatetime(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return clock.now().astimezone(tz)

    return SimpleNamespace(**{**vars(dt), "datetime": ClockedDatetime})
