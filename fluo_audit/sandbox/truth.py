"""What is true of the simulated account: what a perfect report of the production key says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, timedelta
    from decimal import Decimal

    from fluo_audit.sandbox.billing import Bill
    from fluo_audit.sandbox.ledger import Ledger
    from fluo_audit.sandbox.story import KeyStory, Rotation

_DENIED = "AccessDenied"


@dataclass(frozen=True, slots=True)
class Truth:
    """The facts. Days are UTC days, costs are US dollars, counts are events that name the key."""

    now: datetime
    key_id: str
    key_arn: str
    alias: str
    created: datetime
    rotations: tuple[Rotation, ...]
    next_rotation: datetime
    operations: Mapping[tuple[date, str], int]
    """Events of the key per day and operation, refused ones too."""
    errors: Mapping[tuple[date, str], int]
    """Events of the key with an error, per day and error code."""
    denied: Mapping[date, int]
    event_ids: tuple[str, ...]
    """Events of the key from its creation to now, oldest first."""
    visible_event_ids: tuple[str, ...]
    """Those of the last 90 days: what Event history can show."""
    without_purpose: tuple[str, ...]
    """Successful calls with an encryption context that has no `purpose`."""
    daily_cost: Mapping[date, Decimal]
    monthly_cost: Mapping[date, Decimal]
    """Cost of KMS per month, by the first day of the month; the current month up to now."""


def truth_of(
    ledger: Ledger, bill: Bill, key: KeyStory, *, now: datetime, horizon: timedelta, next_rotation: datetime
) -> Truth:
    """Return the truth about a key, counted from the ledger."""
    events = ledger.having("ResourceName", key.arn)
    operations = Counter((event.time.date(), event.name) for event in events)
    errors = Counter((event.time.date(), event.error_code) for event in events if event.error_code)
    contexts = {
        event.id: event.parameters["encryptionContext"]
        for event in events
        if not event.error_code and event.parameters and "encryptionContext" in event.parameters
    }
    return Truth(
        now=now,
        key_id=key.id,
        key_arn=key.arn,
        alias=key.alias,
        created=key.created,
        rotations=key.rotations,
        next_rotation=next_rotation,
        operations=MappingProxyType(dict(operations)),
        errors=MappingProxyType(dict(errors)),
        denied=MappingProxyType({day: count for (day, code), count in errors.items() if code == _DENIED}),
        event_ids=tuple(event.id for event in events),
        visible_event_ids=tuple(event.id for event in events if event.time >= now - horizon),
        without_purpose=tuple(event_id for event_id, context in contexts.items() if "purpose" not in context),
        daily_cost=MappingProxyType(bill.daily_cost()),
        monthly_cost=MappingProxyType(bill.monthly_cost()),
    )
