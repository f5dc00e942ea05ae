"""Facts for a comparison: a case says only what matters of the events and of the other source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from fluo_audit.evaluate.reconciliation.comparison import Comparison
from fluo_audit.model.evidence import Coverage, Fact, Have, Missing, Source
from fluo_audit.model.facts import KeyMetadata, LastUsage
from fluo_audit.model.report import Reconciliation
from fluo_audit.model.scope import Period
from fluo_audit.model.sources import EVENT_HISTORY, EVENT_IDS, EVENTS, KEY, LAST_USAGE

HERE = {"region": "us-east-1", "recipient_account": "111122223333"}
CALL = {
    **HERE,
    "event_name": "Decrypt",
    "event_type": "AwsApiCall",
    "issuer_arn": "arn:aws:iam::111122223333:role/backend",
    "calls": 1,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    EVENTS.name: CALL,
    EVENT_IDS.name: {**HERE, "event_name": "Decrypt"},
    EVENT_HISTORY.name: {"event_name": "Decrypt", "event_source": "kms.amazonaws.com"},
}
PERIOD = ("2026-03-01", "2026-03-11")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def period(text: tuple[str, str]) -> Period:
    return Period(*map(moment, text))


@pytest.fixture
def reconcile(frame, criteria, key) -> Callable[..., Reconciliation]:
    """Run a comparison over rows by source name; the events cover ten days of March 2026 unless said otherwise.

    `covered` gives the time of a source, `partial` names sources with a gap. Missing stands for itself.
    """

    def value(source: Source[Any], given: Any) -> KeyMetadata | LastUsage | Any:
        if source == KEY:
            return key(**given)
        if source == LAST_USAGE:
            times = {name: moment(given[name]) if given.get(name) else None for name in ("used_at", "tracking_since")}
            return LastUsage(given.get("operation", "Decrypt"), event_id=given.get("event_id", ""), **times)
        rows = [{**DEFAULTS.get(source.name, {}), **row} for row in given]
        if source == EVENTS:
            rows = [{"last_time": row.get("event_time"), **row} for row in rows]
        return frame(source, rows)

    def run(
        comparison: Comparison,
        given: Mapping[str, Any],
        *,
        covered: Mapping[str, tuple[str, str] | None] | None = None,
        partial: Sequence[str] = (),
        as_of: str = "2026-03-11T06:00",
        audited: tuple[str, str] = PERIOD,
    ) -> Reconciliation:
        facts: dict[str, Fact[Any]] = {}
        for source in (*comparison.needs, *comparison.may_use):
            if source.name not in given:
                continue
            if isinstance(given[source.name], Missing):
                facts[source.name] = given[source.name]
                continue
            time = (covered or {}).get(source.name, PERIOD)
            coverage = Coverage(
                "all", "all", 1, ("a gap",) if source.name in partial else (), period=period(time) if time else None
            )
            facts[source.name] = Have(value(source, given[source.name]), (f"E-{source.name}",), coverage)
        return comparison.run(facts, criteria(as_of=as_of, period=audited).scope)

    return run


@pytest.fixture
def confirm_row(reconcile) -> Callable[..., Reconciliation]:
    """Run a case of a table: outcome, the two counts and the difference, and texts of the explanation or flags."""

    def run(
        comparison: Comparison,
        given: Mapping[str, Any],
        settings: Mapping[str, Any],
        expected: tuple[Any, ...],
        *texts: str,
    ) -> Reconciliation:
        row = reconcile(comparison, given, **settings)
        assert (row.outcome.value, row.left, row.right, row.difference) == expected, row.explanation
        said = [row.explanation, row.what, *(f"{o.at} {o.fact} ref {o.ref}" for o in row.flagged)]
        for text in texts:
            assert any(text in line for line in said), f"{text!r} is not in {said}"
        assert bool(row.flagged) == (row.outcome.value == "differs" and not comparison.judged_by)
        return row

    return run
