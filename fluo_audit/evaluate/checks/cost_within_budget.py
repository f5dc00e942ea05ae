"""Check cost-within-budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.cost_model import is_final, month_costs
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count, dollars
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, passed, undeclared
from fluo_audit.model.sources import COST

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "cost-within-budget",
    "KMS spend stays within the agreed budget",
    group="CST",
    severity=Severity.LOW,
    reads=(COST,),
    one_is_enough=(COST,),
)
def cost_within_budget(cost: Frame, criteria: Criteria) -> Verdict:
    """Hold the KMS spend of each month against the declared budget.

    Why: KMS is cheap until something calls it in a loop. The bill shows that even when nobody reads metrics.
    Passes when: the unblended KMS cost of the account is within monthly_budget_usd in every complete month, and in the
        days collected of the others so far.
    Fails when: a month costs more, or the collected part of a month already does.
    Fix: find the day and the usage type of the step in the cost table of this report. For requests: raise the backend's
        data key cache. For storage: look for keys nobody ordered with aws kms list-keys in each Region. If the spend is
        meant, raise monthly_budget_usd under [baseline] in fluo-audit.toml.
    Still by hand: who agreed the budget. The bill is the account's: it holds every KMS key, not only this one.
    Peers: AWS Budgets can alert on it; no audit tool compares.
    """
    budget = criteria.baseline.monthly_budget_usd
    if budget is None:
        return undeclared("monthly_budget_usd")
    every = month_costs(cost, None, None)
    complete = [each for each in every if is_final(each)]
    over = [each for each in every if each.total > budget]
    population = f"{len(complete)} of {count(len(every), 'month')} complete"
    if over:
        most = max(over, key=lambda each: each.total)
        return failed(
            f"{count(len(over), 'month')} above {dollars(budget)}, the most is {dollars(most.total)} in {most.month}",
            *(
                Observation(
                    f"{dollars(each.total)} in {each.days_collected} of {each.days_in_month} days, "
                    f"budget {dollars(budget)}",
                    each.month,
                )
                for each in over
            ),
            population=population,
        )
    if not complete:
        return Verdict(Result.NOT_ASSESSED, "no month was collected in full and final", population=population)
    most = max(complete, key=lambda each: each.total)
    return passed(
        f"at most {dollars(most.total)} a month ({most.month}), budget {dollars(budget)}", population=population
    )
