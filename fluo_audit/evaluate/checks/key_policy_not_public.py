"""Check key-policy-not-public."""

from __future__ import annotations

from fluo_audit.evaluate.policies import judged_when_parsed, key_policy_document
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyPolicy
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, passed
from fluo_audit.model.sources import KEY_POLICY
from fluo_audit.policy import external_accounts, public_access


@check(
    "key-policy-not-public",
    "The key policy lets no stranger use the key",
    group="POL",
    severity=Severity.CRITICAL,
    reads=(KEY_POLICY,),
)
@judged_when_parsed
def key_policy_not_public(key_policy: KeyPolicy, criteria: Criteria) -> Verdict:
    """Ask of each Allow statement whether a principal of an account nobody had in mind could use it.

    Why: a key that strangers may use protects nothing. A condition does not always help: kms:ViaService, or a pattern
        that leaves the account open, lets any account in.
    Passes when: no Allow statement names everybody, or each that does fixes the account, organization, principal or
        network by its conditions, or a Deny covers everybody else.
    Fails when: at least one statement leaves the set of principals unbounded.
    Fix: name the principals in the statement, or add the condition StringEquals kms:CallerAccount ACCOUNT, and put the
        policy back (aws kms put-key-policy --key-id KEY --policy file://policy.json).
    Still by hand: whether the other accounts that the policy names are meant; grants are read by other tests.
    Peers: eight tools ask the same; of 35 labelled policies the best decides 29 rightly. None reads Deny statements.
    """
    policy = key_policy_document(key_policy, criteria)
    found = public_access(policy)
    public = [exposure for exposure in found if exposure.certain]
    population = count(len(policy.statements), "statement")
    if public:
        names = ", ".join(exposure.statement for exposure in public)
        return failed(
            f"{len(public)} of {population} open to any AWS principal: {names}",
            *(
                Observation(f"{each.statement} {each.reason}: {', '.join(each.actions)}", by="any AWS principal")
                for each in public
            ),
            population=population,
        )
    if found:
        reasons = "; ".join(f"{each.statement} {each.reason}" for each in found)
        return Verdict(Result.NOT_ASSESSED, f"a condition is not understood: {reasons}", population=population)
    others = sorted({each.account for each in external_accounts(policy, criteria.scope.account)})
    named = f"; other accounts it names: {', '.join(others)}" if others else "; it names no other account"
    return passed(f"none of {population} is open to any AWS principal{named}", population=population)
