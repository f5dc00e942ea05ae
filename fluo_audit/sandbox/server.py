"""Serve the simulated account over HTTP on 127.0.0.1, for any AWS client with `--endpoint-url`."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from fluo_audit.aws.clock import SystemClock
from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.sandbox.clock import RunningClock
from fluo_audit.sandbox.faults import ConnectionLost
from fluo_audit.sandbox.wire import HttpRequest, aws_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fluo_audit.sandbox.gateway import Gateway

LOOPBACK = "127.0.0.1"


def serve(
    port: int,
    *,
    now: datetime | None = None,
    seed: int = 1,
    empty: bool = False,
    ready: Callable[[str], None] = lambda endpoint: None,  # noqa: ARG005, silence
) -> None:
    """Serve a simulated account on 127.0.0.1 until interrupted, and tell `ready` its URL. Port 0 takes any free one.

    Its clock starts at `now`, the present unless told otherwise, and runs in real time. An empty account is one to
    provision into.
    """
    with (
        account_that_runs(now=now, seed=seed, empty=empty) as account,
        SandboxServer(port, account.gateway) as server,
    ):
        ready(server.endpoint)
        server.serve_forever()


def account_that_runs(*, now: datetime | None = None, seed: int = 1, empty: bool = False) -> SimulatedAccount:
    """Return an account whose clock starts at `now`, the present unless told otherwise, and runs in real time.

    Clients over HTTP have clocks of their own: what happened minutes ago here has to be as recent for them.
    """
    start = now or SystemClock().now().replace(microsecond=0)
    return SimulatedAccount(empty=empty, now=start, seed=seed, clock=RunningClock(start))


class SandboxServer(ThreadingHTTPServer):
    """An HTTP server before a gateway. There is no way to bind it to another address than 127.0.0.1."""

    daemon_threads = True

    def __init__(self, port: int, gateway: Gateway) -> None:
        self.gateway = gateway
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def endpoint(self) -> str:
        """Return the URL for `--endpoint-url`."""
        return f"http://{LOOPBACK}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together: apart, each answer waits 40 ms for an acknowledgement
    server: SandboxServer

    def _handle(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        request = HttpRequest(self.command, aws_url(headers, self.path), headers, body)
        try:
            answer = self.server.gateway.answer(request)
        except ConnectionLost:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    # The names are the base class's.
    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _handle  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the terminal belongs to the command."""
