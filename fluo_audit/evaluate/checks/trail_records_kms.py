"""Check trail-records-kms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.trails import join_trails, one_does
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Severity, Verdict
from fluo_audit.model.sources import EVENT_SELECTORS, TRAIL_STATUS, TRAILS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "trail-records-kms",
    "A trail records changes to KMS keys in the key's Region",
    group="LOG",
    severity=Severity.HIGH,
    reads=(TRAILS, TRAIL_STATUS, EVENT_SELECTORS),
)
def trail_records_kms(trails: Frame, status: Frame, selectors: Frame, criteria: Criteria) -> Verdict:
    """Look for a trail that records KMS management events that write, in the key's Region.

    Why: a trail can leave KMS events out (ExcludeManagementEventSources, or an advanced selector) and still look
        healthy. Then nobody can tell who disabled the key or changed its policy.
    Passes when: a trail that is logging and covers the key's Region records management events, write events among them,
        and does not exclude KMS. One trail is enough, whatever the others leave out.
    Fails when: no trail does all of that.
    Fix: aws cloudtrail put-event-selectors --trail-name TRAIL --event-selectors
        '[{"ReadWriteType":"All","IncludeManagementEvents":true,"ExcludeManagementEventSources":[]}]'
    Still by hand: that the selectors were the same during the whole period (PutEventSelectors events).
    Peers: none; tools that check trails do not read which event sources a trail excludes.
    """
    region = criteria.scope.region
    return one_does(
        join_trails(trails, status, selectors),
        lambda trail: trail.records("writes", region),
        yes=lambda _: f"is logging and records KMS write events of {region}",
        nobody=f"no trail that is logging records KMS write events of {region}",
    )
