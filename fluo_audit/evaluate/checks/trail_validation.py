"""Check trail-validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.trails import Trail, every_kind, join_trails
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Severity, Verdict
from fluo_audit.model.sources import EVENT_SELECTORS, TRAIL_STATUS, TRAILS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "trail-validation",
    "Log file validation is on for the trail that records the key's events",
    group="LOG",
    severity=Severity.MEDIUM,
    reads=(TRAILS, TRAIL_STATUS, EVENT_SELECTORS),
)
def trail_validation(trails: Frame, status: Frame, selectors: Frame, criteria: Criteria) -> Verdict:
    """Look whether CloudTrail signs digests of the log files that hold the key's events.

    Why: without digests nobody can tell a log file that was changed or removed from one that was not.
    Passes when: for write events and for read-only events alike, as far as any trail records them, a trail that records
        them has log file validation on. A trail counts when it is logging, covers the key's Region and does not
        exclude KMS.
    Fails when: no such trail has it on, or no trail records KMS events at all.
    Fix: aws cloudtrail update-trail --name TRAIL --enable-log-file-validation
    Still by hand: that it was on during the whole period, and the validation itself:
        aws cloudtrail validate-logs --trail-arn TRAIL_ARN --start-time START.
    Peers: Prowler, Turbot, Security Hub CloudTrail.4, checkov, CloudSploit and ScoutSuite, for any trail.
    """
    return every_kind(
        join_trails(trails, status, selectors),
        criteria.scope.region,
        Trail.validates,
        yes=lambda _: "records the key's events and has log file validation on",
        no="has log file validation on",
    )
