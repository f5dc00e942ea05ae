"""Digest files: whether CloudTrail signed one where it lies, and what it says then.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fluo_audit.aws.objects import TOO_LARGE, FetchedObject, ObjectError, Objects
from fluo_audit.events.gunzip import GunzipError, GunzipProblem, gunzip
from fluo_audit.events.object_names import Kind, ObjectName
from fluo_audit.model.integrity import ProblemKind

SIGNATURE_ALGORITHM = "SHA256withRSA"
HASH_ALGORITHM = "SHA-256"
LARGEST_DIGEST = 128 * 2**20
"""Unpacked: one hour of more than 200,000 log files."""
SIGNING_DELAY = timedelta(hours=2)
"""How long before or after its end a digest may be signed: https://github.com/aws/aws-cli/pull/10073"""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of CloudTrail's in one Region, and when it was in use."""

    key: RSAPublicKey
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """CloudTrail's keys of one Region by fingerprint.

    A key that cannot be used is the reason why. `problem` says why the keys could not be told; nothing is judged then.
    """

    keys: Mapping[str, PublicKey | str]
    problem: str = ""


def public_keys(entries: Iterable[Mapping[str, Any]]) -> PublicKeys:
    """Return the keys in the `PublicKeyList` of cloudtrail:ListPublicKeys, of all its pages.

    They should reach from an hour before the period to now: a backfill digest is signed when it is made.
    """
    return PublicKeys({str(entry.get("Fingerprint")): _public_key(entry) for entry in entries})


def _public_key(entry: Mapping[str, Any]) -> PublicKey | str:
    """Return a key. boto3 gives its DER bytes, PKCS #1 or SubjectPublicKeyInfo; answers as JSON have them in Base64."""
    try:
        value = entry["Value"]
        der = base64.b64decode(value, validate=True) if isinstance(value, str) else bytes(value)
        key = load_der_public_key(der)
        valid_from, valid_until = entry["ValidityStartTime"], entry["ValidityEndTime"]
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        return f"no usable public key: {error}"
    if not isinstance(key, RSAPublicKey):
        return "no RSA key"
    # CloudTrail names its keys by their MD5 sum.
    if hashlib.md5(der, usedforsecurity=False).hexdigest() != entry.get("Fingerprint"):
        return "the fingerprint is that of another key"
    return PublicKey(key, valid_from, valid_until)


@dataclass(frozen=True, slots=True)
class Vouched:
    """A log file that a digest names: where it is, and the SHA-256 of its content unpacked, in hex."""

    bucket: str
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Previous:
    """The digest that a digest was made after."""

    bucket: str
    key: str
    sha256: str
    signature: str


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest that CloudTrail signed and that lies where it was put. It covers the time from `start` to `end`."""

    key: str
    name: ObjectName
    start: datetime
    end: datetime
    sha256: str
    signature: str
    previous: Previous | None
    """None for the first of a trail, and after logging or validation had been off."""
    logs: tuple[Vouched, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A digest that vouches for nothing, and why."""

    key: str
    name: ObjectName
    kind: ProblemKind
    detail: str


AnyDigest: TypeAlias = Digest | Rejected


def fetch_digest(objects: Objects, key: str, name: ObjectName, keys: PublicKeys) -> AnyDigest:
    """Read one digest of the bucket and check it."""
    try:
        return check_digest(objects.bucket, key, name, objects.get(key), keys)
    except ObjectError as error:
        known = {TOO_LARGE: ProblemKind.DIGEST_MALFORMED}
        kind = ProblemKind.DIGEST_MISSING if error.is_gone else known.get(error.code, ProblemKind.DIGEST_UNREAD)
        return Rejected(key, name, kind, str(error))


def check_digest(bucket: str, key: str, name: ObjectName, fetched: FetchedObject, keys: PublicKeys) -> AnyDigest:
    """Return what a digest says, if CloudTrail signed it for this bucket and key."""
    try:
        content = gunzip(fetched.body, LARGEST_DIGEST)
        document = msgspec.json.decode(content, type=_Document)
        digest = _digest(key, name, document, hashlib.sha256(content).hexdigest(), fetched.metadata)
        _require_place(document, bucket, key, name)
        _require_signature(digest, document, fetched.metadata, keys)
    except _RejectedError as error:
        return Rejected(key, name, error.kind, error.detail)
    except GunzipError as error:
        trailing = error.reason is GunzipProblem.TRAILING_DATA
        kind = ProblemKind.DIGEST_TRAILING_DATA if trailing else ProblemKind.DIGEST_MALFORMED
        return Rejected(key, name, kind, str(error))
    except (ValueError, RecursionError) as error:
        return Rejected(key, name, ProblemKind.DIGEST_MALFORMED, f"not a digest: {error}")
    return digest


class _RejectedError(Exception):
    """Why a digest is not accepted."""

    def __init__(self, kind: ProblemKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class _LogFile(msgspec.Struct, rename="camel"):
    s3_bucket: str
    s3_object: str
    hash_value: str
    hash_algorithm: str


class _Document(msgspec.Struct, rename="camel"):
    """The fields of a digest that are read, in CloudTrail's types."""

    aws_account_id: str
    digest_start_time: str
    digest_end_time: str
    digest_s3_bucket: str
    digest_s3_object: str
    digest_public_key_fingerprint: str
    digest_signature_algorithm: str
    log_files: list[_LogFile]
    previous_digest_s3_bucket: str | None = None
    previous_digest_s3_object: str | None = None
    previous_digest_hash_value: str | None = None
    previous_digest_hash_algorithm: str | None = None
    previous_digest_signature: str | None = None


def _digest(key: str, name: ObjectName, document: _Document, sha256: str, metadata: Mapping[str, str]) -> Digest:
    """Return the digest as it says it is. Raises ValueError and _RejectedError."""
    signature = metadata.get("signature", "")
    if not signature:
        raise _RejectedError(ProblemKind.DIGEST_UNSIGNED, "no signature in the metadata of the object")
    return Digest(
        key=key,
        name=name,
        start=_time(document.digest_start_time),
        end=_time(document.digest_end_time),
        sha256=sha256,
        signature=signature.lower(),
        previous=_previous(document),
        logs=tuple(Vouched(log.s3_bucket, log.s3_object, log.hash_value.lower()) for log in document.log_files),
    )


def _previous(document: _Document) -> Previous | None:
    bucket, key = document.previous_digest_s3_bucket, document.previous_digest_s3_object
    if bucket is None or key is None:
        return None
    sha256, signature = document.previous_digest_hash_value or "", document.previous_digest_signature or ""
    return Previous(bucket, key, sha256.lower(), signature.lower())


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _require_place(document: _Document, bucket: str, key: str, name: ObjectName) -> None:
    if (document.digest_s3_bucket, document.digest_s3_object) != (bucket, key):
        belongs = f"s3://{document.digest_s3_bucket}/{document.digest_s3_object}"
        raise _RejectedError(ProblemKind.DIGEST_MOVED, f"it was made for {belongs}")
    if document.aws_account_id != name.account:
        raise _RejectedError(ProblemKind.DIGEST_MOVED, f"it was made for account {document.aws_account_id}")


def _require_signature(digest: Digest, document: _Document, metadata: Mapping[str, str], keys: PublicKeys) -> None:
    _require_algorithms(document, metadata)
    public = _signer(document.digest_public_key_fingerprint, keys)
    signed_at = _signed_at(digest, metadata)
    if not public.valid_from - SIGNING_DELAY <= signed_at <= public.valid_until + SIGNING_DELAY:
        raise _RejectedError(
            ProblemKind.DIGEST_KEY_EXPIRED,
            f"signed about {signed_at:%Y-%m-%d %H:%M} UTC with a key that was in use from "
            f"{public.valid_from:%Y-%m-%d %H:%M} to {public.valid_until:%Y-%m-%d %H:%M}",
        )
    place = f"{document.digest_s3_bucket}/{document.digest_s3_object}"
    previous = "null" if document.previous_digest_signature is None else document.previous_digest_signature
    signed = f"{document.digest_end_time}\n{place}\n{digest.sha256}\n{previous}"
    try:
        public.key.verify(bytes.fromhex(digest.signature), signed.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise _RejectedError(ProblemKind.DIGEST_SIGNATURE, "CloudTrail's key did not make this signature") from error


def _require_algorithms(document: _Document, metadata: Mapping[str, str]) -> None:
    signature = {document.digest_signature_algorithm, metadata.get("signature-algorithm", "none")}
    hashes = {log.hash_algorithm for log in document.log_files}
    if document.previous_digest_hash_algorithm is not None:
        hashes.add(document.previous_digest_hash_algorithm)
    if strange := sorted((signature - {SIGNATURE_ALGORITHM}) | (hashes - {HASH_ALGORITHM})):
        raise _RejectedError(ProblemKind.DIGEST_ALGORITHM, f"not an algorithm of CloudTrail: {', '.join(strange)}")


def _signer(fingerprint: str, keys: PublicKeys) -> PublicKey:
    if keys.problem:
        raise _RejectedError(ProblemKind.DIGEST_UNREAD, f"the public keys could not be told: {keys.problem}")
    public = keys.keys.get(fingerprint)
    if public is None:
        raise _RejectedError(
            ProblemKind.DIGEST_KEY_UNKNOWN, f"cloudtrail:ListPublicKeys does not know key {fingerprint}"
        )
    if isinstance(public, str):
        raise _RejectedError(ProblemKind.DIGEST_UNREAD, f"public key {fingerprint}: {public}")
    return public


def _signed_at(digest: Digest, metadata: Mapping[str, str]) -> datetime:
    """Return about when a digest was signed: at its end, or for a backfill digest when it was made."""
    if digest.name.kind is not Kind.BACKFILL:
        return digest.end
    made_at = datetime.fromisoformat(metadata.get("backfill-generation-timestamp", ""))
    return made_at if made_at.tzinfo else made_at.replace(tzinfo=UTC)
