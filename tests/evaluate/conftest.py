"""Facts as plain rows: a case table says only what matters, `judge` fills in the rest and runs the check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from fluo_audit.evaluate.registry import Check, run_check
from fluo_audit.model.baseline import Baseline, Criteria
from fluo_audit.model.evidence import Coverage, Fact, Have, Missing, Source
from fluo_audit.model.facts import Caller, KeyMetadata, KeyPolicy, RotationStatus
from fluo_audit.model.finding import Finding
from fluo_audit.model.scope import Period, Scope
from fluo_audit.model.sources import EVENTS

ACCOUNT, REGION = "111122223333", "us-east-1"
KEY_ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

DTYPES = {"time": "datetime64[us, UTC]", "text": "string", "json": "string", "int": "Int64", "bool": "boolean"}

KEY = {
    "key_id": KEY_ARN.rpartition("/")[2],
    "arn": KEY_ARN,
    "account": ACCOUNT,
    "state": "Enabled",
    "manager": "CUSTOMER",
    "origin": "AWS_KMS",
    "spec": "SYMMETRIC_DEFAULT",
    "usage": "ENCRYPT_DECRYPT",
    "description": "",
    "multi_region": False,
    "multi_region_type": "",
    "replica_regions": (),
    "created_at": datetime(2026, 1, 10, 9, 30, tzinfo=UTC),
    "deletion_at": None,
    "valid_to": None,
    "current_material_id": "m1",
}
ROTATION = {"enabled": True, "period_days": 90, "next_at": None, "on_demand_started_at": None}

SINGLE = {
    "key": lambda given: KeyMetadata(**{**KEY, **given}),
    "rotation": lambda given: RotationStatus(**{**ROTATION, **given}),
    "key_policy": lambda given: KeyPolicy(**given),
    "caller": lambda given: Caller(**{"account": ACCOUNT, "user_id": "", **given}),
    "trail_integrity": lambda given: given,
}


def moment(text: str) -> datetime:
    """Read 2026-01-31 or 2026-01-31T10:00 as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of EVENTS as single calls, unless a row says that it stands for more."""
    return [{"calls": 1, "last_time": row.get("event_time"), **row} for row in rows]


def frame_of(source: Source[Any], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a frame with the columns and dtypes of the source; what a row does not name is missing."""
    assert source.columns is not None
    unknown = {name for row in rows for name in row} - set(source.columns)
    assert not unknown, f"{source.name} has no columns {sorted(unknown)}"
    return pd.DataFrame({name: _series([row.get(name) for row in rows], kind) for name, kind in source.columns.items()})


def _series(values: list[Any], kind: str) -> pd.Series:
    if kind == "time":
        values = [moment(value) if isinstance(value, str) else value for value in values]
    if kind == "date":
        values = [date.fromisoformat(value) if isinstance(value, str) else value for value in values]
    if kind == "money":
        values = [None if value is None else Decimal(value) for value in values]
    return pd.Series(values, dtype=DTYPES.get(kind, "object"))


def fact_of(source: Source[Any], given: Any, *gaps: str) -> Fact[Any]:
    """Return a read fact: rows make a frame, a mapping overrides the defaults of a single value."""
    if isinstance(given, Missing):
        return given
    if source is EVENTS:
        given = event_rows(given)
    value = SINGLE[source.name](given) if source.columns is None else frame_of(source, given)
    records = 1 if source.columns is None else len(given)
    return Have(value, (f"E-{source.name}",), Coverage("everything", "everything", records, gaps))


def criteria_of(
    *, as_of: str = "2026-07-02T12:00", period: tuple[str, str] = ("2026-01-01", "2026-07-01"), **baseline: Any
) -> Criteria:
    """Return criteria over the first half of 2026, with the baseline's defaults unless said otherwise."""
    whole = Period.of_days(date.fromisoformat(period[0]), date.fromisoformat(period[1]))
    return Criteria(Scope(ACCOUNT, REGION, KEY_ARN, whole, moment(as_of)), Baseline(**baseline))


@pytest.fixture
def criteria() -> Callable[..., Criteria]:
    """Build criteria."""
    return criteria_of


@pytest.fixture
def frame() -> Callable[..., pd.DataFrame]:
    """Build the frame of a source from rows."""
    return frame_of


@pytest.fixture
def key() -> Callable[..., KeyMetadata]:
    """Build key metadata from the fields that matter."""
    return lambda **given: SINGLE["key"](given)


@pytest.fixture
def judge() -> Callable[..., Finding]:
    """Run a check on facts in the order of its `reads`: rows for a frame, a mapping for a single value, or Missing.

    `partial` names sources that were read in part. Other keywords go to `criteria_of`.
    """

    def run(check: Check, *facts: Any, partial: Sequence[str] = (), **settings: Any) -> Finding:
        pairs = zip(check.reads, facts, strict=True)
        read = {s.name: fact_of(s, given, *(["a gap"] if s.name in partial else [])) for s, given in pairs}
        return run_check(check, read, criteria_of(**settings))

    return run


@pytest.fixture
def confirm(judge: Callable[..., Finding]) -> Callable[..., None]:
    """Run a case of a table: facts, settings, expected result, and texts that must appear in what the finding says."""

    def run(check: Check, facts: Sequence[Any], settings: Mapping[str, Any], result: str, *texts: str) -> None:
        finding = judge(check, *facts, **settings)
        said = [finding.seen, finding.population]
        said += [f"{each.at} {each.fact} by {each.by} ref {each.ref}" for each in finding.observations]
        assert (finding.result.value, finding.seen) == (result, finding.seen)
        for text in texts:
            assert any(text in line for line in said), f"{text!r} is not in {said}"

    return run
