"""Check key-duties-separated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluo_audit.evaluate.policies import judged_when_parsed, key_policy_document, role_policy_documents
from fluo_audit.evaluate.principals import is_iam_arn, is_one_of, short_name
from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyPolicy
from fluo_audit.model.finding import Observation, Result, Severity, Verdict, failed, passed, undeclared
from fluo_audit.model.sources import KEY_POLICY, ROLE_POLICIES
from fluo_audit.policy import KmsAction, PolicyDocument, PrincipalName, Statement
from fluo_audit.policy.powers import by_statements, powers
from fluo_audit.policy.wildcard import has_wildcard, lower

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

SHOWN = 3
ANYBODY = "role/fluo-audit-undeclared"  # stands for a principal of the account that no statement names


@check(
    "key-duties-separated",
    "Nobody may both administer and use the key",
    group="POL",
    severity=Severity.HIGH,
    reads=(KEY_POLICY, ROLE_POLICIES),
)
@judged_when_parsed
def key_duties_separated(key_policy: KeyPolicy, role_policies: Frame, criteria: Criteria) -> Verdict:
    """Ask for each principal whether it may both administer the key and use it for cryptography.

    Why: who may do both can change the policy, use the key, and change the policy back. Splitting the two makes such a
        misuse need a second person.
    Passes when: no principal that the key policy names, no backend role and no declared key administrator may both
        administer and use the key, and no backend role may administer it or is declared a key administrator. For
        backend roles the key policy and their own policies are asked, for all others the key policy alone. The
        account root is left out: its statement hands the decision to IAM.
    Fails when: one may do both, a backend role may administer the key, or every principal of the account may do both.
    Fix: split the statement of the key policy in two, one with the administrative and one with the cryptographic
        actions, for different principals (aws kms put-key-policy --key-id KEY --policy file://policy.json). From the
        policies of a backend role take the administrative actions.
    Still by hand: while the key policy delegates to the account root, anybody with kms actions in an IAM policy may do
        both; the policies of principals other than the backend roles are not read here (aws iam
        get-account-authorization-details shows them). Neither are grants, nor people who may take more than one role.
    Peers: none checks it; terraform-aws-kms only offers separate lists of administrators and users.
    """
    baseline = criteria.baseline
    policy = key_policy_document(key_policy, criteria)
    principals = _principals(policy, criteria)
    exceptions = [
        Observation("is declared both a backend role and a key administrator", by=role)
        for role in baseline.backend_roles
        if is_one_of(role, baseline.key_administrators)
    ]
    doubts = []
    for principal in principals:
        backend = principal in baseline.backend_roles
        own = role_policy_documents(role_policies, principal, criteria) if backend else ()
        able = powers(principal, criteria.scope.key_arn, policy, own)
        allowed, open_ = _Duties.of(able.allowed), _Duties.of((*able.allowed, *able.unsettled))
        if allowed.mixed(backend=backend):
            exceptions.append(
                Observation(f"{allowed}, by {', '.join(by_statements(able.allowed))}", by=_named(principal))
            )
        elif open_.mixed(backend=backend):
            reason = next(iter(able.unsettled.values())).reason
            doubts.append(f"{_named(principal)}: {reason}")
    population = count(len(principals), "principal")
    if exceptions:
        names = ", ".join(short_name(name) for name in dict.fromkeys(each.by for each in exceptions))
        return failed(f"duties are not separated for {names}", *exceptions, population=population)
    if not baseline.backend_roles:
        return undeclared("backend_roles")
    if doubts:
        return Verdict(Result.NOT_ASSESSED, f"the policies leave it open: {doubts[0]}", population=population)
    return passed(f"none of {population} may both administer and use the key", population=population)


@dataclass(frozen=True, slots=True)
class _Duties:
    """The administrative and the cryptographic actions among some."""

    administer: tuple[str, ...]
    use: tuple[str, ...]

    @classmethod
    def of(cls, actions: Iterable[KmsAction]) -> _Duties:
        names = sorted(actions, key=lambda action: action.name)
        return cls(
            tuple(a.name for a in names if a.is_administrative), tuple(a.name for a in names if a.is_cryptographic)
        )

    def mixed(self, *, backend: bool) -> bool:
        """Return whether one principal should not have them; for a backend role administering is enough."""
        return bool(self.administer and (self.use or backend))

    def __str__(self) -> str:
        use = f" and use it ({_some(self.use)})" if self.use else ""
        return f"may administer the key ({_some(self.administer)}){use}"


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _principals(policy: PolicyDocument, criteria: Criteria) -> list[str]:
    """Return whom to ask about: everybody that the policy names, those declared, and one who stands for the rest."""
    baseline, scope = criteria.baseline, criteria.scope
    root = f"arn:{scope.partition}:iam::{scope.account}:root"
    anybody = f"arn:{scope.partition}:iam::{scope.account}:{ANYBODY}"
    named = {name for statement in policy.statements for name in _named_in(statement)}
    return [anybody, *sorted({*named, *baseline.backend_roles, *baseline.key_administrators} - {root})]


def _named_in(statement: Statement) -> Iterator[str]:
    """Give the principals that a statement names: as principal, or in a condition on aws:PrincipalArn."""
    if statement.principals is None or statement.principals.excluded:
        return
    yield from (principal.name for principal in statement.principals.values if _can_be_asked(principal))
    for condition in statement.conditions:
        if lower(condition.key) == "aws:principalarn":
            yield from (value for value in condition.values if is_iam_arn(value) and not has_wildcard(value))


def _can_be_asked(principal: PrincipalName) -> bool:
    """Return whether a principal can make a request: not "*", a federation provider, or the id of a deleted role."""
    if principal.kind == "Service":
        return not has_wildcard(principal.name)
    return principal.kind == "AWS" and is_iam_arn(principal.name)


def _named(principal: str) -> str:
    return "any principal of the account" if principal.endswith(f":{ANYBODY}") else principal
