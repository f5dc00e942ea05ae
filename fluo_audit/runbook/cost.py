"""Why does KMS cost so much? Cache hit rate, requests, operations, this key and the account's other keys tell."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fluo_audit.evaluate.checks.cost_as_modelled import TOLERANCE, cost_as_modelled
from fluo_audit.evaluate.checks.cost_within_budget import cost_within_budget
from fluo_audit.evaluate.cost_model import (
    FREE_REQUESTS,
    REQUESTS,
    ROTATIONS_CHARGED,
    STORAGE,
    is_final,
    month_costs,
    request_charge,
    requests_by_month,
    spent_on,
)
from fluo_audit.evaluate.registry import run_check
from fluo_audit.evaluate.rotation_history import listed_rotations
from fluo_audit.evaluate.rows import rows
from fluo_audit.evaluate.wording import count, dollars
from fluo_audit.model import sources
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import Fact, Have, Missing, Source
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Finding, Result
from fluo_audit.model.report import MonthCost
from fluo_audit.runbook.answers import Status, Unread
from fluo_audit.runbook.rules import Facts
from fluo_audit.runbook.step import Diagnosis, Step, beside, good, judged, unread, wrong

TOPIC = "cost"
READS: tuple[Source[Any], ...] = (sources.KEY, sources.ROTATIONS, sources.METRICS, sources.COST)
LOOK_BACK = timedelta(days=30)
"""Over which calls are counted by operation."""
GOOD_HIT_RATE = 0.8
CACHE_FIX = (
    "set kms.cache.private-key-ttl-minutes=120, kms.cache.public-key-ttl-hours=48 and kms.cache.max-size=5000 "
    "in application.properties"
)


def diagnose_cost(facts: Facts, criteria: Criteria, status: Status | Unread | None = None) -> Diagnosis:
    """Return what the KMS bill is made of, and what makes it high. `status` is the backend's, None if not asked."""
    bill, key, rotations = (facts[s.name] for s in (sources.COST, sources.KEY, sources.ROTATIONS))
    cache, operations = _cache(status), _operations(facts)
    if isinstance(bill, Missing):
        return Diagnosis(TOPIC, "What KMS costs could not be read.", (cache, unread("bill", bill), operations))
    rotated = (
        [each.at for each in listed_rotations(rotations.value, criteria.scope.as_of)]
        if isinstance(rotations, Have)
        else None
    )
    every = month_costs(bill.value, key.value if isinstance(key, Have) else None, rotated)
    months = [each for each in every if is_final(each)] or list(every)
    if not months:
        return Diagnosis(TOPIC, "Nothing was billed for KMS yet.", (cache, beside("bill", "empty"), operations))
    last = months[-1]
    within = run_check(cost_within_budget, facts, criteria)
    steps = (
        cache,
        _requests(last, requests_by_month(bill.value).get(last.month, Decimal(0)), within),
        operations,
        _this_key(last, key, rotated),
        _other_keys(last, run_check(cost_as_modelled, facts, criteria)),
        _budget(within),
    )
    return Diagnosis(TOPIC, _sentence(last, criteria), steps)


def _sentence(month: MonthCost, criteria: Criteria) -> str:
    budget = criteria.baseline.monthly_budget_usd
    agreed = f", budget {dollars(budget)}" if budget is not None else ""
    so_far = "" if is_final(month) else f" in {count(month.days_collected, 'day')} so far"
    return f"KMS cost {dollars(month.total)} in {month.month}{so_far}{agreed}."


def _cache(status: Status | Unread | None) -> Step:
    name = "cache hit rate"
    if status is None:
        return beside(name, "not asked: --backend-url names the backend")
    if isinstance(status, Unread):
        return unread(name, status.reason)
    size = "" if status.cache_size is None else f", {count(status.cache_size, 'key')} in the cache"
    if status.hit_rate is None:
        return beside(name, f"the backend does not tell it{size}; /q/metrics counts kms_cache_hit and kms_cache_miss")
    said = f"{status.hit_rate:.0%}{size}"
    return good(name, said) if status.hit_rate >= GOOD_HIT_RATE else wrong(name, f"{said}: below 80%", CACHE_FIX)


def _requests(month: MonthCost, requests: Decimal | None, within: Finding) -> Step:
    """Requests are the cause when they cost more than all keys do, or beyond a budget more than half of that."""
    name, charge = "requests", spent_on(month, REQUESTS)
    if requests is None:
        return unread(name, f"{dollars(charge)} in {month.month}; how many, AWS does not say")
    least, most = request_charge(requests)
    said = (
        f"{count(int(requests), 'request')} in {month.month}, {dollars(charge)}; at list price {dollars(least)} to "
        f"{dollars(most)}, the first {FREE_REQUESTS:,} of a payer are free"
    )
    storage = spent_on(month, STORAGE)
    if charge > max(storage, TOLERANCE) or (within.result is Result.FAIL and charge > storage / 2):
        return wrong(name, said, CACHE_FIX)
    return good(name, said)


def _operations(facts: Facts) -> Step:
    name, fact = "calls by operation", facts[sources.METRICS.name]
    if isinstance(fact, Missing):
        return unread(name, fact)
    counted: Counter[str] = Counter()
    for row in rows(fact.value):
        operation = json.loads(row["dimensions"] or "{}").get("Operation")
        if operation:
            counted[operation] += int(row["value"])
    if not counted:
        return beside(name, "CloudWatch counts none of this key; the report counts them from CloudTrail")
    listed = ", ".join(f"{operation} {number:,}" for operation, number in counted.most_common(8))
    return good(name, f"{listed} in {LOOK_BACK.days} days")


def _this_key(month: MonthCost, key: Fact[KeyMetadata], rotated: Sequence[datetime] | None) -> Step:
    name = "this key"
    if isinstance(key, Missing):
        return unread(name, key)
    if month.modelled is None or rotated is None:
        return unread(name, "its price cannot be modelled: rotations, creation date or manager were not read")
    replicas = len(key.value.replica_regions)
    charged = min(len(rotated), ROTATIONS_CHARGED)
    copies = f", times {1 + replicas} with its {count(replicas, 'replica')}" if replicas else ""
    return good(name, f"{dollars(month.modelled)} in {month.month}: $1 and {charged} of its rotations at $1{copies}")


def _other_keys(month: MonthCost, modelled: Finding) -> Step:
    name = "other keys"
    if month.modelled is None:
        return judged(name, modelled)
    rest = spent_on(month, STORAGE) - month.modelled
    said = f"{dollars(max(rest, Decimal(0)))} beyond this key in {month.month}"
    if modelled.result is Result.FAIL:
        return wrong(name, f"{said}; {modelled.observations[0].fact}", "aws kms list-keys")
    if rest > TOLERANCE:
        return good(name, f"{said}, and not growing: the bill is the account's")
    return good(name, said)


def _budget(within: Finding) -> Step:
    if within.result is Result.NOT_ASSESSED and not within.missing and not within.gaps:
        return beside("budget", within.seen)
    return judged("budget", within, "set monthly_budget_usd under [baseline] in fluo-audit.toml if this spend is meant")
