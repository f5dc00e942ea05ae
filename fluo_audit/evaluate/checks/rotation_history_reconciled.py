"""Check rotation-history-reconciled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.rotation_history import (
    Record,
    Rotation,
    due_day,
    key_materials,
    listed_rotations,
    number_within,
    recorded_rotations,
    undated,
    unmatched,
)
from fluo_audit.evaluate.rotation_support import cannot_rotate
from fluo_audit.evaluate.wording import count, utc
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, passed, unread
from fluo_audit.model.report import KeyMaterial
from fluo_audit.model.scope import Period
from fluo_audit.model.sources import EVENTS, KEY, ROTATIONS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "rotation-history-reconciled",
    "Rotations that were due, that KMS lists and that CloudTrail recorded agree",
    group="ROT",
    severity=Severity.HIGH,
    reads=(KEY, ROTATIONS, EVENTS),
    unless=cannot_rotate,
)
def rotation_history_reconciled(key: KeyMetadata, rotations: Frame, events: Frame, criteria: Criteria) -> Verdict:
    """Match the rotations due, those kms:ListKeyRotations lists, and the RotateKey events of CloudTrail one to one.

    Why: three independent records of one fact. A rotation without its event points to a log with holes; an event
        without its rotation, to a history that is not the key's.
    Passes when: in the audit period every rotation that KMS lists has its RotateKey event, every RotateKey event has
        its rotation, and no rotation is due that neither shows. They are matched by key material id; where one side has
        none, by time within one hour. The first and last hour of the period are not judged, because the partner may lie
        outside.
    Fails when: a rotation or an event has no partner, or a rotation that was due is in neither record.
    Not applicable when: KMS cannot rotate the key at all, because it is asymmetric, for HMAC, or in a custom key store.
    Fix: for a rotation without event, look for gaps in the trail: aws cloudtrail validate-logs --trail-arn TRAIL_ARN
        --start-time START. For a rotation that is missing: aws kms rotate-key-on-demand --key-id KEY_ARN.
    Still by hand: the explanation of each difference. A replica key is reconciled in the Region of its primary key.
    Peers: none.
    """
    if key.multi_region_type == "REPLICA":
        seen = "a replica key rotates with its primary key: reconcile it in the Region of the primary key"
        return Verdict(Result.NOT_ASSESSED, seen)
    if nameless := undated(rotations):
        return unread("kms:ListKeyRotations", f"RotationDate of {count(nameless, 'key material')}")
    scope, baseline = criteria.scope, criteria.baseline
    if scope.as_of <= scope.period.start:
        return Verdict(Result.NOT_ASSESSED, "the audit period had not begun at the time of collection")
    window = Period(scope.period.start, min(scope.period.end, scope.as_of))
    listed, recorded = listed_rotations(rotations, scope.as_of), recorded_rotations(events)
    materials = key_materials(key, rotations, scope.as_of, baseline.cryptoperiod_days)
    observations = (
        *_overdue(materials, window, baseline.cryptoperiod_days, baseline.rotation_grace_days),
        *_unmatched(listed, recorded, window),
    )
    by_kms, by_cloudtrail = number_within(listed, window), number_within(recorded, window)
    due = _due(materials, window, baseline.cryptoperiod_days)
    seen = f"{due} due, {by_kms} listed by KMS, {by_cloudtrail} recorded by CloudTrail"
    population = f"{count(by_kms, 'rotation')}, {count(by_cloudtrail, 'event')}"
    if observations:
        return failed(f"{seen}; {count(len(observations), 'difference')}", *observations, population=population)
    return passed(f"{seen}; no difference", population=population)


def _unmatched(rotations: Iterable[Rotation], records: Iterable[Record], window: Period) -> Iterator[Observation]:
    lone_rotations, lone_records = unmatched(rotations, records, window)
    for rotation in lone_rotations:
        fact = f"KMS lists a rotation ({rotation.kind}) without a RotateKey event"
        yield Observation(fact, utc(rotation.at), ref=rotation.material_id)
    for record in lone_records:
        fact = "CloudTrail recorded a RotateKey event without a rotation that KMS lists"
        yield Observation(fact, utc(record.at), ref=record.event_id)


def _overdue(materials: Iterable[KeyMaterial], window: Period, limit: int, grace: int) -> Iterator[Observation]:
    """Give the rotation that should be in the window and is not: at most one, of the material in use at its end."""
    for each in materials:
        in_use = each.since < window.end and (each.until is None or each.until >= window.end)
        due = due_day(each, limit)
        if in_use and due + timedelta(days=grace) < window.end.date():
            fact = f"a rotation was due: {each.label} was still in use at {utc(window.end)}"
            yield Observation(fact, due.isoformat(), "", each.material_id)


def _due(materials: Iterable[KeyMaterial], window: Period, limit: int) -> int:
    due = [due_day(each, limit) for each in materials if each.days >= limit]
    return sum(window.start.date() <= day <= window.last_day for day in due)
