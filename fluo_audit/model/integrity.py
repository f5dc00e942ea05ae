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


class ProblemKind(StrEnum):
    """What is wrong with a digest or a log file."""

    DIGEST_MISSING = "digest_missing"
    """A later digest of the trail names it, and it is not there."""
    DIGEST_MALFORMED = "digest_malformed"
    """No whole gzip file, or not the JSON document of a digest."""
    DIGEST_TRAILING_DATA = "digest_trailing_data"
    DIGEST_MOVED = "digest_moved"
    """It says itself that it belongs to another bucket or key."""
    DIGEST_UNSIGNED = "digest_unsigned"
    DIGEST_ALGORITHM = "digest_algorithm"
    DIGEST_KEY_UNKNOWN = "digest_key_unknown"
    """Signed with a key that CloudTrail does not list for the Region."""
    DIGEST_KEY_EXPIRED = "digest_key_expired"
    """Signed with a key that was not CloudTrail's at that time."""
    DIGEST_SIGNATURE = "digest_signature"
    DIGEST_LINK = "digest_link"
    """The digest before it is not the one it was made after."""
    DIGEST_UNREAD = "digest_unread"
    LOG_MISSING = "log_missing"
    LOG_CHANGED = "log_changed"
    LOG_MALFORMED = "log_malformed"
    """No whole gzip file, or one that unpacks to more than any log file."""
    LOG_TRAILING_DATA = "log_trailing_data"
    """Something was appended that programs may read and no hash covers."""
    LOG_UNVOUCHED = "log_unvouched"
    """It lies in a time that digests cover, and none names it."""
    LOG_UNCOVERED = "log_uncovered"
    """It lies at the edge of what digests cover; one that is not there may name it."""
    LOG_UNREAD = "log_unread"
    LISTING_UNREAD = "listing_unread"
    """What lies in a folder of the bucket could not be told."""

    @property
    def is_failure(self) -> bool:
        """Return whether evidence was changed or removed, so FAIL. Otherwise it could not be checked: INCOMPLETE."""
        return self not in {self.DIGEST_UNREAD, self.LOG_UNREAD, self.LOG_UNCOVERED, self.LISTING_UNREAD}


@dataclass(frozen=True, slots=True)
class IntegrityProblem:
    """Something that is wrong with one object: a log file, a digest file or a folder of them."""

    kind: ProblemKind
    key: str
    """Object key, as S3 has it: hostile text."""
    detail: str
    is_failure: bool
    """As the kind has it; an unvouched log file is none as long as a digest that may name it could not be read."""


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

    digests_found = digests_valid + digests_invalid + digests_unread
    logs_vouched = logs_valid + logs_changed + logs_missing + logs_unread
    logs_found = logs_valid + logs_changed + logs_unread + logs_unvouched + logs_uncovered
    """

    digests_found: int = 0
    """Digests of the trail in the bucket, from an hour before the period until two hours after it."""
    digests_valid: int = 0
    digests_invalid: int = 0
    digests_unread: int = 0
    """Could not be read or checked: denied, timed out, public keys not told."""
    digests_missing: int = 0
    """Named by a later digest of the same trail, or listed, and not there."""
    logs_vouched: int = 0
    """Log files of the period that a valid digest names: of this trail, or of another for those that lie here."""
    logs_found: int = 0
    """Log files of the period in the bucket."""
    logs_valid: int = 0
    logs_changed: int = 0
    logs_missing: int = 0
    logs_unread: int = 0
    """Vouched for, but their bytes could not be read: denied, timed out, in another bucket. They count as found."""
    logs_unvouched: int = 0
    """In the bucket, inside the time that digests cover, and named by none."""
    logs_uncovered: int = 0
    """In the bucket at a time that no digest covers, or not yet: nothing vouches for them."""
    logs_of_others: int = 0
    """Of logs_vouched: those that only digests of other trails name. Names of log files do not tell the trail."""

    def __add__(self, other: IntegrityCounts) -> IntegrityCounts:
        return IntegrityCounts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class RegionIntegrity:
    """One chain of digests: those of a trail in one account and Region."""

    account: str
    region: str
    verdict: IntegrityVerdict
    counts: IntegrityCounts
    covered: tuple[Period, ...]
    """The time of the period that valid digests cover, joined and in order. With the gaps it makes up the period."""
    first_digest: str
    """Object key where the chain starts: nothing before it was looked at. Empty when there is no valid digest."""


@dataclass(frozen=True, slots=True)
class TrailIntegrity:
    """The result for one trail over a period: the time in which log files were delivered."""

    trail_arn: str
    bucket: str
    period: Period
    verdict: IntegrityVerdict
    counts: IntegrityCounts
    regions: tuple[RegionIntegrity, ...]
    problems: tuple[IntegrityProblem, ...]
    gaps: tuple[IntegrityGap, ...]
    remarks: tuple[str, ...] = ()
