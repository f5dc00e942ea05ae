"""Check key-not-pending-deletion."""

from __future__ import annotations

from datetime import UTC
from typing import Final

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count, utc
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Observation, Severity, Verdict, failed, passed, unread
from fluo_audit.model.sources import KEY

PENDING: Final = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


@check(
    "key-not-pending-deletion",
    "The key is not scheduled for deletion",
    group="KEY",
    severity=Severity.CRITICAL,
    reads=(KEY,),
)
def key_not_pending_deletion(key: KeyMetadata, criteria: Criteria) -> Verdict:
    """Read whether the key is scheduled for deletion, and count the days that are left.

    Why: a deleted key takes everything that was encrypted under it with it. Until the day it can be taken back.
    Passes when: the key is not pending deletion.
    Fails when: the key is pending deletion; the finding gives the date and the days left at the time of collection.
    Fix: aws kms cancel-key-deletion --key-id KEY_ARN, then aws kms enable-key --key-id KEY_ARN, because a key whose
        deletion was cancelled is disabled. Who scheduled it: the ScheduleKeyDeletion event in CloudTrail.
    Still by hand: if the deletion is meant, its approval and the proof that no data depends on the key.
    Peers: Prowler, Turbot, Security Hub KMS.3 and CloudSploit report the state; none gives the days left.
    """
    if not key.state:
        return unread("kms:DescribeKey", "KeyState")
    if key.state not in PENDING and key.deletion_at is None:
        return passed(f"the key is {key.state} and has no deletion date")
    if key.deletion_at is None:
        # A multi-Region primary waits for its replicas; its own waiting period begins after that.
        return failed(
            f"the key is {key.state}; AWS states no date yet", Observation(f"the key is {key.state}", ref=key.arn)
        )
    at = utc(key.deletion_at)
    left = max(0, (key.deletion_at.astimezone(UTC) - criteria.scope.as_of).days)
    return failed(
        f"the key is {key.state}: deleted after {at}, {count(left, 'day')} left on {utc(criteria.scope.as_of)}",
        Observation(f"KMS deletes the key after this time, {count(left, 'day')} left", at, ref=key.arn),
    )
