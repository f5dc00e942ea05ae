"""Decide one request on a KMS key from its key policy, the caller's identity policies and the key's grants.

The rules: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html

- An explicit Deny anywhere wins.
- In the key's account a key policy statement that names the caller suffices. One that names the account (its root)
  lets the account's identity policies decide: both must allow.
- Across accounts the key policy and an identity policy must allow, and only some operations exist at all.
- A grant allows its operations by itself.

What may narrow a decision further and is not looked at: permissions boundaries, session policies, service and resource
control policies of the organization, VPC endpoint policies. So "allow" means: nothing that was given denies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from fluo_audit.policy.actions import kms_action
from fluo_audit.policy.conditions import has_variable, holds
from fluo_audit.policy.document import Effect, PolicyDocument, Statement
from fluo_audit.policy.grants import Grant, grant_allows
from fluo_audit.policy.principals import names_account, names_caller
from fluo_audit.policy.truth import NO, YES, Truth, all_of, any_of, truth, unknown
from fluo_audit.policy.wildcard import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fluo_audit.policy.request import Request


class Outcome(StrEnum):
    """What AWS would answer; UNKNOWN when the policies do not settle it."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit_deny"
    IMPLICIT_DENY = "implicit_deny"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StatementRef:
    """Where a decision comes from: the policy's name and the statement's Sid or position, or a grant."""

    policy: str
    statement: str

    def __str__(self) -> str:
        return f"{self.policy}, {self.statement}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome, the statements that decided it, and why, in one line.

    A delegation has two statements, one in each policy. An implicit deny has those that came nearest, or none.
    """

    outcome: Outcome
    statements: tuple[StatementRef, ...]
    reason: str

    @property
    def is_allowed(self) -> bool:
        """Whether the request is allowed for certain."""
        return self.outcome is Outcome.ALLOW


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to the key, open or not, and the statements it leads through."""

    open: Truth
    statements: tuple[StatementRef, ...] = ()
    words: str = ""


def decide(
    request: Request,
    key_policy: PolicyDocument | None,
    identity_policies: Sequence[PolicyDocument] | None = (),
    grants: Sequence[Grant] | None = (),
) -> Decision:
    """Return the decision on `request`. None stands for what could not be read, and makes what hangs on it unknown."""
    denies = _denies(request, key_policy, identity_policies)
    denied = _best(denies)
    if denied.open.value:
        return Decision(Outcome.EXPLICIT_DENY, denied.statements, f"denied by {_words(denied)}")
    if (obstacle := _obstacle(request)) is not None:
        return obstacle
    allowed = _best(_ways(request, key_policy, identity_policies, grants))
    if allowed.open.value is False:
        near = allowed.statements if allowed.open.reason else ()
        return Decision(Outcome.IMPLICIT_DENY, near, _nothing_allows(request, allowed))
    for way, doubt in ((denied, "may be denied"), (allowed, "may be allowed")):
        if way.open.value is None:
            return Decision(Outcome.UNKNOWN, way.statements, f"{doubt} by {_words(way)}: {way.open.reason}")
    return Decision(Outcome.ALLOW, allowed.statements, f"allowed by {_words(allowed)}")


def _obstacle(request: Request) -> Decision | None:
    """Return the decision where no policy can allow, or where the key's policies are not what decides."""
    action = kms_action(request.action)
    if action is not None and not action.on_key:
        return Decision(Outcome.UNKNOWN, (), f"{request.action} is not an operation on a key")
    if request.is_cross_account and action is not None and not action.cross_account:
        return Decision(Outcome.IMPLICIT_DENY, (), f"KMS offers {request.action} only inside the key's own account")
    return None


def _ways(
    request: Request,
    key_policy: PolicyDocument | None,
    identity_policies: Sequence[PolicyDocument] | None,
    grants: Sequence[Grant] | None,
) -> list[_Way]:
    caller = request.caller
    itself: list[_Way] = []
    account: list[_Way] = []
    if key_policy is None:
        itself.append(_unread("the key policy"))
    else:
        for statement in _of(key_policy, Effect.ALLOW):
            scope = statement_covers(statement, request, key_policy)
            ref = _ref(key_policy, statement)
            itself.append(_Way(all_of([names_caller(statement.principals, caller), scope]), (ref,)))
            account.append(_Way(all_of([names_account(statement.principals, caller), scope]), (ref,)))
    ways = _granted(request, grants)
    if not request.is_cross_account:
        ways += itself
    gates = [*account, *itself] if request.is_cross_account else account
    if gates and not caller.is_service:
        ways.append(_both(_best(gates), _best(_identity_allows(request, identity_policies))))
    return ways


def _identity_allows(request: Request, policies: Sequence[PolicyDocument] | None) -> list[_Way]:
    if request.caller.is_root:
        return [_Way(YES)]  # no identity policy binds a root user
    if policies is None:
        return [_unread("the identity policies")]
    return [
        _Way(statement_covers(statement, request, policy), (_ref(policy, statement),))
        for policy in policies
        for statement in _of(policy, Effect.ALLOW)
    ]


def _granted(request: Request, grants: Sequence[Grant] | None) -> list[_Way]:
    if grants is None:
        return [_unread("the grants")]
    return [_Way(grant_allows(grant, request), (StatementRef("grant", grant.label),)) for grant in grants]


def _denies(
    request: Request, key_policy: PolicyDocument | None, identity_policies: Sequence[PolicyDocument] | None
) -> list[_Way]:
    found: list[_Way] = []
    if key_policy is None:
        found.append(_unread("the key policy"))
    else:
        for statement in _of(key_policy, Effect.DENY):
            principals = statement.principals
            names = any_of([names_caller(principals, request.caller), names_account(principals, request.caller)])
            applies = all_of([names, statement_covers(statement, request, key_policy)])
            found.append(_Way(applies, (_ref(key_policy, statement),)))
    if identity_policies is None and not (request.caller.is_root or request.caller.is_service):
        found.append(_unread("the identity policies"))
    for policy in identity_policies or ():
        denies = _of(policy, Effect.DENY)
        found += [_Way(statement_covers(s, request, policy), (_ref(policy, s),)) for s in denies]
    return found


def statement_covers(statement: Statement, request: Request, policy: PolicyDocument) -> Truth:
    """Return whether action, resource and conditions of `statement` fit `request`, whoever it names."""
    if not statement.covers_action(request.action):
        return NO
    conditions = (
        holds(condition, request.lookup, resolves_variables=policy.resolves_variables)
        for condition in statement.conditions
    )
    return all_of([_covers_key(statement, request.key_arn, policy), *conditions])


def _covers_key(statement: Statement, key_arn: str, policy: PolicyDocument) -> Truth:
    """In a key policy * means this key; a `*` in a Resource may reach over colons, unlike one in ArnLike."""
    if statement.resources is None:
        return NO
    named = any_of(
        unknown(f"the policy variable in {pattern!r} is not resolved")
        if policy.resolves_variables and has_variable(pattern)
        else truth(matches(pattern, key_arn))
        for pattern in statement.resources.values
    )
    return named.negated() if statement.resources.excluded else named


def _of(policy: PolicyDocument, effect: Effect) -> Iterable[Statement]:
    return (statement for statement in policy.statements if statement.effect is effect)


def _ref(policy: PolicyDocument, statement: Statement) -> StatementRef:
    return StatementRef(policy.name, statement.label)


def _unread(what: str) -> _Way:
    return _Way(unknown(f"{what} could not be read"), words=what)


def _both(gate: _Way, identity: _Way) -> _Way:
    return _Way(all_of([gate.open, identity.open]), gate.statements + identity.statements)


def _best(ways: Sequence[_Way]) -> _Way:
    """Return an open way; else one not known; else the closed one that came nearest (it has a reason)."""
    rank = {True: 0, None: 1, False: 2}
    return min(ways, key=lambda way: (rank[way.open.value], not way.open.reason), default=_Way(NO))


def _words(way: _Way) -> str:
    return way.words or " with ".join(map(str, way.statements))


def _nothing_allows(request: Request, nearest: _Way) -> str:
    reason = f"nothing allows {request.action} to {request.caller.arn}"
    if nearest.open.reason:
        reason += f"; nearest: {_words(nearest)}, but {nearest.open.reason}"
    return reason
