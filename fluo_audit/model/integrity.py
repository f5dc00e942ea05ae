"""What validating a trail's log files against its digest files found.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fluo_audit.model.scope import Period


class IntegrityVerdict(StrEnum):
    """VERIFIED only when every log file of the period is vouched for, unchanged, and none can be missing."""

    VERIFIED = "VERIFIED"
    FAIL = "FAIL"
    INCOMPLETE = "INCOMPLETE"


@dataclass(frozen=True, slots=True)
class IntegrityProblem:
    """Something that is wrong with one object: a log file or a digest file."""

    kind: str
    """What is wrong, in a fixed word: see `fluo_audit.events.integrity`."""
    key: str
    """Object key, as S3 has it: hostile text."""
    detail: str
    is_failure: bool
    """True: evidence was changed or removed, so FAIL. False: it could not be checked, so INCOMPLETE."""


@dataclass(frozen=True, slots=True)
class IntegrityGap:
    """Time in which no digest vouches for the log files of an account and Region, and why as far as is known."""

    account: str
    region: str
    period: Period
    cause: str


@dataclass(frozen=True, slots=True)
class IntegrityCounts:
    """The numbers that must add up.

    logs_vouched = logs_valid + logs_changed + logs_missing + logs_unread
    logs_found = logs_valid + logs_changed + logs_unread + logs_unvouched
    digests_found = digests_valid + digests_invalid
    """

    digests_found: int = 0
    digests_valid: int = 0
    digests_invalid: int = 0
    digests_missing: int = 0
    """Named by a later digest of the same trail, and not there."""
    logs_vouched: int = 0
    """Log files that a valid digest names."""
    logs_found: int = 0
    """Log files that lie in the bucket for the period."""
    logs_valid: int = 0
    logs_changed: int = 0
    logs_missing: int = 0
    logs_unread: int = 0
    """Vouched for and there, but their bytes could not be read: denied, timed out."""
    logs_unvouched: int = 0
    """In the bucket, inside the time that digests cover, and named by none."""


@dataclass(frozen=True, slots=True)
class RegionIntegrity:
    """One chain of digests: those of a trail in one account and Region."""

    account: str
    region: str
    verdict: IntegrityVerdict
    counts: IntegrityCounts
    covered: tuple[Period, ...]
    """The time that valid digests cover, joined and in order."""
    first_digest: str
    """Object key where the chain starts: nothing before it was looked at."""


@dataclass(frozen=True, slots=True)
class TrailIntegrity:
    """The result for one trail over a period."""

    trail_arn: str
    bucket: str
    period: Period
    verdict: IntegrityVerdict
    counts: IntegrityCounts
    regions: tuple[RegionIntegrity, ...]
    problems: tuple[IntegrityProblem, ...]
    gaps: tuple[IntegrityGap, ...]
    remarks: tuple[str, ...] = ()
