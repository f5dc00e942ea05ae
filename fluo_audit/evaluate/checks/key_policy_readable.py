"""Check key-policy-readable."""

from __future__ import annotations

from hashlib import sha256

from fluo_audit.evaluate.policies import key_policy_document
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyPolicy
from fluo_audit.model.finding import Severity, Verdict, failed, passed
from fluo_audit.model.sources import KEY_POLICY
from fluo_audit.policy import Effect, PolicySyntaxError


@check(
    "key-policy-readable",
    "The key policy can be read in full",
    group="POL",
    severity=Severity.HIGH,
    reads=(KEY_POLICY,),
)
def key_policy_readable(key_policy: KeyPolicy, criteria: Criteria) -> Verdict:
    """Parse the key policy and give the hash by which it is recognised again.

    Why: every other test of the key policy rests on this reading. The hash is of a form that does not depend on the
        order of statements and lists, because KMS returns them in changing order: equal hashes mean equal policies.
    Passes when: the policy is a document of IAM's policy language, every element of it known.
    Fails when: it is not; the place is named.
    Fix: look at the policy (aws kms get-key-policy --key-id KEY --query Policy --output text), correct it, and put it
        back (aws kms put-key-policy --key-id KEY --policy file://policy.json).
    Still by hand: who approved the policy, and that the hash is the one of the approved text.
    Peers: cloud-custodian and Prowler leave out or end on a key whose policy they cannot read.
    """
    try:
        policy = key_policy_document(key_policy, criteria)
    except PolicySyntaxError as error:
        return failed(f"the key policy is not a policy document: {error.where}: {error.problem}")
    denies = sum(statement.effect is Effect.DENY for statement in policy.statements)
    allows = len(policy.statements) - denies
    digest = sha256(policy.canonical().encode()).hexdigest()
    return passed(
        f"{count(len(policy.statements), 'statement')}, {allows} Allow and {denies} Deny; "
        f"SHA-256 of the canonical form {digest}",
        population=count(len(policy.statements), "statement"),
    )
