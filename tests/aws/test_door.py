"""Reads pass the door and are kept; anything else stays inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import botocore.session
import pytest

from fluo_audit.aws.door import (
    AttachError,
    Door,
    Exchange,
    Failure,
    ReadError,
    Request,
    attached,
    plain,
    unanswered,
)
from fluo_audit.aws.permissions import FIND_READS, READS
from fluo_audit.errors import RefusedError

SERVICES = ("kms", "iam", "cloudtrail", "cloudwatch", "ce", "s3", "sts", "ssm", "secretsmanager")
MODELS = botocore.session.get_session()


class Answers:
    """A transport that counts what reaches it, and answers from a list."""

    def __init__(self, *answers: Mapping[str, Any] | Failure) -> None:
        self.waiting = list(answers)
        self.sent: list[Request] = []

    def send(self, request: Request) -> Exchange:
        self.sent.append(request)
        answer = self.waiting.pop(0)
        if isinstance(answer, Failure):
            return unanswered(request, answer, "2026-11-23T06:00:00.000Z")
        return replace(attached(request, "2026-11-23T06:00:00.000Z", lambda: b"{}"), answer=answer)

    def attach(self, request: Request, produce: Callable[[], bytes]) -> Exchange:
        return attached(request, "2026-11-23T06:00:00.000Z", produce)


@pytest.mark.parametrize("service", SERVICES)
def test_an_operation_off_the_list_is_refused_before_anything_is_sent(service: str):
    """Every other operation that botocore knows: writes, cryptographic ones, and reads that are not needed."""
    transport = Answers()
    door = Door(transport, "us-east-1")
    operations = set(MODELS.get_service_model(service).operation_names)
    others = {name for name in operations if f"{service}:{name}" not in READS}

    for operation in others:
        with pytest.raises(RefusedError, match=f"{service}:{operation} .* nothing was sent"):
            door.reader("key").call(service, operation, KeyId="k")
        with pytest.raises(RefusedError):
            list(door.reader("key").pages(service, operation, "Items"))

    assert others
    assert transport.sent == []
    assert door.exchanges == []


def test_a_door_opens_for_its_own_list_and_no_other():
    transport = Answers({"ResourceTagMappingList": []})
    finding = Door(transport, "us-east-1", FIND_READS).reader("find")

    finding.call("resourcegroupstaggingapi", "GetResources")
    with pytest.raises(RefusedError, match="kms:GetKeyPolicy"):
        finding.call("kms", "GetKeyPolicy", KeyId="k")
    with pytest.raises(RefusedError, match="GetResources"):
        Door(transport, "us-east-1").reader("key").call("resourcegroupstaggingapi", "GetResources")
    assert [request.api for request in transport.sent] == ["resourcegroupstaggingapi:GetResources"]


@pytest.mark.parametrize("api", ["kms:describeKey", "KMS:DescribeKey", "kms:DescribeKey ", "kms:describe_key"])
def test_a_name_that_only_looks_like_a_listed_one_is_refused(api: str):
    transport = Answers()

    with pytest.raises(RefusedError):
        Door(transport, "us-east-1").reader("key").call(*api.split(":"))
    assert transport.sent == []


def test_evidence_is_numbered_in_order_and_pages_share_a_number():
    transport = Answers(
        {"KeyMetadata": {}},
        {"Grants": [{"n": 1}], "NextMarker": "a"},
        {"Grants": [{"n": 2}], "NextMarker": "b"},
        {"Grants": []},
        {"Policy": ""},
    )
    door = Door(transport, "us-east-1")
    one, two = door.reader("key"), door.reader("grants")
    one.call("kms", "DescribeKey", KeyId="k")
    grants = list(two.pages("kms", "ListGrants", "Grants", token=("Marker", "NextMarker"), KeyId="k"))
    one.call("kms", "GetKeyPolicy", KeyId="k")

    assert grants == [{"n": 1}, {"n": 2}]
    assert [request.parameters.get("Marker") for request in transport.sent] == [None, None, "a", "b", None]
    assert [(e.call.id, e.call.page, e.call.source) for e in door.exchanges] == [
        ("E01", 1, "key"),
        ("E02", 1, "grants"),
        ("E02", 2, "grants"),
        ("E02", 3, "grants"),
        ("E03", 1, "key"),
    ]
    assert (one.proof, two.proof) == (("E01", "E03"), ("E02",))


def test_an_empty_page_with_a_token_is_not_the_end():
    transport = Answers({"Events": [], "NextToken": "t"}, {"Events": [{"EventId": "e"}]})
    read = Door(transport, "us-east-1").reader("events")

    assert list(read.pages("cloudtrail", "LookupEvents", "Events")) == [{"EventId": "e"}]


def test_a_page_that_names_itself_as_the_next_one_ends_the_read():
    transport = Answers(*[{"Events": [], "NextToken": "again"}] * 5)
    read = Door(transport, "us-east-1").reader("events")

    with pytest.raises(ReadError) as error:
        list(read.pages("cloudtrail", "LookupEvents", "Events"))
    assert error.value.missing.reason == "malformed answer"
    assert len(transport.sent) == 2


@pytest.mark.parametrize(
    ("expect", "answer", "lacks"),
    [
        (("Policy",), {}, "Policy"),
        (("A", "B"), {"A": 1}, "B"),
        (("Policy.DefaultVersionId",), {"Policy": {}}, "Policy.DefaultVersionId"),
    ],
)
def test_an_answer_without_what_aws_always_sends_is_no_answer(expect: tuple[str, ...], answer: dict, lacks: str):
    read = Door(Answers(answer), "us-east-1").reader("key_policy")

    with pytest.raises(ReadError) as error:
        read.call("kms", "GetKeyPolicy", expect, KeyId="k")
    missing = error.value.missing
    assert (missing.operation, missing.reason) == ("kms:GetKeyPolicy", "malformed answer")
    assert missing.message == f"kms:GetKeyPolicy answered without {lacks}"
    assert missing.proof == ("E01",)


@pytest.mark.parametrize("answer", [{"Items": [{"Name": "n"}]}, {}])
def test_a_page_that_was_cut_is_no_answer(answer: dict):
    read = Door(Answers(answer), "us-east-1").reader("grants")

    with pytest.raises(ReadError, match="malformed answer"):
        list(read.pages("kms", "ListGrants", "Items", each=("Id",), KeyId="k"))


@pytest.mark.parametrize(
    ("code", "do"),
    [
        ("AccessDenied", "grant kms:GetKeyPolicy to the collector"),
        ("AccessDeniedException", "grant kms:GetKeyPolicy to the collector"),
        ("ExpiredTokenException", "renew the credentials and collect again"),
        ("UnrecognizedClientException", "renew the credentials and collect again"),
        ("credentials not usable", "renew the credentials and collect again"),
        ("no AWS credentials", "collect with AWS credentials"),
        ("request not valid", "correct the setting that the request was made from"),
        ("ThrottlingException", "collect again"),
    ],
)
def test_a_failed_read_says_what_failed_why_and_what_to_do(code: str, do: str):
    door = Door(Answers(Failure(code, "words of AWS")), "us-east-1")

    with pytest.raises(ReadError) as error:
        door.reader("key_policy").call("kms", "GetKeyPolicy", KeyId="k")
    missing = error.value.missing
    assert (missing.operation, missing.reason, missing.message) == ("kms:GetKeyPolicy", code, "words of AWS")
    assert missing.remedy == do
    assert [exchange.call.error_code for exchange in door.exchanges] == [code]


def test_local_files_are_kept_as_evidence_like_answers():
    door = Door(Answers(), "us-east-1")

    body = door.reader("events").attach("cloudtrail", "LogFiles", lambda: b"[]", folder="logs")

    call = door.exchanges[0].call
    assert body == door.exchanges[0].body == b"[]"
    assert (call.id, call.endpoint, call.size) == ("E01", "local files", 2)


def test_evidence_that_cannot_be_made_is_missing_for_what_failed_underneath():
    """The log files were to be read from S3: to grant cloudtrail:LogFiles would help nobody."""

    def produce() -> bytes:
        raise AttachError(Failure("AccessDenied", "words of S3", api="s3:ListObjectsV2"))

    door = Door(Answers(), "us-east-1")
    read = door.reader("events")

    with pytest.raises(ReadError) as error:
        read.attach("cloudtrail", "LogFiles", produce, bucket="logs")
    missing, call = error.value.missing, door.exchanges[0].call
    assert (missing.operation, missing.reason, missing.message) == ("s3:ListObjectsV2", "AccessDenied", "words of S3")
    assert missing.remedy == "grant s3:ListBucket to the collector"
    assert missing.proof == read.proof == ("E01",)
    assert (call.api, call.status, call.error_code, call.size) == ("cloudtrail:LogFiles", 0, "AccessDenied", 0)


def test_a_request_is_recognised_whatever_the_zone_of_its_times():
    moment = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=14)))

    def asked(at: datetime, source: str = "events") -> str:
        return Request(source, "cloudtrail", "LookupEvents", "us-east-1", {"StartTime": at, "L": ("x",)}).key()

    assert asked(moment) == asked(elsewhere)
    assert asked(moment) != asked(moment + timedelta(seconds=1))
    assert asked(moment) != asked(moment, "other")
    assert plain({"at": elsewhere, "of": [elsewhere]}) == {
        "at": "2026-11-23T06:00:00.000Z",
        "of": ["2026-11-23T06:00:00.000Z"],
    }
