"""The door for uses of the key: one operation, nothing kept, and a refusal told from any other failure."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest

from fluo_audit.aws.door import Failure, Request, unanswered
from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.permissions import READS
from fluo_audit.aws.probe import PROBES, ProbeDoor, Tried
from fluo_audit.errors import RefusedError

PURPOSE = {"purpose": "pii_redaction"}


@pytest.fixture
def probe(account):
    return ProbeDoor(LiveTransport(account.session_as("fluo-backend"), account.clock), "us-east-1")


def test_the_list_is_closed_and_apart_from_the_reads():
    assert sorted(PROBES) == ["kms:GenerateDataKey"]
    assert not PROBES & READS


@pytest.mark.parametrize("operation", ["Decrypt", "Encrypt", "ScheduleKeyDeletion", "DescribeKey"])
def test_nothing_else_is_sent(account, probe, operation):
    with pytest.raises(RefusedError):
        probe.send("kms", operation, KeyId="k")

    assert account.sent == []


def test_a_dry_run_that_would_succeed_is_allowed(account, probe):
    tried = probe.data_key(account.truth.key_arn, PURPOSE, dry_run=True)

    assert tried == Tried(allowed=True)
    assert b"DryRunOperationException" in account.sent[-1].body, "no key was made"


def test_without_dry_run_a_key_is_made_and_nothing_of_it_comes_out(account, probe):
    tried = probe.data_key(account.truth.key_arn, PURPOSE, dry_run=False)

    assert len(base64.b64decode(json.loads(account.sent[-1].body)["Plaintext"])) == 32, "there was something to keep"
    assert dataclasses.astuple(tried) == (True, None)


def test_a_refusal_is_denied(account, probe):
    account.deny("kms:GenerateDataKey")

    tried = probe.data_key(account.truth.key_arn, PURPOSE, dry_run=True)

    assert (tried.allowed, tried.denied) == (False, True)


@pytest.mark.parametrize("fault", ["timeout", "throttle", "5xx", "expired", "malformed"])
def test_any_other_failure_says_nothing_about_permissions(account, probe, fault):
    account.fail("kms:GenerateDataKey", fault)

    tried = probe.data_key(account.truth.key_arn, PURPOSE, dry_run=True)

    assert (tried.allowed, tried.denied) == (False, False)
    assert tried.failure is not None


class Recording:
    """A transport that keeps what it is asked."""

    def __init__(self):
        self.asked = []

    def send(self, request: Request):
        self.asked.append(request)
        return unanswered(request, Failure("DryRunOperationException", ""))


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_request_is_a_256_bit_data_key_under_the_context(dry_run):
    transport = Recording()

    ProbeDoor(transport, "eu-west-1").data_key("arn:k", PURPOSE, dry_run=dry_run)

    (request,) = transport.asked
    assert (request.api, request.region) == ("kms:GenerateDataKey", "eu-west-1")
    expected = {"KeyId": "arn:k", "KeySpec": "AES_256", "EncryptionContext": PURPOSE}
    assert request.parameters == expected | ({"DryRun": True} if dry_run else {})
