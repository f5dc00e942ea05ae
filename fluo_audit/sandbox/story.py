"""The story of the simulated account: what happened to FLUO's production key, told in days before now.

Everything is placed relative to the clock, so another `now` moves the whole story. The dates in the comments are those
of `SAMPLE_NOW`, 2026-11-23.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from fluo_audit.sandbox.ledger import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "us-east-1"
ALIAS, STAGING_ALIAS = "alias/fluo-production", "alias/fluo-staging"
TRAIL, BUCKET = "main-trail", f"fluo-cloudtrail-{ACCOUNT}"
WORKGROUP = "fluo-audit"
TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}"
TRAIL_REGIONS = (REGION, "us-west-2", "eu-west-1")  # enabled in the account: a trail of all Regions has digests of each
PERIOD_DAYS = 90
PURPOSES = ("pii_redaction", "compliance_evidence")
TAGS: Mapping[str, str] = {
    "Name": "fluo-kms-production",
    "Environment": "production",
    "ManagedBy": "terraform",
    "Purpose": "fluo-backend-encryption",
}
STAGING_TAGS: Mapping[str, str] = {"Name": "fluo-kms-staging", "Environment": "staging", "ManagedBy": "terraform"}

TRAIL_CREATED = 400  # 2025-10-19
VALIDATION_ENABLED = 100  # 2026-08-15: from here on the trail writes digest files
SIGNING_KEY_CHANGES = (400, 60, -60)  # 2026-09-24: CloudTrail signs digests with another key
CREATED = 397  # 2025-10-22
FIRST_REQUEST = 394
ROTATED = (307, 217, 119, 29)  # 2026-01-20, 2026-04-20, 2026-07-27 (8 days late), 2026-10-25
ROTATION_DISABLED, ROTATION_ENABLED = 214, 209  # 2026-04-23 to 2026-04-28: enabling starts the 90 days again
POLICY_CHANGED = 31  # 2026-10-23
DENIED_BATCH = {29: 14, 28: 9}  # days before now: denied calls of fluo-batch
DENIED_ELSEWHERE = (351, 288, 243, 176, 131, 83, 45, 12)
WITHOUT_PURPOSE = 40  # 2026-10-14

_MORNING = time(9, 14, 7)


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation that took place."""

    date: datetime
    type: str  # AUTOMATIC or ON_DEMAND
    material_id: str


@dataclass(frozen=True, slots=True)
class KeyStory:
    """One key and how its material changed."""

    id: str
    alias: str
    created: datetime
    rotations: tuple[Rotation, ...] = ()

    @property
    def arn(self) -> str:
        """Return the ARN of the key."""
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{self.id}"

    @property
    def alias_arn(self) -> str:
        """Return the ARN of its alias."""
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:{self.alias}"

    def material_at(self, moment: datetime) -> str:
        """Return the id of the key material in force at a moment."""
        past = bisect_right(self.rotations, moment, key=lambda rotation: rotation.date)
        return self.rotations[past - 1].material_id if past else material_id(self.id, 0)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Turns "days before now" into dates."""

    now: datetime

    def day(self, days_before: int) -> datetime:
        """Return the midnight (UTC) that many days before today's."""
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=days_before)

    def morning(self, days_before: int) -> datetime:
        """Return the time of day at which the key was created, on another day."""
        return self.day(days_before) + timedelta(hours=_MORNING.hour, minutes=_MORNING.minute, seconds=_MORNING.second)


def material_id(key_id: str, number: int) -> str:
    """Return the id of the n-th key material of a key: 64 hexadecimal digits, as KMS gives."""
    return hashlib.sha256(f"{key_id}/{number}".encode()).hexdigest()


def production_key(key_id: str, calendar: Calendar) -> KeyStory:
    """Return the production key with its four rotations."""
    rotations = tuple(
        Rotation(calendar.morning(days), "AUTOMATIC", material_id(key_id, number))
        for number, days in enumerate(ROTATED, start=1)
    )
    return KeyStory(key_id, ALIAS, calendar.morning(CREATED), rotations)


def staging_key(key_id: str, calendar: Calendar) -> KeyStory:
    """Return the staging key: there so that filters matter."""
    return KeyStory(key_id, STAGING_ALIAS, calendar.morning(CREATED - 1))
