"""The account over HTTP, for real AWS clients."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager
from threading import Thread

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from fluo_audit.sandbox.account import SAMPLE_NOW, SimulatedAccount
from fluo_audit.sandbox.clock import RunningClock
from fluo_audit.sandbox.server import SandboxServer

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)


@contextmanager
def serving(account):
    with SandboxServer(0, account.gateway) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server(account):
    with serving(account) as server:
        yield server


@pytest.fixture
def client(server):
    clients = []

    def make(service):
        made = boto3.client(
            service,
            "us-east-1",
            endpoint_url=server.endpoint,
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=ONCE,
        )
        clients.append(made)
        return made

    yield make
    for made in clients:
        made.close()


def test_the_server_binds_the_loopback_address_only(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"
    elsewhere = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in elsewhere:
        with socket.socket() as probe:
            probe.settimeout(1)
            assert probe.connect_ex((address, server.server_port)) != 0


def test_a_real_client_reads_over_each_protocol(account, client):
    assert client("kms").describe_key(KeyId="alias/fluo-production")["KeyMetadata"]["Arn"] == account.truth.key_arn
    assert client("iam").get_role(RoleName="fluo-backend")["Role"]["RoleName"] == "fluo-backend"
    assert client("sts").get_caller_identity()["Arn"].endswith("fluo-audit-reader/export")
    assert len(client("cloudwatch").describe_alarms()["MetricAlarms"]) == 2
    assert client("s3").list_buckets()["Buckets"][0]["Name"] == "fluo-cloudtrail-123456789012"
    month = {"Start": "2026-10-01", "End": "2026-11-01"}
    assert client("ce").get_cost_and_usage(TimePeriod=month, Granularity="MONTHLY", Metrics=["UnblendedCost"])[
        "ResultsByTime"
    ]


def test_answers_over_http_are_those_in_process(account, client):
    parameters = {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": account.truth.key_arn}]}
    over_http = client("cloudtrail").lookup_events(**parameters)
    in_process = account.session.client("cloudtrail").lookup_events(**parameters)
    assert over_http["Events"] == in_process["Events"]
    assert over_http["NextToken"] == in_process["NextToken"]


def test_objects_can_be_written_and_read(client):
    s3 = client("s3")
    s3.put_object(Bucket="fluo-cloudtrail-123456789012", Key="a folder/an object", Body=b"content")
    assert s3.get_object(Bucket="fluo-cloudtrail-123456789012", Key="a folder/an object")["Body"].read() == b"content"
    assert s3.head_object(Bucket="fluo-cloudtrail-123456789012", Key="a folder/an object")["ContentLength"] == 7


def test_errors_and_unknown_operations_are_answers(account, client):
    account.deny("kms:GetKeyPolicy")
    for call, code in (
        (lambda: client("kms").get_key_policy(KeyId="k"), "AccessDeniedException"),
        (lambda: client("health").describe_events(), "NotSimulated"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == code


def test_a_timeout_fault_closes_the_connection(account, client):
    account.fail("kms:ListKeys", "timeout")
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        client("kms").list_keys()


def test_a_request_without_signature_is_refused(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request("GET", "/")
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert (answer.status, body["__type"]) == (403, "MissingAuthenticationToken")


def test_time_runs_in_a_served_account():
    with SimulatedAccount(clock=RunningClock(SAMPLE_NOW)) as account, serving(account):
        first = account.clock.now()
        assert account.clock.now() > first >= SAMPLE_NOW
