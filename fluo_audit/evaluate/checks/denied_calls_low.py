"""Check denied-calls-low."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.key_events import callers, number_of, tally
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Observation, Severity, Verdict, failed, passed, unread
from fluo_audit.model.sources import EVENTS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

DENIALS = ("AccessDenied", "AccessDeniedException")  # CloudTrail records both spellings


@check(
    "denied-calls-low",
    "Calls denied on the key stay within the declared number a day",
    group="EVT",
    severity=Severity.MEDIUM,
    reads=(EVENTS,),
    one_is_enough=(EVENTS,),
)
def denied_calls_low(events: Frame, criteria: Criteria) -> Verdict:
    """Count the calls that AWS denied on each UTC day, and hold them against the declared number.

    Why: a burst of denied calls is somebody who tries the door, or a deployment that lost its permission. Both need a
        look on the day they happen.
    Passes when: no UTC day has more denied calls (AccessDenied, AccessDeniedException) than denied_calls_per_day.
        Calls that failed for other reasons, such as ThrottlingException, are counted beside them and not judged.
    Fails when: any day has more.
    Fix: look up the day's denied calls by their principal (aws cloudtrail lookup-events --lookup-attributes
        AttributeKey=ResourceName,AttributeValue=KEY_ARN); repair the deployment, or take the case to incident response.
        If that many are normal, set denied_calls_per_day under [baseline] in fluo-audit.toml.
    Still by hand: what came of each day over the limit (ticket, cause). CloudTrail does not promise a record of every
        denied call, and one that another account made is in that account's log only.
    Peers: none counts denied calls of one key; Prowler's threat detection reads the newest 50 events.
    """
    limit = criteria.baseline.denied_calls_per_day
    mistakes = events[events["error_code"].notna()]
    is_denial = mistakes["error_code"].isin(DENIALS)
    denied, others = mistakes[is_denial], mistakes[~is_denial]
    by_day = [(day, calls) for day, calls in denied.groupby(denied["event_time"].dt.strftime("%Y-%m-%d"))]
    numbers = {day: number_of(calls) for day, calls in by_day}
    over = [(day, calls) for day, calls in by_day if numbers[day] > limit]
    beside = f"; failed for other reasons: {tally(others, others['error_code'])}" if len(others) else ""
    population = f"{number_of(denied):,} denied of {number_of(events):,} calls"
    if over:
        worst = max(numbers, key=lambda day: numbers[day])
        return failed(
            f"{count(len(over), 'day')} with more than {limit} denied calls, the most on {worst}: "
            f"{numbers[worst]:,}{beside}",
            *(_observe(str(day), calls, limit) for day, calls in over),
            population=population,
        )
    if undated := number_of(denied[denied["event_time"].isna()]):
        return unread("CloudTrail", f"the time of {undated:,} of {number_of(denied):,} denied calls")
    most_a_day = max(numbers.values(), default=0)
    return passed(f"at most {most_a_day} denied calls a day, {limit} are allowed{beside}", population=population)


def _observe(day: str, calls: Frame, limit: int) -> Observation:
    first = calls.sort_values(["event_time", "event_id"]).iloc[0]
    denied = f"{number_of(calls):,} denied calls, {limit} are allowed: {tally(calls, calls['event_name'])}"
    return Observation(f"{denied}; the first is shown", day, tally(calls, callers(calls)), str(first["event_id"]))
