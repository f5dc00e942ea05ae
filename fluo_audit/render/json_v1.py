"""The report as JSON, version 1: the form that other programs read. Its schema is evidence.schema.json, beside it.

The fields are listed here one by one, so that a change of an internal type cannot change the interface unseen.
Money is text, times are UTC text that ends in Z, and there are no floating-point numbers. What was not collected is
null, never 0. Rows of collected tables are not repeated here: they are in the CSV and JSONL files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any, TypeAlias

from fluo_audit.model.evidence import ApiCall
from fluo_audit.model.finding import Observation
from fluo_audit.model.integrity import IntegrityCounts, IntegrityGap, RegionIntegrity, TrailIntegrity
from fluo_audit.model.report import (
    ControlResult,
    DailySeries,
    Framework,
    KeyMaterial,
    MonthCost,
    Reconciliation,
    Report,
    SourceResult,
    TestResult,
)
from fluo_audit.model.scope import Period, Scope
from fluo_audit.render.wording import utc

SCHEMA = "fluo-audit/evidence/v1"
Json: TypeAlias = dict[str, Any]


def render_json(report: Report) -> bytes:
    """Return the report as JSON with sorted keys. ASCII only, so that no terminal acts on a text from AWS."""
    text = json.dumps(_report(report), sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False)
    return f"{text}\n".encode("ascii")


def schema() -> bytes:
    """Return the JSON Schema (2020-12) that every result of `render_json` meets."""
    return files("fluo_audit.render").joinpath("evidence.schema.json").read_bytes()


def _report(report: Report) -> Json:
    return {
        "schema": SCHEMA,
        "title": report.title,
        "tool": report.tool,
        "scope": _scope(report.scope, report.alias),
        "collected": {
            "by": report.collected_by,
            "from": report.collected_from,
            "to": report.collected_to,
            "clock_skew_seconds": report.clock_skew_seconds,
        },
        "snapshot_sha256": report.snapshot_sha256,
        "completeness": report.completeness.value,
        "counts": {conclusion.value: n for conclusion, n in report.counts().items()},
        "frameworks": [_framework(f) for f in report.frameworks],
        "tests": [_test(t) for t in report.tests],
        "controls": [_control(c) for c in report.controls],
        "sources": [_source(s) for s in report.sources],
        "evidence": [_call(c) for c in report.evidence],
        "facts": [{"label": label, "text": text} for label, text in report.facts],
        "limits": list(report.limits),
        "budget_usd": _money(report.budget_usd),
        "reconciliation": [_reconciliation(r) for r in report.reconciliations],
        "tables": [
            {"name": t.name, "title": t.title, "columns": list(t.columns), "rows": len(t.rows)} for t in report.tables
        ],
        **_parts(report),
    }


def _parts(report: Report) -> Json:
    """Return the parts of which each is null when it was not collected."""
    rotation = report.rotation
    return {
        "access": None if report.access is None else [_named(a, _ACCESS) for a in report.access],
        "principals": None
        if report.principals is None
        else [
            _named(p, _PRINCIPAL) | {"first_at": utc(p.first_at), "last_at": utc(p.last_at)} for p in report.principals
        ],
        "usage": _series(report.usage),
        "errors": _series(report.errors),
        "changes": None if report.changes is None else [_named(c, _CHANGE) | {"at": utc(c.at)} for c in report.changes],
        "rotation": None
        if rotation is None
        else {
            "limit_days": rotation.limit_days,
            "next_at": _time(rotation.next_at),
            "materials": [_material(m) for m in rotation.materials],
        },
        "cost": None if report.cost is None else [_month(m) for m in report.cost],
        "trail_integrity": None if report.integrity is None else integrity_document(report.integrity),
    }


_ACCESS = ("statement", "effect", "principals", "actions", "condition")
_PRINCIPAL = ("principal", "expected", "operations", "calls", "denied")
_CHANGE = ("operation", "by", "source_ip", "outcome", "event_id")
_MATERIAL = ("label", "days", "days_late", "kind", "material_id")
_FRAMEWORK = ("id", "name", "version", "source", "applies")
_REQUIREMENT = ("framework", "control", "was", "strength", "because", "source")
_OBSERVATION = ("fact", "at", "by", "ref")
_CONTROL = ("framework", "id", "was", "title", "reason", "manual", "seed_claim", "correction")
_SOURCE = ("name", "title", "asked", "covered", "records")
_TEST = ("id", "check_id", "title", "why", "expected", "seen", "population", "fix", "next_step", "manual")
_RECONCILIATION = ("name", "what", "left_name", "left", "right_name", "right", "difference", "explanation")
_COUNTS = (
    "digests_found",
    "digests_valid",
    "digests_invalid",
    "digests_unread",
    "digests_missing",
    "logs_vouched",
    "logs_found",
    "logs_valid",
    "logs_changed",
    "logs_missing",
    "logs_unread",
    "logs_unvouched",
    "logs_uncovered",
    "logs_of_others",
)
_PROBLEM = ("kind", "key", "detail", "is_failure")
_CALL = (
    "id",
    "page",
    "source",
    "service",
    "operation",
    "api_version",
    "region",
    "endpoint",
    "requested_at",
    "server_date",
    "request_id",
    "status",
    "error_code",
    "error_message",
    "attempts",
    "file",
    "size",
    "sha256",
)


def _named(value: object, fields: Sequence[str]) -> Json:
    return {name: getattr(value, name) for name in fields}


def _scope(scope: Scope, alias: str) -> Json:
    return {
        "account": scope.account,
        "partition": scope.partition,
        "region": scope.region,
        "key_arn": scope.key_arn,
        "alias": alias,
        "period": {
            "start": utc(scope.period.start),
            "end": utc(scope.period.end),
            "first_day": scope.period.days[0].isoformat(),
            "last_day": scope.period.last_day.isoformat(),
        },
        "as_of": utc(scope.as_of),
        "entity": scope.entity,
        "environment": scope.environment,
        "sample": scope.sample,
    }


def _framework(framework: Framework) -> Json:
    return _named(framework, _FRAMEWORK)


def _test(test: TestResult) -> Json:
    return _named(test, _TEST) | {
        "severity": test.severity.value,
        "conclusion": test.conclusion.value,
        "observations": [_observation(o) for o in test.observations],
        "requirements": [_named(r, _REQUIREMENT) for r in test.requirements],
        "evidence": list(test.evidence),
    }


def _observation(observation: Observation) -> Json:
    return _named(observation, _OBSERVATION)


def _control(control: ControlResult) -> Json:
    return _named(control, _CONTROL) | {"conclusion": control.conclusion.value, "tests": list(control.tests)}


def _source(source: SourceResult) -> Json:
    return _named(source, _SOURCE) | {
        "completeness": source.completeness.value,
        "reasons": list(source.reasons),
        "remarks": list(source.remarks),
        "evidence": list(source.evidence),
    }


def _reconciliation(found: Reconciliation) -> Json:
    return _named(found, _RECONCILIATION) | {
        "outcome": found.outcome.value,
        "flagged": [_observation(o) for o in found.flagged],
        "evidence": list(found.evidence),
    }


def integrity_document(integrity: TrailIntegrity) -> Json:
    """Return what validating a trail found: the part "trail_integrity" of the report."""
    return {
        "trail_arn": integrity.trail_arn,
        "bucket": integrity.bucket,
        "period": _period(integrity.period),
        "verdict": integrity.verdict.value,
        "counts": _counts(integrity.counts),
        "regions": [_region(r) for r in integrity.regions],
        "problems": [_named(p, _PROBLEM) for p in integrity.problems],
        "gaps": [_gap(g) for g in integrity.gaps],
        "remarks": list(integrity.remarks),
    }


def _region(region: RegionIntegrity) -> Json:
    return {
        "account": region.account,
        "region": region.region,
        "verdict": region.verdict.value,
        "counts": _counts(region.counts),
        "covered": [_period(p) for p in region.covered],
        "first_digest": region.first_digest,
    }


def _gap(gap: IntegrityGap) -> Json:
    return {"account": gap.account, "region": gap.region, "period": _period(gap.period), "cause": gap.cause}


def _counts(counts: IntegrityCounts) -> Json:
    return _named(counts, _COUNTS)


def _period(period: Period) -> Json:
    return {"start": utc(period.start), "end": utc(period.end)}


def _call(call: ApiCall) -> Json:
    return _named(call, _CALL) | {"parameters": _plain(call.parameters)}


def _series(series: DailySeries | None) -> Json | None:
    if series is None:
        return None
    return {
        "days": [d.isoformat() for d in series.days],
        "counts": [{"name": name, "per_day": list(counts)} for name, counts in series.counts],
    }


def _material(material: KeyMaterial) -> Json:
    return _named(material, _MATERIAL) | {"since": utc(material.since), "until": _time(material.until)}


def _month(month: MonthCost) -> Json:
    return {
        "month": month.month,
        "by_usage_type": [{"usage_type": t, "usd": _money(amount)} for t, amount in month.by_usage_type],
        "total_usd": _money(month.total),
        "modelled_usd": _money(month.modelled),
        "days_collected": month.days_collected,
        "days_in_month": month.days_in_month,
        "estimated": month.estimated,
    }


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else utc(moment)


def _plain(value: Any) -> Any:
    """Return a request parameter as JSON without floats; what JSON has no form for becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return utc(value)
    return value if value is None or isinstance(value, str | int) else str(value)
