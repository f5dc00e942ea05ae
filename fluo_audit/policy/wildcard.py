"""Match IAM's two wildcards, `*` (any run of characters) and `?` (any one), without regular expressions.

A policy is hostile text: `*a*a*a*b` makes a backtracking matcher run for hours. Here the pattern becomes the bits of an
integer and every character of the text costs one step, whatever the pattern is.
"""

from __future__ import annotations

import string
from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

ARN_PARTS = 6  # arn:partition:service:region:account:resource; colons after the fifth belong to the resource
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class _Pattern(NamedTuple):
    """A compiled pattern. Bit i of each integer speaks of the i-th character that is not `*`."""

    length: int
    stays: int  # a `*` stands before character i: any text may pass while waiting for it
    any_one: int  # character i is `?`
    literal: dict[str, int]  # where each character stands, the `?` positions included


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> _Pattern:
    stays = any_one = length = 0
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for character in pattern:
        if character == "*":
            stays |= 1 << length
            continue
        if character == "?":
            any_one |= 1 << length
        else:
            positions[character].append(length)
        length += 1
    literal = {character: any_one | sum(1 << i for i in where) for character, where in positions.items()}
    return _Pattern(length, stays, any_one, literal)


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole `text` fits `pattern`; case-sensitive; one step per character of `text`."""
    if len(pattern) - pattern.count("*") > len(text):
        return False
    length, stays, any_one, literal = _compile(pattern)
    reached = 1  # bit i: the text so far fits the first i characters of the pattern
    for character in text:
        reached = ((reached & literal.get(character, any_one)) << 1) | (reached & stays)
        if not reached:
            return False
    return bool(reached >> length & 1)


def lower(text: str) -> str:
    """Return `text` with A-Z in lower case only: `str.lower` would also turn the Kelvin sign into a `k`."""
    return text.translate(_ASCII_LOWER)


def matches_action(pattern: str, action: str) -> bool:
    """Return whether an action such as `kms:Decrypt` fits `pattern`; IAM ignores case here."""
    return matches(lower(pattern), lower(action))


def is_open(pattern: str) -> bool:
    """Return whether `pattern` is nothing but `*`: it fits every text."""
    return bool(pattern) and not pattern.strip("*")


def has_wildcard(pattern: str) -> bool:
    """Return whether `pattern` fits more than one text."""
    return "*" in pattern or "?" in pattern


def arn_parts(text: str) -> tuple[str, ...] | None:
    """Return the six parts of an ARN or of an ARN pattern, or None when it does not have six."""
    parts = tuple(text.split(":", ARN_PARTS - 1))
    return parts if len(parts) == ARN_PARTS else None


def matches_arn(pattern: str, arn: str) -> bool | None:
    """Return whether `arn` fits `pattern` part by part, as ArnLike and ArnEquals do; None: `pattern` is not an ARN.

    A wildcard does not reach over a colon: `arn:aws:iam::*:role/x` leaves only the account open.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    if is_open(pattern):
        return True
    wanted, found = arn_parts(pattern), arn_parts(arn)
    if wanted is None:
        return None
    return found is not None and all(map(matches, wanted, found))
