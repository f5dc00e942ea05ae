"""Numbers, times and sentences as the report prints them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from fluo_audit.model.finding import Conclusion

_CENT = Decimal("0.01")
_LONGEST_PARAMETERS = 84
_BRIEF = 200
_PAGING = frozenset({"NextToken", "NextMarker", "Marker", "Limit", "MaxItems", "MaxResults"})

COMMANDS = frozenset({"aws"})
"""First words that are typed as they stand."""


def number(value: int) -> str:
    """Return an integer with thousands separators: 7,214."""
    return f"{value:,}"


def count(value: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun in the right form: 1 exception, 2 exceptions, 2 entries."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def money(value: Decimal) -> str:
    """Return US dollars to the cent; an amount that would round to nothing says so instead of 0.00."""
    if Decimal(0) < abs(value) < _CENT / 2:
        return "<0.01" if value > 0 else "-<0.01"
    return f"{value.quantize(_CENT, ROUND_HALF_UP):,}"


def utc(moment: datetime) -> str:
    """Return a moment as UTC to the second: 2026-11-23T06:00:04Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(moment: date) -> str:
    """Return the day of a moment in UTC: 2026-11-23."""
    return moment.astimezone(UTC).date().isoformat() if isinstance(moment, datetime) else moment.isoformat()


def sentence(parts: list[str]) -> str:
    """Join clauses: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def outcome(counts: Mapping[Conclusion, int]) -> str:
    """Return the result of all tests in one or two sentences whose numbers add up to the number of tests."""
    total = sum(counts.values())
    if not total:
        return "No test was run."
    clauses = {
        Conclusion.EXCEPTION: ("shows an exception", "show exceptions"),
        Conclusion.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
        Conclusion.MANUAL: ("needs an auditor’s own work", "need an auditor’s own work"),  # noqa: RUF001, typographic
        Conclusion.NOT_APPLICABLE: ("does not apply", "do not apply"),
    }
    rest = [f"{counts[c]:,} {one if counts[c] == 1 else many}" for c, (one, many) in clauses.items() if counts[c]]
    first = f"The evidence supports {counts[Conclusion.SUPPORTED]:,} of {count(total, 'test')}."
    return f"{first} {sentence(rest)[:1].upper()}{sentence(rest)[1:]}." if rest else first


def capital(text: str) -> str:
    """Return a text that starts like a sentence; one that starts with a command, an operation or a path stays."""
    first = text.partition(" ")[0]
    return text if not first.isalpha() or first in COMMANDS else text[0].upper() + text[1:]


def brief(text: str) -> str:
    """Return the first sentences of a long text, for a row that links to all of it."""
    if len(text) <= _BRIEF:
        return text
    end = text.rfind(". ", 0, _BRIEF)
    return text[: end + 1] if end > 0 else text[:_BRIEF].rpartition(" ")[0] + "…"


def parameters(values: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """Return the parameters of a call on one short line; `known` maps long values to a short name for them.

    Paging is left out: it tells one page of an answer from the next, not one question from another. The JSON has all.
    """
    parts = [f"{name}={_value(value, known)}" for name, value in sorted(values.items()) if name not in _PAGING]
    line = ", ".join(parts)
    return line if len(line) <= _LONGEST_PARAMETERS else line[: _LONGEST_PARAMETERS - 1] + "…"


def _value(value: object, known: Mapping[str, str]) -> str:
    if isinstance(value, Mapping):
        return " ".join(_value(item, known) for item in value.values())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item, known) for item in value) + "]"
    if isinstance(value, datetime):
        return utc(value).removesuffix("T00:00:00Z")
    return known.get(value, value) if isinstance(value, str) else str(value)
