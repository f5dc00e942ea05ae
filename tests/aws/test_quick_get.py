from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from fluo_audit.aws.live import open_client
from fluo_audit.aws.objects import FetchedObject
from fluo_audit.aws.quick_get import QuickGet
from fluo_audit.sandbox.account import SimulatedAccount

BUCKET = "documents"
ODD = "AWSLogs/a b+c~d=é/ü.json.gz"


@pytest.fixture
def account() -> Iterator[SimulatedAccount]:
    """Give an account with a bucket of two objects."""
    with SimulatedAccount(empty=True) as account:
        s3 = account.session.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        account.clock.sleep(60)
        s3.put_object(Bucket=BUCKET, Key="first", Body=b"one")
        s3.put_object(Bucket=BUCKET, Key=ODD, Body=b"two", Metadata={"Signature": "abc"})
        yield account


@pytest.fixture
def client(account: SimulatedAccount) -> Any:
    """Give a client of boto3 for the bucket."""
    return open_client(account.session, "s3", "us-east-1")


@pytest.fixture
def quick(account: SimulatedAccount, client: Any) -> QuickGet:
    """Give a reader that has seen where the bucket is."""
    quick = QuickGet(account.session, client)
    client.get_object(Bucket=BUCKET, Key="first")["Body"].read()
    quick.learn("first")
    return quick


def test_an_object_is_what_boto3_gives(quick: QuickGet, client: Any):
    answer = client.get_object(Bucket=BUCKET, Key=ODD)
    assert quick.get(ODD) == FetchedObject(answer["Body"].read(), {"signature": "abc"})


def test_every_request_is_signed_for_the_account(account: SimulatedAccount, quick: QuickGet):
    before = account.calls.count("s3:GetObject")
    quick.get(ODD)
    assert account.calls.count("s3:GetObject") == before + 1


def test_nothing_is_asked_before_somebody_knows_where(account: SimulatedAccount, client: Any):
    before = account.calls
    assert QuickGet(account.session, client).get("first") is None
    assert account.calls == before


@pytest.mark.parametrize(
    "disturb",
    [
        lambda account: account.deny("s3:GetObject"),
        lambda account: account.fail("s3:GetObject", "throttle"),
        lambda account: account.fail("s3:GetObject", "5xx"),
        lambda account: account.fail("s3:GetObject", "timeout"),
        lambda account: account.session.client("s3").delete_object(Bucket=BUCKET, Key=ODD),
    ],
    ids=["denied", "throttled", "failed", "timed out", "gone"],
)
def test_whatever_is_no_whole_object_is_left_to_boto3(
    account: SimulatedAccount, quick: QuickGet, disturb: Callable[[SimulatedAccount], Any]
):
    disturb(account)
    assert quick.get(ODD) is None


def test_without_credentials_nothing_is_sent(client: Any, quick: QuickGet):
    bare = QuickGet(boto3.Session(region_name="us-east-1"), client)
    client.get_object(Bucket=BUCKET, Key="first")["Body"].read()
    bare.learn("first")
    assert bare.get("first") is None
