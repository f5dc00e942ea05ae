"""Write a call made against the account down as an event, as CloudTrail would."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fluo_audit.sandbox.identities import READER, READER_SESSION
from fluo_audit.sandbox.ledger import ACCOUNT, Event, Resource
from fluo_audit.sandbox.story import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fluo_audit.sandbox.identities import Roles
    from fluo_audit.sandbox.wire import AwsError, Call

_SOURCES = {"cloudwatch": "monitoring", "ce": "ce", "logs": "logs"}
_GLOBAL = {"iam", "sts", "ce", "organizations"}
# The first word of the operations that change nothing. The cryptographic operations of KMS count as reads.
_READS = (
    "Describe", "Get", "List", "Lookup", "Head", "Simulate", "Validate", "Check", "Search",
    "Encrypt", "Decrypt", "GenerateDataKey", "GenerateMac", "GenerateRandom", "ReEncrypt", "Sign", "Verify",
)  # fmt: skip
# CloudTrail never records these.
_SECRET = {"plaintext", "ciphertextBlob", "message", "publicKey"}
_ERROR_NAMES = {"AccessDeniedException": "AccessDenied"}


def event_of_call(roles: Roles, call: Call, request_id: str, when: datetime, failure: AwsError | None) -> Event:
    """Return the event of a call that was just answered. The record and the answer share the request id."""
    digest = hashlib.sha256(f"{request_id}/{when.isoformat()}".encode()).digest()
    caller = roles.session(READER, READER_SESSION, call.access_key, when.replace(minute=0, second=0))
    return Event(
        time=when.replace(microsecond=0),
        id=str(UUID(bytes=digest[:16], version=4)),
        request_id=request_id,
        source=f"{_SOURCES.get(call.service, call.service)}.amazonaws.com",
        name=call.operation,
        region=REGION if call.service in _GLOBAL else call.region,
        identity=caller,
        read_only=call.operation.startswith(_READS),
        source_ip="192.0.2.10",  # documentation range, RFC 5737
        user_agent=call.user_agent,
        parameters=_recorded(call.parameters) or None,
        resources=_resources(call),
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
    key = str(call.parameters.get("KeyId", ""))
    if call.service != "kms" or not key or "alias/" in key:
        return ()
    arn = key if key.startswith("arn:") else f"arn:aws:kms:{call.region}:{ACCOUNT}:key/{key}"
    return (Resource(arn, "AWS::KMS::Key"),)
