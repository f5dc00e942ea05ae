"""Whether one condition of a statement holds for a request, under IAM's rules.

Sources:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import operator as compare
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fluo_audit.policy.truth import NO, YES, Truth, all_of, any_of, truth, unknown
from fluo_audit.policy.wildcard import lower, matches, matches_arn

if TYPE_CHECKING:
    from fluo_audit.policy.document import Condition


@dataclass(frozen=True, slots=True)
class Unstated:
    """A context key whose presence the request does not tell; nothing may be concluded from it."""

    reason: str


CONTEXT_NOT_KNOWN = Unstated("the encryption context of the request is not known")

ContextValue: TypeAlias = tuple[str, ...] | Unstated | None
"""The values of a context key; None when the request does not carry the key."""

Lookup: TypeAlias = Callable[[str], ContextValue]
"""Give the value of a context key, whatever the case of its name."""

Compare: TypeAlias = Callable[[str, str], bool | None]
"""Compare a policy's value with a request's; None when they cannot be compared."""


class Quantifier(StrEnum):
    """How an operator treats a key with several values."""

    NONE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Family(StrEnum):
    """The kinds of comparison."""

    EQUAL = "equal"
    LIKE = "like"
    ARN = "arn"
    BOOL = "bool"
    IP = "ip"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator taken apart: ForAnyValue:StringNotLikeIfExists is ANY, StringLike, negated, IfExists."""

    family: Family
    compare: Compare
    negated: bool = False
    quantifier: Quantifier = Quantifier.NONE
    if_exists: bool = False

    def on_absent_key(self) -> bool:
        """Return what IAM answers when the request does not carry the key.

        ForAnyValue wins over IfExists: https://repost.aws/questions/QU9HFmDzP0QGuU-fd7rS6B7w
        """
        if self.quantifier is Quantifier.ANY:
            return False
        return self.if_exists or self.negated or self.quantifier is Quantifier.ALL


def _ignoring_case(wanted: str, found: str) -> bool:
    return wanted.lower() == found.lower()


def _bool(wanted: str, found: str) -> bool | None:
    known = {"true", "false"}
    wanted, found = wanted.lower(), found.lower()
    return wanted == found if {wanted, found} <= known else None


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _date(text: str) -> datetime | None:
    """Read ISO 8601, in UTC unless it says otherwise, or seconds since 1970."""
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        date = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _in_network(wanted: str, found: str) -> bool | None:
    try:
        return ip_address(found) in ip_network(wanted, strict=False)
    except ValueError:
        return None


def _ordered(read: Callable[[str], Any], relation: Callable[[Any, Any], bool]) -> Compare:
    """Compare two texts as what `read` makes of them; the request's value stands on the left, as IAM words it."""

    def compared(wanted: str, found: str) -> bool | None:
        left, right = read(found), read(wanted)
        return None if left is None or right is None else relation(left, right)

    return compared


def _operators() -> dict[str, Operator]:
    """Return every operator name without prefix and suffix; each positive one and its negation."""
    pairs = {
        "StringEquals": (Family.EQUAL, compare.eq, "StringNotEquals"),
        "StringEqualsIgnoreCase": (Family.EQUAL, _ignoring_case, "StringNotEqualsIgnoreCase"),
        "StringLike": (Family.LIKE, matches, "StringNotLike"),
        "ArnEquals": (Family.ARN, matches_arn, "ArnNotEquals"),  # the same as ArnLike, says AWS
        "ArnLike": (Family.ARN, matches_arn, "ArnNotLike"),
        "IpAddress": (Family.IP, _in_network, "NotIpAddress"),
        "NumericEquals": (Family.ORDER, _ordered(_number, compare.eq), "NumericNotEquals"),
        "DateEquals": (Family.ORDER, _ordered(_date, compare.eq), "DateNotEquals"),
    }
    found = {"Bool": Operator(Family.BOOL, _bool)}
    for name, (family, function, opposite) in pairs.items():
        found[name] = Operator(family, function)
        found[opposite] = Operator(family, function, negated=True)
    relations = {"LessThan": compare.lt, "GreaterThan": compare.gt}
    relations |= {"LessThanEquals": compare.le, "GreaterThanEquals": compare.ge}
    for suffix, relation in relations.items():
        found[f"Numeric{suffix}"] = Operator(Family.ORDER, _ordered(_number, relation))
        found[f"Date{suffix}"] = Operator(Family.ORDER, _ordered(_date, relation))
    return found


_OPERATORS = _operators()


def parse_operator(name: str) -> Operator | Literal["Null"] | None:
    """Return the operator that a policy calls `name`, "Null" for that test, or None when it is not one known here."""
    if name == "Null":
        return "Null"
    prefix, colon, rest = name.rpartition(":")
    base = rest.removesuffix("IfExists")
    plain = _OPERATORS.get(base)
    if plain is None or (colon and prefix not in {Quantifier.ALL, Quantifier.ANY}):
        return None
    return Operator(plain.family, plain.compare, plain.negated, Quantifier(prefix), if_exists=base != rest)


def has_variable(value: str) -> bool:
    """Return whether a policy's value holds a policy variable such as ${aws:username}."""
    return "${" in value


def holds(condition: Condition, lookup: Lookup, *, resolves_variables: bool = True) -> Truth:
    """Return whether `condition` holds for the request that `lookup` describes.

    Not known: an operator not known here, a policy variable, a key the request does not state, values of the wrong
    type, or several values for a key without ForAllValues or ForAnyValue (IAM does not define it).
    """
    operator = parse_operator(condition.operator)
    if operator is None:
        return unknown(f"the operator {condition.operator!r} is not known")
    found = lookup(condition.key)
    if isinstance(found, Unstated):
        return unknown(found.reason)
    if operator == "Null":
        return _null(condition, absent=not found)
    if not found:
        return truth(operator.on_absent_key(), f"{condition.key} is not in the request")
    return _compared(condition, operator, found, resolves_variables=resolves_variables)


def _null(condition: Condition, *, absent: bool) -> Truth:
    wanted = {lower(value) for value in condition.values}
    if not wanted <= {"true", "false"}:
        return unknown(f"Null takes true or false for {condition.key}")
    return truth(str(absent).lower() in wanted, f"{condition.key} is {'not ' if absent else ''}in the request")


def _compared(condition: Condition, operator: Operator, found: tuple[str, ...], *, resolves_variables: bool) -> Truth:
    def fits(value: str) -> Truth:
        verdict = any_of(_one(operator, wanted, value, resolves_variables) for wanted in condition.values)
        return verdict.negated() if operator.negated else verdict

    verdicts = [fits(value) for value in found]
    if operator.quantifier is Quantifier.ALL:
        verdict = all_of(verdicts)
    elif operator.quantifier is Quantifier.ANY:
        verdict = any_of(verdicts)
    elif len(found) == 1:
        verdict = verdicts[0]
    else:
        return unknown(f"{condition.key} has several values, and {condition.operator} is meant for one")
    if verdict.value is None:
        return unknown(f"{condition.key}: {verdict.reason}")
    return truth(verdict.value, f"{condition.key} is {', '.join(map(repr, found))}")


def _one(operator: Operator, wanted: str, found: str, resolves_variables: bool) -> Truth:  # noqa: FBT001 - private
    if resolves_variables and has_variable(wanted):
        return unknown(f"the policy variable in {wanted!r} is not resolved")
    match operator.compare(wanted, found):
        case True:
            return YES
        case False:
            return NO
        case None:
            return unknown(f"{wanted!r} and {found!r} cannot be compared this way")
