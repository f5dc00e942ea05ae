"""Yes, no, or not known, each with its reason: the logic every answer about a policy is computed in.

"Not known" is never taken for yes or no. It yields only where the other operands settle the matter alone:
no AND not known is no; yes OR not known is yes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Truth:
    """A truth value: True, False, or None for not known; `reason` says why, in plain words."""

    value: bool | None
    reason: str = ""

    def negated(self) -> Truth:
        """Return yes for no and no for yes; not known stays as it is."""
        return self if self.value is None else Truth(not self.value, self.reason)


YES = Truth(value=True)
NO = Truth(value=False)


def truth(value: bool, reason: str = "") -> Truth:  # noqa: FBT001 - a truth value is what this is about
    """Return yes or no with its reason."""
    return Truth(value, reason)


def unknown(reason: str) -> Truth:
    """Return not known, with its reason."""
    return Truth(None, reason)


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return the first no; else the first not known; else yes."""
    doubt = YES
    for one in truths:
        if one.value is False:
            return one
        if one.value is None and doubt.value is True:
            doubt = one
    return doubt


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return the first yes; else the first not known; else the last no."""
    doubt = NO
    for one in truths:
        if one.value is True:
            return one
        if doubt.value is False:
            doubt = one
    return doubt
