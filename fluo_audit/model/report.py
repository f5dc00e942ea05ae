"""The report: everything a page, a JSON file or a table says, as plain values.

Renderers turn it into bytes and compute nothing: no clock, no frame, no AWS. The JSON form of it is versioned
on its own (`fluo_audit.render.json_v1`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from fluo_audit.model.evidence import ApiCall, Completeness
from fluo_audit.model.finding import Conclusion, Observation, Severity
from fluo_audit.model.integrity import TrailIntegrity
from fluo_audit.model.scope import Scope

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework in the edition that the mapping speaks about."""

    id: str
    name: str
    version: str
    source: str
    applies: bool | None
    """As declared; None when nobody declared it."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A line of a mapping: the control a test speaks to, how far, and why."""

    framework: str
    control: str
    was: str
    """The number of the same requirement in the edition before; empty if unchanged."""
    strength: str
    """"supports" or "partially supports"."""
    because: str
    source: str


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: what was expected, what was seen, which stored answers show it."""

    __test__ = False  # pytest collects classes by this name

    id: str
    """T01, T02, ...: the place in this report; `check_id` is stable across reports."""
    check_id: str
    title: str
    severity: Severity
    conclusion: Conclusion
    why: str
    expected: str
    seen: str
    population: str
    observations: tuple[Observation, ...]
    fix: str
    """What to do about an exception."""
    next_step: str
    """What to do now: the fix, the permission to grant, the declaration to make; empty when nothing is."""
    manual: str
    """What an auditor must still do by hand."""
    requirements: tuple[Requirement, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ControlResult:
    """One control of one framework: the conclusion over the tests mapped to it."""

    framework: str
    id: str
    was: str
    title: str
    conclusion: Conclusion
    reason: str
    tests: tuple[str, ...]
    """Ids of the tests (T01, ...)."""
    manual: str
    """What the auditor must still obtain."""
    seed_claim: str = ""
    """What the documentation of the FLUO module says about this control, where it is wrong."""
    correction: str = ""
    """What is wrong with it."""


@dataclass(frozen=True, slots=True)
class SourceResult:
    """One row of the completeness table."""

    name: str
    title: str
    completeness: Completeness
    asked: str
    covered: str
    records: int | None
    """None when nothing was collected: never 0."""
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]
    evidence: tuple[str, ...]


class Outcome(StrEnum):
    """What came of comparing two counts of the same thing."""

    AGREES = "agrees"
    EXPLAINED = "explained"
    """They differ, and every difference has a known cause."""
    DIFFERS = "differs"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Two independent sources that count the same thing, side by side."""

    name: str
    """Stable, such as "events-metrics"."""
    what: str
    """What both count, and over which time."""
    left_name: str
    left: int | None
    """None when it was not counted: never 0."""
    right_name: str
    right: int | None
    difference: int | None
    """Records or calls that one has and the other has not. Of two that each lack others, both are in it."""
    outcome: Outcome
    explanation: str
    """Why they differ, how far they can be held together, or why they were not compared."""
    evidence: tuple[str, ...]
    flagged: tuple[Observation, ...] = ()
    """What has no explanation: one line a record or day."""


@dataclass(frozen=True, slots=True)
class DailySeries:
    """Counts per UTC day and name. A day that was not collected has None, never 0."""

    days: tuple[date, ...]
    counts: tuple[tuple[str, tuple[int | None, ...]], ...]
    """(name, one count a day); names in descending order of their total."""


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """One version of the key material: a bar of the rotation timeline."""

    label: str
    """v1, v2, ..."""
    since: datetime
    until: datetime | None
    """None for the material in use."""
    days: int
    days_late: int
    """Days past the cryptoperiod at which it was replaced, or is still in use."""
    kind: str
    """created, automatic or on demand."""
    material_id: str


@dataclass(frozen=True, slots=True)
class RotationTimeline:
    """Key materials in order, and the limit they are held against."""

    limit_days: int
    next_at: datetime | None
    materials: tuple[KeyMaterial, ...]


@dataclass(frozen=True, slots=True)
class MonthCost:
    """KMS cost of one month in US dollars; `modelled` is what the rotations so far should cost."""

    month: str
    """YYYY-MM."""
    by_usage_type: tuple[tuple[str, Decimal], ...]
    total: Decimal
    modelled: Decimal | None
    days_collected: int
    days_in_month: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class AccessRow:
    """A key policy statement as principal x action x condition."""

    statement: str
    effect: str
    principals: str
    actions: str
    condition: str


@dataclass(frozen=True, slots=True)
class PrincipalUse:
    """What one principal did with the key in the collected part of the period."""

    principal: str
    expected: bool | None
    operations: str
    calls: int
    denied: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """An administrative event on the key, with an empty ticket column for the auditor."""

    at: datetime
    operation: str
    by: str
    source_ip: str
    outcome: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Table:
    """A collected frame as plain rows, for CSV and JSONL. Times are ISO 8601 texts in UTC, money is text."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the report says. Optional parts are None when their source was not collected."""

    title: str
    tool: str
    scope: Scope
    snapshot_sha256: str
    """SHA-256 of the snapshot's manifest: made before rendering, printed on the cover."""
    alias: str
    collected_by: str
    collected_from: str
    """UTC time of the first call."""
    collected_to: str
    completeness: Completeness
    clock_skew_seconds: int | None
    """Our clock minus AWS's, the largest seen; None when no answer carried a date."""
    frameworks: tuple[Framework, ...]
    tests: tuple[TestResult, ...]
    controls: tuple[ControlResult, ...]
    sources: tuple[SourceResult, ...]
    evidence: tuple[ApiCall, ...]
    facts: tuple[tuple[str, str], ...]
    """Facts at a glance: label and sentence."""
    limits: tuple[str, ...]
    access: tuple[AccessRow, ...] | None
    principals: tuple[PrincipalUse, ...] | None
    usage: DailySeries | None
    """Requests a day by operation."""
    errors: DailySeries | None
    """Failed requests a day by error code."""
    changes: tuple[ChangeEvent, ...] | None
    rotation: RotationTimeline | None
    cost: tuple[MonthCost, ...] | None
    budget_usd: Decimal | None
    reconciliations: tuple[Reconciliation, ...]
    integrity: TrailIntegrity | None
    """None when no log file was checked against digests."""
    tables: tuple[Table, ...]

    def counts(self) -> dict[Conclusion, int]:
        """Return how many tests ended in each conclusion, every conclusion included."""
        return {c: sum(t.conclusion is c for t in self.tests) for c in Conclusion}
