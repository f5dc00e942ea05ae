"""Check rotation-enabled."""

from __future__ import annotations

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.rotation_support import cannot_rotate_by_itself
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata, RotationStatus
from fluo_audit.model.finding import Severity, Verdict, failed, passed
from fluo_audit.model.sources import KEY, ROTATION


@check(
    "rotation-enabled",
    "Automatic rotation of the key is on",
    group="ROT",
    severity=Severity.HIGH,
    reads=(KEY, ROTATION),
    unless=cannot_rotate_by_itself,
)
def rotation_enabled(key: KeyMetadata, rotation: RotationStatus, _criteria: Criteria) -> Verdict:
    """Read whether KMS rotates the key by itself.

    Why: a rotation that somebody has to remember is a rotation that will be forgotten.
    Passes when: automatic rotation is on. This is the setting; rotation-on-time says whether rotations took place.
    Fails when: automatic rotation is off. KMS also reports it as off while the key is pending deletion.
    Not applicable when: KMS cannot rotate the key by itself, because it is asymmetric, for HMAC, in a custom key store,
        or its key material was imported.
    Fix: aws kms enable-key-rotation --key-id KEY_ARN --rotation-period-in-days 90, on the primary key if the key is a
        multi-Region key.
    Still by hand: for keys that cannot rotate automatically, the record of their replacement.
    Peers: eleven tools check this; several report keys that cannot rotate, or reads that were denied, as failures.
    """
    if not rotation.enabled:
        pending = ": KMS reports it so while the key is pending deletion" if key.state == "PendingDeletion" else ""
        return failed(f"automatic rotation is off{pending}")
    period = "" if rotation.period_days is None else f", every {rotation.period_days} days"
    resting = f", but nothing rotates while the key is {key.state}" if key.state not in {"", "Enabled"} else ""
    return passed(f"automatic rotation is on{period}{resting}")
