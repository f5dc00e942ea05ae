"""The generated log files are what they say they are, by readers that had no part in writing them."""

import gzip
import hashlib
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import boto3
import pytest

from bench.count import truth_of, with_duckdb
from bench.generate import Plan, generate
from bench.records import KEY, REGION
from bench.trail import served
from fluo_audit.aws.clock import SystemClock
from fluo_audit.aws.s3 import S3Objects
from fluo_audit.events.digests import public_keys
from fluo_audit.events.integrity import verify_trail
from fluo_audit.events.object_names import Trail, TrailPlace
from fluo_audit.model.integrity import IntegrityVerdict
from fluo_audit.model.scope import Period

PLAN = Plan(events=6_000, days=2, files_an_hour=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trail")
    generate(folder, PLAN, processes=1)
    return folder


def log_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("bucket/AWSLogs/*/CloudTrail/**/*.json.gz"))


def test_the_same_plan_gives_the_same_files(folder, tmp_path):
    generate(tmp_path / "again", PLAN, processes=2)

    assert contents(tmp_path / "again") == contents(folder)


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_complete_folder_is_not_written_again(folder):
    before = {path: path.stat().st_mtime_ns for path in log_files(folder)}

    generate(folder, PLAN, processes=1)

    assert {path: path.stat().st_mtime_ns for path in log_files(folder)} == before


def test_the_truth_is_what_lies_in_the_files(folder):
    truth = json.loads((folder / "truth.json").read_bytes())

    records = [each for path in log_files(folder) for each in json.loads(gzip.decompress(path.read_bytes()))["Records"]]
    unique = {each["eventID"]: each for each in records}

    assert truth["records"] == len(records)
    assert truth["unique_events"] == len(unique) == len(records) - truth["duplicates"]
    assert truth["duplicates"] > 0
    assert truth["kms_events"] == sum(each["eventSource"] == "kms.amazonaws.com" for each in unique.values())
    assert PLAN.events <= truth["kms_events"] < PLAN.events + 2  # a rotation


def test_events_by_day_and_operation_are_those_an_independent_count_finds(folder):
    counted = with_duckdb(folder / "bucket", KEY)

    assert counted == truth_of(folder)
    assert counted.total() == json.loads((folder / "truth.json").read_bytes())["events_of_key"]


def test_no_slot_of_a_template_was_left_open(folder):
    texts = [gzip.decompress(path.read_bytes()).decode() for path in log_files(folder)]

    assert [text for text in texts if "<" in text or "%" in text.replace("%25", "")] == []


def test_served_digests_are_valid_and_a_changed_log_file_is_found(folder, tmp_path, monkeypatch):
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    victim = log_files(changed)[5]
    victim.write_bytes(gzip.compress(gzip.decompress(victim.read_bytes()) + b" "))

    assert validated(folder, monkeypatch).verdict is IntegrityVerdict.VERIFIED
    result = validated(changed, monkeypatch)
    assert result.verdict is IntegrityVerdict.FAIL
    assert [problem.key for problem in result.problems] == [victim.relative_to(changed / "bucket").as_posix()]


def validated(folder: Path, monkeypatch):
    about = json.loads((folder / "trail.json").read_bytes())
    trail = Trail(about["trail"]["TrailARN"], TrailPlace(about["trail"]["S3BucketName"]))
    period = Period(datetime.fromisoformat(about["start"]), datetime.fromisoformat(about["end"]))
    with served(folder, latency=0) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        keys = public_keys(boto3.client("cloudtrail", REGION).list_public_keys()["PublicKeyList"])
        objects = S3Objects(boto3.Session(), trail.place.bucket, SystemClock(), region=REGION)
        return verify_trail(objects, trail, period, lambda _: keys, period.end + timedelta(hours=6))


def test_listings_are_paged_and_complete(folder, monkeypatch):
    prefix = "AWSLogs/"
    keys = sorted(path.relative_to(folder / "bucket").as_posix() for path in (folder / "bucket").rglob("*.gz"))
    with served(folder, latency=0) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        s3 = boto3.client("s3", REGION)
        listed = {
            operation: [
                each["Key"]
                for page in s3.get_paginator(operation).paginate(Bucket="b", Prefix=prefix)
                for each in page["Contents"]
            ]
            for operation in ("list_objects", "list_objects_v2")
        }
        page = s3.list_objects_v2(Bucket="b", Prefix="AWSLogs/123456789012/", Delimiter="/")

    assert len(keys) > 1000
    assert listed == {"list_objects": keys, "list_objects_v2": keys}
    assert [each["Prefix"].split("/")[2] for each in page["CommonPrefixes"]] == ["CloudTrail-Digest", "CloudTrail"]
