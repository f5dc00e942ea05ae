"""The client against a real server: what it understands, and every way in which it gets no answer."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.runbook.answers import Health, RoundTrip, Status, Unread
from fluo_audit.runbook.backend import Backend

ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def asked(backend: Backend):
    return backend.health(), backend.status(), backend.round_trip()


def test_the_documented_shape(serve):
    health, status, round_trip = asked(Backend(serve().url))

    assert health == Health(up=True, provider="aws", key=ARN, error="")
    assert status == Status("aws", 250, 0.85)
    assert isinstance(round_trip, RoundTrip)
    assert round_trip.passed
    assert list(round_trip.tests) == ["generate_data_key", "encrypt", "decrypt", "key_retrieval"]
    assert set(round_trip.latency_ms) == set(round_trip.tests)


def test_the_shape_of_the_source(serve):
    health, status, round_trip = asked(Backend(serve(shape="source", provider="local").url))

    assert health == Health(up=True, provider="local", key="", error="")
    assert status == Status("local", 250, None)
    assert round_trip.passed
    assert round_trip.tests["key_retrieval_cache_hit"].startswith("PASS (")


def test_a_backend_that_is_down_says_why(serve, sample_account):
    kms = sample_account.session.client("kms")
    sample_account.deny("kms:GenerateDataKey", message="User: x is not authorized to perform: kms:GenerateDataKey")
    try:
        health, _, round_trip = asked(Backend(serve(kms, shape="source").url))
    finally:
        sample_account.repair()

    assert health.up is False
    assert "not authorized" in health.error
    assert round_trip.passed is False
    assert round_trip.failed == ("generate_data_key: FAIL: User: x is not authorized to perform: kms:GenerateDataKey",)
    assert round_trip.advice


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("refuse", "broke off"),
        ("500", "answered 500"),
        ("html", "text/html is not JSON"),
        ("json", "not understood"),
        ("slow", "no answer within 0.3 s"),
        ("redirect", "redirects to http://192.0.2.1/elsewhere, which is not followed"),
        ("large", "more than 1,048,576 bytes"),
    ],
)
def test_a_broken_answer_is_never_a_result(serve, fault, said):
    server = serve(fault=fault)

    answers = asked(Backend(server.url, patience=0.3))

    assert [type(each) for each in answers] == [Unread] * 3
    assert all(said in each.reason for each in answers)
    assert len(server.asked) == 3, "nothing is asked twice"


def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answers = asked(Backend(f"http://127.0.0.1:{unused.getsockname()[1]}"))

    assert all(each.reason.endswith(": connection refused") for each in answers)


def test_https_to_a_server_without_it(serve):
    answer = Backend(serve().url.replace("http:", "https:")).health()

    assert "TLS failed" in answer.reason


def test_an_answer_that_never_ends_is_left(serve):
    """Time is a parameter: here every look at the clock costs a minute."""
    minutes = iter(range(0, 6000, 60))

    answer = Backend(serve(key="x" * 200).url, monotonic=lambda: next(minutes)).health()

    assert answer == Unread("did not finish its answer within 30 s")


def test_the_token_is_sent_as_bearer_token(serve):
    server = serve(token="secret")

    assert isinstance(Backend(server.url, "secret").health(), Health)
    refused = Backend(server.url, "other").health()
    assert "answered 401" in refused.reason
    assert "FLUO_AUDIT_BACKEND_TOKEN" in refused.reason
    assert "other" not in refused.reason


class OneAnswerAConnection(BaseHTTPRequestHandler):
    """Keeps the connection open, and drops it when a second request comes over it: proxies do so after a while."""

    protocol_version = "HTTP/1.1"
    served = False

    def do_GET(self):
        if self.served:
            self.close_connection = True
            return
        self.served = True
        self.send_response_only(200)
        self.send_header("Content-Length", "19")
        self.end_headers()
        self.wfile.write(b'{"provider": "aws"}')

    def log_message(self, *_):
        """Say nothing."""


def test_no_connection_is_used_twice():
    with ThreadingHTTPServer(("127.0.0.1", 0), OneAnswerAConnection) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        backend = Backend(f"http://127.0.0.1:{server.server_port}")
        answers = [backend.status() for _ in range(3)]
        server.shutdown()
        thread.join()

    assert answers == [Status("aws", None, None)] * 3


def test_another_service_at_the_address(serve):
    assert "404" in Backend(f"{serve().url}/elsewhere").health().reason


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8080",
        "localhost",
        "",
        "ftp://localhost",
        "file:///etc/hostname",
        "http://",
        "http://user:word@localhost",
        "http://localhost?x=1",
        "http://[::1",
    ],
)
def test_only_plain_http_and_https_addresses_are_taken(url):
    with pytest.raises(UsageError) as error:
        Backend(url)

    assert "word" not in error.value.message


@pytest.mark.parametrize("token", ["two\r\nX-Header: 1", "a b", "é"])
def test_a_token_that_is_no_header_is_refused(token):
    with pytest.raises(UsageError) as error:
        Backend("http://localhost", token)

    assert token not in error.value.message
