"""Check cost-as-modelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from fluo_audit.evaluate.cost_model import (
    REQUESTS,
    STORAGE,
    is_final,
    month_costs,
    request_charge,
    requests_by_month,
    spent_on,
)
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.rotation_history import listed_rotations
from fluo_audit.evaluate.wording import count, dollars
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, passed
from fluo_audit.model.report import MonthCost
from fluo_audit.model.sources import COST, KEY, ROTATIONS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

TOLERANCE = Decimal("0.10")
"""Dollars a month by which bill and model may differ: rounding, and hours that AWS bills on the next day."""


@dataclass(frozen=True, slots=True)
class _Month:
    """One month of the bill, split at what the model of the key explains."""

    name: str
    storage: Decimal
    modelled: Decimal
    requests: Decimal
    least: Decimal
    most: Decimal

    @classmethod
    def of(cls, cost: MonthCost, requests: Decimal | None) -> Self | None:
        if cost.modelled is None or requests is None:
            return None
        least, most = request_charge(requests)
        return cls(cost.month, spent_on(cost, STORAGE), cost.modelled, spent_on(cost, REQUESTS), least, most)

    @property
    def rest(self) -> Decimal:
        """Return the storage charge beyond this key: other keys of the account."""
        return self.storage - self.modelled


@check(
    "cost-as-modelled",
    "The KMS bill moves as the key's price and its rotations say",
    group="CST",
    severity=Severity.LOW,
    reads=(COST, KEY, ROTATIONS),
)
def cost_as_modelled(cost: Frame, key: KeyMetadata, rotations: Frame, criteria: Criteria) -> Verdict:
    """Compare the KMS bill of each complete month with the price of the key, its rotations and its requests.

    Why: the price of the key changes in known steps, $1 a month and $1 more after each of its first two rotations. A
        bill that grows beyond them means keys or calls that nobody planned.
    Passes when: in every complete month the storage charge covers the modelled cost of the key and its replicas; what
        it has beyond that, which is other keys of the account, does not grow from one month to the next; and requests
        cost no more than their number at list price. Differences up to $0.10 a month are tolerated. A month is complete
        when each of its days was collected and none is estimated. A rest that stays the same is reported, not judged:
        the bill of an account does not tell its keys apart.
    Fails when: the rest grows, or requests cost more than list price: the organisation has to name the key, rotation or
        price behind it. A charge below the model is not assessed: credits, another paying account, or replicas made
        later; then the bill is not evidence about this key.
    Fix: aws ce get-cost-and-usage --time-period Start=FIRST,End=LAST --granularity DAILY --metrics UnblendedCost
        --filter '{"Dimensions":{"Key":"SERVICE","Values":["AWS Key Management Service"]}}' --group-by
        Type=DIMENSION,Key=USAGE_TYPE shows the day and Region of a step; aws kms list-keys there shows the keys.
    Still by hand: which other keys the account holds, and who ordered them.
    Peers: Infracost prices a planned key at $1, without rotation and requests; none reads the bill.
    """
    rotated = [each.at for each in listed_rotations(rotations, criteria.scope.as_of)]
    every = month_costs(cost, key, rotated)
    requests = requests_by_month(cost)
    final = [_Month.of(each, requests.get(each.month, Decimal(0))) for each in every if is_final(each)]
    judged = [each for each in final if each]
    population = f"{len(judged)} of {count(len(every), 'month')}"
    if not judged:
        return Verdict(Result.NOT_ASSESSED, "no complete month that can be modelled", population=population)
    observations = (*_growth(judged), *_overpriced(judged))
    seen = _seen(judged)
    if observations:
        return failed(f"{seen}; {count(len(observations), 'charge')} to explain", *observations, population=population)
    if short := [each.name for each in judged if each.rest < -TOLERANCE]:
        return Verdict(Result.NOT_ASSESSED, f"{seen}; below the model in {', '.join(short)}", population=population)
    return passed(seen, population=population)


def _growth(months: Sequence[_Month]) -> Iterator[Observation]:
    for before, after in pairwise(months):
        # Below the model there is no rest that could grow.
        grown = after.rest - max(before.rest, Decimal(0))
        if grown > TOLERANCE:
            yield Observation(
                f"storage beyond this key grew by {dollars(grown)} to {dollars(after.rest)} since {before.name}: "
                "a further key, or a rotation of another key",
                after.name,
            )


def _overpriced(months: Sequence[_Month]) -> Iterator[Observation]:
    for each in months:
        if each.requests > each.most + TOLERANCE:
            yield Observation(
                f"requests cost {dollars(each.requests)}, at list price at most {dollars(each.most)}", each.name
            )


def _seen(months: Sequence[_Month]) -> str:
    last = months[-1]
    rest = f", {dollars(last.rest)} of other keys in the account" if last.rest > TOLERANCE else ""
    return (
        f"{last.name}: storage {dollars(last.storage)}, {dollars(last.modelled)} modelled for this key{rest}; requests "
        f"{dollars(last.requests)}, {dollars(last.least)} to {dollars(last.most)} modelled"
    )
