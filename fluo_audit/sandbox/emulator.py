"""moto as the store behind the simulated account: reached through one function, run by the account's clock and seed.

Two seams of moto are touched while it runs, and put back afterwards: the name `datetime` in `moto.core.utils`, where
every date moto invents comes from, and the state of `mock_random`, where every id it invents comes from. Its backends are
emptied before and after. `tests/sandbox/test_emulator.py` holds moto to both seams.
"""

from __future__ import annotations

import datetime as datetime_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import moto.core.utils
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.model_instances import reset_model_data
from moto.moto_api._internal import mock_random

from fluo_audit.sandbox.wire import AwsError, HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from fluo_audit.sandbox.clock import SimulatedClock


class Emulator:
    """moto, answering HTTP requests in this process. One at a time: moto keeps its state in module globals."""

    _running: Emulator | None = None

    def __init__(self, clock: SimulatedClock, seed: int) -> None:
        self._clock = clock
        self._seed = seed
        self._stubber = BotocoreStubber()
        self._random_state: Any = None

    def start(self) -> None:
        """Empty moto and put it under the account's clock and seed."""
        if Emulator._running is not None:
            raise RuntimeError("one simulated account at a time in a process: leave the other one first")
        Emulator._running = self
        self._random_state = mock_random.getstate()
        mock_random.seed(self._seed)
        moto.core.utils.datetime = _clocked_datetime(self._clock)
        BackendDict.reset()

    def stop(self) -> None:
        """Empty moto and put its seams back."""
        BackendDict.reset()
        reset_model_data()
        moto.core.utils.datetime = datetime_module
        mock_random.setstate(self._random_state)
        Emulator._running = None

    def send(self, request: HttpRequest) -> HttpAnswer:
        """Return moto's answer to a request. Raises AwsError with status 501 for what moto does not know."""
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name] = value
        prepared = AWSPreparedRequest(request.method, request.url, headers, request.body, stream_output=False)
        try:
            answer = self._stubber.process_request(prepared)
        except NotImplementedError as error:
            raise not_simulated(str(error)) from error
        if answer is None or answer[2] == "Not yet implemented":
            raise not_simulated(f"no service answers at {request.url}")
        status, answered, body = answer
        return HttpAnswer(
            int(status),
            {str(k): str(v) for k, v in answered.items()},
            body if isinstance(body, bytes) else body.encode(),
        )


def not_simulated(what: str) -> AwsError:
    """Return the error for an operation the simulated account does not have."""
    return AwsError("NotSimulated", f"The simulated account does not know this operation: {what}", 501)


def _clocked_datetime(clock: SimulatedClock) -> SimpleNamespace:
    """Return a stand-in for the module `datetime` whose `datetime.now` reads the clock."""

    class ClockedDatetime(datetime_module.datetime):
        @classmethod
        def now(cls, tz: datetime_module.tzinfo | None = None) -> datetime_module.datetime:  # type: ignore[override]
            return clock.now().astimezone(tz)

    return SimpleNamespace(**{**vars(datetime_module), "datetime": ClockedDatetime})
