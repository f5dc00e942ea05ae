"""What the events of the key say about its use: calls a day, failures a day, who called, what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from fluo_audit.evaluate import key_events
from fluo_audit.evaluate.principals import is_one_of, matches_any
from fluo_audit.evaluate.rows import rows
from fluo_audit.model.baseline import Baseline
from fluo_audit.model.report import ChangeEvent, DailySeries, PrincipalUse
from fluo_audit.model.scope import Period, Scope

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

FAILED_WITHOUT_CODE = "unknown"


def requests_a_day(events: Frame, scope: Scope, collected: Period | None) -> DailySeries:
    """Return the calls of each operation on each UTC day of the period; None on days that were not read."""
    return _series(events, events["event_name"].fillna("unknown"), scope, collected)


def failures_a_day(events: Frame, scope: Scope, collected: Period | None) -> DailySeries:
    """Return the failed calls of each error code on each UTC day of the period."""
    failed = events[~key_events.succeeded(events)]
    return _series(failed, failed["error_code"], scope, collected)


def _series(events: Frame, names: pd.Series[str], scope: Scope, collected: Period | None) -> DailySeries:
    days = scope.period.days
    read = set(collected.days) if collected else set()
    counts = events["calls"].groupby([names, events["event_time"].dt.date]).sum()
    series: dict[str, dict[str, int]] = {}
    for name, day, calls in zip(*map(counts.index.get_level_values, (0, 1)), counts, strict=True):
        series.setdefault(str(name), {})[str(day)] = int(calls)
    ordered = sorted(series.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    return DailySeries(
        days,
        tuple(
            (name, tuple(found.get(str(day), 0) if day in read else None for day in days)) for name, found in ordered
        ),
    )


def principal_uses(events: Frame, baseline: Baseline) -> tuple[PrincipalUse, ...]:
    """Return what each principal did, the busiest first. AWS at work on the key by itself is left out."""
    calls = events[~key_events.by_aws(events)]
    uses = []
    for arn, group in calls.groupby(calls["issuer_arn"].fillna("a caller without ARN")):
        uses.append(
            PrincipalUse(
                principal=str(arn),
                expected=_expected(str(arn), baseline),
                operations=key_events.tally(group, group["event_name"]),
                calls=key_events.number_of(group),
                denied=key_events.number_of(group[~key_events.succeeded(group)]),
                first_at=group["event_time"].min().to_pydatetime(),
                last_at=group["last_time"].max().to_pydatetime(),
            )
        )
    return tuple(sorted(uses, key=lambda use: (-use.calls, use.principal)))


def _expected(arn: str, baseline: Baseline) -> bool | None:
    named = (*baseline.backend_roles, *baseline.key_administrators)
    if not named and not baseline.expected_principals:
        return None
    return is_one_of(arn, named) or matches_any(arn, baseline.expected_principals)


def changes(events: Frame) -> tuple[ChangeEvent, ...]:
    """Return every administrative event on the key, rotations by AWS included, oldest first."""
    found = events[key_events.is_change(events)].sort_values(["event_time", "event_id"])
    return tuple(
        ChangeEvent(
            at=row["event_time"],
            operation=row["event_name"] or "unknown",
            by=row["principal_arn"] or row["invoked_by"] or "AWS Internal",
            source_ip=row["source_ip"] or "",
            outcome=row["error_code"] or "succeeded",
            event_id=row["event_id"],
        )
        for row in rows(found)
    )
