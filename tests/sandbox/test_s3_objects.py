"""The trail's bucket as a client of S3 sees it."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

BUCKET = "fluo-cloudtrail-123456789012"
LOGS = "AWSLogs/123456789012/CloudTrail/us-east-1/"
DIGESTS = "AWSLogs/123456789012/CloudTrail-Digest/"
DAY = f"{LOGS}2026/11/18/"


def client(account, **more):
    return account.session.client("s3", config=Config(retries={"total_max_attempts": 1}, **more))


def keys(account, prefix=DAY, operation="list_objects_v2", **parameters):
    pages = client(account).get_paginator(operation).paginate(Bucket=BUCKET, Prefix=prefix, **parameters)
    return [one["Key"] for page in pages for one in page.get("Contents", ())]


def read(account, key):
    return client(account).get_object(Bucket=BUCKET, Key=key)["Body"].read()


def code(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(Bucket=BUCKET, **parameters)
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def day(shared_account):
    """Give the keys of the log files of one day."""
    return keys(shared_account)


def test_the_bucket_holds_the_log_files_of_the_whole_ledger(shared_account):
    truth, now = shared_account.truth, shared_account.clock.now()
    delivered = now - timedelta(minutes=5)
    until = delivered.replace(minute=delivered.minute - delivered.minute % 5, second=0, microsecond=0)
    written = dict(shared_account.log_files(truth.created - timedelta(days=9), until))

    assert len(written) > 10_000
    assert set(keys(shared_account, "AWSLogs/123456789012/CloudTrail/")) == set(written)


def test_an_object_has_the_bytes_of_its_log_file_and_every_event_once(shared_account, day):
    start = shared_account.truth.now.replace(month=11, day=18, hour=0)
    written = dict(shared_account.log_files(start - timedelta(minutes=5), start + timedelta(days=1, minutes=-5)))
    bodies = {key: read(shared_account, key) for key in day}
    ids = Counter(
        record["eventID"] for body in bodies.values() for record in json.loads(gzip.decompress(body))["Records"]
    )
    of_key = {event for event in shared_account.truth.event_ids if event in ids}

    assert bodies == written
    assert set(ids.values()) == {1}
    assert len(of_key) > 40


def test_an_object_is_encrypted_json_in_gzip(shared_account, day):
    trail = shared_account.session.client("cloudtrail").describe_trails()["trailList"][0]
    got = client(shared_account).get_object(Bucket=BUCKET, Key=day[0])
    head = client(shared_account).head_object(Bucket=BUCKET, Key=day[0])
    listed = client(shared_account).list_objects_v2(Bucket=BUCKET, Prefix=day[0])["Contents"][0]
    body = got["Body"].read()

    assert (got["ContentEncoding"], got["ContentType"]) == ("gzip", "application/json")
    assert (got["ServerSideEncryption"], got["SSEKMSKeyId"]) == ("aws:kms", trail["KmsKeyId"])
    assert head["ContentLength"] == listed["Size"] == len(body)
    assert got["ETag"] == head["ETag"] == listed["ETag"]
    assert got["LastModified"] == head["LastModified"] == listed["LastModified"]
    assert got["Metadata"] == {}


def test_a_listing_has_pages_of_a_thousand_in_order(shared_account):
    first = client(shared_account).list_objects_v2(Bucket=BUCKET, Prefix=f"{LOGS}2026/1")
    everything = keys(shared_account, f"{LOGS}2026/1")

    assert (first["KeyCount"], first["IsTruncated"], first["MaxKeys"]) == (1000, True, 1000)
    assert len(everything) > 1500
    assert everything == sorted(set(everything))


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_pages_of_any_size_hold_the_same(shared_account, day, operation):
    assert len(day) > 20
    for size in (1, 7, len(day), 1000):
        assert keys(shared_account, operation=operation, PaginationConfig={"PageSize": size}) == day


def test_the_last_page_says_so(shared_account, day):
    s3 = client(shared_account)
    for operation in (s3.list_objects, s3.list_objects_v2):
        whole = operation(Bucket=BUCKET, Prefix=DAY, MaxKeys=len(day))
        part = operation(Bucket=BUCKET, Prefix=DAY, MaxKeys=len(day) - 1)
        assert (whole["IsTruncated"], part["IsTruncated"]) == (False, True)
        assert "NextContinuationToken" not in whole
    assert code(s3.list_objects_v2, ContinuationToken="not a token") == "InvalidArgument"


def test_a_listing_starts_after_a_key_that_need_not_exist(shared_account, day):
    assert keys(shared_account, StartAfter=day[3]) == day[4:]
    assert keys(shared_account, StartAfter=day[3] + "x") == day[4:]
    assert keys(shared_account, StartAfter=DAY) == day
    assert keys(shared_account, operation="list_objects", Marker=day[3]) == day[4:]
    assert keys(shared_account, StartAfter="AWSLogs/123456789012/CloudTrail/us-east-2") == []


def folders(account, prefix, **more):
    pages = (
        client(account).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix, Delimiter="/", **more)
    )
    return [one["Prefix"].removeprefix(prefix) for page in pages for one in page.get("CommonPrefixes", ())]


def test_folders_are_listed_by_a_delimiter(shared_account):
    assert folders(shared_account, "") == ["AWSLogs/"]
    assert folders(shared_account, "AWSLogs/123456789012/") == ["CloudTrail-Digest/", "CloudTrail/"]
    assert folders(shared_account, DIGESTS)[:3] == ["eu-west-1/", "us-east-1/", "us-west-2/"]
    assert folders(shared_account, f"{LOGS}2026/") == [f"{month:02d}/" for month in range(1, 12)]
    assert folders(shared_account, DAY) == []


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_pages_of_folders_repeat_none(shared_account, operation):
    pages = (
        client(shared_account)
        .get_paginator(operation)
        .paginate(Bucket=BUCKET, Prefix=f"{LOGS}2026/", Delimiter="/", PaginationConfig={"PageSize": 4})
    )
    found = [[one["Prefix"][-3:] for one in page["CommonPrefixes"]] for page in pages]
    assert found == [["01/", "02/", "03/", "04/"], ["05/", "06/", "07/", "08/"], ["09/", "10/", "11/"]]


def test_a_delimiter_inside_names_makes_prefixes_and_objects(shared_account, day):
    answer = client(shared_account).list_objects_v2(
        Bucket=BUCKET, Prefix=DAY, Delimiter="CloudTrail_us-east-1_20261118T08"
    )
    morning = [key for key in day if "T08" in key]
    assert [one["Prefix"] for one in answer["CommonPrefixes"]] == [morning[0][: morning[0].index("T08") + 3]]
    assert [one["Key"] for one in answer["Contents"]] == [key for key in day if key not in morning]


def test_a_file_comes_when_its_five_minutes_and_the_delay_are_over(account):
    account.session.client("kms").list_keys()
    today = f"{LOGS}2026/11/23/"
    for minutes, ours in ((0, 0), (9, 0), (1, 1)):
        account.clock.sleep(minutes * 60)
        found = [key for key in keys(account, today) if "20261123T0605Z" in key]
        assert len(found) == ours
    records = json.loads(gzip.decompress(read(account, found[0])))["Records"]
    assert [record["eventName"] for record in records] == ["ListKeys"]


def test_reading_objects_leaves_no_event(account, day):
    s3 = client(account)
    keys(account)
    read(account, day[0])
    s3.head_object(Bucket=BUCKET, Key=day[0])
    s3.put_object(Bucket=BUCKET, Key="notes.txt", Body=b"")
    s3.delete_object(Bucket=BUCKET, Key="notes.txt")
    s3.get_bucket_location(Bucket=BUCKET)
    account.clock.sleep(600)

    events = account.session.client("cloudtrail").lookup_events(StartTime=account.truth.now)["Events"]
    assert [event["EventName"] for event in events] == ["GetBucketLocation"]
    assert account.calls[:2] == ("s3:ListObjectsV2", "s3:GetObject")


def test_an_unknown_key_is_not_found(shared_account, day):
    for key in ("nothing", f"{DAY}nothing", day[0].replace("2026/11/18", "2026/11/19")):
        assert code(client(shared_account).get_object, Key=key) == "NoSuchKey"
        assert code(client(shared_account).head_object, Key=key) == "404"


def test_what_is_put_over_a_file_takes_its_place(account, day):
    client(account).put_object(Bucket=BUCKET, Key=day[1], Body=b"forged", Metadata={"signature": "00"})
    got = client(account).get_object(Bucket=BUCKET, Key=day[1])

    assert (got["Body"].read(), got["Metadata"]) == (b"forged", {"signature": "00"})
    assert keys(account) == day
    sizes = {one["Key"]: one["Size"] for one in client(account).list_objects_v2(Bucket=BUCKET, Prefix=DAY)["Contents"]}
    assert sizes[day[1]] == len(b"forged")


def test_a_deleted_file_is_gone_for_good(account, day):
    s3 = client(account)
    s3.delete_object(Bucket=BUCKET, Key=day[0])
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": day[2]}, {"Key": day[5]}]})
    account.clock.sleep(86400)

    assert keys(account) == [key for key in day if key not in {day[0], day[2], day[5]}]
    assert code(s3.get_object, Key=day[2]) == "NoSuchKey"
    s3.put_object(Bucket=BUCKET, Key=day[2], Body=b"back")
    assert read(account, day[2]) == b"back"


def test_a_folder_whose_files_were_all_deleted_is_none(account):
    first = f"{LOGS}2025/10/22/"
    client(account).delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys(account, first)]})
    assert keys(account, first) == []
    assert "22/" not in folders(account, f"{LOGS}2025/10/")
    assert "23/" in folders(account, f"{LOGS}2025/10/")


def test_other_objects_stand_among_the_files_in_order(account, day):
    strange = (f"{DAY}a & b.txt", f"{DAY}zz+1/one", "Backup/old.json.gz", "über")
    for key in strange:
        client(account).put_object(Bucket=BUCKET, Key=key, Body=b"?")

    assert keys(account) == sorted([*day, *strange[:2]])
    for size in (1, 5):
        assert keys(account, PaginationConfig={"PageSize": size}) == sorted([*day, *strange[:2]])
    assert folders(account, "") == ["AWSLogs/", "Backup/"]
    assert keys(account, "ü") == ["über"]
    assert folders(account, DAY) == ["zz+1/"]


def test_a_deleted_bucket_serves_nothing(account, day):
    client(account).delete_bucket(Bucket=BUCKET)
    assert code(client(account).get_object, Key=day[0]) == "NoSuchBucket"
    assert code(client(account).list_objects_v2) == "NoSuchBucket"


def test_who_may_not_read_or_list_is_told_so(account, day):
    account.deny("s3:GetObject")
    account.deny("s3:ListObjects*")
    s3 = client(account)
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=BUCKET, Key=day[0])
    told = error.value.response["Error"]
    assert (told["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403)
    assert f's3:GetObject on resource: "arn:aws:s3:::{BUCKET}/{day[0]}" because' in told["Message"]
    with pytest.raises(ClientError, match=f's3:ListBucket on resource: "arn:aws:s3:::{BUCKET}" because'):
        s3.list_objects_v2(Bucket=BUCKET)


def test_who_may_not_decrypt_may_not_read(account, day):
    account.deny("kms:Decrypt")
    with pytest.raises(ClientError, match=r"kms:Decrypt on resource: arn:aws:kms:us-east-1:123456789012:key/") as error:
        read(account, day[0])
    assert error.value.response["Error"]["Code"] == "AccessDenied"
    assert keys(account) == day


def test_one_region_can_be_denied(account, day):
    account.deny("s3:GetObject", resource="*/CloudTrail/us-east-1/2026/11/18/*")
    account.deny("s3:ListObjectsV2", resource="*/CloudTrail-Digest/eu-west-1/*")

    assert code(client(account).get_object, Key=day[0]) == "AccessDenied"
    assert read(account, keys(account, f"{LOGS}2026/11/19/")[0])
    assert code(client(account).list_objects_v2, Prefix=f"{DIGESTS}eu-west-1/2026/") == "AccessDenied"
    assert keys(account, f"{DIGESTS}us-west-2/2026/11/20/")


@pytest.mark.parametrize(
    ("fault", "expected", "status"), [("throttle", "SlowDown", 503), ("5xx", "InternalError", 500)]
)
def test_as_many_reads_fail_as_were_to_fail_from_many_threads(account, day, fault, expected, status):
    account.fail("s3:GetObject", fault, times=5)
    account.fail("s3:ListObjectsV2", fault, times=2)
    s3 = client(account, max_pool_connections=8)

    def attempt(number):
        try:
            call = (
                s3.get_object(Bucket=BUCKET, Key=day[number % 20]) if number < 40 else s3.list_objects_v2(Bucket=BUCKET)
            )
        except ClientError as error:
            answered = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return error.operation_name, error.response["Error"]["Code"], answered
        return call["ResponseMetadata"]["HTTPStatusCode"]

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(attempt, range(50)))
    assert outcomes == {
        ("GetObject", expected, status): 5, ("ListObjectsV2", expected, status): 2, 200: 43,
    }  # fmt: skip


def test_request_ids_do_not_depend_on_what_ran_in_between(account, day):
    def request_ids(*numbers):
        answers = [client(account).get_object(Bucket=BUCKET, Key=day[number]) for number in numbers]
        return [answer["ResponseMetadata"]["RequestId"] for answer in answers]

    ids = request_ids(1, 2, 3, 1)
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"[0-9a-f-]{36}", one) for one in ids)
    assert all(before != after for before, after in pairwise(ids))


def test_what_was_not_carried_out_hides_nothing(account, day):
    """A refused write leaves the delivered object where it is."""
    account.deny("s3:DeleteObject")
    assert code(client(account).delete_object, Key=day[0]) == "AccessDenied"
    assert code(client(account).copy_object, Key=day[0], CopySource=f"{BUCKET}/nothing") == "NoSuchKey"
    assert keys(account) == day
    assert read(account, day[0])


def test_a_bucket_that_no_trail_delivers_to_is_moto_s(account):
    s3 = client(account)
    s3.create_bucket(Bucket="another-bucket")
    account.clock.sleep(10)
    for number in range(3):
        s3.put_object(Bucket="another-bucket", Key=f"{number}", Body=b"?")
    for listing in (s3.list_objects, s3.list_objects_v2):
        assert [one["Key"] for one in listing(Bucket="another-bucket")["Contents"]] == ["0", "1", "2"]
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket="another-bucket")


def test_more_added_objects_than_a_page_of_moto_s_are_all_listed(account, day):
    s3 = client(account)
    added = [f"{DAY}z{number:04d}" for number in range(1005)]
    for key in added:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert keys(account) == [*day, *added]
