"""CloudTrail records of KMS: which key one concerns, and its row in the events frame.

A record is what its service wrote: fields are missing in old versions and of other types in strange ones, so every
field is looked at and none is trusted.
Record contents: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
KMS examples: https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Record = Mapping[str, Any]

KMS = "kms.amazonaws.com"
_EVENT_TIME = re.compile(r"20\d{2}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
DEEPEST = 40
"""Levels of nesting in a record that is looked at; real ones have about ten."""


def concerns_key(record: Record, key_arn: str) -> bool:
    """Return whether a KMS record is about the key.

    The ARN stands in `resources`; in older management events and some denied calls only the request, the service
    event details or the error message names the key.
    """
    if not is_of_kms(record):
        return False
    if key_arn in resource_arns(record):
        return True
    if any(_names(record, part, member, key_arn) for part in _PARTS for member in _MEMBERS):
        return True
    return key_arn in (_text(record, "errorMessage") or "")


_PARTS = ("requestParameters", "serviceEventDetails", "responseElements")
_MEMBERS = ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")


def is_of_kms(record: Record) -> bool:
    """Return whether KMS wrote the record: other services name keys in theirs too."""
    return record.get("eventSource") == KMS


def _names(record: Record, part: str, member: str, key_arn: str) -> bool:
    """Return whether a member holds the ARN or, in a record of the key's Region, the id: replicas share it."""
    region, key_id = key_arn.split(":")[3], key_arn.rpartition("/")[2]
    named = _text(record, part, member)
    return named == key_arn or (named == key_id and _text(record, "awsRegion") in {None, region})


def resource_arns(record: Record) -> tuple[str, ...]:
    """Return the ARNs of the resources a record names."""
    resources = record.get("resources")
    if not isinstance(resources, list):
        return ()
    return tuple(r["ARN"] for r in resources if isinstance(r, dict) and isinstance(r.get("ARN"), str))


def event_time(record: Record) -> datetime | None:
    """Return the time of the event in UTC, or None when the record has none that can be read."""
    text = _text(record, "eventTime")
    if text is None or not _EVENT_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:  # such as 30 February
        return None


def is_readable(record: Any) -> bool:
    """Return whether a record has an id, a time and a version this reader knows (major version 1)."""
    return (
        isinstance(record, dict)
        and _text(record, "eventID") is not None
        and event_time(record) is not None
        and (_text(record, "eventVersion") or "").partition(".")[0] == "1"
    )


def is_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Return whether a value nests deeper than any record does. Such a one cannot be written again as JSON."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(is_deep(item, levels - 1) for item in value)


def event_row(record: Record, key_arn: str = "") -> dict[str, Any]:
    """Return the row of a readable record in the columns of `fluo_audit.model.sources.EVENTS`.

    Of the two encryption contexts of a ReEncrypt, the row has that of the key; the source's when both are its own.
    """
    session_issuer = _text(record, "userIdentity", "sessionContext", "sessionIssuer", "arn")
    principal = _text(record, "userIdentity", "arn") or _text(record, "userIdentity", "invokedBy")
    access_key = _text(record, "userIdentity", "accessKeyId")
    at = event_time(record)
    return {
        "event_id": _text(record, "eventID"),
        "event_time": at,
        "event_name": _text(record, "eventName"),
        "event_type": _text(record, "eventType"),
        "read_only": _flag(record.get("readOnly")),
        "principal_type": _text(record, "userIdentity", "type"),
        "principal_arn": principal,
        "issuer_arn": session_issuer or principal,
        "invoked_by": _text(record, "userIdentity", "invokedBy"),
        "access_key_suffix": access_key[-4:] if access_key else None,
        "source_ip": _text(record, "sourceIPAddress"),
        "user_agent": _text(record, "userAgent"),
        "error_code": _text(record, "errorCode"),
        "error_message": _text(record, "errorMessage"),
        "encryption_context": _context(record, key_arn),
        "key_material_id": _material(record),
        "rotation_type": _text(record, "serviceEventDetails", "rotationType"),
        "tls_version": _text(record, "tlsDetails", "tlsVersion"),
        "region": _text(record, "awsRegion"),
        "recipient_account": _text(record, "recipientAccountId"),
        "request_id": _text(record, "requestID"),
        "shared_event_id": _text(record, "sharedEventID"),
        "event_version": _text(record, "eventVersion"),
        "calls": 1,
        "last_time": at,
    }


def _material(record: Record) -> str | None:
    """Return the key material a call used, or the one a rotation made.

    RotateKey names the material before and after: https://docs.aws.amazon.com/kms/latest/developerguide/ct-rotatekey.html
    """
    made = (_text(record, "serviceEventDetails", name) for name in ("currentKeyMaterialId", "keyMaterialId"))
    return _text(record, "additionalEventData", "keyMaterialId") or next((each for each in made if each), None)


def _context(record: Record, key_arn: str) -> str | None:
    parameters = record.get("requestParameters")
    if not isinstance(parameters, dict):
        return None
    names = ["encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext"]
    is_source, is_destination = (
        bool(key_arn) and _names(record, "requestParameters", member, key_arn)
        for member in ("sourceKeyId", "destinationKeyId")
    )
    if is_destination and not is_source:
        names.reverse()
    for name in names:
        if isinstance(parameters.get(name), dict):
            return json.dumps(parameters[name], sort_keys=True, ensure_ascii=False)
    return None


def _text(record: Any, *path: str) -> str | None:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record if isinstance(record, str) and record else None


def _flag(value: Any) -> bool | None:
    """LookupEvents gives readOnly as text, log files as a boolean."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None
