"""Facts at a glance: a sentence each, computed from the facts, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fluo_audit.evaluate import cost_model, key_events
from fluo_audit.evaluate.wording import count, day, dollars
from fluo_audit.model import sources
from fluo_audit.model.baseline import Baseline
from fluo_audit.model.evidence import Fact, Have, Missing, Source
from fluo_audit.model.facts import KeyMetadata, RotationStatus

Facts = Mapping[str, Fact[Any]]

_MANAGER = {"CUSTOMER": "customer managed", "AWS": "AWS managed"}


def facts_at_a_glance(facts: Facts, baseline: Baseline) -> tuple[tuple[str, str], ...]:
    """Return (label, sentence) in the order in which people ask."""
    return (
        ("Key", _say(facts, sources.KEY, _key)),
        ("Rotation", _say(facts, sources.ROTATION, _rotation)),
        ("Requests", _say(facts, sources.EVENTS, lambda events: _requests(events, facts))),
        ("Cost", _say(facts, sources.COST, lambda cost: _cost(cost, baseline))),
    )


def _say(facts: Facts, source: Source[Any], sentence: Callable[[Any], str]) -> str:
    fact = facts.get(source.name) or Missing(source.name, "not asked")
    return sentence(fact.value) if isinstance(fact, Have) else f"Not collected: {fact.operation}, {fact.reason}."


def _key(key: KeyMetadata) -> str:
    parts = [
        key.state or "State unknown",
        _MANAGER.get(key.manager, "manager unknown"),
        key.spec,
        f"origin {key.origin}",
    ]
    created = f" Created {day(key.created_at)}." if key.created_at else ""
    where = (
        {True: "multi-Region", False: "single Region"}.get(key.multi_region) if key.multi_region is not None else None
    )
    return ", ".join(part for part in [*parts, where] if part) + "." + created


def _rotation(rotation: RotationStatus) -> str:
    if not rotation.enabled:
        return "Off."
    period = f"every {count(rotation.period_days, 'day')}" if rotation.period_days else "period not stated"
    next_at = f", next due {day(rotation.next_at)}" if rotation.next_at else ""
    return f"On, {period}{next_at}."


def _requests(events: sources.Frame, facts: Facts) -> str:
    number, failed = key_events.number_of(events), key_events.number_of(events[~key_events.succeeded(events)])
    share = f" ({100 * failed / number:.2f}%)" if number else ""
    fact = facts[sources.EVENTS.name]
    read = f" Read: {fact.coverage.covered}." if isinstance(fact, Have) else ""
    return f"{count(number, 'event')} of the key, {failed:,} failed{share}.{read}"


def _cost(cost: sources.Frame, baseline: Baseline) -> str:
    months = cost_model.month_costs(cost, None, None)
    final = [month for month in months if cost_model.is_final(month)]
    said = []
    if final:
        said.append(f"{dollars(final[-1].total)} in {final[-1].month}, the last whole month")
    if months and months[-1] not in final:
        said.append(f"{dollars(months[-1].total)} in {months[-1].month} so far")
    budget = baseline.monthly_budget_usd
    said.append(f"budget {dollars(budget)} a month" if budget is not None else "no budget declared")
    return "; ".join(said).capitalize() + "."
