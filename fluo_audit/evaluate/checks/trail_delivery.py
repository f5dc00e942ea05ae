"""Check trail-delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.trails import every_kind, join_trails
from fluo_audit.evaluate.wording import utc
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Severity, Verdict
from fluo_audit.model.sources import EVENT_SELECTORS, TRAIL_STATUS, TRAILS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "trail-delivery",
    "The trail that records the key's events delivers",
    group="LOG",
    severity=Severity.HIGH,
    reads=(TRAILS, TRAIL_STATUS, EVENT_SELECTORS),
)
def trail_delivery(trails: Frame, status: Frame, selectors: Frame, criteria: Criteria) -> Verdict:
    """Read when the trail delivered log files and digests last, and whether that failed.

    Why: a trail can be logging while its bucket refuses the files. What it records then is lost.
    Passes when: for write events and for read-only events alike, as far as any trail records them, a trail that records
        them reports no delivery error and delivered less than 24 hours before the time of collection; when its log file
        validation is on, the same holds for digests.
    Fails when: every such trail reports an error or a longer silence, or no trail records KMS events at all.
    Fix: aws cloudtrail get-trail-status --name TRAIL names the error of Amazon S3; repair the bucket policy (and, for
        SSE-KMS, the policy of the trail's key) so that cloudtrail.amazonaws.com may write.
    Still by hand: outages earlier in the period, which the status no longer shows.
    Peers: CloudSploit reports delivery errors; Prowler looks at CloudWatch Logs delivery within 24 hours.
    """
    as_of = criteria.scope.as_of
    return every_kind(
        join_trails(trails, status, selectors),
        criteria.scope.region,
        lambda trail: trail.delivers(as_of),
        yes=lambda trail: f"delivers without error on {utc(as_of)}: {trail.last_deliveries()}",
        no="delivers without error",
    )
