"""Check backend-least-privilege."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from fluo_audit.evaluate.policies import judged_when_parsed, key_policy_document, role_policy_documents
from fluo_audit.evaluate.principals import short_name
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyPolicy
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, passed, undeclared
from fluo_audit.model.sources import KEY_POLICY, ROLE_POLICIES
from fluo_audit.policy import KMS_ACTIONS, Decision, KmsAction
from fluo_audit.policy.powers import Powers, by_statements, powers

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

NEEDED = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey")


@check(
    "backend-least-privilege",
    "The backend may do the four actions it needs on the key, and no other",
    group="POL",
    severity=Severity.HIGH,
    reads=(KEY_POLICY, ROLE_POLICIES),
)
@judged_when_parsed
def backend_least_privilege(key_policy: KeyPolicy, role_policies: Frame, criteria: Criteria) -> Verdict:
    """Ask the key policy and the policies of each backend role for every KMS action on this key.

    Why: the backend is what an attacker reaches first. Whatever its role may do beyond its work, such as CreateGrant or
        ScheduleKeyDeletion, the attacker may do.
    Passes when: each backend role may do DescribeKey, GenerateDataKey, Encrypt and Decrypt, in some encryption context,
        and nothing else on the key.
    Fails when: a role may do anything else, or lacks one of the four.
    Fix: take the further actions out of the statements that are named, or add the missing one. For the key policy:
        aws kms put-key-policy --key-id KEY --policy file://policy.json. For a managed policy of the role:
        aws iam create-policy-version --policy-arn ARN --policy-document file://policy.json --set-as-default.
    Still by hand: grants, permissions boundaries and policies of the organization are not read here; nor is what a role
        may do through an AWS service, or on other keys.
    Peers: Prowler, Security Hub KMS.1 and Turbot look for wide kms actions in identity policies, not in
        the key policy.
    """
    roles = criteria.baseline.backend_roles
    if not roles:
        return undeclared("backend_roles")
    policy = key_policy_document(key_policy, criteria)
    found = {
        role: powers(role, criteria.scope.key_arn, policy, role_policy_documents(role_policies, role, criteria))
        for role in roles
    }
    exceptions = [each for role, able in found.items() for each in _exceptions(role, able)]
    population = f"{count(len(roles), 'backend role')}, {count(sum(action.on_key for action in KMS_ACTIONS), 'action')}"
    if exceptions:
        further = sorted({f"kms:{action.name}" for able in found.values() for action in _further(able.allowed)})
        beyond = f"may also do {', '.join(further)}" if further else "may not do all of what it needs"
        return failed(f"the backend {beyond}", *exceptions, population=population)
    for role, able in found.items():
        for action, decision in _further(able.unsettled).items():
            reason = f"kms:{action.name} by {short_name(role)}: {decision.reason}"
            return Verdict(Result.NOT_ASSESSED, f"the policies leave it open: {reason}", population=population)
    names = ", ".join(map(short_name, roles))
    return passed(f"{names} may do {', '.join(NEEDED)} and nothing else on the key", population=population)


def _further(decisions: Mapping[KmsAction, Decision]) -> dict[KmsAction, Decision]:
    return {action: decision for action, decision in decisions.items() if action.name not in NEEDED}


def _exceptions(role: str, able: Powers) -> Iterator[Observation]:
    for statements, actions in by_statements(_further(able.allowed)).items():
        yield Observation(f"{statements}: also allows {', '.join(actions)}", by=role)
    may = {action.name for action in (*able.allowed, *able.unsettled)}
    if lacking := [f"kms:{name}" for name in NEEDED if name not in may]:
        yield Observation(f"no statement allows {', '.join(lacking)}, which the backend needs", by=role)
