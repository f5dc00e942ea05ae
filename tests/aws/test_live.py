"""What is sent to AWS, how often, and what is kept of the answers: held against the network's own record."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError, CredentialRetrievalError, ReadTimeoutError, UnauthorizedSSOTokenError
from botocore.retries.standard import ThrottledRetryableChecker

from fluo_audit.aws.door import Door, Request
from fluo_audit.aws.live import ATTEMPTS, PATIENCE, RETRIED, LiveTransport, OfflineTransport
from fluo_audit.aws.permissions import READS
from fluo_audit.aws.request_model import violations
from fluo_audit.aws.session import sealed_session
from fluo_audit.errors import UsageError
from fluo_audit.model.evidence import ApiCall, Have
from fluo_audit.sandbox.account import SAMPLE_NOW, SimulatedAccount
from fluo_audit.sandbox.clock import SimulatedClock

ALIAS = Request("key", "kms", "DescribeKey", "us-east-1", {"KeyId": "alias/fluo-production"})
KEY = Request("key", "kms", "DescribeKey", "us-east-1", {"KeyId": "k"})


# --- a whole collection, held against the network's own record ---------------------------------------------------


def test_everything_that_is_kept_is_what_the_network_sent(collection):
    kept = collection.snapshot.stored

    assert [s.body for s in kept] == [answer.body for answer in collection.sent]
    assert [s.call.sha256 for s in kept] == [hashlib.sha256(answer.body).hexdigest() for answer in collection.sent]
    assert [s.call.status for s in kept] == [answer.status for answer in collection.sent]
    assert [s.call.request_id for s in kept] == [answer.headers["x-amzn-RequestId"] for answer in collection.sent]
    assert [s.call.server_date for s in kept] == [answer.headers["Date"] for answer in collection.sent]
    assert len(kept) > len(READS)


def test_every_fact_of_the_sample_account_is_read(collection):
    """What only log files show is not asked for where events come from Event history."""
    unread = {name for name, fact in collection.facts.items() if not isinstance(fact, Have)}
    assert unread == {"trail_integrity", "event_history", "event_ids"}


def test_every_read_is_on_the_list_and_the_list_holds_little_else(collection):
    """The roles of the sample account have no inline policy, and keys of digests are for log files."""
    unsent = READS - {stored.call.api for stored in collection.snapshot.stored}
    assert unsent == {"cloudtrail:ListPublicKeys", "iam:GetRolePolicy"}
    assert {stored.call.api for stored in collection.snapshot.stored} < READS


def test_every_read_keeps_to_the_limits_of_the_service_model(collection):
    models = botocore.session.get_session()
    broken = []
    for call in (stored.call for stored in collection.snapshot.stored):
        shape = models.get_service_model(call.service).operation_model(call.operation).input_shape
        broken += list(violations(shape, call.parameters)) if shape else []

    assert broken == []


def test_the_sheet_of_a_call_says_when_where_and_with_what(collection):
    call = next(s.call for s in collection.snapshot.stored if s.call.operation == "GetKeyPolicy")

    assert call.parameters == {"KeyId": collection.snapshot.scope.key_arn, "PolicyName": "default"}
    assert (call.region, call.endpoint) == ("us-east-1", "https://kms.us-east-1.amazonaws.com")
    assert (call.api_version, call.attempts, call.error_code) == ("2014-11-01", 1, "")
    assert call.requested_at.endswith("Z")
    assert parsedate_to_datetime(call.server_date) == collection.sent[0].at.replace(microsecond=0)


def test_event_history_is_never_asked_more_than_twice_a_second(account, collect_all):
    """The quota is shared with everybody in the account. The simulated one throttles, too: it never has to."""
    found = collect_all(account, days=60)
    asked = [sent.at for sent in found.sent if sent.action == "LookupEvents"]
    second = timedelta(seconds=1)

    assert len(asked) > 20
    assert max(sum(start <= at < start + second for at in asked) for start in asked) == 2
    assert {s.call.attempts for s in found.snapshot.stored} == {1}


# --- a quota that is shared with others --------------------------------------------------------------------------


class Shared(SimulatedClock):
    """A clock on which somebody else acts once a second while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.act: Callable[[], None] | None = None
        self._due = 0.0

    def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while self.act and self._due <= until:
            super().sleep(max(0.0, self._due - self.monotonic()))
            self._due = self.monotonic() + 1
            self.act()
        super().sleep(max(0.0, until - self.monotonic()))


@dataclass
class Lookups:
    """A read of the key's whole Event history in small pages: what came, and when each request went out."""

    events: list[str]
    pages: list[ApiCall]
    sent: list[float]
    seconds: float
    of_others: Counter[str]


def look_up(*, with_others: bool) -> Lookups:
    with SimulatedAccount(clock=Shared()) as account:
        found = Lookups([], [], [], 0.0, Counter())
        account.session.events.register(
            "before-send.cloudtrail.LookupEvents", lambda **_: found.sent.append(account.clock.monotonic())
        )
        if with_others:
            account.clock.act = partial(look_up_once, someone(account), found.of_others)
        began = account.clock.monotonic()
        read = Door(LiveTransport(account.session, account.clock), "us-east-1").reader("events")
        key = {"AttributeKey": "ResourceName", "AttributeValue": account.truth.key_arn}
        window = {"StartTime": SAMPLE_NOW - timedelta(days=89), "EndTime": SAMPLE_NOW - timedelta(hours=1)}
        pages = read.pages("cloudtrail", "LookupEvents", "Events", LookupAttributes=[key], MaxResults=PAGE, **window)
        found.events = [entry["EventId"] for entry in pages]
        found.pages, found.seconds = read.calls, account.clock.monotonic() - began
        return found


PAGE = 8


def someone(account: SimulatedAccount) -> Any:
    """Return a client of somebody else in the account, who does not ask twice."""
    once = Config(retries={"total_max_attempts": 1})
    return account.session_as("platform-admin").client("cloudtrail", config=once)


def look_up_once(client: Any, results: Counter[str]) -> None:
    try:
        client.lookup_events(MaxResults=1)
    except ClientError as error:
        results[error.response["Error"]["Code"]] += 1
    else:
        results["answered"] += 1


def most_in_a_second(moments: list[float]) -> int:
    return max(sum(start <= at < start + 1 for at in moments) for start in moments)


@pytest.fixture(scope="module")
def alone() -> Lookups:
    return look_up(with_others=False)


@pytest.fixture(scope="module")
def shared() -> Lookups:
    return look_up(with_others=True)


def test_alone_a_read_uses_the_whole_quota_and_is_never_throttled(alone: Lookups):
    assert len(alone.events) == len(set(alone.events)) > 1500
    assert len(alone.sent) == len(alone.pages) == -(-len(alone.events) // PAGE)
    assert {call.attempts for call in alone.pages} == {1}
    assert alone.seconds == (len(alone.pages) - 1) / 2
    assert most_in_a_second(alone.sent) == 2


def test_beside_somebody_who_takes_half_of_the_quota_a_read_is_as_complete(alone: Lookups, shared: Lookups):
    assert shared.events == alone.events


def test_beside_somebody_who_takes_half_of_the_quota_a_read_takes_the_other_half(shared: Lookups):
    """Throttles tell that the quota is used up. One request in six or so has to find that out."""
    pages, throttles = len(shared.pages), len(shared.sent) - len(shared.pages)

    assert most_in_a_second(shared.sent) <= 2
    assert sum(call.attempts for call in shared.pages) == len(shared.sent)
    assert 0 < throttles < pages / 6
    assert pages <= shared.seconds < 1.2 * pages


def test_somebody_who_takes_half_of_the_quota_still_gets_it(shared: Lookups):
    assert shared.of_others["answered"] > 0.9 * shared.of_others.total() > 100


LOOKUP = Request("events", "cloudtrail", "LookupEvents", "us-east-1", {"MaxResults": 1})


def test_many_throttles_in_a_row_are_no_failure(account):
    account.fail("cloudtrail:LookupEvents", "throttle", times=50)

    exchange = LiveTransport(account.session, account.clock).send(LOOKUP)

    assert exchange.failure is None
    assert exchange.call.attempts == len(account.sent) == 51


def test_throttles_without_one_answer_end_the_read_after_a_while(account):
    account.fail("cloudtrail:LookupEvents", "throttle")

    exchange = LiveTransport(account.session, account.clock).send(LOOKUP)

    assert (exchange.failure.code, exchange.call.error_code) == ("ThrottlingException", "ThrottlingException")
    assert PATIENCE <= account.clock.monotonic() < PATIENCE + 10
    assert exchange.call.attempts == len(account.sent)


def test_other_troubles_beside_throttles_are_counted_and_waits_keep_to_the_quota(account):
    account.fail("cloudtrail:LookupEvents", "5xx")
    account.fail("cloudtrail:LookupEvents", "throttle", times=3)

    exchange = LiveTransport(account.session, account.clock).send(LOOKUP)

    assert exchange.failure.code == "InternalFailure"
    assert exchange.call.attempts == len(account.sent) == 3 + ATTEMPTS


def test_several_sources_share_one_pace_and_each_region_has_its_own(account):
    transport = LiveTransport(account.session, account.clock)
    begun = account.clock.monotonic()
    for source in ("events", "access", "events"):
        transport.send(replace(LOOKUP, source=source))
    assert account.clock.monotonic() - begun == 1.0

    for region in ("eu-west-1", "us-west-2"):
        transport.send(replace(LOOKUP, region=region))
    assert account.clock.monotonic() - begun == 1.0
    assert {exchange.status for exchange in account.sent} == {200}


# --- retries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["throttle", "5xx", "timeout"])
def test_a_passing_trouble_is_waited_out_on_the_clock(account, fault: str):
    account.fail("kms:DescribeKey", fault, times=2)
    before = account.clock.now()

    exchange = LiveTransport(account.session, account.clock).send(ALIAS)

    assert exchange.failure is None
    assert "KeyMetadata" in exchange.answer
    assert exchange.call.attempts == len(account.sent) == 3
    assert account.clock.now() - before == timedelta(seconds=1 + 2)
    assert exchange.body == account.sent[-1].body


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [("throttle", "ThrottlingException", 400), ("5xx", "KMSInternalException", 500), ("timeout", "ConnectTimeout", 0)],
)
def test_a_lasting_trouble_ends_with_its_reason(account, fault: str, code: str, status: int):
    account.fail("kms:DescribeKey", fault)

    exchange = LiveTransport(account.session, account.clock).send(ALIAS)

    assert exchange.answer is None
    assert (exchange.failure.code, exchange.call.error_code, exchange.call.status) == (code, code, status)
    assert exchange.call.attempts == len(account.sent) == ATTEMPTS
    assert exchange.body == account.sent[-1].body
    assert exchange.call.sha256 == (hashlib.sha256(exchange.body).hexdigest() if status else "")


@pytest.mark.parametrize("trouble", ["deny", "expired", "malformed"])
def test_what_waiting_does_not_mend_is_asked_once(account, trouble: str):
    if trouble == "deny":
        account.deny("kms:DescribeKey")
    else:
        account.fail("kms:DescribeKey", trouble)
    before = account.clock.now()

    exchange = LiveTransport(account.session, account.clock).send(ALIAS)

    assert exchange.call.attempts == len(account.sent) == 1
    assert account.clock.now() == before


def test_an_error_answer_is_kept_to_the_byte(account):
    account.deny("kms:DescribeKey")

    exchange = LiveTransport(account.session, account.clock).send(ALIAS)

    sent = account.sent[0]
    assert (exchange.call.status, exchange.body) == (400, sent.body)
    assert exchange.call.request_id == sent.headers["x-amzn-RequestId"]
    assert "not authorized to perform: kms:DescribeKey" in exchange.call.error_message
    assert exchange.failure.code == json.loads(sent.body)["__type"]


def test_every_throttling_code_that_botocore_knows_is_repeated():
    of_other_services = {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
    }

    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) - of_other_services <= RETRIED


def test_a_network_that_breaks_off_in_an_answer_is_asked_again():
    sent = []

    def break_off(request: Any, **_: Any) -> None:
        sent.append(request)
        raise ReadTimeoutError(endpoint_url=request.url)

    session, clock = sealed_session(), SimulatedClock()
    session.events.register("before-send", break_off)

    exchange = LiveTransport(session, clock).send(KEY)

    assert (exchange.failure.code, exchange.call.attempts, len(sent)) == ("ReadTimeout", ATTEMPTS, ATTEMPTS)


# --- requests that are not sent ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request("e", "cloudtrail", "LookupEvents", "us-east-1", {"MaxResults": 1000}), "1000 is more than 50"),
        (Request("r", "iam", "GetRole", "us-east-1", {"RoleName": "fluo backend"}), "does not match"),
    ],
)
def test_what_aws_would_refuse_is_not_sent(account, request_: Request, said: str):
    exchange = LiveTransport(account.session, account.clock).send(request_)

    assert account.sent == []
    assert (exchange.failure.code, exchange.call.attempts) == ("request not valid", 0)
    assert said in exchange.failure.message


def test_a_parameter_of_a_wrong_type_is_a_reason_and_no_wait(account):
    exchange = LiveTransport(account.session, account.clock).send(
        Request("key", "kms", "DescribeKey", "us-east-1", {"KeyId": 5})
    )

    assert account.sent == []
    assert (exchange.failure.code, exchange.call.attempts) == ("ParamValidation", 0)
    assert account.clock.monotonic() == 0


def without_credentials() -> boto3.Session:
    session = sealed_session()
    session._session.set_credentials("", "")
    session._session._credentials = None
    session._session.get_component("credential_provider").providers.clear()
    return session


def with_credentials_that_raise(error: Exception) -> boto3.Session:
    def refresh() -> None:
        raise error

    session = sealed_session()
    session._session._credentials = RefreshableCredentials(
        "a", "b", "c", SimulatedClock().now() - timedelta(days=999), refresh, "sso"
    )
    return session


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (without_credentials(), "no AWS credentials"),
        (with_credentials_that_raise(UnauthorizedSSOTokenError()), "credentials not usable"),
        (
            with_credentials_that_raise(CredentialRetrievalError(provider="process", error_msg="exit 1")),
            "credentials not usable",
        ),
    ],
    ids=["none", "sso expired", "process failed"],
)
def test_without_usable_credentials_nothing_is_tried_twice(session: boto3.Session, code: str):
    clock = SimulatedClock()

    exchange = LiveTransport(session, clock).send(KEY)

    assert (exchange.failure.code, exchange.call.status, exchange.call.attempts) == (code, 0, 0)
    assert clock.monotonic() == 0


@pytest.mark.parametrize(("region", "endpoint"), [("us east 1", None), ("us-east-1", "not a url")])
def test_a_region_or_endpoint_that_is_none_is_the_users_to_correct(region: str, endpoint: str | None):
    transport = LiveTransport(sealed_session(), SimulatedClock(), endpoint)

    with pytest.raises(UsageError, match="no client for kms"):
        transport.send(Request("key", "kms", "DescribeKey", region, {"KeyId": "k"}))


def test_offline_every_request_says_why_it_was_not_sent_and_files_are_read():
    transport = OfflineTransport(SimulatedClock())

    assert transport.send(KEY).failure.code == "no AWS credentials"
    assert transport.attach(KEY, lambda: b"{}").body == b"{}"


# --- answers that are not what AWS documents ---------------------------------------------------------------------

HOSTILE = {
    "text": b"<html>proxy login</html>",
    "empty": b"",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "no object where one belongs": b'{"KeyMetadata": "k"}',
    "a list where an object belongs": b'{"KeyMetadata": [1]}',
    "a time that is none": b'{"KeyMetadata": {"CreationDate": "yesterday"}}',
    "a time out of reach": b'{"KeyMetadata": {"CreationDate": 1e300}}',
    "a text where a list belongs": b'{"KeyMetadata": {"MultiRegionConfiguration": {"ReplicaKeys": 5}}}',
    "nested without end": b'{"KeyMetadata":' * 200_000,
    "not utf-8": b'{"KeyMetadata": "\xff\xfe"}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_an_answer_that_is_none_is_a_value_and_never_a_crash(body: bytes, saying: Callable[..., boto3.Session]):
    exchange = LiveTransport(saying(body), SimulatedClock()).send(KEY)

    assert "KeyMetadata" not in (exchange.answer or {})
    assert (exchange.body, exchange.call.status) == (body, 200)


@pytest.mark.parametrize(
    "body", [b'{"__type": "\\ud800\x1b[2J"}', b'{"message": {"a": 1}}', b'{"__type": 7, "message": [1]}', b"[]", b""]
)
def test_an_error_that_is_malformed_is_still_an_error(body: bytes, saying: Callable[..., boto3.Session]):
    exchange = LiveTransport(saying(body, status=400), SimulatedClock()).send(KEY)

    assert exchange.answer is None
    assert exchange.failure is not None
    assert (exchange.body, exchange.call.status) == (body, 400)
    assert exchange.call.attempts == 1
