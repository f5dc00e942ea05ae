"""Put everything the report says into plain values: findings, conclusions, completeness, figures, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from fluo_audit.evaluate import cost_model, usage
from fluo_audit.evaluate.checks.all import ALL as CHECKS
from fluo_audit.evaluate.controls import conclude_controls, conclude_tests, declared_frameworks
from fluo_audit.evaluate.glance import facts_at_a_glance
from fluo_audit.evaluate.limits import limits
from fluo_audit.evaluate.reconciliation.all import reconcile
from fluo_audit.evaluate.registry import run_checks
from fluo_audit.evaluate.rotation_history import key_materials, listed_rotations
from fluo_audit.evaluate.tables import reconciliation_table, tables
from fluo_audit.frameworks.load import FrameworkMapping
from fluo_audit.model import sources
from fluo_audit.model.baseline import Baseline, Criteria
from fluo_audit.model.evidence import ApiCall, Completeness, Fact, Have, Missing, Source, was_asked
from fluo_audit.model.integrity import TrailIntegrity
from fluo_audit.model.report import (
    AccessRow,
    ChangeEvent,
    DailySeries,
    MonthCost,
    PrincipalUse,
    Report,
    RotationTimeline,
    SourceResult,
)
from fluo_audit.model.scope import Scope
from fluo_audit.policy import PolicySyntaxError, access_rows, parse_policy

TITLE = "FLUO master key evidence report"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One collection as the report needs it: what it is about, every fact, every call, and the name of the snapshot."""

    scope: Scope
    baseline: Baseline
    facts: Mapping[str, Fact[Any]]
    calls: tuple[ApiCall, ...]
    snapshot_sha256: str
    tool: str
    events_from: str
    """lookup, s3, athena, lake or a folder."""


def build_report(evidence: Evidence, frameworks: Sequence[FrameworkMapping]) -> Report:
    """Return the report about one collection."""
    scope, baseline, facts = evidence.scope, evidence.baseline, evidence.facts
    findings = run_checks(CHECKS, facts, Criteria(scope, baseline))
    tests = conclude_tests(CHECKS, findings, frameworks)
    read = source_results(facts)
    sent = sorted(call.requested_at for call in evidence.calls if call.requested_at)
    use = _use(evidence)
    reconciled = reconcile(facts, scope)
    return Report(
        title=TITLE,
        tool=evidence.tool,
        scope=scope,
        snapshot_sha256=evidence.snapshot_sha256,
        alias=_alias(facts),
        collected_by=_collected_by(facts),
        collected_from=_to_second(sent[0]) if sent else "",
        collected_to=_to_second(sent[-1]) if sent else "",
        completeness=_overall(read),
        clock_skew_seconds=_clock_skew(evidence.calls),
        frameworks=declared_frameworks(frameworks, baseline),
        tests=tests,
        controls=conclude_controls(tests, frameworks, baseline),
        sources=read,
        evidence=evidence.calls,
        facts=facts_at_a_glance(facts, baseline),
        limits=limits(facts, scope, events_from=evidence.events_from),
        access=_access(facts),
        principals=use.principals,
        usage=use.requests,
        errors=use.failures,
        changes=use.changes,
        rotation=_rotation(evidence),
        cost=_cost(evidence),
        budget_usd=baseline.monthly_budget_usd,
        reconciliations=reconciled,
        integrity=_integrity(facts),
        tables=(*tables(facts), reconciliation_table(reconciled)),
    )


def source_results(facts: Mapping[str, Fact[Any]]) -> tuple[SourceResult, ...]:
    """Return the completeness table: one row a source, those that were not read included.

    A source that this way of collecting does not ask for has no row.
    """
    every = ((source, facts.get(source.name)) for source in sources.ALL)
    return tuple(_source_result(source, fact) for source, fact in every if was_asked(source, fact))


def _source_result(source: Source[Any], fact: Fact[Any] | None) -> SourceResult:
    if not isinstance(fact, Have):
        missing = fact or Missing(source.name, "not collected")
        reason = f"{missing.operation}: {missing.reason}"
        reasons = (f"{reason}. {missing.message}" if missing.message else reason,)
        asked = "-"
        return SourceResult(
            source.name, source.title, Completeness.NOT_COLLECTED, asked, "-", None, reasons, (), missing.proof
        )
    coverage = fact.coverage
    return SourceResult(
        name=source.name,
        title=source.title,
        completeness=coverage.completeness,
        asked=coverage.asked,
        covered=coverage.covered,
        records=coverage.records,
        reasons=coverage.gaps,
        remarks=coverage.remarks,
        evidence=fact.proof,
    )


def _overall(results: Sequence[SourceResult]) -> Completeness:
    if all(result.completeness is Completeness.NOT_COLLECTED for result in results):
        return Completeness.NOT_COLLECTED
    if all(result.completeness is Completeness.COMPLETE for result in results):
        return Completeness.COMPLETE
    return Completeness.PARTIAL


def _alias(facts: Mapping[str, Fact[Any]]) -> str:
    fact = facts.get(sources.ALIASES.name)
    return ", ".join(sorted(fact.value["alias_name"].dropna())) if isinstance(fact, Have) else ""


def _collected_by(facts: Mapping[str, Fact[Any]]) -> str:
    fact = facts.get(sources.CALLER.name)
    return fact.value.arn if isinstance(fact, Have) else ""


def _to_second(moment: str) -> str:
    return f"{moment[:19]}Z"


def _clock_skew(calls: Sequence[ApiCall]) -> int | None:
    """Return our clock minus AWS's in seconds, the largest seen: evidence is dated by a clock that can be wrong."""
    skews = []
    for call in calls:
        try:
            server = parsedate_to_datetime(call.server_date)
        except ValueError:
            continue
        skews.append(round((datetime.fromisoformat(call.requested_at) - server).total_seconds()))
    return max(skews, key=abs, default=None)


def _access(facts: Mapping[str, Fact[Any]]) -> tuple[AccessRow, ...] | None:
    fact = facts.get(sources.KEY_POLICY.name)
    if not isinstance(fact, Have):
        return None
    try:
        policy = parse_policy(fact.value.text)
    except PolicySyntaxError:
        return None  # key-policy-readable says why
    return tuple(
        AccessRow(row.sid, row.effect, row.principal, ", ".join(row.actions), row.condition_text)
        for row in access_rows(policy)
    )


def _integrity(facts: Mapping[str, Fact[Any]]) -> TrailIntegrity | None:
    fact = facts.get(sources.TRAIL_INTEGRITY.name)
    return fact.value if isinstance(fact, Have) else None


@dataclass(frozen=True, slots=True)
class _Use:
    requests: DailySeries | None = None
    failures: DailySeries | None = None
    principals: tuple[PrincipalUse, ...] | None = None
    changes: tuple[ChangeEvent, ...] | None = None


def _use(evidence: Evidence) -> _Use:
    fact = evidence.facts.get(sources.EVENTS.name)
    if not isinstance(fact, Have):
        return _Use()
    events, read = fact.value, fact.coverage.period
    return _Use(
        requests=usage.requests_a_day(events, evidence.scope, read),
        failures=usage.failures_a_day(events, evidence.scope, read),
        principals=usage.principal_uses(events, evidence.baseline),
        changes=usage.changes(events),
    )


def _rotation(evidence: Evidence) -> RotationTimeline | None:
    key, rotations = (evidence.facts.get(s.name) for s in (sources.KEY, sources.ROTATIONS))
    if not isinstance(key, Have) or not isinstance(rotations, Have):
        return None
    setting = evidence.facts.get(sources.ROTATION.name)
    limit = evidence.baseline.cryptoperiod_days
    materials = key_materials(key.value, rotations.value, evidence.scope.as_of, limit)
    next_at = setting.value.next_at if isinstance(setting, Have) else None
    return RotationTimeline(limit, next_at, materials)


def _cost(evidence: Evidence) -> tuple[MonthCost, ...] | None:
    cost, key, rotations = (evidence.facts.get(s.name) for s in (sources.COST, sources.KEY, sources.ROTATIONS))
    if not isinstance(cost, Have):
        return None
    rotated = (
        [rotation.at for rotation in listed_rotations(rotations.value, evidence.scope.as_of)]
        if isinstance(rotations, Have)
        else None
    )
    return cost_model.month_costs(cost.value, key.value if isinstance(key, Have) else None, rotated)
