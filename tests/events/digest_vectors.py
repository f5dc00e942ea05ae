"""A trail's bucket made by hand, as AWS documents it: log files, digests signed by keys of our own, and what goes wrong.

Nothing of the validator is used here but the plain values it is called with.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from isal import isal_zlib

from fluo_audit.aws.objects import FetchedObject, ObjectError, ObjectInfo
from fluo_audit.events.object_names import Trail, TrailPlace
from fluo_audit.model.scope import Period

BUCKET = "audit-logs"
ACCOUNT = "111122223333"
MEMBER = "444455556666"
ORGANIZATION = "o-exampleorg1"
REGION = "eu-central-1"
OTHER_REGION = "eu-west-1"
TRAIL = "main_trail"  # an underscore, which also separates the parts of a name
ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}"
HOUR = timedelta(hours=1)

DAY = datetime(2026, 3, 10, tzinfo=UTC)
PERIOD = Period(DAY, DAY + 12 * HOUR)
AS_OF = DAY + 16 * HOUR
FIRST, LAST = -1, 13
"""Hours of the first and the last digest: they end at one minute and 31 seconds past."""
LOG_MINUTES = (5, 25, 45)

# Primes instead of keys, for speed: each pair makes a key.
_HEX = """
c9e8da140517b979332d7ac1e0ed403db6fa9b6a91421766b853c2906ceac3bf0b34b47d7c56269646b2809eda6c61b315bc3a90f3fdc7a2
4bd59fc8c1ba725c661c9bfd2b3a3472ac2f45a5d2e8a3a2567961b3a25370e5ccd541b72c17bae345e3feefc74771c092b13f8adb0f46d9
283d95279b1d3317c2d727f5857f49c3

bef6e34134ca3fe9d161847ce3ed7bc66995a317529de6a40bbe10ba0e2077c935c429fea4b98a45bb964451554c54390de350a93e5cdf29
cfeedc860b944c38a626b71d6d7325348877285e5d4a2a0f727a0ea278e87fa0f578a0aec025eb593992c771f42d626a1c75f03218eb70c2
bcf2cba2749d50d93a3931ca6c7d9733

d5095b45d7a4a61a1c8ea0b623b2755e8f61c50a7bcf3c390a2dc282b7d3cd61784927c772559040f503fcb9161e53a68cfa9d74590b41dc
294a24bb625b3cbd9579f6841b19f5af891f54dbc06b7c6848c55d4725af9cca8ebdbd2bff004190edbf1865091eb621f27d110dcb65f3ab
302dab07a074a4c2d234244d97f70e99
"""
_PRIMES = [int("".join(text.split()), 16) for text in _HEX.split("\n\n")]


@dataclass(frozen=True)
class SigningKey:
    """An RSA key of 2,048 bits, by the primes it is made of."""

    p: int
    q: int

    @property
    def private(self) -> rsa.RSAPrivateKey:
        return _private_key(_PRIMES[self.p], _PRIMES[self.q])

    def der(self, form: PublicFormat = PublicFormat.PKCS1) -> bytes:
        return self.private.public_key().public_bytes(Encoding.DER, form)

    @property
    def fingerprint(self) -> str:
        return hashlib.md5(self.der(), usedforsecurity=False).hexdigest()

    def sign(self, text: str) -> str:
        return self.private.sign(text.encode(), padding.PKCS1v15(), SHA256()).hex()

    def entry(
        self, since: datetime = DAY - timedelta(days=30), until: datetime = DAY + timedelta(days=30)
    ) -> dict[str, Any]:
        """Return the key as ListPublicKeys gives it through boto3."""
        return {
            "Value": self.der(),
            "ValidityStartTime": since,
            "ValidityEndTime": until,
            "Fingerprint": self.fingerprint,
        }


@cache
def _private_key(p: int, q: int) -> rsa.RSAPrivateKey:
    d = pow(65537, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


KEY, NEXT_KEY, ATTACKER = SigningKey(0, 1), SigningKey(0, 2), SigningKey(1, 2)


class Bucket:
    """A bucket in memory that can refuse, fail, and lose what it listed."""

    def __init__(self, name: str = BUCKET) -> None:
        self.bucket = name
        self.objects: dict[str, FetchedObject] = {}
        self.vanishing: set[str] = set()
        self.failing: list[tuple[str, str, str]] = []  # operation, part of the key, AWS's code

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        self._fail("ListObjectsV2", prefix)
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > start_after:
                body = self.objects[key].body
                yield ObjectInfo(key, len(body), hashlib.sha256(body).hexdigest()[:32])

    def folders(self, prefix: str) -> tuple[str, ...]:
        self._fail("ListFolders", prefix)
        below = (key.removeprefix(prefix) for key in self.objects if key.startswith(prefix))
        return tuple(sorted({name.partition("/")[0] for name in below if "/" in name}))

    def get(self, key: str) -> FetchedObject:
        self._fail("GetObject", key)
        if key in self.vanishing or key not in self.objects:
            raise ObjectError("s3:GetObject", "NoSuchKey", "The specified key does not exist.")
        return self.objects[key]

    def _fail(self, operation: str, key: str) -> None:
        for failing, part, code in self.failing:
            if failing == operation and part in key:
                raise ObjectError(f"s3:{operation}", code, "refused")

    # --- what people do to a bucket

    def remove(self, *keys: str) -> None:
        for key in keys:
            del self.objects[key]

    def rename(self, old: str, new: str) -> None:
        self.objects[new] = self.objects.pop(old)

    def swap(self, one: str, other: str) -> None:
        self.objects[one], self.objects[other] = self.objects[other], self.objects[one]

    def write(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Overwrite an object, or lay down a new one. The metadata stay as they are unless given."""
        kept = self.objects[key].metadata if key in self.objects else {}
        self.objects[key] = FetchedObject(body, kept if metadata is None else metadata)

    def mark(self, key: str, **metadata: str | None) -> None:
        """Change metadata of an object; None removes one."""
        names = {name.replace("_", "-"): value for name, value in metadata.items()}
        merged = {**self.objects[key].metadata, **names}
        self.objects[key] = FetchedObject(self.objects[key].body, {n: v for n, v in merged.items() if v is not None})


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def digest_end(hour: int) -> datetime:
    return DAY + hour * HOUR + timedelta(minutes=1, seconds=31)


@dataclass
class Writer:
    """CloudTrail, for one trail in one account and Region."""

    bucket: Bucket
    root: str = "AWSLogs/"
    account: str = ACCOUNT
    region: str = REGION
    trail: str = TRAIL
    home: str = REGION
    key: SigningKey = KEY
    previous: dict[str, str | None] = field(default_factory=dict)
    previous_backfill: dict[str, str | None] = field(default_factory=dict)

    def log_key(self, at: datetime, unique: str = "") -> str:
        unique = unique or hashlib.sha256(f"{self.trail} {self.account} {self.region} {at}".encode()).hexdigest()[:16]
        folder = f"{self.root}{self.account}/CloudTrail/{self.region}/{at:%Y/%m/%d}"
        return f"{folder}/{self.account}_CloudTrail_{self.region}_{at:%Y%m%dT%H%MZ}_{unique}.json.gz"

    def digest_key(self, end: datetime, suffix: str = "") -> str:
        folder = f"{self.root}{self.account}/CloudTrail-Digest/{self.region}/{end:%Y/%m/%d}"
        name = f"{self.account}_CloudTrail-Digest_{self.region}_{self.trail}_{self.home}_{end:%Y%m%dT%H%M%SZ}{suffix}"
        return f"{folder}/{name}.json.gz"

    def log(self, at: datetime) -> dict[str, str]:
        """Deliver a log file, and return how a digest names it."""
        key = self.log_key(at)
        content = json.dumps({"Records": [{"eventID": f"event of {key}", "eventTime": stamp(at)}]}).encode()
        self.bucket.write(key, gzip.compress(content, mtime=0))
        return self.named(key, content)

    def named(self, key: str, content: bytes) -> dict[str, str]:
        return {
            "s3Bucket": self.bucket.bucket,
            "s3Object": key,
            "hashValue": hashlib.sha256(content).hexdigest(),
            "hashAlgorithm": "SHA-256",
        }

    def digest(
        self, end: datetime, logs: Iterable[dict[str, str]], start: datetime | None = None, **changes: Any
    ) -> str:
        """Deliver the digest of the hour before `end`, and return its key. `changes` are fields, before it is signed."""
        key = self.digest_key(end)
        document = self._document(key, start or end - HOUR, end, logs, self.previous) | changes
        self.previous = self._put(key, document)
        return key

    def backfill(
        self, end: datetime, logs: Iterable[dict[str, str]], made: datetime, key: SigningKey | None = None
    ) -> str:
        """Deliver a backfill digest for the hour before `end`, and return its key."""
        name = self.digest_key(end, "_backfill")
        document = self._document(name, end - HOUR, end, logs, self.previous_backfill)
        self.previous_backfill = self._put(name, document, key, {"backfill-generation-timestamp": stamp(made)})
        return name

    def _document(
        self,
        key: str,
        start: datetime,
        end: datetime,
        logs: Iterable[dict[str, str]],
        previous: Mapping[str, str | None],
    ) -> dict[str, Any]:
        return {
            "awsAccountId": self.account,
            "digestStartTime": stamp(start),
            "digestEndTime": stamp(end),
            "digestS3Bucket": self.bucket.bucket,
            "digestS3Object": key,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": None,
            "oldestEventTime": None,
            "previousDigestS3Bucket": previous.get("bucket"),
            "previousDigestS3Object": previous.get("key"),
            "previousDigestHashValue": previous.get("hash"),
            "previousDigestHashAlgorithm": "SHA-256" if previous else None,
            "previousDigestSignature": previous.get("signature"),
            "logFiles": list(logs),
        }

    def _put(
        self,
        key: str,
        document: dict[str, Any],
        signer: SigningKey | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> dict[str, str | None]:
        signer = signer or self.key
        document.setdefault("digestPublicKeyFingerprint", signer.fingerprint)
        content = json.dumps(document).encode()
        hashed = hashlib.sha256(content).hexdigest()
        signature = signer.sign(
            f"{document['digestEndTime']}\n{document['digestS3Bucket']}/{document['digestS3Object']}\n{hashed}\n"
            f"{document['previousDigestSignature'] or 'null'}"
        )
        signed = {"signature": signature, "signature-algorithm": "SHA256withRSA", **(metadata or {})}
        self.bucket.write(key, gzip.compress(content, mtime=0), signed)
        return {"bucket": document["digestS3Bucket"], "key": key, "hash": hashed, "signature": signature}

    def resign(self, key: str, signer: SigningKey, **changes: Any) -> None:
        """Rewrite a digest that was delivered, as somebody with a signing key of his own would."""
        found = self.bucket.objects[key]
        document = json.loads(gzip.decompress(found.body)) | changes
        del document["digestPublicKeyFingerprint"]
        kept = {n: v for n, v in found.metadata.items() if not n.startswith("signature")}
        self._put(key, document, signer, kept)

    def deliver(
        self, first: int = FIRST, last: int = LAST, *, quiet: Iterable[int] = (), withheld: Iterable[int] = ()
    ) -> dict[int, str]:
        """Deliver hour by hour, and return the keys of the digests: none of a log file in a quiet hour, no digest of a
        withheld one though its log files came."""
        keys = {}
        for hour in range(first, last + 1):
            start = DAY + (hour - 1) * HOUR
            logs = [] if hour in quiet else [self.log(start + timedelta(minutes=minute)) for minute in LOG_MINUTES]
            if hour in withheld:
                self.previous = {}
            else:
                keys[hour] = self.digest(digest_end(hour), logs)
        return keys


@dataclass
class World:
    """A trail, its bucket and AWS's answers: what the validator is called with."""

    bucket: Bucket = field(default_factory=Bucket)
    place: TrailPlace = field(default_factory=lambda: TrailPlace(BUCKET))
    is_multi_region: bool = True
    period: Period = PERIOD
    as_of: datetime = AS_OF
    keys: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {REGION: [KEY.entry()], OTHER_REGION: [KEY.entry()]}
    )
    refused_keys: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def trail(self) -> Trail:
        return Trail(ARN, self.place, self.is_multi_region)

    def writer(self, **options: Any) -> Writer:
        return Writer(self.bucket, **{"root": self.place.root} | options)


Change = Callable[[World, Writer, dict[int, str]], None]


def clean() -> tuple[World, Writer, dict[int, str]]:
    """Return a trail of one Region that is as CloudTrail left it, and the keys of its digests by hour."""
    world = World()
    writer = world.writer()
    return world, writer, writer.deliver()


def packed(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def bomb(size: int) -> bytes:
    """Return gzip bytes that unpack to so many zeros, made without holding them."""
    stream = isal_zlib.compressobj(level=1, wbits=31)
    block = bytes(2**20)
    parts = [stream.compress(block) for _ in range(size // len(block))]
    return b"".join([*parts, stream.flush()])
