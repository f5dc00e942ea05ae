"""Digest files: every hour one for each Region of a trail, signed, and chained to the one before.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox import logfiles, signing
from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.stored_object import StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fluo_audit.sandbox.logfiles import LogFiles
    from fluo_audit.sandbox.signing import SigningKeys
    from fluo_audit.sandbox.trail_history import Stretch

EVERY = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest file."""

    end: datetime
    """The end of the hour it covers. It has the log files whose time is start <= time < end."""
    key: str
    body: bytes
    """As stored: gzip."""
    sha256: str
    signature: str


class Chain:
    """The digests of one Region for one stretch of a validated trail, `delay` after their ends.

    The hours count from the beginning of the stretch, and the first digest has no predecessor. Each is made when
    somebody asks for it or for a later one.
    """

    kind = "CloudTrail-Digest"

    def __init__(self, stretch: Stretch, log_files: LogFiles, keys: SigningKeys, delay: timedelta) -> None:
        self.stretch = stretch
        self.region = log_files.region
        self.delay = delay
        self._log_files = log_files
        self._keys = keys
        self._digests: list[Digest] = []

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many digests end in start <= time < end."""
        return self._count(end) - self._count(start)

    def version(self, end: datetime) -> object:
        """Return a value that changes when another digest ends before a moment."""
        return self._count(end)

    def objects(self, start: datetime, end: datetime) -> Iterator[StoredObject]:
        """Yield those as S3 keeps them."""
        count = self._count(end)
        while len(self._digests) < count:
            self._digests.append(self._signed(self.stretch.start + EVERY * len(self._digests)))
        for digest in self._digests[self._count(start) : count]:
            metadata = {"signature": digest.signature, "signature-algorithm": "SHA256withRSA"}
            yield StoredObject(digest.key, digest.body, digest.end + self.delay, metadata)

    def _count(self, before: datetime) -> int:
        """Return how many digests end before a moment. The last one has the last log files of the stretch."""
        due = (before - self.stretch.start - _INSTANT) // EVERY
        if self.stretch.end:
            due = min(due, (logfiles.mark_after(self.stretch.end) - self.stretch.start) // EVERY + 1)
        return max(due, 0)

    def _signed(self, start: datetime) -> Digest:
        end, bucket = start + EVERY, self.stretch.trail.bucket
        key = self._key(end)
        signing_key = self._keys.at(self.region, end)
        content = json.dumps(
            {
                "awsAccountId": ACCOUNT,
                "digestStartTime": _iso(start),
                "digestEndTime": _iso(end),
                "digestS3Bucket": bucket,
                "digestS3Object": key,
                "digestPublicKeyFingerprint": signing.fingerprint(signing_key.primes),
                "digestSignatureAlgorithm": "SHA256withRSA",
                **self._contents(start, end),
            },
            separators=(",", ":"),
        ).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        previous = self._digests[-1].signature if self._digests else "null"
        signature = signing.signature(signing_key.primes, f"{_iso(end)}\n{bucket}/{key}\n{sha256}\n{previous}")
        return Digest(end, key, gzip.compress(content, _LEVEL, mtime=0), sha256, signature)

    def _contents(self, start: datetime, end: datetime) -> dict[str, Any]:
        """Return what a digest says about its log files and its predecessor."""
        files, bucket = self._log_files.between(start, end), self.stretch.trail.bucket
        previous = self._digests[-1] if self._digests else None
        listed = [
            {
                "s3Bucket": bucket,
                "s3Object": file.key,
                "hashValue": file.sha256,
                "hashAlgorithm": "SHA-256",
                "newestEventTime": _iso(file.newest),
                "oldestEventTime": _iso(file.oldest),
            }
            for file in files
        ]
        return {
            "newestEventTime": _iso(max(file.newest for file in files)) if files else None,
            "oldestEventTime": _iso(min(file.oldest for file in files)) if files else None,
            "previousDigestS3Bucket": bucket if previous else None,
            "previousDigestS3Object": previous.key if previous else None,
            "previousDigestHashValue": previous.sha256 if previous else None,
            "previousDigestHashAlgorithm": "SHA-256" if previous else None,
            "previousDigestSignature": previous.signature if previous else None,
            "logFiles": listed,
        }

    def _key(self, end: datetime) -> str:
        trail, region = self.stretch.trail, self.region
        folder = f"{self.stretch.root}{ACCOUNT}/{self.kind}/{region}/{end:%Y/%m/%d}"
        return f"{folder}/{ACCOUNT}_CloudTrail-Digest_{region}_{trail.name}_{trail.home}_{end:%Y%m%dT%H%M%SZ}.json.gz"


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
