"""The way findings write times, numbers of things and money."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def utc(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, to the second, such as 2026-03-01T10:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(moment: datetime) -> str:
    """Return the UTC day of a moment, such as 2026-03-01."""
    return moment.astimezone(UTC).date().isoformat()


def count(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 trail" or "2 trails"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def dollars(amount: Decimal) -> str:
    """Return an amount rounded to cents, such as $1.50."""
    return f"${amount.quantize(CENT, ROUND_HALF_UP):,}"
