"""Check encryption-context-enforced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fluo_audit.evaluate.policies import judged_when_parsed, key_policy_document, role_policy_documents
from fluo_audit.evaluate.principals import short_name
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyPolicy
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, passed, undeclared
from fluo_audit.model.sources import KEY_POLICY, ROLE_POLICIES
from fluo_audit.policy import Caller, Gap, enforces_context

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

ACTIONS = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")


@check(
    "encryption-context-enforced",
    "The policies let the backend use the key for declared purposes only",
    group="POL",
    severity=Severity.HIGH,
    reads=(KEY_POLICY, ROLE_POLICIES),
)
@judged_when_parsed
def encryption_context_enforced(key_policy: KeyPolicy, role_policies: Frame, criteria: Criteria) -> Verdict:
    """Try the requests that should be denied to each backend role, on the key policy and the policies of the role.

    Why: a condition on the purpose in the role's own policy looks like enforcement, and is void as soon as the key
        policy allows the role without it: in one account either policy is enough.
    Passes when: Decrypt, Encrypt and GenerateDataKey are denied to each backend role without an encryption context,
        without purpose in it, and with any purpose that is not in encryption_context_purposes.
    Fails when: one of these requests is allowed; the statements that allow it are named.
    Fix: look first at the check encryption-context-used, because what the backend sends without a declared purpose
        will be denied. Then put the condition StringEquals kms:EncryptionContext:purpose with the declared values on
        the statement that is named, but not on kms:DescribeKey, which carries no context. Add a Deny for the role on
        kms:Decrypt, kms:Encrypt, kms:GenerateDataKey* and kms:ReEncrypt* with StringNotEquals on the same key and
        values: it also binds what the account root delegates (aws kms put-key-policy --key-id KEY
        --policy file://policy.json).
    Still by hand: principals that are not declared backend roles (the Deny does not cover them), grants, service and
        resource control policies and permissions boundaries: none of them is read here.
    Peers: none. cfn-lint, checkov and parliament pass the policy that enforces nothing.
    """
    baseline = criteria.baseline
    if not baseline.backend_roles:
        return undeclared("backend_roles")
    if not baseline.encryption_context_purposes:
        return undeclared("encryption_context_purposes")
    policy = key_policy_document(key_policy, criteria)
    allowed = {"purpose": baseline.encryption_context_purposes}
    gaps = [
        (role, action, gap)
        for role in baseline.backend_roles
        for action in ACTIONS
        for gap in enforces_context(
            Caller(role),
            action,
            criteria.scope.key_arn,
            allowed,
            key_policy=policy,
            identity_policies=role_policy_documents(role_policies, role, criteria),
        )
    ]
    open_ = [each for each in gaps if each[2].decision.is_allowed]
    roles = count(len(baseline.backend_roles), "backend role")
    population = f"{roles}, {count(len(ACTIONS), 'action')}"
    if open_:
        observations = tuple(_observe(open_))
        through = ", ".join(dict.fromkeys(_statements(gap) for _, _, gap in open_))
        return failed(
            f"without a declared purpose the key can be used through {through}", *observations, population=population
        )
    if gaps:
        role, action, gap = gaps[0]
        reason = f"{action} by {short_name(role)} with {gap.attempt}: {gap.decision.reason}"
        return Verdict(Result.NOT_ASSESSED, f"the policies leave it open: {reason}", population=population)
    return passed(
        f"{', '.join(ACTIONS)} are denied to {roles} without a declared purpose "
        f"({', '.join(sorted(baseline.encryption_context_purposes))})",
        population=population,
    )


def _observe(gaps: list[tuple[str, str, Gap]]) -> Iterator[Observation]:
    """Put what one role may do through the same statements into one observation."""
    grouped: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for role, action, gap in gaps:
        actions, attempts = grouped.setdefault((role, _statements(gap)), ({}, {}))
        actions[action] = attempts[gap.attempt] = None
    for (role, statements), (actions, attempts) in grouped.items():
        yield Observation(f"{statements}: allows {', '.join(actions)} (tried: {'; '.join(attempts)})", by=role)


def _statements(gap: Gap) -> str:
    return " with ".join(map(str, gap.decision.statements))
