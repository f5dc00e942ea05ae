"""Check key-changes-by-administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.key_events import (
    by_aws,
    callers,
    is_change,
    made_by,
    number_of,
    observe,
    succeeded,
    tally,
    without_arn,
)
from fluo_audit.evaluate.principals import is_one_of
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Severity, Verdict, failed, not_applicable, passed, undeclared, unread
from fluo_audit.model.sources import EVENTS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "key-changes-by-administrators",
    "Every change to the key was made by a declared key administrator",
    group="EVT",
    severity=Severity.HIGH,
    reads=(EVENTS,),
    one_is_enough=(EVENTS,),
)
def key_changes_by_administrators(events: Frame, criteria: Criteria) -> Verdict:
    """Hold whoever administered the key against the declared key administrators.

    Why: one PutKeyPolicy, CreateGrant or UpdateAlias is enough to hand the key to somebody else, and one
        ScheduleKeyDeletion is enough to lose the data. Those calls belong to few people.
    Passes when: every successful call on the key that neither uses it nor only looks at it (PutKeyPolicy, CreateGrant,
        RetireGrant, DisableKey, EnableKeyRotation, ScheduleKeyDeletion, UpdateAlias, TagResource and their like) was
        made by one of key_administrators, by KMS itself, or by an AWS service under its own identity. Attempts that
        AWS refused changed nothing; they are named.
    Fails when: anybody else made one.
    Not applicable when: nobody changed the key in the period, and KMS itself did not either.
    Fix: if the principal is an administrator, add its ARN to key_administrators under [baseline] in fluo-audit.toml. If
        not, undo the change (aws kms get-key-policy, list-grants, list-aliases --key-id KEY show what is there now),
        and take the action from its policies.
    Still by hand: ticket and approval of each change, and who stood behind a role session.
    Peers: none for one key; CIS 4.7 asks for an alarm on DisableKey and ScheduleKeyDeletion only.
    """
    administrators = criteria.baseline.key_administrators
    if not administrators:
        return undeclared("key_administrators")
    changes = events[is_change(events)]
    made, attempts = changes[succeeded(changes)], changes[~succeeded(changes)]
    beside = _name(attempts)
    if made.empty:
        return not_applicable(f"nobody changed the key{beside}")
    by_people = made[~by_aws(made)]
    allowed = made_by(by_people, lambda arn: is_one_of(arn, administrators))
    others = by_people[~allowed & by_people["issuer_arn"].notna()]
    population = f"{count(number_of(made), 'change')}, {count(number_of(attempts), 'failed attempt')}"
    if not others.empty:
        return failed(
            f"{number_of(others):,} of {count(number_of(made), 'change')} by principals that are not declared "
            f"administrators: {tally(others, others['event_name'] + ' by ' + callers(others))}{beside}",
            *observe(others, others["event_name"] + " by a principal that is not a declared administrator"),
            population=population,
        )
    if unnamed := without_arn(by_people):
        return unread("CloudTrail", unnamed)
    return passed(
        f"{count(number_of(by_people), 'change')} by declared administrators, "
        f"{number_of(made) - number_of(by_people):,} by AWS itself: {tally(made, made['event_name'])}{beside}",
        population=population,
    )


def _name(attempts: Frame) -> str:
    """Name the attempts that failed, with the id of the first event."""
    if attempts.empty:
        return ""
    first = attempts.sort_values(["event_time", "event_id"]).iloc[0]
    who = tally(attempts, attempts["event_name"] + " by " + callers(attempts) + " (" + attempts["error_code"] + ")")
    return f"; attempts that failed: {who}; first on {first['event_time']:%Y-%m-%d}, event {first['event_id']}"
