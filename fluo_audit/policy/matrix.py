"""A policy as rows for a report: who, may or may not, what, under which conditions, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluo_audit.policy.conditions import Family, Operator, Quantifier, parse_operator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fluo_audit.policy.document import Condition, PolicyDocument, PrincipalName, Selection, Statement

NO_CONDITION = "always"


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One principal of one statement. Texts come from the policy: escape them before they are shown."""

    sid: str
    effect: str
    principal: str
    actions: tuple[str, ...]
    condition_text: str


def access_rows(policy: PolicyDocument) -> tuple[AccessRow, ...]:
    """Return a row for each principal of each statement, in the policy's order.

    The statement's own rows in an identity policy have the principal "attached identity"; exceptions (NotAction,
    NotPrincipal) read "all except ...". Statements that apply to nothing have a row too, with an empty `actions`.
    """
    return tuple(
        AccessRow(statement.label, statement.effect.value, principal, _actions(statement), condition_words(statement))
        for statement in policy.statements
        for principal in _principals(statement.principals)
    )


def condition_words(statement: Statement) -> str:
    """Return the conditions of `statement` as one line; every one of them must hold."""
    return " and ".join(_condition(condition) for condition in statement.conditions) or NO_CONDITION


def _principals(principals: Selection[PrincipalName] | None) -> Iterable[str]:
    if principals is None:
        return ("attached identity",)
    names = [_principal(principal) for principal in principals.values]
    if principals.excluded:
        return (f"all except {', '.join(names)}",)
    return names or ("nobody",)


def _principal(principal: PrincipalName) -> str:
    if principal == ("AWS", "*"):
        return "everybody"
    return principal.name if principal.kind == "AWS" else f"{principal.kind} {principal.name}"


def _actions(statement: Statement) -> tuple[str, ...]:
    if statement.actions is None or statement.resources is None:
        return ()
    if statement.actions.excluded:
        return (f"all except {', '.join(statement.actions.values)}",)
    return statement.actions.values


def _condition(condition: Condition) -> str:
    operator = parse_operator(condition.operator)
    values = " or ".join(condition.values) or "(no value)"
    if operator is None:
        return f"{condition.key} {condition.operator} {values} (operator not known)"
    if operator == "Null":
        return f"{condition.key} {_null_words(condition.values)}"
    words = f"{condition.key} {_verb(condition.operator, operator)} {values}"
    if operator.quantifier is Quantifier.ALL:
        words = f"every value of {words}, or no value"
    elif operator.quantifier is Quantifier.ANY:
        words = f"some value of {words}"
    return f"{words}, or the key is absent" if _absent_matters(operator) else words


def _null_words(values: tuple[str, ...]) -> str:
    match [value.lower() for value in values]:
        case ["true"]:
            return "is absent"
        case ["false"]:
            return "is present"
        case _:
            return f"is absent: {' or '.join(values)}"


def _absent_matters(operator: Operator) -> bool:
    return operator.quantifier is Quantifier.NONE and operator.on_absent_key()


def _verb(name: str, operator: Operator) -> str:
    negation = "not " if operator.negated else ""
    match operator.family:
        case Family.EQUAL:
            return f"is {negation}{'(ignoring case) ' if 'IgnoreCase' in name else ''}".rstrip()
        case Family.LIKE | Family.ARN:
            return f"is {negation}like"
        case Family.IP:
            return f"is {negation}in"
        case Family.BOOL:
            return "is"
        case Family.ORDER:
            relation = name.rpartition(":")[2].removesuffix("IfExists").removeprefix("Numeric").removeprefix("Date")
            return _RELATIONS[relation]


_RELATIONS = {
    "Equals": "equals",
    "NotEquals": "does not equal",
    "LessThan": "is less than",
    "LessThanEquals": "is at most",
    "GreaterThan": "is greater than",
    "GreaterThanEquals": "is at least",
}
