"""The wildcard matcher agrees with the obvious recursive one and cannot be made slow."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fluo_audit.policy.wildcard import lower, matches, matches_action, matches_arn

ROWS = [
    ("", "", True),
    ("", "a", False),
    ("*", "", True),
    ("*", "a:b/c", True),
    ("?", "", False),
    ("?", "a", True),
    ("kms:*", "kms:Decrypt", True),
    ("kms:GenerateDataKey*", "kms:GenerateDataKey", True),
    ("kms:Decrypt", "kms:Decrypt2", False),
    ("*b", "abab", True),
    ("a*b?d", "aXbXbcd", True),
    ("a.c", "abc", False),
    ("[ab]", "a", False),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), ROWS)
def test_matches(pattern, text, expected):
    assert matches(pattern, text) is expected


def by_definition(pattern: str, text: str) -> bool:
    """Match as IAM's page words it, with no thought of speed."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(by_definition(pattern[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and by_definition(pattern[1:], text[1:])


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
@example("*a*b", "aab")
def test_agrees_with_the_definition(pattern, text):
    assert matches(pattern, text) is by_definition(pattern, text)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_a_text_made_from_the_pattern_fits_it(pattern, filling):
    assert matches(pattern, pattern.replace("*", filling).replace("?", "b"))


class Counted(str):
    """A text that counts how many of its characters were read."""

    __slots__ = ("read",)

    def __iter__(self):
        self.read = 0
        for character in str.__iter__(self):
            self.read += 1
            yield character


@pytest.mark.parametrize(
    "pattern", ["*a" * 16_384, "a*" * 16_384 + "b", "*" * 32_768, "?*" * 16_384, "*" + "a" * 16_000 + "b*"]
)
@pytest.mark.parametrize("length", [2_000, 20_000])
def test_a_hostile_pattern_costs_one_step_per_character(pattern, length):
    text = Counted("a" * length)
    text.read = 0
    matches(pattern, text)
    assert text.read <= length


def test_actions_ignore_case_of_ascii_letters_only():
    assert matches_action("KMS:generate*", "kms:GenerateDataKey")
    assert not matches_action("\u212aMS:*", "kms:Decrypt")
    assert lower("\u212aMS") == "\u212ams"


ARNS = [
    ("arn:aws:iam::*:role/x", "arn:aws:iam::111122223333:role/x", True),
    ("arn:aws:iam::*:role/x", "arn:aws:iam::111122223333:role/y", False),
    ("arn:aws:iam::*", "arn:aws:iam::111122223333:role/x", None),
    ("arn:aws:*:*:*:*", "arn:aws:iam::111122223333:role/x", True),
    ("arn:aws:logs:r:1:log-group:/aws/*", "arn:aws:logs:r:1:log-group:/aws/a:b", True),
    ("arn:*:role/x", "arn:aws:iam::111122223333:role/x", None),
    ("arn:a*:iam::1:role/x", "arn:aws:iam:iam::1:role/x", False),
    ("*", "anything", True),
    ("arn:aws:iam::1:role/x", "not an arn", False),
]


@pytest.mark.parametrize(("pattern", "arn", "expected"), ARNS)
def test_arn_parts_are_matched_one_by_one(pattern, arn, expected):
    assert matches_arn(pattern, arn) is expected
