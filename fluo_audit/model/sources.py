"""Every source of facts, with the columns of those that are frames.

dtypes: "time" is datetime64[us, UTC] (NaT when absent); "text" is str (missing is NA); "json" is a JSON text
with sorted keys; "int" is Int64; "bool" is boolean (three-valued); "money" is decimal.Decimal in US dollars;
"date" is a datetime.date in UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fluo_audit.model.evidence import Source
from fluo_audit.model.facts import Caller, KeyMetadata, KeyPolicy, LastUsage, RotationStatus
from fluo_audit.model.integrity import TrailIntegrity

if TYPE_CHECKING:
    from pandas import DataFrame

    Frame: TypeAlias = DataFrame

CALLER: Source[Caller] = Source("caller", "Identity of the collector")
KEY: Source[KeyMetadata] = Source("key", "Key metadata")
KEY_POLICY: Source[KeyPolicy] = Source("key_policy", "Key policy")
ROTATION: Source[RotationStatus] = Source("rotation", "Rotation setting")
LAST_USAGE: Source[LastUsage] = Source("last_usage", "Last use known to KMS")

ALIASES: Source[Frame] = Source(
    "aliases",
    "Aliases of the key",
    {"alias_name": "text", "alias_arn": "text", "target_key_id": "text", "created_at": "time", "updated_at": "time"},
)
TAGS: Source[Frame] = Source("tags", "Tags of the key", {"tag_key": "text", "tag_value": "text"})
ROTATIONS: Source[Frame] = Source(
    "rotations",
    "Rotations that happened",
    {
        "rotated_at": "time",  # NaT for the first key material, which was made and not rotated
        "rotation_type": "text",  # AUTOMATIC, ON_DEMAND; NA for the first material
        "key_material_id": "text",
        "key_material_state": "text",
    },
)
GRANTS: Source[Frame] = Source(
    "grants",
    "Grants on the key",
    {
        "grant_id": "text",
        "name": "text",
        "grantee": "text",  # principal ARN or service principal
        "retiring_principal": "text",
        "issuing_account": "text",
        "operations": "json",  # sorted list
        "constraints": "json",
        "created_at": "time",
    },
)
ROLES: Source[Frame] = Source(
    "roles",
    "Backend roles",
    {"role_arn": "text", "role_name": "text", "trust_policy": "json", "created_at": "time", "last_used_at": "time"},
)
ROLE_POLICIES: Source[Frame] = Source(
    "role_policies",
    "Policies of the backend roles",
    {"role_arn": "text", "policy_name": "text", "policy_arn": "text", "kind": "text", "document": "json"},
)
INSTANCE_PROFILES: Source[Frame] = Source(
    "instance_profiles",
    "Instance profiles of the backend roles",
    {"role_arn": "text", "profile_name": "text", "profile_arn": "text"},
)
TRAILS: Source[Frame] = Source(
    "trails",
    "CloudTrail trails",
    {
        "trail_arn": "text",
        "name": "text",
        "home_region": "text",
        "is_multi_region": "bool",
        "is_organization": "bool",
        "log_file_validation": "bool",
        "include_global_events": "bool",
        "bucket": "text",
        "prefix": "text",
        "kms_key_id": "text",
        "log_group_arn": "text",
    },
)
TRAIL_STATUS: Source[Frame] = Source(
    "trail_status",
    "Delivery status of the trails",
    {
        "trail_arn": "text",
        "is_logging": "bool",
        "latest_delivery_at": "time",
        "latest_delivery_error": "text",
        "latest_digest_at": "time",
        "latest_digest_error": "text",
        "started_at": "time",
        "stopped_at": "time",
    },
)
EVENT_SELECTORS: Source[Frame] = Source(
    "event_selectors",
    "Event selectors of the trails",
    {
        "trail_arn": "text",
        "management": "bool",  # records management events at all
        "reads": "bool",  # of those, read-only ones: every cryptographic KMS call is one
        "writes": "bool",
        "kms": "bool",  # KMS is not excluded
        "selector": "json",
    },
)
TRAIL_INTEGRITY: Source[TrailIntegrity] = Source("trail_integrity", "Log files against their digests", on_demand=True)
EVENTS: Source[Frame] = Source(
    "events",
    "CloudTrail events of the key",
    {
        "event_id": "text",
        "event_time": "time",
        "event_name": "text",
        "event_type": "text",  # AwsApiCall, AwsServiceEvent
        "read_only": "bool",
        "principal_type": "text",  # AssumedRole, IAMUser, AWSService, Root, ...
        "principal_arn": "text",  # of the session or user
        "issuer_arn": "text",  # of the role behind a session, otherwise the principal itself
        "invoked_by": "text",
        "access_key_suffix": "text",  # last four characters
        "source_ip": "text",
        "user_agent": "text",
        "error_code": "text",  # NA for a call that succeeded
        "error_message": "text",
        "encryption_context": "json",  # NA when the record shows none
        "key_material_id": "text",
        "rotation_type": "text",  # of RotateKey
        "tls_version": "text",
        "region": "text",
        "recipient_account": "text",
        "request_id": "text",
        "shared_event_id": "text",
        "event_version": "text",
        "calls": "int",  # 1, or how many like calls of one UTC day the row stands for: it then shows the first of them
        "last_time": "time",  # of the last of them; event_time for a single call
    },
)
EVENT_HISTORY: Source[Frame] = Source(
    "event_history",
    "Event history of the key, for comparison",  # where the events themselves come from another source
    {
        "event_id": "text",
        "event_time": "time",
        "event_source": "text",  # kms.amazonaws.com, or another service that names the key
        "event_name": "text",
        "shared_event_id": "text",
    },
    on_demand=True,
)
EVENT_IDS: Source[Frame] = Source(
    "event_ids",
    "Events of the key one by one, for comparison",  # over the time of EVENT_HISTORY, where EVENTS has groups of calls
    {
        "event_id": "text",
        "event_time": "time",
        "event_name": "text",
        "error_code": "text",
        "region": "text",
        "recipient_account": "text",
        "shared_event_id": "text",
    },
    on_demand=True,
)
METRICS: Source[Frame] = Source(
    "metrics",
    "CloudWatch metrics of the key",
    {"namespace": "text", "metric": "text", "dimensions": "json", "statistic": "text", "day": "date", "value": "float"},
)
ALARMS: Source[Frame] = Source(
    "alarms",
    "CloudWatch alarms that watch the key",
    {
        "alarm_name": "text",
        "alarm_arn": "text",
        "namespace": "text",
        "metric": "text",
        "dimensions": "json",
        "state": "text",
        "actions_enabled": "bool",
        "alarm_actions": "json",
        "state_updated_at": "time",
    },
)
ALARM_METRICS: Source[Frame] = Source(
    "alarm_metrics",
    "Metrics the alarms watch",
    {"alarm_name": "text", "namespace": "text", "metric": "text", "dimensions": "json", "exists": "bool"},
)
COST: Source[Frame] = Source(
    "cost",
    "KMS cost by day and usage type",
    {
        "day": "date",
        "usage_type": "text",
        "unblended": "money",
        "blended": "money",
        "usage_quantity": "money",
        "estimated": "bool",
    },
)

ALL: tuple[Source[object], ...] = (
    CALLER,
    KEY,
    ALIASES,
    TAGS,
    KEY_POLICY,
    ROTATION,
    ROTATIONS,
    GRANTS,
    LAST_USAGE,
    ROLES,
    ROLE_POLICIES,
    INSTANCE_PROFILES,
    TRAILS,
    TRAIL_STATUS,
    EVENT_SELECTORS,
    TRAIL_INTEGRITY,
    EVENTS,
    EVENT_HISTORY,
    EVENT_IDS,
    METRICS,
    ALARMS,
    ALARM_METRICS,
    COST,
)
"""Every source, in the order in which the report lists them."""
