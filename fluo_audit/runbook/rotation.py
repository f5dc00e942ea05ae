"""Why does the key not rotate, or not in time? Kind of key, state, setting, period, last rotation and next one tell."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fluo_audit.evaluate.checks.key_enabled import key_enabled
from fluo_audit.evaluate.checks.rotation_enabled import rotation_enabled
from fluo_audit.evaluate.checks.rotation_period import rotation_period
from fluo_audit.evaluate.registry import run_check
from fluo_audit.evaluate.rotation_history import due_day, key_materials, undated
from fluo_audit.evaluate.rotation_support import cannot_rotate, cannot_rotate_by_itself
from fluo_audit.evaluate.wording import day
from fluo_audit.model import sources
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import Have, Missing, Source
from fluo_audit.model.facts import KeyMetadata, RotationStatus
from fluo_audit.model.finding import Conclusion, Result
from fluo_audit.runbook import remedies
from fluo_audit.runbook.remedies import Remedies, enable_key, remedies_of
from fluo_audit.runbook.rules import Facts
from fluo_audit.runbook.step import Diagnosis, Step, beside, good, judged, unread, wrong

if TYPE_CHECKING:
    from fluo_audit.model.report import KeyMaterial

TOPIC = "rotation"
READS: tuple[Source[Any], ...] = (sources.KEY, sources.ROTATION, sources.ROTATIONS, *remedies.READS)


def diagnose_rotation(facts: Facts, criteria: Criteria) -> Diagnosis:
    """Return why the key does or does not rotate within its declared cryptoperiod."""
    key = facts[sources.KEY.name]
    if isinstance(key, Missing):
        return Diagnosis(TOPIC, "What key this is could not be read.", (unread("kind of key", key),))
    fixes, days = remedies_of(facts, criteria), criteria.baseline.cryptoperiod_days
    turn_on = fixes.rotation(days)
    steps = [
        _kind(key.value),
        judged("key state", run_check(key_enabled, facts, criteria), enable_key(facts, fixes)),
        judged("automatic rotation", run_check(rotation_enabled, facts, criteria), turn_on),
        judged("rotation period", run_check(rotation_period, facts, criteria), turn_on),
        *_history(key.value, facts, criteria, fixes),
    ]
    return Diagnosis(TOPIC, _sentence(steps, criteria), tuple(steps))


def _sentence(steps: list[Step], criteria: Criteria) -> str:
    limit = criteria.baseline.cryptoperiod_days
    if any(step.is_wrong for step in steps):
        return f"The key does not rotate every {limit} days."
    if any(step.conclusion is Conclusion.INCONCLUSIVE for step in steps):
        return f"Whether the key rotates every {limit} days could not be read in full."
    return f"The key rotates every {limit} days."


def _kind(key: KeyMetadata) -> Step:
    verdict = cannot_rotate_by_itself(key)
    if verdict is None:
        return good("kind of key", f"{key.spec}, origin {key.origin}: KMS rotates it by itself")
    if verdict.result is Result.NOT_ASSESSED:
        return unread("kind of key", verdict.seen)
    return wrong("kind of key", verdict.seen)


def _history(key: KeyMetadata, facts: Facts, criteria: Criteria, fixes: Remedies) -> list[Step]:
    """Judge the material in use and the one before it: what came late long ago cannot be put right any more."""
    if cannot_rotate(key):
        return []
    fact = facts[sources.ROTATIONS.name]
    if isinstance(fact, Missing):
        return [unread("last rotation", fact)]
    limit, grace = criteria.baseline.cryptoperiod_days, criteria.baseline.rotation_grace_days
    materials = key_materials(key, fact.value, criteria.scope.as_of, limit)
    if undated(fact.value) or not materials:
        return [unread("last rotation", "kms:ListKeyRotations does not say when the key material was made")]
    *before, running = materials
    steps = [_last(before, grace), _running(running, limit, grace, fixes)]
    return steps if cannot_rotate_by_itself(key) else [*steps, _next(running, facts, criteria, fixes)]


def _last(before: list[KeyMaterial], grace: int) -> Step:
    late = [f"{each.label} was replaced {each.days_late} days late" for each in before if each.days_late > grace]
    if not before:
        return beside("last rotation", "none yet")
    last = before[-1]
    said = f"{day(last.until)}, after {last.days} days" if last.until else ""
    if last.days_late > grace:
        return wrong("last rotation", f"{said}, {last.days_late} days late")
    return good("last rotation", said + (f"; {late[-1]} before that" if late else ""))


def _running(running: KeyMaterial, limit: int, grace: int, fixes: Remedies) -> Step:
    said = f"{running.label} since {day(running.since)}, {running.days} days, due {due_day(running, limit)}"
    if running.days_late > grace:
        return wrong("material in use", f"{said}, {running.days_late} days late", fixes.kms("rotate-key-on-demand"))
    return good("material in use", said)


def _next(running: KeyMaterial, facts: Facts, criteria: Criteria, fixes: Remedies) -> Step:
    """Switching rotation on starts its period again, so the next one may come after the cryptoperiod has ended."""
    fact = facts[sources.ROTATION.name]
    if not isinstance(fact, Have):
        return unread("next rotation", fact)
    setting: RotationStatus = fact.value
    if not setting.enabled:
        return beside("next rotation", "none: rotation is off")
    if setting.next_at is None:
        return unread("next rotation", "kms:GetKeyRotationStatus answered without NextRotationDate")
    due = due_day(running, criteria.baseline.cryptoperiod_days)
    said = f"{day(setting.next_at)}, due {due}"
    if setting.next_at.date() > due + timedelta(days=criteria.baseline.rotation_grace_days):
        return wrong("next rotation", f"{said}: too late", fixes.kms("rotate-key-on-demand"))
    if setting.next_at < criteria.scope.as_of - timedelta(days=criteria.baseline.rotation_grace_days):
        return wrong("next rotation", f"{said}: it has not taken place", fixes.kms("rotate-key-on-demand"))
    return good("next rotation", said)
