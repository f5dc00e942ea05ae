from __future__ import annotations

import base64
import gzip
import json
import runpy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fluo_audit.events.digests import SIGNING_DELAY, Digest, PublicKey, PublicKeys, Rejected, check_digest, public_keys
from fluo_audit.events.object_names import parse
from fluo_audit.model.integrity import ProblemKind

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "digest_vectors.py")))
KEY = made.KEY
KEYS = public_keys([KEY.entry()])


def check(world: Any, key: str, keys: PublicKeys = KEYS, bucket: str = made.BUCKET) -> Digest | Rejected:
    name = parse(key)
    assert name is not None
    return check_digest(bucket, key, name, world.bucket.objects[key], keys)


def rejected(world: Any, key: str, keys: PublicKeys = KEYS, bucket: str = made.BUCKET) -> tuple[ProblemKind, str]:
    digest = check(world, key, keys, bucket)
    assert isinstance(digest, Rejected)
    assert digest.key == key
    return digest.kind, digest.detail


def one(**changes: Any) -> tuple[Any, str]:
    """Return a bucket with two digests, and the key of the second."""
    world = made.World()
    cloudtrail = world.writer()
    cloudtrail.deliver(0, 0)
    log = cloudtrail.log(made.DAY + timedelta(minutes=5))
    return world, cloudtrail.digest(made.digest_end(1), [log], **changes)


# --- public keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo])
@pytest.mark.parametrize("written", [bytes, bytearray, lambda der: base64.b64encode(der).decode()])
def test_a_public_key_in_every_form_aws_gives_it(form: PublicFormat, written: Any):
    der = KEY.der(form)
    fingerprint = made.hashlib.md5(der).hexdigest()

    keys = public_keys([KEY.entry() | {"Value": written(der), "Fingerprint": fingerprint}])

    key = keys.keys[fingerprint]
    assert isinstance(key, PublicKey)
    assert key.key.public_numbers() == KEY.private.public_key().public_numbers()


ELLIPTIC = (
    ec.derive_private_key(7, ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"Value": made.ATTACKER.der()}, "the fingerprint is that of another key"),
        ({"Value": KEY.der()[:-1]}, "no usable public key"),
        ({"Value": b""}, "no usable public key"),
        ({"Value": "no base64!"}, "no usable public key"),
        ({"Value": None}, "no usable public key"),
        ({"Value": ELLIPTIC}, "no RSA key"),
        ({"ValidityEndTime": ...}, "no usable public key"),
    ],
)
def test_a_key_that_cannot_be_used_fails_nobody(entry: dict[str, Any], reason: str):
    listed = {name: value for name, value in (KEY.entry() | entry).items() if value is not ...}
    world, key = one()

    kind, detail = rejected(world, key, public_keys([listed]))

    assert kind is ProblemKind.DIGEST_UNREAD
    assert reason in detail


def test_keys_that_were_not_told_fail_nobody():
    world, key = one()

    assert rejected(world, key, PublicKeys({}, "AccessDenied")) == (
        ProblemKind.DIGEST_UNREAD,
        "the public keys could not be told: AccessDenied",
    )
    assert rejected(world, key, public_keys([])) == (
        ProblemKind.DIGEST_KEY_UNKNOWN,
        f"cloudtrail:ListPublicKeys does not know key {KEY.fingerprint}",
    )


def test_a_key_is_accepted_a_little_outside_of_its_time():
    world, key = one()
    end = made.digest_end(1)
    second = timedelta(seconds=1)

    for since, until, accepted in [
        (end - timedelta(days=1), end - SIGNING_DELAY, True),
        (end - timedelta(days=1), end - SIGNING_DELAY - second, False),
        (end + SIGNING_DELAY, end + timedelta(days=1), True),
        (end + SIGNING_DELAY + second, end + timedelta(days=1), False),
    ]:
        digest = check(world, key, public_keys([KEY.entry(since, until)]))
        assert isinstance(digest, Digest) is accepted
        assert accepted or digest.kind is ProblemKind.DIGEST_KEY_EXPIRED


def test_a_backfill_digest_is_signed_when_it_is_made():
    world = made.World()
    end, later = made.digest_end(1), made.DAY + timedelta(days=20)
    key = world.writer().backfill(end, [], made=later)

    assert isinstance(check(world, key, public_keys([KEY.entry(since=later)])), Digest)
    assert rejected(world, key, public_keys([KEY.entry(until=end)]))[0] is ProblemKind.DIGEST_KEY_EXPIRED
    for text in ("20260330T000000Z", "2026-03-30T00:00:00.123Z", "2026-03-30T00:00:00"):
        world.bucket.mark(key, backfill_generation_timestamp=text)
        assert isinstance(check(world, key, public_keys([KEY.entry(since=later)])), Digest)


# --- digests -----------------------------------------------------------------------------------------------------------------


def test_what_a_digest_says():
    world, key = one()

    digest = check(world, key)

    assert isinstance(digest, Digest)
    document = json.loads(gzip.decompress(world.bucket.objects[key].body))
    (log,) = document["logFiles"]
    assert (digest.start, digest.end) == (made.digest_end(0), made.digest_end(1))
    assert [(each.bucket, each.key, each.sha256) for each in digest.logs] == [
        (made.BUCKET, log["s3Object"], log["hashValue"])
    ]
    assert digest.previous is not None
    assert digest.previous.key == document["previousDigestS3Object"]
    before = check(world, digest.previous.key)
    assert isinstance(before, Digest)
    assert (before.sha256, before.signature) == (digest.previous.sha256, digest.previous.signature)
    assert before.previous is None


def test_fields_that_nobody_knows_yet_are_no_trouble():
    world, key = one(newField={"a": [1, None]}, newestEventTime="2026-03-10T00:04:00Z")

    assert isinstance(check(world, key), Digest)


@pytest.mark.parametrize(
    ("changes", "kind", "detail"),
    [
        ({"digestS3Bucket": "another"}, ProblemKind.DIGEST_MOVED, "made for s3://another/"),
        ({"awsAccountId": made.MEMBER}, ProblemKind.DIGEST_MOVED, f"made for account {made.MEMBER}"),
        ({"digestSignatureAlgorithm": "MD5withRSA"}, ProblemKind.DIGEST_ALGORITHM, "MD5withRSA"),
        ({"previousDigestHashAlgorithm": "MD5"}, ProblemKind.DIGEST_ALGORITHM, "MD5"),
        ({"digestStartTime": "yesterday"}, ProblemKind.DIGEST_MALFORMED, "yesterday"),
        ({"digestEndTime": "2026-03-10T01:01:31+01:00"}, ProblemKind.DIGEST_MALFORMED, "01:01:31+01:00"),
        ({"digestEndTime": 5}, ProblemKind.DIGEST_MALFORMED, "digestEndTime"),
        ({"logFiles": None}, ProblemKind.DIGEST_MALFORMED, "logFiles"),
        ({"logFiles": [{"s3Object": "x"}]}, ProblemKind.DIGEST_MALFORMED, "logFiles"),
        (
            {"logFiles": [{"s3Bucket": "b", "s3Object": "x", "hashValue": "00", "hashAlgorithm": "CRC32"}]},
            ProblemKind.DIGEST_ALGORITHM,
            "CRC32",
        ),
    ],
)
def test_a_signature_does_not_excuse_what_cannot_be_checked(changes: dict[str, Any], kind: ProblemKind, detail: str):
    world, key = one(**changes)

    found = rejected(world, key)

    assert found[0] is kind
    assert detail in found[1]


def test_a_digest_vouches_where_it_was_put_and_nowhere_else():
    world, key = one()
    moved = key.replace(made.TRAIL, "other_trail")
    world.bucket.write(moved, world.bucket.objects[key].body, world.bucket.objects[key].metadata)

    assert isinstance(check(world, key), Digest)
    assert rejected(world, key, bucket="a-copy") == (
        ProblemKind.DIGEST_MOVED,
        f"it was made for s3://{made.BUCKET}/{key}",
    )
    assert rejected(world, moved)[0] is ProblemKind.DIGEST_MOVED


def test_a_digest_is_not_unpacked_without_end():
    world, key = one()
    world.bucket.write(key, made.bomb(129 * 2**20))

    assert rejected(world, key) == (ProblemKind.DIGEST_MALFORMED, "larger than the limit")


def test_a_signature_may_be_written_in_capitals():
    world, key = one()
    world.bucket.mark(key, signature=world.bucket.objects[key].metadata["signature"].upper())

    assert check(world, key) == check(*one())
