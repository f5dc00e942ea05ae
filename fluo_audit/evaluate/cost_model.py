"""What one KMS key should cost a month, and what the bill says KMS did cost.

Prices in US dollars, from https://aws.amazon.com/kms/pricing/ (Commercial Regions), as of March 2026:

- storage: $1.00 a month and key, prorated hourly; each replica of a multi-Region key is a key of its own;
- rotation: the first and the second rotation, automatic or on demand, add $1.00 a month each, prorated hourly; further
  ones add nothing (since April 2024);
- requests: $0.03 per 10,000, after 20,000 free ones a month over the whole account and all Regions;
- nothing is charged for storing AWS managed keys, nor keys that are scheduled for deletion.

All amounts are `Decimal`: money is never a float.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fluo_audit.evaluate.rows import rows
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.report import MonthCost

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

STORAGE_PRICE = Decimal(1)
"""A month of one key, and of each of its rotations that count."""
ROTATIONS_CHARGED = 2
REQUEST_PRICE = Decimal("0.03") / 10_000
FREE_REQUESTS = 20_000
PRECISION = Decimal("0.0001")
"""Of modelled amounts: an hour of a key is about 0.0014 dollars."""
LONGEST_WAIT = timedelta(days=30)
"""The longest waiting period of a deletion, during which storage is not charged."""

STORAGE = "KMS-Keys"
REQUESTS = "KMS-Requests"
"""Ends of usage types; what stands before names the Region."""


def modelled_storage(key: KeyMetadata, rotated: Sequence[datetime], month: date) -> Decimal | None:
    """Return what storing the key and its replicas should cost in the month that begins on `month`.

    `rotated` are the times of its rotations in order. A replica counts from the creation of the key the metadata is
    about, because its own is not known: for replicas that were made later this is too much. None when AWS did not state
    what the model needs, or when the key may have been scheduled for deletion in that month, which is free.
    """
    if key.created_at is None or not key.manager or _may_be_free(key, month):
        return None
    if key.manager == "AWS":
        return Decimal(0)
    charged = [key.created_at, *(max(key.created_at, at) for at in rotated[:ROTATIONS_CHARGED])]
    share = sum((_share_of_month(since, month) for since in charged), Decimal(0))
    return (share * STORAGE_PRICE * (1 + len(key.replica_regions))).quantize(PRECISION)


def request_charge(requests: Decimal) -> tuple[Decimal, Decimal]:
    """Return the least and the most that a number of requests may cost.

    The least has the account's free requests all to itself; the most has none of them, because accounts under one payer
    share them.
    """
    return max(Decimal(0), requests - FREE_REQUESTS) * REQUEST_PRICE, requests * REQUEST_PRICE


def month_costs(cost: Frame, key: KeyMetadata | None, rotated: Sequence[datetime] | None) -> tuple[MonthCost, ...]:
    """Return the unblended cost of each month in the COST frame, oldest first, beside what the key should cost.

    `modelled` is None when `key` or `rotated` is, that is when they could not be read. A day of which AWS left out an
    amount counts as not collected; a month of which any amount may still change counts as estimated.
    """
    months: defaultdict[date, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(cost):
        months[row["day"].replace(day=1)].append(row)
    return tuple(_month_cost(month, months[month], key, rotated) for month in sorted(months))


def is_final(month: MonthCost) -> bool:
    """Say whether every day of the month was collected and no amount of it can still change."""
    return month.days_collected == month.days_in_month and not month.estimated


def spent_on(month: MonthCost, usage: str) -> Decimal:
    """Return what a month cost for usage types that end in `usage`: STORAGE or REQUESTS."""
    return sum((amount for name, amount in month.by_usage_type if name.endswith(usage)), Decimal(0))


def requests_by_month(cost: Frame) -> dict[str, Decimal | None]:
    """Return the number of billed requests by month (YYYY-MM); None when AWS left a quantity out."""
    found: dict[str, Decimal | None] = {}
    for row in rows(cost):
        if not (row["usage_type"] or "").endswith(REQUESTS):
            continue
        month, quantity = f"{row['day']:%Y-%m}", row["usage_quantity"]
        so_far = found.get(month, Decimal(0))
        found[month] = None if quantity is None or so_far is None else so_far + quantity
    return found


def _month_cost(
    month: date, lines: list[dict[str, Any]], key: KeyMetadata | None, rotated: Sequence[datetime] | None
) -> MonthCost:
    amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        amounts[line["usage_type"] or ""] += line["unblended"] or 0
    unknown = {line["day"] for line in lines if line["unblended"] is None}
    return MonthCost(
        month=f"{month:%Y-%m}",
        by_usage_type=tuple(sorted(amounts.items())),
        total=sum(amounts.values(), Decimal(0)),
        modelled=None if key is None or rotated is None else modelled_storage(key, rotated, month),
        days_collected=len({line["day"] for line in lines} - unknown),
        days_in_month=_days_in(month),
        estimated=any(line["estimated"] is not False for line in lines),
    )


def _may_be_free(key: KeyMetadata, month: date) -> bool:
    if key.deletion_at is not None:
        return _bounds(month)[1] > key.deletion_at - LONGEST_WAIT
    return key.state in {"PendingDeletion", "PendingReplicaDeletion"}


def _share_of_month(since: datetime, month: date) -> Decimal:
    """Return the part of a month from a moment to its end, in begun hours: 1 when the moment lies before the month."""
    start, end = _bounds(month)
    seconds = max(timedelta(0), end - max(start, since)) // timedelta(seconds=1)
    return Decimal(-(-seconds // 3600)) / Decimal(_days_in(month) * 24)


def _bounds(month: date) -> tuple[datetime, datetime]:
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return start, start + timedelta(days=_days_in(month))


def _days_in(month: date) -> int:
    return monthrange(month.year, month.month)[1]
