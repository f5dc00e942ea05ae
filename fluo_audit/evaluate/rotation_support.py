"""Which keys KMS can rotate: https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html ."""

from __future__ import annotations

from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Verdict, not_applicable, unread

BY_HAND = "it is rotated by making a new key and moving the alias"


def cannot_rotate(key: KeyMetadata) -> Verdict | None:
    """Answer for keys that KMS never rotates, neither by itself nor on demand: asymmetric, HMAC, custom key stores."""
    if not key.spec:
        return unread("kms:DescribeKey", "KeySpec")
    if not key.origin:
        return unread("kms:DescribeKey", "Origin")
    if key.spec != "SYMMETRIC_DEFAULT":
        return not_applicable(f"KMS rotates symmetric encryption keys only and this is {key.spec}: {BY_HAND}")
    if key.origin not in {"AWS_KMS", "EXTERNAL"}:
        return not_applicable(f"KMS does not rotate keys of a custom key store (Origin {key.origin}): {BY_HAND}")
    return None


def cannot_rotate_by_itself(key: KeyMetadata) -> Verdict | None:
    """Answer for keys without automatic rotation: those above, and keys with imported material."""
    if verdict := cannot_rotate(key):
        return verdict
    if key.origin == "EXTERNAL":
        return not_applicable(
            "KMS does not rotate imported key material by itself (Origin EXTERNAL): "
            "it is rotated on demand, after new material was imported"
        )
    return None
