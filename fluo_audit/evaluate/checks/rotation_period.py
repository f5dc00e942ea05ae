"""Check rotation-period."""

from __future__ import annotations

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.rotation_support import cannot_rotate_by_itself
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata, RotationStatus
from fluo_audit.model.finding import Severity, Verdict, failed, passed, unread
from fluo_audit.model.sources import KEY, ROTATION


@check(
    "rotation-period",
    "The key rotates at least once in its declared cryptoperiod",
    group="ROT",
    severity=Severity.HIGH,
    reads=(KEY, ROTATION),
    unless=cannot_rotate_by_itself,
)
def rotation_period(_key: KeyMetadata, rotation: RotationStatus, criteria: Criteria) -> Verdict:
    """Hold the configured rotation period against the declared cryptoperiod.

    Why: one key material that encrypts for long widens what one leak exposes. NIST SP 800-57 part 1 leaves the
        length of the cryptoperiod to the key owner: the limit here is the declared one, not a number of the standard.
    Passes when: automatic rotation is on and its period is not longer than the declared cryptoperiod.
    Fails when: rotation is off, or its period is longer.
    Not applicable when: KMS cannot rotate the key by itself, because it is asymmetric, for HMAC, in a custom key store,
        or its key material was imported.
    Fix: aws kms enable-key-rotation --key-id KEY_ARN --rotation-period-in-days 90.
    Still by hand: the document that defines the cryptoperiod, and who approved it.
    Peers: none checks the period; AWS Config cmk-backing-key-rotation-enabled passes at 365 days.
    """
    limit = criteria.baseline.cryptoperiod_days
    if not rotation.enabled:
        return failed("automatic rotation is off")
    if rotation.period_days is None:
        return unread("kms:GetKeyRotationStatus", "RotationPeriodInDays")
    if rotation.period_days > limit:
        return failed(f"rotates every {rotation.period_days} days; the declared cryptoperiod is {limit}")
    return passed(f"rotates every {rotation.period_days} days, within the declared {limit}")
