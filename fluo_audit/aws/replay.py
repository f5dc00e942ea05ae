"""Answer reads from a snapshot, through the same botocore parsers that read the live answers."""

from __future__ import annotations

import io
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import InvalidRegionError

from fluo_audit.aws.door import Exchange, Failure, Request, failure_of, unanswered
from fluo_audit.aws.live import ask, config
from fluo_audit.aws.session import sealed_session
from fluo_audit.errors import IntegrityError
from fluo_audit.model.evidence import ApiCall


class ReplayTransport:
    """Answers each request with what was recorded for the same request, in the recorded order. No network."""

    def __init__(self, recorded: Iterable[tuple[ApiCall, Mapping[str, str], bytes]]) -> None:
        self._answers: dict[str, deque[tuple[ApiCall, Mapping[str, str], bytes]]] = defaultdict(deque)
        for call, headers, body in recorded:
            request = Request(call.source, call.service, call.operation, call.region, call.parameters)
            self._answers[request.key()].append((call, headers, body))
        self._session = sealed_session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._next: AWSResponse | None = None

    def send(self, request: Request) -> Exchange:
        """Return the recorded exchange, or one that says the snapshot holds no such answer."""
        waiting = self._answers.get(request.key())
        if not waiting:
            return _not_recorded(request)
        call, headers, body = waiting.popleft()
        if failure := failure_of(call, headers):
            return Exchange(call, headers, body, None, failure)
        answer, failure = self._parse(request, call.status, headers, body)
        return Exchange(call, headers, body, answer, failure)

    def attach(self, request: Request, produce: Callable[[], bytes]) -> Exchange:  # noqa: ARG002, kept, not made again
        """Return the material that was kept."""
        waiting = self._answers.get(request.key())
        if not waiting:
            return _not_recorded(request)
        call, headers, body = waiting.popleft()
        return Exchange(call, headers, body, None, failure_of(call, headers))

    def _parse(
        self, request: Request, status: int, headers: Mapping[str, str], body: bytes
    ) -> tuple[Mapping[str, Any] | None, Failure | None]:
        client = self._client(request.service, request.region)
        self._next = AWSResponse("", status, dict(headers), _Raw(body))
        return ask(client, request)

    def _client(self, service: str, region: str) -> Any:
        if (service, region) not in self._clients:
            try:
                client = self._session.client(service, region_name=region, config=config())
            except (ValueError, InvalidRegionError) as error:
                raise IntegrityError(f"the snapshot names no Region of AWS: {error}", "collect again") from error
            client.meta.events.register("before-send.*", lambda **_: self._next)
            self._clients[service, region] = client
        return self._clients[service, region]


class _Raw(io.BytesIO):
    """A body as botocore's AWSResponse reads it."""

    def stream(self, **_: Any) -> Iterable[bytes]:
        yield self.read()


def _not_recorded(request: Request) -> Exchange:
    return unanswered(request, Failure("not in the snapshot", f"the snapshot holds no answer to this {request.api}"))
