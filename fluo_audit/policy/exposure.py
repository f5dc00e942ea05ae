"""Who beyond the key's account may use the key: everybody, or accounts that the key policy names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluo_audit.policy.actions import KMS_ACTIONS
from fluo_audit.policy.conditions import Family, parse_operator
from fluo_audit.policy.document import Effect, PolicyDocument, PrincipalName, Selection, Statement
from fluo_audit.policy.outsider import OUTSIDERS, Holds, Outsider, holds_for
from fluo_audit.policy.principals import account_of, is_everybody
from fluo_audit.policy.wildcard import arn_parts, has_wildcard, is_open, lower

if TYPE_CHECKING:
    from collections.abc import Iterable

_ACCOUNT_KEYS = frozenset({"kms:calleraccount", "aws:principalaccount", "aws:sourceaccount"})
_ARN_KEYS = frozenset({"aws:principalarn", "aws:sourcearn"})


@dataclass(frozen=True, slots=True)
class Exposure:
    """A statement that lets an unbounded set of AWS principals use the key.

    `actions` are full names in order. Not `certain`: only a condition that is not understood stands in the way.
    """

    statement: str
    actions: tuple[str, ...]
    certain: bool
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class ExternalAccount:
    """Another account that an Allow statement names, and as what: a principal ARN, or condition key and value."""

    account: str
    statement: str
    named_as: str


def public_access(policy: PolicyDocument) -> tuple[Exposure, ...]:
    """Return the Allow statements through which any AWS principal, of whatever account, could use the key.

    "Public" means unbounded: no account, organization, principal, source or network that the policy fixes limits it,
    and no Deny covers everybody outside such a limit. Counted are the operations KMS offers across accounts. Two
    conditions that only together exclude everybody are not seen as such: the answer errs on the side of exposure.
    """
    found = (_exposure(policy, s) for s in policy.statements if s.effect is Effect.ALLOW)
    return tuple(exposure for exposure in found if exposure is not None)


def external_accounts(policy: PolicyDocument, account: str) -> tuple[ExternalAccount, ...]:
    """Return the accounts other than `account` that Allow statements name, in order. A Deny may take it back."""
    found = {
        ExternalAccount(other, statement.label, named_as)
        for statement in policy.statements
        if statement.effect is Effect.ALLOW
        for other, named_as in (*_accounts_in_principals(statement), *_accounts_in_conditions(statement))
        if other and other != account
    }
    return tuple(sorted(found))


def _names_everybody(principals: Selection[PrincipalName] | None) -> bool:
    """Return whether a statement's principals include every outsider: "*", or NotPrincipal, whatever it lists."""
    if principals is None:
        return False
    listed = any(is_everybody(principal) for principal in principals.values)
    return not listed if principals.excluded else listed


def _exposure(policy: PolicyDocument, statement: Statement) -> Exposure | None:
    if not _names_everybody(statement.principals) or statement.resources is None:
        return None
    allowed = [
        f"kms:{a.name}"
        for a in KMS_ACTIONS
        if a.on_key and a.cross_account and statement.covers_action(f"kms:{a.name}")
    ]
    answers: dict[str, set[bool | None]] = {action: set() for action in allowed}
    for outsider in OUTSIDERS:
        enters = _enters(statement, policy, outsider)
        if enters is not False:
            for action in allowed:
                answers[action].add(_passes(enters, _denied(policy, outsider, action)))
    for certainty in (True, None):
        if actions := tuple(action for action in allowed if certainty in answers[action]):
            return Exposure(statement.label, actions, certainty is True, _reason(statement))
    return None


def _enters(statement: Statement, policy: PolicyDocument, outsider: Outsider) -> bool | None:
    """Return whether the outsider can meet every condition of an Allow; None: not known."""
    answers = _answers(statement, policy, outsider)
    if Holds.NEVER in answers:
        return False
    return None if Holds.UNKNOWN in answers else True


def _denied(policy: PolicyDocument, outsider: Outsider, action: str) -> bool | None:
    """Return whether some Deny catches the outsider whatever it does; None: not known."""
    doubt: bool | None = False
    for statement in policy.statements:
        if statement.effect is not Effect.DENY or not statement.covers_action(action):
            continue
        if not _names_everybody(statement.principals):
            continue
        answers = _answers(statement, policy, outsider)
        if answers <= {Holds.ALWAYS} and _covers_every_key(statement):
            return True
        if answers <= {Holds.ALWAYS, Holds.UNKNOWN} and statement.resources is not None:
            doubt = None
    return doubt


def _passes(enters: bool | None, denied: bool | None) -> bool | None:  # noqa: FBT001 - combines two truth values
    if denied is True:
        return False
    return True if enters is True and denied is False else None


def _answers(statement: Statement, policy: PolicyDocument, outsider: Outsider) -> set[Holds]:
    variables = policy.resolves_variables
    return {holds_for(condition, outsider, resolves_variables=variables) for condition in statement.conditions}


def _covers_every_key(statement: Statement) -> bool:
    resources = statement.resources
    return resources is not None and not resources.excluded and any(map(is_open, resources.values))


def _reason(statement: Statement) -> str:
    who = "everybody but those it lists" if statement.principals and statement.principals.excluded else "everybody"
    if not statement.conditions:
        return f"names {who}, without a condition"
    keys = ", ".join(sorted({f"{c.operator} {c.key}" for c in statement.conditions}))
    return f"names {who}, and a stranger can satisfy {keys}"


def _accounts_in_principals(statement: Statement) -> Iterable[tuple[str, str]]:
    if statement.principals is not None and not statement.principals.excluded:
        for principal in statement.principals.values:
            yield account_of(principal), principal.name


def _accounts_in_conditions(statement: Statement) -> Iterable[tuple[str, str]]:
    for condition in statement.conditions:
        operator = parse_operator(condition.operator)
        if operator is None or operator == "Null" or operator.negated:
            continue
        if operator.family not in {Family.EQUAL, Family.LIKE, Family.ARN}:
            continue
        for value in condition.values:
            yield _account_in(condition.key, value), f"{condition.key} {value}"


def _account_in(key: str, value: str) -> str:
    """Return the account id that a value of a condition key fixes, or an empty text."""
    account = ""
    if lower(key) in _ACCOUNT_KEYS:
        account = value
    elif lower(key) in _ARN_KEYS and (parts := arn_parts(value)):
        account = parts[4]
    return "" if has_wildcard(account) or not account.isdigit() else account
