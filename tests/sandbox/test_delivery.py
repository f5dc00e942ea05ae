"""What trails that were made in an account deliver into their buckets."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest

from fluo_audit.sandbox.account import SimulatedAccount

ACCOUNT = "123456789012"
BUCKET = "fluo-trail"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": ["s3:GetBucketAcl", "s3:PutObject"],
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        }
    ],
}


@pytest.fixture
def trail(aws):
    """Give a function that makes a trail with its bucket, and starts it."""
    s3, cloudtrail = aws("s3"), aws("cloudtrail")

    def make(name, **settings):
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(POLICY))
        cloudtrail.create_trail(Name=name, S3BucketName=BUCKET, **settings)
        cloudtrail.start_logging(Name=name)

    return make


@pytest.fixture
def objects(aws):
    """Give a function that lists the keys below a prefix."""

    def listed(prefix="", bucket=BUCKET):
        pages = aws("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    return listed


@pytest.fixture
def names(aws, objects):
    """Give a function that reads the names of the events in the log files below a prefix."""

    def read(prefix=""):
        bodies = [aws("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in objects(prefix)]
        return [record["eventName"] for body in bodies for record in json.loads(gzip.decompress(body))["Records"]]

    return read


def test_a_trail_delivers_what_happens_between_its_start_and_its_stop(blank, aws, trail, names):
    aws("kms").list_keys()
    trail("trail")
    aws("kms").list_aliases()
    blank.clock.sleep(60)
    aws("cloudtrail").stop_logging(Name="trail")
    blank.clock.sleep(60)
    aws("kms").list_keys()
    blank.clock.sleep(900)
    aws("cloudtrail").start_logging(Name="trail")
    aws("kms").create_key()
    blank.clock.sleep(900)

    found = names("AWSLogs/")
    # What happened in the second of the start is in: its time is that of the call.
    assert found[-5:] == ["StartLogging", "ListAliases", "StopLogging", "StartLogging", "CreateKey"]
    assert found.count("ListKeys") == 1


def test_a_trail_of_one_region_has_the_events_of_that_region(blank, aws, trail, objects):
    trail("trail", EnableLogFileValidation=True)
    aws("kms", region="eu-west-1").list_keys()
    blank.clock.sleep(2 * 3600)
    regions = {key.split("/")[3] for key in objects("AWSLogs/")}
    kinds = {key.split("/")[2] for key in objects("AWSLogs/")}
    assert (regions, kinds) == ({"us-east-1"}, {"CloudTrail", "CloudTrail-Digest"})


def test_a_trail_of_all_regions_has_those_where_somebody_called(blank, aws, trail, objects):
    trail("trail", EnableLogFileValidation=True, IsMultiRegionTrail=True, S3KeyPrefix="logs")
    aws("kms", region="ap-southeast-2").list_keys()
    blank.clock.sleep(2 * 3600)
    logs, digests = (f"logs/AWSLogs/{ACCOUNT}/{kind}/" for kind in ("CloudTrail", "CloudTrail-Digest"))
    assert {key.split("/")[4] for key in objects(logs)} == {"us-east-1", "ap-southeast-2"}
    assert {key.split("/")[4] for key in objects(digests)} == {"us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"}
    assert objects("AWSLogs/") == []


def test_without_validation_there_are_no_digests(blank, trail, objects):
    trail("trail")
    blank.clock.sleep(3 * 3600)
    assert objects(f"AWSLogs/{ACCOUNT}/CloudTrail/")
    assert objects(f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/") == []


def test_two_trails_in_one_bucket_write_the_same_events_under_names_of_their_own(blank, aws, trail, objects, names):
    trail("first", EnableLogFileValidation=True)
    trail("second", EnableLogFileValidation=True)
    aws("kms").create_key()
    blank.clock.sleep(2 * 3600)
    assert names(f"AWSLogs/{ACCOUNT}/CloudTrail/").count("CreateKey") == 2
    digests = objects(f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/")
    assert len([key for key in digests if "_first_" in key]) == len([key for key in digests if "_second_" in key]) > 0
    listed = []
    for key in digests:
        document = json.loads(gzip.decompress(aws("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()))
        listed += [file["s3Object"] for file in document["logFiles"]]
    assert sorted(listed) == objects(f"AWSLogs/{ACCOUNT}/CloudTrail/")


def test_after_a_stop_one_more_digest_comes_and_a_new_chain_begins_later(blank, aws, trail, objects):
    trail("trail", EnableLogFileValidation=True)
    blank.clock.sleep(90 * 60)
    aws("cloudtrail").stop_logging(Name="trail")
    blank.clock.sleep(6 * 3600)
    prefix = f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/"
    assert [key[-15:-8] for key in objects(prefix)] == ["070000Z", "080000Z"]
    aws("cloudtrail").start_logging(Name="trail")
    blank.clock.sleep(2 * 3600)
    newest = objects(prefix)[2]
    document = json.loads(gzip.decompress(aws("s3").get_object(Bucket=BUCKET, Key=newest)["Body"].read()))
    assert document["digestStartTime"] == "2026-11-23T13:30:00Z"
    assert document["previousDigestSignature"] is None


def test_the_delay_of_the_account_is_that_of_its_objects():
    with SimulatedAccount(delivery_delay=timedelta(0)) as account:
        s3 = account.session.client("s3")
        account.session.client("kms").list_keys()
        account.clock.sleep(300)
        folder = f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/23/"
        listed = s3.list_objects_v2(Bucket=f"fluo-cloudtrail-{ACCOUNT}", Prefix=folder)["Contents"]
        assert "T0605Z" in listed[-1]["Key"]
        assert listed[-1]["LastModified"] == account.clock.now()


def test_the_last_log_file_before_a_stop_is_vouched_for_even_when_it_comes_in_the_next_hour(blank, aws, trail, objects):
    trail("trail", EnableLogFileValidation=True)
    blank.clock.sleep(58 * 60)
    aws("cloudtrail").stop_logging(Name="trail")
    blank.clock.sleep(6 * 3600)
    logs, digests = (objects(f"AWSLogs/{ACCOUNT}/{kind}/") for kind in ("CloudTrail", "CloudTrail-Digest"))
    bodies = [aws("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in digests]
    listed = [[file["s3Object"] for file in json.loads(gzip.decompress(body))["logFiles"]] for body in bodies]
    assert "T0700Z" in logs[-1]
    assert listed == [logs[:-1], logs[-1:]]
