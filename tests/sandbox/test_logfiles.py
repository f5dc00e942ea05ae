"""Log files hold the ledger's records, no more and no less."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta

NAME = re.compile(
    r"AWSLogs/123456789012/CloudTrail/(?P<region>[a-z0-9-]+)/(?P<folder>\d{4}/\d\d/\d\d)/"
    r"123456789012_CloudTrail_(?P=region)_(?P<time>\d{8}T\d{4}Z)_[A-Za-z0-9]{16}\.json\.gz"
)


def records(files):
    return [(name, record) for name, body in files for record in json.loads(gzip.decompress(body))["Records"]]


def test_the_files_hold_every_event_of_the_key_once(shared_account):
    truth = shared_account.truth
    found = [
        record["eventID"]
        for _, record in records(shared_account.log_files(truth.created, truth.now))
        if any(resource["ARN"] == truth.key_arn for resource in record.get("resources", ()))
    ]
    assert len(found) == len(truth.event_ids)
    assert set(found) == set(truth.event_ids)


def test_a_record_is_the_same_in_a_file_and_in_event_history(shared_account):
    now = shared_account.truth.now
    shared_account.clock.sleep(1)
    events = shared_account.session.client("cloudtrail").lookup_events(EndTime=now)["Events"]
    oldest = min(event["EventTime"] for event in events)
    in_files = {record["eventID"]: record for _, record in records(shared_account.log_files(oldest, now))}
    assert events
    for event in events:
        assert in_files[event["EventId"]] == json.loads(event["CloudTrailEvent"])


def test_files_are_named_and_grouped_by_five_minutes(shared_account):
    now = shared_account.truth.now
    files = list(shared_account.log_files(now - timedelta(days=3), now))
    assert len({name for name, _ in files}) == len(files) > 10
    for name, record in records(files):
        parts = NAME.fullmatch(name)
        delivered = datetime.strptime(parts["time"], "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
        written = datetime.fromisoformat(record["eventTime"])
        assert timedelta(0) < delivered - written <= timedelta(minutes=5)
        assert parts["folder"] == f"{delivered:%Y/%m/%d}"
        assert parts["region"] == record["awsRegion"]


def test_start_is_included_and_end_is_not(shared_account):
    truth = shared_account.truth
    at = truth.rotations[-1].date
    inside = [record["eventName"] for _, record in records(shared_account.log_files(at, at + timedelta(seconds=1)))]
    before = [record["eventName"] for _, record in records(shared_account.log_files(at - timedelta(seconds=1), at))]
    assert "RotateKey" in inside
    assert "RotateKey" not in before


def test_the_bytes_of_a_file_are_repeatable(shared_account):
    now = shared_account.truth.now
    day = now - timedelta(days=1)
    assert list(shared_account.log_files(day, now)) == list(shared_account.log_files(day, now))
