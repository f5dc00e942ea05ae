"""Calls of the key that are billed, against the KMS requests that Cost Explorer counts for the account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from fluo_audit.evaluate.cost_model import REQUESTS
from fluo_audit.evaluate.key_events import CRYPTOGRAPHIC, succeeded
from fluo_audit.evaluate.reconciliation.calls import calls_a_day, days_label, whole_days
from fluo_audit.evaluate.reconciliation.comparison import Compared, Comparison, Read, listed, not_compared
from fluo_audit.evaluate.rows import rows
from fluo_audit.evaluate.wording import count
from fluo_audit.model.finding import Observation
from fluo_audit.model.report import Outcome
from fluo_audit.model.scope import Scope
from fluo_audit.model.sources import COST, EVENTS

if TYPE_CHECKING:
    import pandas as pd

    from fluo_audit.model.sources import Frame

_REST = "calls of other keys, looks at keys, failed calls and calls of AWS services"


def compare(read: Read, scope: Scope) -> Compared:
    """Compare by day: the account's requests can only be more than the key's calls. Estimated days are left out."""
    events, covered = read[EVENTS.name].value, read[EVENTS.name].coverage.period
    billed = _billed(read[COST.name].value)
    days = tuple(day for day in (whole_days(covered, scope.as_of) if covered else ()) if day in billed)
    if not days:
        return not_compared("no whole UTC day that was read is final in Cost Explorer")
    return _judged(days, calls_a_day(events[_is_billed(events, scope)], days), [billed[day] for day in days])


def _is_billed(events: Frame, scope: Scope) -> pd.Series[bool]:
    """Say which calls the account pays for beyond doubt: successful cryptographic ones of its own principals.

    A caller from another account pays for its calls itself, and calls of AWS services are not always charged.
    """
    own = events["issuer_arn"].str.contains(f":{scope.account}:", regex=False, na=False).astype(bool)
    return succeeded(events) & events["event_name"].isin(CRYPTOGRAPHIC) & own


def _billed(cost: Frame) -> dict[date, int]:
    """Return the number of requests on each final day. The free tier lowers the price, not this number."""
    open_days = set()
    found: dict[date, int] = {}
    for row in rows(cost):
        is_request = REQUESTS in (row["usage_type"] or "")
        if row["estimated"] is not False or (is_request and row["usage_quantity"] is None):
            open_days.add(row["day"])
        found[row["day"]] = found.get(row["day"], 0) + (int(row["usage_quantity"] or 0) if is_request else 0)
    return {day: number for day, number in found.items() if day not in open_days}


def _judged(days: tuple[date, ...], recorded: Sequence[int], billed: Sequence[int]) -> Compared:
    over = [right - left for left, right in zip(recorded, billed, strict=True)]
    short = [i for i, more in enumerate(over) if more < 0]
    # AWS bills some calls on the day after: what one day lacks, the next has too much. Nothing follows the last day.
    flagged = [i for i in short if i + 1 < len(days) and over[i] + max(over[i + 1], 0) < 0]
    explanation = []
    if flagged:
        explanation.append(f"Cost Explorer counts less than the key alone on {count(len(flagged), 'day')}")
    if late := len(short) - len(flagged):
        explanation.append(f"{count(late, 'day')} with calls that are billed on the day after")
    if sum(over) > 0:
        explanation.append(f"the {sum(over):,} more that Cost Explorer counts of the account are {_REST}")
    outcome = Outcome.DIFFERS if flagged else Outcome.EXPLAINED if any(over) else Outcome.AGREES
    observations = [
        Observation(
            f"CloudTrail recorded {count(recorded[i], 'billed call')} of this key, Cost Explorer counts {billed[i]:,} "
            "of the account",
            str(days[i]),
        )
        for i in flagged
    ]
    return Compared(
        outcome,
        "; ".join(explanation) or f"equal on each of {count(len(days), 'day')}",
        sum(recorded),
        sum(billed),
        sum(map(abs, over)),
        days_label(days),
        listed(observations, "days"),
    )


EVENTS_COST = Comparison(
    "events-cost",
    "Billed calls, by day",
    "CloudTrail events of the key",
    "Cost Explorer, KMS requests of the account",
    (EVENTS, COST),
    compare,
)
