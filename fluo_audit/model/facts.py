"""Single facts about the key, as AWS answers them. Tables of facts are frames: see `sources`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Who collected the evidence (sts:GetCallerIdentity)."""

    account: str
    arn: str
    user_id: str


@dataclass(frozen=True, slots=True)
class KeyMetadata:
    """The key as kms:DescribeKey describes it. An empty string is a field that AWS left out."""

    key_id: str
    arn: str
    account: str
    state: str
    """Enabled, Disabled, PendingDeletion, ..."""
    manager: str
    """CUSTOMER or AWS."""
    origin: str
    """AWS_KMS, EXTERNAL, AWS_CLOUDHSM or EXTERNAL_KEY_STORE."""
    spec: str
    usage: str
    description: str
    multi_region: bool | None
    multi_region_type: str
    replica_regions: tuple[str, ...]
    created_at: datetime | None
    deletion_at: datetime | None
    valid_to: datetime | None
    current_material_id: str


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """The key policy, verbatim (kms:GetKeyPolicy, policy name "default")."""

    text: str


@dataclass(frozen=True, slots=True)
class RotationStatus:
    """The rotation setting (kms:GetKeyRotationStatus): what is configured, not what happened."""

    enabled: bool
    period_days: int | None
    next_at: datetime | None
    on_demand_started_at: datetime | None


@dataclass(frozen=True, slots=True)
class LastUsage:
    """The last cryptographic use that KMS itself remembers (kms:GetKeyLastUsage); None when it saw none."""

    operation: str
    used_at: datetime | None
    event_id: str
    tracking_since: datetime | None
