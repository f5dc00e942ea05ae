"""Write an event as a CloudTrail record, field for field as "CloudTrail record contents" of the user guide has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.ledger import ACCOUNT

if TYPE_CHECKING:
    from fluo_audit.sandbox.ledger import Event, Resource

EVENT_VERSION = "1.11"


def record_of(event: Event) -> dict[str, Any]:
    """Return the CloudTrail record of an event, as it stands in a log file and in `CloudTrailEvent`."""
    record: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": event.identity.element,
        "eventTime": event.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": event.source,
        "eventName": event.name,
        "awsRegion": event.region,
        "sourceIPAddress": event.source_ip,
        "userAgent": event.user_agent,
    }
    if event.error_code:
        record |= {"errorCode": event.error_code, "errorMessage": event.error_message}
    record |= {"requestParameters": event.parameters, "responseElements": event.response}
    if "additionalEventData" in event.extra:
        record["additionalEventData"] = event.extra["additionalEventData"]
    if event.request_id:
        record["requestID"] = event.request_id
    record |= {"eventID": event.id, "readOnly": event.read_only}
    if event.resources or event.source == "kms.amazonaws.com":
        record["resources"] = [_resource(resource) for resource in event.resources]
    record |= {
        "eventType": event.type,
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    return record | {name: value for name, value in event.extra.items() if name != "additionalEventData"}


def record_json(event: Event) -> str:
    """Return the record as the compact JSON text CloudTrail gives."""
    return json.dumps(record_of(event), separators=(",", ":"))


def _resource(resource: Resource) -> dict[str, str]:
    written = {"accountId": ACCOUNT, "type": resource.type, "ARN": resource.arn}
    return {name: value for name, value in written.items() if value is not None}
