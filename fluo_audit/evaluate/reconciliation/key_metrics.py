"""Successful calls that CloudTrail recorded, against the key's CloudWatch metric of successful requests."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from math import isfinite
from typing import TYPE_CHECKING

from fluo_audit.evaluate.key_events import succeeded
from fluo_audit.evaluate.reconciliation.calls import calls_a_day, days_label, whole_days
from fluo_audit.evaluate.reconciliation.comparison import Compared, Comparison, Read, listed, not_compared
from fluo_audit.evaluate.reconciliation.midnight import explains, room
from fluo_audit.evaluate.rows import rows
from fluo_audit.evaluate.wording import count
from fluo_audit.model.finding import Observation
from fluo_audit.model.report import Outcome
from fluo_audit.model.scope import Scope
from fluo_audit.model.sources import EVENTS, METRICS
from fluo_audit.policy.actions import KMS_ACTIONS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

OPERATIONS = frozenset({action.name for action in KMS_ACTIONS} | {"ReEncrypt"})
_SUCCESSES = re.compile(r"success(ful)?_?(request|call|operation)s?(count)?", re.IGNORECASE)


def compare(read: Read, scope: Scope) -> Compared:
    """Compare day by day the operations for which CloudWatch has a metric. The name of the metric is discovered."""
    counted = _counted(read[METRICS.name].value)
    if isinstance(counted, str):
        return not_compared(counted)
    events, covered = read[EVENTS.name].value, read[EVENTS.name].coverage.period
    days = whole_days(covered, scope.as_of) if covered else ()
    if covered is None or not days:
        return not_compared("no whole UTC day lies in the time that was read")
    operations = sorted({operation for operation, _ in counted})
    calls = events[
        succeeded(events) & events["event_type"].isin(["AwsApiCall"]) & events["event_name"].isin(operations)
    ]
    recorded = calls_a_day(calls, days)
    metered = [sum(counted.get((operation, day), 0) for operation in operations) for day in days]
    moved = explains([left - right for left, right in zip(recorded, metered, strict=True)], room(calls, days, covered))
    return _judged(days, recorded, metered, f"operations with a metric: {', '.join(operations)}", at_midnight=moved)


def _counted(metrics: Frame) -> dict[tuple[str, date], int] | str:
    """Return successful requests by operation and day, or why no metric gives them."""
    found: dict[tuple[str, tuple[str, ...]], dict[tuple[str, date], int]] = {}
    for row in rows(metrics):
        dimensions = json.loads(row["dimensions"] or "{}")
        operation = next((value for value in dimensions.values() if value in OPERATIONS), "")
        if operation and row["statistic"] == "Sum" and _SUCCESSES.fullmatch(row["metric"] or ""):
            number = row["value"] or 0.0
            if not isfinite(number):
                return f"CloudWatch gave {number} for {row['metric']} on {row['day']}"
            counts = found.setdefault((row["metric"], tuple(sorted(dimensions))), {})
            counts[operation, row["day"]] = counts.get((operation, row["day"]), 0) + round(number)
    if len(found) > 1:
        names = ", ".join(f"{metric} by {' and '.join(dimensions)}" for metric, dimensions in sorted(found))
        return f"several metrics count successful requests of this key: {names}"
    known = ", ".join(sorted(set(metrics["metric"].dropna()))) or "none"
    return next(iter(found.values()), f"no metric of this key counts successful requests by operation; found: {known}")


def _judged(
    days: tuple[date, ...], recorded: Sequence[int], metered: Sequence[int], remark: str, *, at_midnight: bool
) -> Compared:
    apart = [
        Observation(f"CloudTrail recorded {count(left, 'successful call')}, CloudWatch counted {right:,}", str(day))
        for day, left, right in zip(days, recorded, metered, strict=True)
        if left != right
    ]
    outcome = Outcome.AGREES if not apart else Outcome.EXPLAINED if at_midnight else Outcome.DIFFERS
    explanation = {
        Outcome.AGREES: f"equal on each of {count(len(days), 'day')}; {remark}",
        Outcome.EXPLAINED: f"{count(len(apart), 'day')} with calls at midnight, which CloudTrail dates by their begin; "
        f"{remark}",
        Outcome.DIFFERS: f"{len(apart):,} of {count(len(days), 'day')} differ; {remark}",
    }[outcome]
    return Compared(
        outcome,
        explanation,
        sum(recorded),
        sum(metered),
        sum(abs(left - right) for left, right in zip(recorded, metered, strict=True)),
        days_label(days),
        listed(apart, "days") if outcome is Outcome.DIFFERS else (),
    )


EVENTS_METRICS = Comparison(
    "events-metrics",
    "Successful calls of the key, by day",
    "CloudTrail events",
    "CloudWatch metric of the key",
    (EVENTS, METRICS),
    compare,
)
