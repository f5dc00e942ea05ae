"""A snapshot answers as AWS did: same facts, same gaps, on any machine, without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fluo_audit.aws.door import AttachError, Door, Failure, ReadError, Request
from fluo_audit.aws.live import LiveTransport, OfflineTransport
from fluo_audit.aws.replay import ReplayTransport
from fluo_audit.aws.snapshot import Snapshot, load, record
from fluo_audit.collect.all import ALL, collect
from fluo_audit.collect.job import Job
from fluo_audit.collect.trail_logs import TrailLogs
from fluo_audit.errors import IntegrityError
from fluo_audit.model.evidence import Fact, Have, Missing
from fluo_audit.sandbox.clock import SimulatedClock
from fluo_audit.settings import EventSettings

NAMES = [collector.source.name for collector in ALL]
ON_DEMAND = {"trail_integrity", "event_history", "event_ids"}
"""Not asked for where events come from Event history."""


def replayed(snapshot: Snapshot) -> dict[str, Fact[Any]]:
    transport = ReplayTransport((s.call, s.headers, s.body) for s in snapshot.stored)
    job = Job(snapshot.scope, snapshot.baseline, snapshot.events)
    return collect(Door(transport, snapshot.scope.region), job)


def assert_same(one: Fact[Any], other: Fact[Any]) -> None:
    if isinstance(one, Have) and isinstance(one.value, pd.DataFrame):
        assert isinstance(other, Have)
        pd.testing.assert_frame_equal(one.value, other.value)
        one, other = replace(one, value=None), replace(other, value=None)
    assert one == other


@pytest.fixture(scope="module")
def saved(collection, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("replay") / "snapshot"
    collection.snapshot.save(folder)
    return folder


@pytest.fixture(scope="module")
def from_disk(saved: Path) -> dict[str, Fact[Any]]:
    return replayed(load(saved))


@pytest.mark.parametrize("name", NAMES)
def test_a_fact_from_the_snapshot_is_the_fact_that_was_seen(collection, from_disk: Mapping[str, Fact[Any]], name: str):
    """Value, evidence ids and coverage are equal, down to the dtype of each column."""
    assert_same(collection.facts[name], from_disk[name])


def test_the_replayed_calls_are_the_recorded_ones(collection, saved: Path):
    snapshot = load(saved)
    door = Door(ReplayTransport((s.call, s.headers, s.body) for s in snapshot.stored), snapshot.scope.region)
    collect(door, Job(snapshot.scope, snapshot.baseline))

    assert [(e.call.id, e.call.page, e.body) for e in door.exchanges] == [
        (s.call.id, s.call.page, s.body) for s in collection.snapshot.stored
    ]


PRINT_FACTS = """
import json, sys
from pathlib import Path

def no_network(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        raise RuntimeError(f"{event}: {arguments}")

sys.addaudithook(no_network)
import pandas as pd
from fluo_audit import pipeline
from fluo_audit.aws.snapshot import load

def plain(fact):
    if hasattr(fact, "value") and isinstance(fact.value, pd.DataFrame):
        return [fact.value.to_csv(), repr(fact.value.dtypes), repr(fact.proof), repr(fact.coverage)]
    return repr(fact)

print(json.dumps({name: plain(fact) for name, fact in pipeline.facts_of(load(Path(sys.argv[1]))).items()}))
"""


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns"])
def test_facts_do_not_depend_on_the_machine(saved: Path, tmp_path: Path, zone: str):
    """Not on its time zone, hash seed, network, AWS variables or AWS files."""
    (tmp_path / "config").write_text("not [ a file of settings\n")
    elsewhere = {
        "TZ": zone,
        "PYTHONHASHSEED": "7",
        "AWS_PROFILE": "nobody",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_RETRY_MODE": "never",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }

    def facts(environment: Mapping[str, str]) -> dict[str, Any]:
        run = subprocess.run(
            [sys.executable, "-c", PRINT_FACTS, str(saved)],
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        )
        return json.loads(run.stdout)

    here, there = facts({"TZ": "UTC"}), facts(elsewhere)

    assert list(here) == NAMES
    assert {name for name in NAMES if here[name] != there[name]} == set()


def test_log_files_come_back_without_their_folder(account, job_over, tmp_path: Path):
    """The folder is evidence only at the moment of collection; the snapshot keeps what was in it."""
    logs = tmp_path / "logs"
    logs.mkdir()
    job = job_over(account, days=2, events_from=str(logs))
    for number, (_, content) in enumerate(account.log_files(job.scope.period.start, job.scope.period.end)):
        (logs / f"{number}.json.gz").write_bytes(content)
    (logs / "torn.json.gz").write_bytes(b"\x1f\x8b")
    door = Door(LiveTransport(account.session, account.clock), "us-east-1")
    seen = collect(door, replace(job, logs=TrailLogs(None, tmp_path / "store")))["events"]
    record(job.scope, job.baseline, job.events, door.exchanges).save(tmp_path / "snapshot")
    shutil.rmtree(logs)

    snapshot = load(tmp_path / "snapshot")
    assert len(seen.value) > 20
    assert_same(seen, replayed(snapshot)["events"])
    lost = replayed(replace(snapshot, stored=()))["events"]
    assert (lost.operation, lost.reason) == ("cloudtrail:LogFiles", "not in the snapshot")


# --- failures ----------------------------------------------------------------------------------------------------


def test_failures_come_back_as_they_were(account, collect_all):
    """Denied, throttled, lost, broken off and garbled reads: the same reason, message, remedy and evidence ids."""
    for action in ("kms:GetKeyPolicy", "iam:GetRole", "cloudwatch:DescribeAlarms"):
        account.deny(action)
    for action, fault in {
        "kms:ListGrants": "throttle",
        "kms:GetKeyLastUsage": "timeout",
        "kms:ListResourceTags": "malformed",
        "cloudtrail:DescribeTrails": "5xx",
        "iam:ListRolePolicies": "malformed",
        "cloudtrail:LookupEvents": "expired",
    }.items():
        account.fail(action, fault)
    found = collect_all(account)
    again = replayed(found.snapshot)

    missing = {name: fact for name, fact in found.facts.items() if isinstance(fact, Missing)}
    assert set(missing) - ON_DEMAND == {
        "key_policy",
        "roles",
        "alarms",
        "alarm_metrics",
        "grants",
        "last_usage",
        "tags",
        "trails",
        "trail_status",
        "event_selectors",
        "role_policies",
        "events",
    }
    for name in NAMES:
        assert_same(found.facts[name], again[name])
    assert missing["key_policy"].remedy == "grant kms:GetKeyPolicy to the collector"
    assert missing["last_usage"].reason == "ConnectTimeout"
    assert missing["alarm_metrics"] == missing["alarms"]


@pytest.mark.parametrize("operation", ["GetKeyPolicy", "LookupEvents", "GetCostAndUsage", "GetRole"])
def test_a_read_that_the_snapshot_lacks_is_missing_for_that_reason(collection, operation: str):
    kept = tuple(s for s in collection.snapshot.stored if s.call.operation != operation)
    lost = {s.call.source for s in collection.snapshot.stored if s.call.operation == operation}

    facts = replayed(replace(collection.snapshot, stored=kept))

    for name in lost:
        assert isinstance(facts[name], Missing)
        assert facts[name].reason == "not in the snapshot"
        assert operation in facts[name].message
    assert {n for n in NAMES if isinstance(facts[n], Missing)} - ON_DEMAND == lost


def test_a_lost_page_makes_the_whole_source_missing(collection):
    """Half of the events would look like a quiet key."""
    kept = tuple(s for s in collection.snapshot.stored if (s.call.source, s.call.page) != ("events", 3))
    assert len(kept) == len(collection.snapshot.stored) - 1

    events = replayed(replace(collection.snapshot, stored=kept))["events"]

    assert isinstance(events, Missing)
    assert events.operation == "cloudtrail:LookupEvents"


def test_one_answer_serves_one_request(collection):
    stored = next(s for s in collection.snapshot.stored if s.call.operation == "DescribeKey")
    transport = ReplayTransport([(stored.call, stored.headers, stored.body)])
    request = Request("key", "kms", "DescribeKey", "us-east-1", stored.call.parameters)

    assert transport.send(request).failure is None
    assert transport.send(request).failure.code == "not in the snapshot"
    assert transport.attach(request, lambda: b"new").failure.code == "not in the snapshot"


def test_evidence_that_could_not_be_made_is_missing_for_the_same_reason_from_the_snapshot(collection, tmp_path: Path):
    def fail() -> bytes:
        raise AttachError(Failure("SlowDown", "Please reduce your request rate.", api="s3:GetObject"))

    def missing(door: Door, produce: Callable[[], bytes]) -> Missing:
        with pytest.raises(ReadError) as error:
            door.reader("events").attach("cloudtrail", "LogFiles", produce, bucket="logs")
        return error.value.missing

    live, scope = Door(OfflineTransport(SimulatedClock()), "us-east-1"), collection.snapshot.scope
    seen = missing(live, fail)
    record(scope, collection.snapshot.baseline, EventSettings(source="s3"), live.exchanges).save(tmp_path / "snapshot")
    kept = load(tmp_path / "snapshot").stored
    replay = Door(ReplayTransport((s.call, s.headers, s.body) for s in kept), "us-east-1")

    assert missing(replay, lambda: b"made again") == seen
    assert seen.operation == "s3:GetObject"


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"KeyMetadata": 5}', b'{"KeyMetadata":' * 100_000])
def test_a_recorded_answer_that_is_none_is_missing(collection, body: bytes):
    stored = tuple(
        replace(s, body=body) if s.call.operation == "DescribeKey" else s for s in collection.snapshot.stored
    )

    assert isinstance(replayed(replace(collection.snapshot, stored=stored))["key"], Missing)


def test_a_snapshot_of_no_region_is_an_integrity_error(collection):
    stored = next(s for s in collection.snapshot.stored if s.call.operation == "DescribeKey")
    call = replace(stored.call, region="us east 1")

    with pytest.raises(IntegrityError, match="Region"):
        ReplayTransport([(call, stored.headers, stored.body)]).send(
            Request("key", "kms", "DescribeKey", "us east 1", call.parameters)
        )
