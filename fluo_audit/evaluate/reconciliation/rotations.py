"""Rotations that KMS lists, against the RotateKey events of CloudTrail."""

from __future__ import annotations

from fluo_audit.evaluate.reconciliation.comparison import Compared, Comparison, Read, not_compared
from fluo_audit.evaluate.rotation_history import listed_rotations, number_within, recorded_rotations, undated, unmatched
from fluo_audit.evaluate.rotation_support import cannot_rotate
from fluo_audit.evaluate.wording import count
from fluo_audit.model.report import Outcome
from fluo_audit.model.scope import Scope
from fluo_audit.model.sources import EVENTS, KEY, ROTATIONS

JUDGE = "rotation-history-reconciled"


def compare(read: Read, scope: Scope) -> Compared:
    """State how many each has in the period. Whether each has its partner is judged by `JUDGE`."""
    key, rotations = read[KEY.name].value, read[ROTATIONS.name].value
    if verdict := cannot_rotate(key):
        return not_compared(verdict.seen)
    if key.multi_region_type == "REPLICA":
        return not_compared("a replica key rotates with its primary key, in the Region of that")
    if nameless := undated(rotations):
        return not_compared(f"kms:ListKeyRotations answered without RotationDate of {count(nameless, 'key material')}")
    window = scope.period.overlap(scope.period.start, scope.as_of)
    if window is None:
        return not_compared("the period had not begun at the time of collection")
    listed, recorded = listed_rotations(rotations, scope.as_of), recorded_rotations(read[EVENTS.name].value)
    left, right = number_within(recorded, window), number_within(listed, window)
    lone = sum(map(len, unmatched(listed, recorded, window)))
    outcome = Outcome.DIFFERS if lone else Outcome.AGREES if left == right else Outcome.EXPLAINED
    explanation = {
        Outcome.AGREES: f"each has its partner; judged by {JUDGE}",
        Outcome.EXPLAINED: f"the partner lies at an end of the period or outside; judged by {JUDGE}",
        Outcome.DIFFERS: f"{count(lone, 'rotation')} without partner; judged by {JUDGE}",
    }[outcome]
    return Compared(outcome, explanation, left, right, lone or abs(left - right), window.label)


EVENTS_ROTATIONS = Comparison(
    "events-rotations",
    "Rotations of the key",
    "CloudTrail RotateKey events",
    "KMS, rotations it lists",
    (EVENTS, KEY, ROTATIONS),
    compare,
    judged_by=JUDGE,
)
