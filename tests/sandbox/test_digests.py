"""Digest files are what AWS documents: read back through S3 and checked with nothing of the sandbox but its answers."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

BUCKET = "fluo-cloudtrail-123456789012"
FOLDER = "AWSLogs/123456789012/CloudTrail-Digest/{}/{}/"


@pytest.fixture(scope="module")
def digests(shared_account):
    """Give a function that reads the digests of a Region and a day: key to (document, content, signature)."""

    def read(region, day):
        s3 = shared_account.session.client("s3")
        found = {}
        for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=FOLDER.format(region, day)).get("Contents", ()):
            got = s3.get_object(Bucket=BUCKET, Key=one["Key"])
            content = gzip.decompress(got["Body"].read())
            assert got["Metadata"].keys() == {"signature", "signature-algorithm"}
            found[one["Key"]] = json.loads(content), content, got["Metadata"]["signature"]
        return found

    return read


@pytest.fixture(scope="module")
def day(digests):
    return digests("us-east-1", "2026/11/18")


def time(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def test_there_is_one_for_every_hour_named_for_its_end(day):
    documents = [document for document, _, _ in day.values()]
    assert len(day) == 24
    for key, document in zip(day, documents, strict=True):
        assert (document["digestS3Bucket"], document["digestS3Object"]) == (BUCKET, key)
        end = time(document["digestEndTime"])
        assert key.endswith(
            f"/123456789012_CloudTrail-Digest_us-east-1_main-trail_us-east-1_{end:%Y%m%dT%H%M%SZ}.json.gz"
        )
        assert end - time(document["digestStartTime"]) == timedelta(hours=1)
    assert all(one["digestEndTime"] == two["digestStartTime"] for one, two in pairwise(documents))


def test_each_is_chained_to_the_one_before(day):
    for (key, (_, content, signature)), (_, (document, _, _)) in pairwise(day.items()):
        assert document["previousDigestS3Bucket"] == BUCKET
        assert document["previousDigestS3Object"] == key
        assert document["previousDigestHashValue"] == hashlib.sha256(content).hexdigest()
        assert document["previousDigestHashAlgorithm"] == "SHA-256"
        assert document["previousDigestSignature"] == signature


def signed_by(key, region_keys):
    return next(load_der_public_key(one["Value"]) for one in region_keys if one["Fingerprint"] == key)


@pytest.mark.parametrize(
    ("region", "date"), [("us-east-1", "2026/11/18"), ("us-east-1", "2026/09/23"), ("eu-west-1", "2026/11/18")]
)
def test_each_is_signed_with_a_published_key_of_its_region(shared_account, digests, region, date):
    cloudtrail = shared_account.session_in(region).client("cloudtrail")
    when = datetime.strptime(date, "%Y/%m/%d").replace(tzinfo=UTC)
    keys = cloudtrail.list_public_keys(StartTime=when, EndTime=when + timedelta(days=1))["PublicKeyList"]
    for key, (document, content, signature) in digests(region, date).items():
        public = signed_by(document["digestPublicKeyFingerprint"], keys)
        previous = document["previousDigestSignature"] or "null"
        text = f"{document['digestEndTime']}\n{BUCKET}/{key}\n{hashlib.sha256(content).hexdigest()}\n{previous}"
        public.verify(bytes.fromhex(signature), text.encode(), PKCS1v15(), SHA256())
        with pytest.raises(InvalidSignature):
            public.verify(
                bytes.fromhex(signature), text.replace("18", "19").replace("23", "24").encode(), PKCS1v15(), SHA256()
            )


def test_each_log_file_of_the_hours_is_vouched_for_once(shared_account, day):
    s3 = shared_account.session.client("s3")
    start, end = (
        time(document["digestStartTime"]) for document, _, _ in (next(iter(day.values())), list(day.values())[-1])
    )
    listed = [file for document, _, _ in day.values() for file in document["logFiles"]]
    stored = {
        one["Key"]
        for date in ("2026/11/17", "2026/11/18")
        for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"AWSLogs/123456789012/CloudTrail/us-east-1/{date}/")[
            "Contents"
        ]
    }
    due = {key for key in stored if start <= time(f"{key.split('_')[-2][:-1]}00Z") < end + timedelta(hours=1)}
    assert len(listed) == len(due) > 20
    assert {file["s3Object"] for file in listed} == due
    for file in listed[:5]:
        content = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=file["s3Object"])["Body"].read())
        times = sorted(record["eventTime"] for record in json.loads(content)["Records"])
        assert file == {
            "s3Bucket": BUCKET,
            "s3Object": file["s3Object"],
            "hashValue": hashlib.sha256(content).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": times[-1],
            "oldestEventTime": times[0],
        }


def test_an_hour_without_log_files_has_an_empty_digest(digests):
    for region in ("us-west-2", "eu-west-1"):
        found = digests(region, "2026/11/18")
        assert len(found) == 24
        for document, _, _ in found.values():
            assert (document["logFiles"], document["newestEventTime"], document["oldestEventTime"]) == ([], None, None)


def test_the_chain_begins_where_validation_was_turned_on(shared_account, digests):
    key, (document, _, _) = next(iter(digests("us-east-1", "2026/08/15").items()))
    assert digests("us-east-1", "2026/08/14") == {}
    assert key.endswith("_20260815T101407Z.json.gz")
    assert {document[name] for name in document if name.startswith("previousDigest")} == {None}
    assert len([name for name in document if name.startswith("previousDigest")]) == 5
    midnight = datetime(2026, 8, 15, tzinfo=UTC)
    files = shared_account.log_files(midnight, midnight + timedelta(days=1))
    records = [record for _, body in files for record in json.loads(gzip.decompress(body))["Records"]]
    turned_on = [record["eventTime"] for record in records if record["eventName"] == "UpdateTrail"]
    assert turned_on == [document["digestStartTime"]]


def test_a_digest_comes_minutes_after_its_hour(account):
    def last():
        listed = account.session.client("s3").list_objects_v2(
            Bucket=BUCKET, Prefix=FOLDER.format("us-east-1", "2026/11/23")
        )
        newest = listed["Contents"][-1]
        return newest["Key"][-24:-8], newest["LastModified"]

    status = account.session.client("cloudtrail").get_trail_status(Name="main-trail")
    assert last() == ("20261123T051407Z"[:16], status["LatestDigestDeliveryTime"])
    account.clock.sleep(22 * 60)
    assert last()[0] == "20261123T051407Z"
    account.clock.sleep(8)
    assert last() == ("20261123T061407Z", account.clock.now() - timedelta(seconds=1))


def test_the_signing_key_of_the_home_region_changes_once(digests):
    def fingerprints(region, date):
        return {document["digestPublicKeyFingerprint"] for document, _, _ in digests(region, date).values()}

    before, after = fingerprints("us-east-1", "2026/09/23"), fingerprints("us-east-1", "2026/09/24")
    elsewhere = fingerprints("eu-west-1", "2026/09/23")
    assert len(before | after | elsewhere) == 3
    assert elsewhere == fingerprints("eu-west-1", "2026/09/24")
