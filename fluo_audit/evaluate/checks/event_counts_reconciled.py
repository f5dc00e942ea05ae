"""Check event-counts-reconciled."""

from __future__ import annotations

from fluo_audit.evaluate.reconciliation.all import ALL
from fluo_audit.evaluate.reconciliation.comparison import why_not
from fluo_audit.evaluate.reconciliation.last_usage import EVENTS_LAST_USAGE
from fluo_audit.evaluate.registry import Facts, weighing_check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Result, Severity, Verdict, failed, passed
from fluo_audit.model.report import Outcome, Reconciliation
from fluo_audit.model.sources import COST, EVENT_HISTORY, EVENT_IDS, EVENTS, LAST_USAGE, METRICS

FEWEST = 2
"""Comparisons without which nothing is concluded."""


@weighing_check(
    "event-counts-reconciled",
    "Sources that count the same calls as CloudTrail agree with it",
    group="EVT",
    severity=Severity.HIGH,
    weighs=(EVENTS, EVENT_HISTORY, EVENT_IDS, METRICS, COST, LAST_USAGE),
)
def event_counts_reconciled(facts: Facts, criteria: Criteria) -> Verdict:
    """Hold the events of the key against Event history, CloudWatch, Cost Explorer and KMS's own memory.

    Why: every conclusion about the use of the key rests on CloudTrail's records being complete. Sources that somebody
        else counts, and that cannot be emptied with the log, show a hole in it.
    Passes when: the last use that KMS remembers is among the events, at least one more comparison could be made, and
        every difference has a known cause. The others are: event ids of the log files and of Event history; successful
        calls a day and the CloudWatch metric of the key; calls of the account's own principals and the KMS requests of
        the account in Cost Explorer, which can only be more. The table under "Completeness and accuracy" has the
        numbers and causes. A source that was read in part is not compared.
    Fails when: a difference has no known cause. Rotations stand in the same table and are judged by
        rotation-history-reconciled.
    Fix: for events that CloudTrail lacks, look for the hole: fluo-audit trail verify, or
        aws cloudtrail validate-logs --trail-arn TRAIL_ARN --start-time START. For events that only CloudTrail has, find
        out why the other source left them out, and write it down.
    Still by hand: the cause of each difference that is flagged. A metric and a bill know neither caller nor event id:
        two mistakes that cancel each other are not seen there.
    Peers: none.
    """
    made = [each.run(facts, criteria.scope) for each in ALL if not each.judged_by]
    compared = [each for each in made if each.outcome is not Outcome.NOT_COMPARED]
    population = f"{len(compared)} of {count(len(made), 'comparison')}"
    if reason := why_not(facts, EVENTS):
        return Verdict(Result.NOT_ASSESSED, reason, population=population)
    flagged = [each for each in compared if each.outcome is Outcome.DIFFERS]
    if flagged:
        return failed(
            "; ".join(map(_seen, flagged)),
            *(observation for each in flagged for observation in each.flagged),
            population=population,
        )
    if len(compared) < FEWEST or not any(each.name == EVENTS_LAST_USAGE.name for each in compared):
        left_out = [each for each in made if each not in compared]
        return Verdict(Result.NOT_ASSESSED, "; ".join(map(_seen, [*compared, *left_out])), population=population)
    return passed("; ".join(map(_seen, compared)), population=population)


def _seen(made: Reconciliation) -> str:
    counted = made.left is not None and made.right is not None
    numbers = f"{made.left:,} in CloudTrail and {made.right:,} there, " if counted else ""
    return f"{made.right_name}: {made.outcome.value}, {numbers}{made.explanation}"
