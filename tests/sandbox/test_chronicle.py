"""The story, read back from the records a collector would read."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from fluo_audit.sandbox.records import EVENT_VERSION


@pytest.fixture(scope="module")
def records(shared_account):
    """Give every record of the account, oldest first."""
    truth = shared_account.truth
    files = shared_account.log_files(truth.created, truth.now)
    return [record for _, body in files for record in json.loads(gzip.decompress(body))["Records"]]


@pytest.fixture(scope="module")
def of_key(records, shared_account):
    arn = shared_account.truth.key_arn
    return [record for record in records if any(one["ARN"] == arn for one in record.get("resources", ()))]


def day(record):
    return datetime.fromisoformat(record["eventTime"]).astimezone(UTC).date()


def test_counts_per_day_and_operation_are_the_truth(shared_account, of_key):
    assert Counter((day(record), record["eventName"]) for record in of_key) == shared_account.truth.operations


def test_a_month_has_about_sixteen_hundred_requests(of_key):
    june = Counter(record["eventName"] for record in of_key if day(record).isoformat().startswith("2026-06"))
    assert 900 < june["GenerateDataKey"] < 1100
    assert 450 < june["Encrypt"] < 550
    assert 80 < june["Decrypt"] < 120


def test_weekends_and_nights_are_quiet(of_key):
    uses = [
        datetime.fromisoformat(record["eventTime"]) for record in of_key if record["eventName"] == "GenerateDataKey"
    ]
    weekdays = sum(moment.weekday() < 5 for moment in uses) / 5
    weekends = sum(moment.weekday() >= 5 for moment in uses) / 2
    assert weekdays > 2 * weekends
    assert sum(8 <= moment.hour < 18 for moment in uses) > 0.6 * len(uses)


def test_the_key_was_set_up_on_its_first_day(of_key):
    first = [record["eventName"] for record in of_key if day(record) == date(2025, 10, 22)]
    assert first == ["CreateKey", "EnableKeyRotation", "TagResource", "CreateAlias"]


def test_rotation_was_off_for_five_days_in_april(of_key):
    changes = [
        (record["eventName"], day(record).isoformat())
        for record in of_key
        if record["eventName"].endswith("KeyRotation")
    ]
    assert changes[1:] == [("DisableKeyRotation", "2026-04-23"), ("EnableKeyRotation", "2026-04-28")]


def test_rotations_are_service_events_with_the_material(shared_account, of_key):
    rotations = [record for record in of_key if record["eventName"] == "RotateKey"]
    assert [record["serviceEventDetails"]["currentKeyMaterialId"] for record in rotations] == [
        one.material_id for one in shared_account.truth.rotations
    ]
    for record in rotations:
        assert record["eventType"] == "AwsServiceEvent"
        assert record["userIdentity"]["invokedBy"] == "AWS Internal"
        assert record["requestParameters"] is None
        assert record["serviceEventDetails"]["keyId"] == shared_account.truth.key_id


def test_calls_use_the_material_in_force(shared_account, of_key):
    rotations = shared_account.truth.rotations
    used = [record for record in of_key if "additionalEventData" in record]
    assert len(used) > 20_000
    for record in used:
        past = [one.material_id for one in rotations if one.date <= datetime.fromisoformat(record["eventTime"])]
        if past:
            assert record["additionalEventData"]["keyMaterialId"] == past[-1]
    assert len({record["additionalEventData"]["keyMaterialId"] for record in used}) == 5


def test_the_policy_changed_once_in_the_window(of_key):
    (change,) = [record for record in of_key if record["eventName"] == "PutKeyPolicy"]
    assert day(change) == date(2026, 10, 23)
    assert change["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "platform-admin"


def test_batch_was_denied_on_two_days_in_october(shared_account, of_key):
    denied = [record for record in of_key if record.get("errorCode")]
    assert {record["errorCode"] for record in denied} == {"AccessDenied"}
    assert Counter(day(record) for record in denied) == shared_account.truth.denied
    batch = [record for record in denied if ":assumed-role/fluo-batch/" in record["userIdentity"]["arn"]]
    assert Counter(day(record).isoformat() for record in batch) == {"2026-10-25": 14, "2026-10-26": 9}
    for record in denied:
        for part in (record["userIdentity"]["arn"], f"kms:{record['eventName']}", shared_account.truth.key_arn):
            assert part in record["errorMessage"]


def test_one_successful_call_of_the_window_had_no_purpose(shared_account, of_key):
    contexts = {
        record["eventID"]: record["requestParameters"]["encryptionContext"]
        for record in of_key
        if not record.get("errorCode") and "encryptionContext" in (record["requestParameters"] or {})
    }
    without = [event for event, context in contexts.items() if "purpose" not in context]
    assert tuple(without) == shared_account.truth.without_purpose
    assert len(without) == 1
    assert set(contexts[without[0]]) == {"tenantId", "keyType"}
    assert without[0] in shared_account.truth.visible_event_ids


def test_callers_name_the_key_in_four_ways_and_types_are_sometimes_absent(of_key):
    used = [record for record in of_key if "additionalEventData" in record]
    forms = {record["requestParameters"]["keyId"] for record in used}
    assert len(forms) == 4
    assert {("type" in record["resources"][0]) for record in used} == {True, False}


def test_records_are_of_the_version_with_key_material(records):
    assert {record["eventVersion"] for record in records} == {EVENT_VERSION} == {"1.11"}
    assert len({record["eventID"] for record in records}) == len(records)


def test_other_keys_and_services_are_there_so_that_filters_matter(shared_account, records):
    sources = Counter(record["eventSource"] for record in records)
    assert {"kms.amazonaws.com", "sts.amazonaws.com", "ec2.amazonaws.com"} <= set(sources)
    other = {one["ARN"] for record in records for one in record.get("resources", ()) if ":key/" in one["ARN"]}
    assert len(other - {shared_account.truth.key_arn}) == 1
