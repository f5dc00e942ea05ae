"""moto behind the account: the seams it is held by, and that it is left as it was found."""

from __future__ import annotations

import datetime as dt

import boto3
import moto.core.utils
import pytest
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.core.utils import unix_time, utcnow
from moto.moto_api._internal import mock_random
from moto.s3.models import s3_backends

from fluo_audit.sandbox.account import SAMPLE_NOW, SimulatedAccount
from fluo_audit.sandbox.clock import SimulatedClock
from fluo_audit.sandbox.emulator import Emulator
from fluo_audit.sandbox.seams import SEAMS
from fluo_audit.sandbox.wire import AwsError, Call, HttpRequest, write_request


def seams():
    return (
        moto.core.utils.datetime,
        [getattr(place, name) for place, name, _ in SEAMS],
        mock_random.getstate(),
        [(id(backend), dict(backend)) for backend in BackendDict._instances],
        dict(s3_backends.bucket_accounts),
    )


def test_moto_is_as_it_was_found_during_and_after_an_account():
    before = seams()
    with SimulatedAccount() as account:
        assert seams() == before
        account.session.client("kms").create_key()
        account.session.client("s3").create_bucket(Bucket="another")
        assert seams() == before
    assert seams() == before


def test_moto_is_as_it_was_found_after_an_error():
    before = seams()
    with SimulatedAccount() as account, pytest.raises(account.session.client("kms").exceptions.NotFoundException):
        account.session.client("kms").describe_key(KeyId="alias/none")
    assert seams() == before


def test_accounts_side_by_side_do_not_see_each_other():
    with SimulatedAccount() as first, SimulatedAccount() as second:
        first.session.client("kms").create_alias(AliasName="alias/mine", TargetKeyId=first.truth.key_id)
        names = {alias["AliasName"] for alias in second.session.client("kms").list_aliases()["Aliases"]}
    assert "alias/mine" not in names


def test_plain_moto_beside_an_account_keeps_its_own_state():
    with mock_aws():
        boto3.client("s3", "us-east-1").create_bucket(Bucket="mine")
        with SimulatedAccount() as account:
            theirs = [bucket["Name"] for bucket in account.session.client("s3").list_buckets()["Buckets"]]
        mine = [bucket["Name"] for bucket in boto3.client("s3", "us-east-1").list_buckets()["Buckets"]]
    assert (theirs, mine) == (["fluo-cloudtrail-123456789012"], ["mine"])


def test_an_account_that_was_left_answers_no_more():
    with SimulatedAccount() as account:
        kms = account.session.client("kms")
    with pytest.raises(RuntimeError, match="was left"):
        kms.list_keys()


@pytest.mark.parametrize(
    "request_",
    [
        write_request(Call("kms", "ListRetirableGrants", "us-east-1", "AKIA", {"RetiringPrincipal": "x"})),
        write_request(Call("kms", "DeriveSharedSecret", "us-east-1", "AKIA", {})),
        write_request(Call("health", "DescribeEvents", "us-east-1", "AKIA", {})),
        HttpRequest("GET", "https://example.com/", {}, b""),
    ],
    ids=["known", "unknown operation", "unknown service", "not AWS"],
)
def test_what_moto_does_not_know_is_an_error(request_, request):
    emulator = Emulator(SimulatedClock(), 1)
    if request.node.callspec.id == "known":
        assert emulator.send(request_).status == 200
    else:
        with pytest.raises(AwsError, match="NotSimulated") as error:
            emulator.send(request_)
        assert error.value.status == 501


def test_motos_dates_come_from_the_name_that_is_replaced():
    assert moto.core.utils.datetime is dt
    for function in (utcnow, unix_time):
        assert "datetime" in function.__code__.co_names or "utcnow" in function.__code__.co_names
    with SimulatedAccount() as account:
        created = account.session.client("iam").create_user(UserName="new")["User"]["CreateDate"]
    assert created == SAMPLE_NOW
