"""Write a call made against the account down as an event, as CloudTrail would."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fluo_audit.sandbox.ledger import ACCOUNT, Event, Resource
from fluo_audit.sandbox.story import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from fluo_audit.sandbox.ledger import Identity
    from fluo_audit.sandbox.wire import AwsError, Call

SOURCE_IP = "192.0.2.10"  # documentation range, RFC 5737
_SOURCES = {"cloudwatch": "monitoring", "ce": "ce", "logs": "logs", "resourcegroupstaggingapi": "tagging"}
_GLOBAL = {"iam", "sts", "ce", "organizations"}
# The first word of the operations that change nothing. The cryptographic operations of KMS count as reads, as for
# CloudTrail, and so does the way to another session.
_READS = (
    "Describe", "Get", "List", "Lookup", "Head", "Simulate", "Validate", "Check", "Search", "Test", "Filter",
    "AssumeRole",
    "Encrypt", "Decrypt", "GenerateDataKey", "GenerateMac", "GenerateRandom", "ReEncrypt", "Sign", "Verify",
)  # fmt: skip
# CloudTrail never records these.
_SECRET = {"plaintext", "ciphertextBlob", "message", "publicKey"}
_OF_OBJECTS = ("ListObject", "ListMultipartUploads", "DeleteObjects", "HeadBucket")
_ERROR_NAMES = {"AccessDeniedException": "AccessDenied"}


def is_read(call: Call) -> bool:
    """Return whether a call changes nothing."""
    return call.operation.startswith(_READS)


def is_data_event(call: Call) -> bool:
    """Return whether a call is a data event: trails take none unless told to, and Event history never shows them.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
    """
    return call.service == "s3" and ("Key" in call.parameters or call.operation.startswith(_OF_OBJECTS))


def event_of_call(
    caller: Identity,
    call: Call,
    request_id: str,
    when: datetime,
    *,
    touched: Sequence[Resource],
    failure: AwsError | None,
) -> Event:
    """Return the event of a call that was just answered. The record and the answer share the request id.

    `touched` is what the call turned out to be about; without it the parameters tell.
    """
    digest = hashlib.sha256(f"{request_id}/{call.operation}/{when.isoformat()}".encode()).digest()
    return Event(
        time=when.replace(microsecond=0),
        id=str(UUID(bytes=digest[:16], version=4)),
        request_id=request_id,
        source=f"{_SOURCES.get(call.service, call.service)}.amazonaws.com",
        name=call.operation,
        region=REGION if call.service in _GLOBAL else call.region,
        identity=caller,
        read_only=is_read(call),
        source_ip=SOURCE_IP,
        user_agent=call.user_agent,
        parameters=_recorded(call.parameters) or None,
        resources=tuple(touched) or _resources(call),
        error_code=_ERROR_NAMES.get(failure.code, failure.code) if failure else None,
        error_message=failure.message if failure else None,
    )


def _recorded(parameters: Mapping[str, Any]) -> dict[str, Any]:
    named = {name[:1].lower() + name[1:]: value for name, value in parameters.items()}
    return {name: _plain(value) for name, value in named.items() if name not in _SECRET}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _resources(call: Call) -> tuple[Resource, ...]:
    if call.service != "kms":
        return ()
    alias, key = str(call.parameters.get("AliasName", "")), str(call.parameters.get("KeyId", ""))
    key = str(call.parameters.get("TargetKeyId", key))
    prefix = f"arn:aws:kms:{call.region}:{ACCOUNT}"
    found = [Resource(f"{prefix}:{alias}", "AWS::KMS::Alias")] if alias else []
    if key and "alias/" not in key:
        found.append(Resource(key if key.startswith("arn:") else f"{prefix}:key/{key}", "AWS::KMS::Key"))
    return tuple(found)
