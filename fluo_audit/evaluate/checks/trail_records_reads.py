"""Check trail-records-reads."""

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
    "trail-records-reads",
    "A trail records every use of KMS keys in the key's Region",
    group="LOG",
    severity=Severity.HIGH,
    reads=(TRAILS, TRAIL_STATUS, EVENT_SELECTORS),
)
def trail_records_reads(trails: Frame, status: Frame, selectors: Frame, criteria: Criteria) -> Verdict:
    """Look for a trail that records KMS management events that only read, in the key's Region.

    Why: CloudTrail calls every cryptographic operation read-only: Decrypt, Encrypt, GenerateDataKey. A trail of write
        events alone holds no single use of the key.
    Passes when: a trail that is logging and covers the key's Region records management events, read-only events among
        them, and does not exclude KMS. One trail is enough, whatever the others leave out.
    Fails when: no trail does all of that.
    Fix: aws cloudtrail put-event-selectors --trail-name TRAIL --event-selectors
        '[{"ReadWriteType":"All","IncludeManagementEvents":true,"ExcludeManagementEventSources":[]}]'
    Still by hand: that the selectors were the same during the whole period (PutEventSelectors events).
    Peers: Security Hub CloudTrail.1 asks for read and write events, but not whether KMS is excluded.
    """
    region = criteria.scope.region
    return one_does(
        join_trails(trails, status, selectors),
        lambda trail: trail.records("reads", region),
        yes=lambda _: f"is logging and records KMS read-only events of {region}, every use of the key among them",
        nobody=f"no trail that is logging records KMS read-only events of {region}",
    )
