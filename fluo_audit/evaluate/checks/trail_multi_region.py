"""Check trail-multi-region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.trails import join_trails, one_does
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Severity, Verdict
from fluo_audit.model.sources import TRAIL_STATUS, TRAILS
from fluo_audit.policy.truth import all_of

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "trail-multi-region",
    "A multi-Region trail is logging",
    group="LOG",
    severity=Severity.HIGH,
    reads=(TRAILS, TRAIL_STATUS),
)
def trail_multi_region(trails: Frame, status: Frame, _criteria: Criteria) -> Verdict:
    """Look for a trail that records every Region and is logging now.

    Why: somebody who has a Region without a trail to work in leaves no lasting record there. Event history keeps 90
        days and is not signed.
    Passes when: a multi-Region trail is logging; a trail of the organization counts.
    Fails when: no trail is both.
    Fix: aws cloudtrail update-trail --name TRAIL --is-multi-region-trail, then
        aws cloudtrail start-logging --name TRAIL.
    Still by hand: that the trail was logging during the whole period; this is its state at the time of collection.
    Peers: Prowler, ScoutSuite, Turbot, Security Hub CloudTrail.1 and CloudSploit.
    """
    return one_does(
        join_trails(trails, status),
        lambda trail: all_of((trail.is_logging(), trail.is_multi_region())),
        yes=lambda _: "is logging in every Region",
        nobody="no multi-Region trail is logging",
    )
