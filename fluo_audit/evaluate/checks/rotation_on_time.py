"""Check rotation-on-time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.rotation_history import FIRST, due_day, key_materials, undated
from fluo_audit.evaluate.rotation_support import cannot_rotate
from fluo_audit.evaluate.wording import count, day, utc
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Observation, Severity, Verdict, failed, passed, unread
from fluo_audit.model.report import KeyMaterial
from fluo_audit.model.sources import KEY, ROTATIONS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "rotation-on-time",
    "Every key material was replaced at the end of its cryptoperiod",
    group="ROT",
    severity=Severity.HIGH,
    reads=(KEY, ROTATIONS),
    unless=cannot_rotate,
)
def rotation_on_time(key: KeyMetadata, rotations: Frame, criteria: Criteria) -> Verdict:
    """Hold the time each key material was in use against the declared cryptoperiod.

    Why: the rotation setting says what should happen. The dates of the rotations say what did, also in months when
        rotation was off, had another period, or the key was disabled and KMS did not rotate it.
    Passes when: every key material that was in use in the audit period and reached the end of its cryptoperiod in it or
        before was replaced within cryptoperiod plus grace; and the material in use now is not past that day. Days are
        UTC calendar days. The first material counts from the creation of the key.
    Fails when: a key material was in use longer, or is.
    Not applicable when: KMS cannot rotate the key at all, because it is asymmetric, for HMAC, or in a custom key store.
    Fix: aws kms rotate-key-on-demand --key-id KEY_ARN, then
        aws kms enable-key-rotation --key-id KEY_ARN --rotation-period-in-days 90.
    Still by hand: why a rotation came late and who accepted it; the cryptoperiod of data keys that were issued before,
        which rotation does not touch; the record of replacement for keys that cannot rotate.
    Peers: cloud-custodian can filter by the last rotation; none judges the whole history.
    """
    limit, grace, scope = criteria.baseline.cryptoperiod_days, criteria.baseline.rotation_grace_days, criteria.scope
    if nameless := undated(rotations):
        return unread("kms:ListKeyRotations", f"RotationDate of {count(nameless, 'key material')}")
    materials = key_materials(key, rotations, scope.as_of, limit)
    judged = [
        each
        for each in materials
        if each.until is None or (due_day(each, limit) <= scope.period.last_day and each.until > scope.period.start)
    ]
    late = [each for each in judged if each.days_late > grace]
    population = f"{len(judged)} of {count(len(materials), 'key material')}"
    if late:
        longest = max(late, key=lambda each: each.days)
        return failed(
            f"{len(late)} of {count(len(judged), 'key material')} in use longer than {limit} days, {grace} of grace; "
            f"the longest is {longest.label} with {longest.days} days",
            *(_observe(each, limit) for each in late),
            population=population,
        )
    if not materials or (materials[0].kind != FIRST and materials[0].since > scope.period.start):
        return unread("kms:DescribeKey", "the begin of the first key material: for a replica, the primary key knows it")
    running = materials[-1]
    return passed(
        f"{count(len(judged) - 1, 'key material')} replaced within {limit} days and {grace} of grace; {running.label} "
        f"is in use since {day(running.since)}, {running.days} days, and due on {due_day(running, limit)}",
        population=population,
    )


def _observe(material: KeyMaterial, limit: int) -> Observation:
    end = f"replaced {day(material.until)}" if material.until else "not replaced yet"
    due = due_day(material, limit)
    return Observation(
        f"{material.label} in use for {material.days} days: due {due}, {end}, {material.days_late} days late",
        at=utc(material.until) if material.until else due.isoformat(),
        ref=material.material_id,
    )
