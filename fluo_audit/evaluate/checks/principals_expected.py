"""Check principals-expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.key_events import (
    by_aws,
    callers,
    is_read,
    made_by,
    number_of,
    observe,
    succeeded,
    tally,
    without_arn,
)
from fluo_audit.evaluate.principals import is_one_of, is_service_role, matches_any
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import Caller
from fluo_audit.model.finding import Severity, Verdict, failed, not_applicable, passed, undeclared, unread
from fluo_audit.model.sources import CALLER, EVENTS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "principals-expected",
    "Only expected principals call KMS on the key",
    group="EVT",
    severity=Severity.HIGH,
    reads=(EVENTS, CALLER),
    one_is_enough=(EVENTS,),
)
def principals_expected(events: Frame, collector: Caller, criteria: Criteria) -> Verdict:
    """Hold everybody who called KMS on the key with success against the principals that were declared.

    Why: a policy says who could use the key; the log says who did. A principal that nobody expected is either a change
        that nobody declared or an access that nobody should have.
    Passes when: every successful call was made by a backend role, a key administrator, a principal that matches
        expected_principals, or the identity that collects this evidence and then only to describe, get or list.
        Sessions count as their role. AWS services, under their own identity or in a service-linked role of the account,
        are named and not judged.
    Fails when: any other identity made a successful call.
    Not applicable when: nobody made a successful call in the period.
    Fix: if the principal belongs there, add its ARN to expected_principals under [baseline] in fluo-audit.toml; if not,
        take kms actions on this key from its policies (aws iam list-attached-role-policies --role-name NAME), and its
        statement from the key policy (aws kms get-key-policy --key-id KEY, then put-key-policy).
    Still by hand: who approved each expected principal, and who stands behind a shared role session. Calls that were
        made by another account and denied are in that account's log only.
    Peers: none compares the callers of one key with a list; trailscraper lists calls without judging them.
    """
    baseline = criteria.baseline
    declared = (*baseline.backend_roles, *baseline.key_administrators)
    if not declared and not baseline.expected_principals:
        return undeclared("backend_roles, key_administrators or expected_principals")
    done = events[succeeded(events)]
    of_service = by_aws(done) | made_by(done, lambda arn: is_service_role(arn, criteria.scope.account))
    services, calls = done[of_service], done[~of_service]
    if calls.empty:
        return not_applicable(
            f"no principal made a successful call on the key; AWS itself made {number_of(services):,}"
        )

    def expects(arn: str) -> bool:
        return is_one_of(arn, declared) or matches_any(arn, baseline.expected_principals)

    collecting = made_by(calls, lambda arn: is_one_of(arn, (collector.arn,))) & is_read(calls)
    expected = made_by(calls, expects) | collecting
    unexpected = calls[~expected & calls["issuer_arn"].notna()]
    population = f"{count(number_of(calls), 'successful call')} by {count(calls['issuer_arn'].nunique(), 'principal')}"
    if not unexpected.empty:
        return failed(
            f"{count(number_of(unexpected), 'successful call')} by "
            f"{count(unexpected['issuer_arn'].nunique(), 'principal')} that nobody declared: "
            f"{tally(unexpected, callers(unexpected))}",
            *observe(unexpected, unexpected["event_name"] + " by a principal that nobody declared"),
            population=population,
        )
    if unnamed := without_arn(calls):
        return unread("CloudTrail", unnamed)
    more = f"; AWS itself made {number_of(services):,} more: {tally(services, callers(services))}"
    aws = "" if services.empty else more
    return passed(f"every caller is expected: {tally(calls, callers(calls))}{aws}", population=population)
