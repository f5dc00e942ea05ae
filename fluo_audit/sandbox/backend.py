"""Play the FLUO backend over HTTP on 127.0.0.1: its health, its KMS status and its validation, in both their shapes.

With a KMS client the backend really uses the key, under the encryption contexts that its source sends: what the
account's policies refuse turns the health check DOWN and fails the validation, as it does in production.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

LOOPBACK = "127.0.0.1"
PURPOSES: Mapping[str, str] = {
    "health": "health_check",
    "generate_data_key": "validation",
    "encrypt": "validation_encrypt",
    "decrypt": "validation_decrypt",
    "key_retrieval": "",
}
"""What the backend's source sends as purpose in each of its own checks; empty where it sends none."""
TENANT = "00000000-0000-0000-0000-000000000001"

Shape = Literal["documented", "source"]
Fault = Literal["", "refuse", "500", "slow", "json", "html", "redirect", "large"]


@dataclass(frozen=True, slots=True)
class BackendState:
    """How the backend is configured and what it answers."""

    provider: str = "aws"
    key: str = ""
    """The master key it is configured with: ARN, id or alias."""
    shape: Shape = "documented"
    """The answers of the documentation, or those of the source, which differ."""
    purposes: Mapping[str, str] = field(default_factory=lambda: PURPOSES)
    cache_size: int = 250
    hit_rate: float = 0.85
    """Share of requests that the cache answers; the source does not tell it."""
    needs_tenant: bool = False
    """Whether encryption without tenantId is refused before KMS is asked, as the AWS adapter of the source does."""
    token: str = ""
    """Bearer token without which every request is refused; empty for none."""


class BackendServer(ThreadingHTTPServer):
    """The backend in one state. Setting `state` restarts it in another; `fault` breaks every answer."""

    daemon_threads = True

    def __init__(
        self,
        state: BackendState,
        kms: Any = None,
        *,
        port: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use the key through the boto3 client `kms`; without one, every use succeeds."""
        self.state = state
        self.fault: Fault = ""
        self.asked: list[str] = []
        self.stopped = Event()
        self._kms = kms
        self._monotonic = monotonic
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def url(self) -> str:
        """Return the address for --backend-url."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return the readiness of the backend: 503 when it is DOWN."""
        error, milliseconds = self._try(self._generate, "health")
        data: dict[str, Any] = {"provider": self.state.provider}
        if error:
            data["error"] = error
        elif self.state.shape == "documented":
            data["masterKeyId"] = self.state.key
        else:
            data |= {"latency_ms": int(milliseconds), "status": "operational"}
        status = "DOWN" if error else "UP"
        return (503 if error else 200), {
            "status": status,
            "checks": [
                {"name": "Database connections", "status": "UP"},
                {"name": "kms", "status": status, "data": data},
            ],
        }

    def status(self) -> dict[str, Any]:
        """Return the provider and its cache."""
        state = self.state
        if state.shape == "documented":
            return {
                "provider": state.provider,
                "cache": {"cache_size": state.cache_size, "cache_hit_rate": state.hit_rate},
            }
        return {
            "provider": state.provider,
            "status": "WARNING" if state.provider == "local" else "HEALTHY",
            "cache_size": state.cache_size,
            "issues": [],
        }

    def validate(self) -> dict[str, Any]:
        """Use the key as each test does, and stop at the first that fails, as the source does."""
        tests: dict[str, str] = {}
        latency: dict[str, float] = {}
        for name, use in self._tests():
            error, milliseconds = self._try(use, name)
            if error:
                return self._verdict("FAIL", {**tests, name: f"FAIL: {error}"}, latency)
            for written in self._names(name):
                tests[written] = f"PASS ({int(milliseconds)}ms)" if self.state.shape == "source" else "PASS"
                latency[written] = round(milliseconds, 1)
        return self._verdict("PASS", tests, latency)

    def _tests(self) -> Iterator[tuple[str, Callable[[Mapping[str, str]], object]]]:
        yield "generate_data_key", self._generate
        yield "encrypt", self._encrypt
        yield "decrypt", self._decrypt
        yield "key_retrieval", self._generate

    def _names(self, test: str) -> tuple[str, ...]:
        if self.state.shape == "source" and test == "key_retrieval":
            return "key_retrieval_cache_miss", "key_retrieval_cache_hit"
        return (test,)

    def _verdict(self, overall: str, tests: Mapping[str, str], latency: Mapping[str, float]) -> dict[str, Any]:
        if self.state.shape == "documented":
            return {"overall_status": overall, "tests": tests, "latency_ms": latency}
        advice = [] if overall == "PASS" else ["Check KMS connectivity and IAM permissions."]
        return {
            "provider": self.state.provider,
            "overall": overall,
            "tests": tests,
            "latency_ms": latency,
            "recommendations": advice,
        }

    def _try(self, use: Callable[[Mapping[str, str]], object], test: str) -> tuple[str, float]:
        """Return why a use of the key failed, and how long it took in milliseconds."""
        purpose = self.state.purposes[test]
        context = {"purpose": purpose} if purpose else {"tenantId": TENANT, "keyType": "encryption"}
        started = self._monotonic()
        try:
            if self._kms is not None and self.state.provider == "aws":
                use(context)
        except ClientError as error:
            return error.response["Error"]["Message"] or error.response["Error"]["Code"], 0.0
        except (BotoCoreError, ValueError) as error:
            return str(error), 0.0
        return "", (self._monotonic() - started) * 1000

    def _generate(self, context: Mapping[str, str]) -> bytes:
        found = self._kms.generate_data_key(KeyId=self.state.key, KeySpec="AES_256", EncryptionContext=dict(context))
        return bytes(found["CiphertextBlob"])

    def _encrypt(self, context: Mapping[str, str]) -> None:
        if self.state.needs_tenant and "tenantId" not in context:
            raise ValueError("Encryption context must contain 'tenantId' for tenant isolation")
        self._kms.encrypt(KeyId=self.state.key, Plaintext=b"a text to encrypt", EncryptionContext=dict(context))

    def _decrypt(self, context: Mapping[str, str]) -> None:
        self._kms.decrypt(CiphertextBlob=self._generate(context), EncryptionContext=dict(context))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BackendServer

    def _answer(self) -> None:
        self.close_connection = True
        self.server.asked.append(f"{self.command} {self.path}")
        if self.server.fault and self._broken(self.server.fault):
            return
        token = self.server.state.token
        if token and self.headers.get("Authorization") != f"Bearer {token}":
            self._send(401, b"", "text/plain")
            return
        match self.command, self.path:
            case "GET", "/q/health/ready":
                self._json(*self.server.health())
            case "GET", "/api/admin/kms/status":
                self._json(200, self.server.status())
            case "POST", "/api/admin/kms/validate":
                self._json(200, self.server.validate())
            case _:
                self._send(404, b"", "text/plain")

    def _broken(self, fault: Fault) -> bool:
        """Answer as broken backends and proxies do."""
        if fault == "slow":
            self.server.stopped.wait()  # until the server is closed
        elif fault == "500":
            self._send(500, b"Internal Server Error", "text/plain")
        elif fault == "json":
            self._json(200, {"overall_status": "OK", "checks": "fine", "cache": [], "tests": {}})
        elif fault == "html":
            self._send(200, b"<html><body>Sign in</body></html>", "text/html; charset=utf-8")
        elif fault == "redirect":
            self._send(302, b"", "text/plain", ("Location", "http://192.0.2.1/elsewhere"))
        elif fault == "large":
            self._send(200, b'{"provider": "' + b"x" * 2**21 + b'"}', "application/json")
        return True  # "refuse" sends nothing and closes the connection

    def _json(self, status: int, document: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(document).encode(), "application/json;charset=UTF-8")

    def _send(self, status: int, body: bytes, content_type: str, *more: tuple[str, str]) -> None:
        self.send_response_only(status)
        named = {"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close", **dict(more)}
        for name, value in named.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            return  # the client has read as much as it wants to

    # The names are the base class's.
    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: the terminal belongs to the command."""


@contextmanager
def serving(server: BackendServer) -> Iterator[BackendServer]:
    """Answer requests in a thread as long as the block runs."""
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
