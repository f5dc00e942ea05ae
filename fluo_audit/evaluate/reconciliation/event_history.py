"""Events of the key one by one: those of the log files against those of CloudTrail's Event history."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from fluo_audit.evaluate.key_events import succeeded
from fluo_audit.evaluate.reconciliation.calls import DELIVERY
from fluo_audit.evaluate.reconciliation.comparison import Compared, Comparison, Read, listed, not_compared
from fluo_audit.evaluate.rows import rows
from fluo_audit.evaluate.wording import count, utc
from fluo_audit.model.finding import Observation
from fluo_audit.model.report import Outcome
from fluo_audit.model.scope import Period, Scope
from fluo_audit.model.sources import EVENT_HISTORY, EVENT_IDS, EVENTS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

KMS = "kms.amazonaws.com"
_ELSEWHERE = "of another account or Region, whose Event history was not read"
_PAIR = "the other account's copy of a call that both have (sharedEventID)"
_FAILED = "a failed call: Event history finds a record only if that names the key as a resource"
_OTHER_SERVICE = "an event of another service that names the key"


def compare(read: Read, scope: Scope) -> Compared:
    """Compare event ids both ways, over the time that both cover and without its newest minutes."""
    logged, looked_up = read.get(EVENT_IDS.name, read[EVENTS.name]), read[EVENT_HISTORY.name]
    window = _window(logged.coverage.period, looked_up.coverage.period, scope)
    if window is None:
        return not_compared("the two have no time in common that CloudTrail has delivered")
    logs, history = _within(logged.value, window), _within(looked_up.value, window)
    if "calls" in logs and (logs["calls"] > 1).any():
        return not_compared("the events are counted in groups: their ids were not kept")
    only_logs, only_history = _lacking(logs, history), _lacking(history, logs)
    causes = _cause_in_logs(only_logs, history, scope), _cause_in_history(only_history, logs)
    flagged = (
        *_observed(only_logs[causes[0] == ""], "is in the log files and not in Event history"),
        *_observed(only_history[causes[1] == ""], "is in Event history and not in the log files"),
    )
    apart = len(only_logs) + len(only_history)
    known = Counter(cause for each in causes for cause in each if cause)
    explanation = [f"{count(len(flagged), 'event')} without explanation"] if flagged else []
    explanation += [f"{number:,} {cause}" for cause, number in sorted(known.items())]
    return Compared(
        Outcome.DIFFERS if flagged else Outcome.EXPLAINED if apart else Outcome.AGREES,
        "; ".join(explanation) or "the same event ids in both",
        len(logs),
        len(history),
        apart,
        window.label,
        listed(flagged, "events"),
    )


def _window(first: Period | None, second: Period | None, scope: Scope) -> Period | None:
    common = first.overlap(second.start, second.end) if first and second else None
    return common.overlap(common.start, scope.as_of - DELIVERY) if common else None


def _within(events: Frame, window: Period) -> Frame:
    inside = (events["event_time"] >= window.start) & (events["event_time"] < window.end)
    return events[inside].drop_duplicates("event_id")


def _lacking(events: Frame, others: Frame) -> Frame:
    return events[~events["event_id"].isin(others["event_id"])]


def _cause_in_logs(events: Frame, history: Frame, scope: Scope) -> pd.Series[str]:
    """Say of each event why Event history need not have it; empty when there is no reason."""
    here = events["region"].fillna(scope.region).eq(scope.region)
    here &= events["recipient_account"].fillna(scope.account).eq(scope.account)
    cause = pd.Series("", events.index, dtype="object").mask(~succeeded(events), _FAILED)
    return cause.mask(_shares(events, history), _PAIR).mask(~here, _ELSEWHERE)


def _cause_in_history(events: Frame, logs: Frame) -> pd.Series[str]:
    """Say of each event why the log files' events of the key need not have it."""
    cause = pd.Series("", events.index, dtype="object").mask(_shares(events, logs), _PAIR)
    return cause.mask(events["event_source"].fillna(KMS).ne(KMS), _OTHER_SERVICE)


def _shares(events: Frame, others: Frame) -> pd.Series[bool]:
    return events["shared_event_id"].isin(others["shared_event_id"].dropna())


def _observed(events: Frame, where: str) -> list[Observation]:
    return [
        Observation(f"{row['event_name'] or 'an event'} {where}", utc(row["event_time"]), ref=row["event_id"])
        for row in rows(events.sort_values(["event_time", "event_id"]))
    ]


EVENTS_HISTORY = Comparison(
    "events-history",
    "Events of the key, by id",
    "CloudTrail log files",
    "CloudTrail Event history",
    (EVENTS, EVENT_HISTORY),
    compare,
    may_use=(EVENT_IDS,),
)
