"""Condition operators, one row each for present, absent and odd values."""

from __future__ import annotations

import pytest

from fluo_audit.policy.conditions import Unstated, holds, parse_operator
from fluo_audit.policy.document import Condition

YES, NO, UNKNOWN = True, False, None

# operator, policy values, request values (None: absent), answer
ROWS = [
    ("StringEquals", "a", "a", YES),
    ("StringEquals", "a", "A", NO),
    ("StringEquals", "a b", "b", YES),
    ("StringEquals", "*", "a", NO),
    ("StringEquals", "a", None, NO),
    ("StringNotEquals", "a", "b", YES),
    ("StringNotEquals", "a b", "b", NO),
    ("StringNotEquals", "a b", "c", YES),
    ("StringNotEquals", "a", None, YES),
    ("StringEqualsIgnoreCase", "a", "A", YES),
    ("StringNotEqualsIgnoreCase", "a", "A", NO),
    ("StringLike", "a*", "abc", YES),
    ("StringLike", "*", None, NO),
    ("StringNotLike", "a*", "abc", NO),
    ("StringNotLike", "a*", None, YES),
    ("StringEqualsIfExists", "a", None, YES),
    ("StringEqualsIfExists", "a", "b", NO),
    ("StringNotEqualsIfExists", "a", None, YES),
    ("ArnLike", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", YES),
    ("ArnEquals", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", YES),
    ("ArnLike", "arn:aws:iam::*", "arn:aws:iam::1:role/x", UNKNOWN),
    ("ArnNotLike", "arn:aws:iam::2:*", "arn:aws:iam::1:role/x", YES),
    ("ArnNotEquals", "arn:aws:iam::1:*", "arn:aws:iam::1:role/x", NO),
    ("ArnLike", "arn:aws:iam::1:*", "text", NO),
    ("Bool", "true", "true", YES),
    ("Bool", "true", "false", NO),
    ("Bool", "TRUE", "true", YES),
    ("Bool", "yes", "true", UNKNOWN),
    ("Bool", "false", None, NO),
    ("BoolIfExists", "false", None, YES),
    ("Null", "true", None, YES),
    ("Null", "true", "a", NO),
    ("Null", "false", None, NO),
    ("Null", "false", "a", YES),
    ("Null", "true false", "a", YES),
    ("Null", "maybe", "a", UNKNOWN),
    ("NumericLessThan", "10", "9", YES),
    ("NumericLessThan", "10", "10", NO),
    ("NumericLessThanEquals", "10", "10.0", YES),
    ("NumericGreaterThan", "10", "9", NO),
    ("NumericGreaterThanEquals", "10", "11", YES),
    ("NumericEquals", "7", "7.0", YES),
    ("NumericNotEquals", "7", "8", YES),
    ("NumericEquals", "seven", "7", UNKNOWN),
    ("NumericEquals", "nan", "nan", UNKNOWN),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", YES),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", NO),
    ("DateLessThan", "2026-01-01T00:00:00Z", "1735689600", YES),
    ("DateEquals", "2026-01-01", "2026-01-01T00:00:00+00:00", YES),
    ("DateEquals", "yesterday", "2026-01-01", UNKNOWN),
    ("IpAddress", "192.0.2.0/24", "192.0.2.9", YES),
    ("IpAddress", "192.0.2.0/24", "198.51.100.1", NO),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", YES),
    ("IpAddress", "192.0.2.0/24", "2001:db8::1", NO),
    ("IpAddress", "192.0.2.0/24", None, NO),
    ("NotIpAddress", "192.0.2.0/24", "198.51.100.1", YES),
    ("NotIpAddress", "192.0.2.0/24", None, YES),
    ("IpAddress", "here", "192.0.2.9", UNKNOWN),
    ("ForAllValues:StringEquals", "a b", "a b", YES),
    ("ForAllValues:StringEquals", "a b", "a c", NO),
    ("ForAllValues:StringEquals", "a", None, YES),
    ("ForAllValues:StringNotEquals", "a", "b c", YES),
    ("ForAllValues:StringNotEquals", "a", "a c", NO),
    ("ForAllValues:StringEqualsIfExists", "a", None, YES),
    ("ForAnyValue:StringEquals", "a", "a c", YES),
    ("ForAnyValue:StringEquals", "a", "b c", NO),
    ("ForAnyValue:StringEquals", "a", None, NO),
    ("ForAnyValue:StringNotEquals", "a", None, NO),
    ("ForAnyValue:StringNotEquals", "a", "a b", YES),
    ("ForAnyValue:StringNotEquals", "a", "a", NO),
    ("ForAnyValue:StringEqualsIfExists", "a", None, NO),
    ("StringEquals", "a", "a b", UNKNOWN),
    ("StringEquals", "${aws:username}", "a", UNKNOWN),
    ("StringNotEquals", "${aws:username}", "a", UNKNOWN),
    ("StringEquals", "a ${aws:username}", "a", YES),
    ("StringEquals", "${aws:username}", None, NO),
    ("stringequals", "a", "a", UNKNOWN),
    ("NullIfExists", "true", "a", UNKNOWN),
    ("ForSomeValues:StringEquals", "a", "a", UNKNOWN),
    (":StringEquals", "a", "a", UNKNOWN),
    ("BinaryEquals", "a", "a", UNKNOWN),
]


@pytest.mark.parametrize(("operator", "wanted", "found", "answer"), ROWS)
def test_operator(operator, wanted, found, answer):
    condition = Condition(operator, "aws:Key", tuple(wanted.split()))
    values = None if found is None else tuple(found.split())
    verdict = holds(condition, lambda _key: values)
    assert verdict.value is answer, verdict
    assert verdict.reason


@pytest.mark.parametrize(
    "operator", ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "Null", "ForAllValues:StringEquals"]
)
def test_an_unstated_key_settles_nothing(operator):
    verdict = holds(Condition(operator, "aws:SourceIp", ("true",)), lambda key: Unstated(f"{key}?"))
    assert verdict.value is None
    assert verdict.reason == "aws:SourceIp?"


def test_a_variable_is_plain_text_in_the_older_policy_version():
    condition = Condition("StringEquals", "aws:username", ("${aws:username}",))
    assert holds(condition, lambda _: ("alice",), resolves_variables=False).value is False


def test_no_value_matches_nothing():
    assert holds(Condition("StringEquals", "k", ()), lambda _: ("a",)).value is False
    assert holds(Condition("StringNotEquals", "k", ()), lambda _: ("a",)).value is True


def test_every_operator_of_the_iam_reference_but_binary_is_known():
    names = [
        f"{kind}{relation}"
        for kind in ("Numeric", "Date")
        for relation in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    ]
    assert all(parse_operator(name) for name in names)
