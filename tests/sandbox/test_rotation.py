"""Key rotation: period, schedule, history."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def refused(error):
    return error.value.response["Error"]["Code"]


@pytest.fixture
def kms(account):
    return account.session.client("kms")


def test_the_key_rotates_every_ninety_days_and_next_in_january(account, kms):
    status = kms.get_key_rotation_status(KeyId=account.truth.key_id)
    assert status["KeyRotationEnabled"]
    assert status["RotationPeriodInDays"] == 90
    assert status["NextRotationDate"] == account.truth.next_rotation
    assert status["NextRotationDate"].date().isoformat() == "2027-01-23"


def test_one_of_the_four_rotations_came_eight_days_late(account, kms):
    rotations = kms.list_key_rotations(KeyId=account.truth.key_id)["Rotations"]
    assert [one["RotationDate"] for one in rotations] == [one.date for one in account.truth.rotations]
    assert {one["RotationType"] for one in rotations} == {"AUTOMATIC"}
    dates = [account.truth.created, *(one["RotationDate"] for one in rotations)]
    gaps = [(late - early).days for early, late in pairwise(dates)]
    assert gaps == [90, 90, 98, 90]


def test_all_key_material_adds_the_first_which_has_no_date(account, kms):
    listed = kms.list_key_rotations(KeyId=account.truth.key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert len(listed) == 5
    assert "RotationDate" not in listed[0]
    assert [one["KeyMaterialState"] for one in listed] == ["NON_CURRENT"] * 4 + ["CURRENT"]
    assert len({one["KeyMaterialId"] for one in listed}) == 5


def test_rotations_are_paged(account, kms):
    pages = list(
        kms.get_paginator("list_key_rotations").paginate(KeyId=account.truth.key_id, PaginationConfig={"PageSize": 3})
    )
    assert [len(page["Rotations"]) for page in pages] == [3, 1]


@pytest.mark.parametrize("days", [0, 89, 2561, 5000])
def test_a_period_out_of_bounds_is_refused(account, days):
    kms = account.session.client("kms", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as error:
        kms.enable_key_rotation(KeyId=account.truth.key_id, RotationPeriodInDays=days)
    assert refused(error) == "ValidationException"
    assert kms.get_key_rotation_status(KeyId=account.truth.key_id)["RotationPeriodInDays"] == 90


def test_a_new_key_does_not_rotate_and_then_yearly(account, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key)
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["RotationPeriodInDays"] == 365
    assert status["NextRotationDate"] == account.clock.now() + timedelta(days=365)


def test_disabling_and_enabling_starts_the_period_again(account, kms):
    key = account.truth.key_id
    kms.disable_key_rotation(KeyId=key)
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["KeyRotationEnabled"] is False
    assert "NextRotationDate" not in status
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    assert kms.get_key_rotation_status(KeyId=key)["NextRotationDate"] == account.clock.now() + timedelta(days=90)


def test_an_asymmetric_key_does_not_rotate(kms):
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError) as error:
        kms.enable_key_rotation(KeyId=key)
    assert refused(error) == "UnsupportedOperationException"


def test_a_disabled_key_keeps_its_status_and_takes_no_change(account, kms):
    kms.disable_key(KeyId=account.truth.key_id)
    assert kms.get_key_rotation_status(KeyId=account.truth.key_id)["KeyRotationEnabled"]
    with pytest.raises(ClientError) as error:
        kms.enable_key_rotation(KeyId=account.truth.key_id, RotationPeriodInDays=180)
    assert refused(error) == "DisabledException"


def test_a_key_pending_deletion_does_not_rotate(account, kms):
    kms.schedule_key_deletion(KeyId=account.truth.key_id)
    assert kms.get_key_rotation_status(KeyId=account.truth.key_id)["KeyRotationEnabled"] is False


def test_on_demand_rotation_leaves_the_schedule_alone_and_writes_its_event(account, kms):
    key = account.truth.key_id
    before = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    kms.rotate_key_on_demand(KeyId=key)
    last = kms.list_key_rotations(KeyId=key)["Rotations"][-1]
    assert (last["RotationType"], last["RotationDate"]) == ("ON_DEMAND", account.clock.now())
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == last["KeyMaterialId"]
    assert kms.get_key_rotation_status(KeyId=key)["NextRotationDate"] == before
    account.clock.sleep(600)
    found = account.session.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "RotateKey"}]
    )["Events"]
    record = json.loads(found[0]["CloudTrailEvent"])
    assert record["serviceEventDetails"]["rotationType"] == "ON_DEMAND"
    assert record["serviceEventDetails"]["currentKeyMaterialId"] == last["KeyMaterialId"]


def test_a_key_rotates_on_demand_twenty_five_times(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)
    with pytest.raises(ClientError) as error:
        kms.rotate_key_on_demand(KeyId=key)
    assert refused(error) == "LimitExceededException"
