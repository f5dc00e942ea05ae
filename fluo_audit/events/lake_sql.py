"""The SQL of CloudTrail Lake: the shared queries over an event data store.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-supported-event-schemas.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from fluo_audit.errors import UsageError
from fluo_audit.events.relation import Asked, Dialect, counts, quoted, with_relation
from fluo_audit.model.scope import Scope

LONGEST = 10_000
"""Characters of a statement: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StartQuery.html"""
_STORE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def lake_text(query: str, store_id: str, scope: Scope, accounts: tuple[str, ...] = ()) -> str:
    """Return a shared query as one statement over an event data store, which stands after FROM by its id.

    It reads the log of the key's account, or of the `accounts`. Raises UsageError for what is no id of a store, and for
    a statement that is longer than Lake takes.
    """
    return _fitting(with_relation(query, _LAKE, _asked(store_id, scope, accounts)))


def lake_counts(store_id: str, scope: Scope, accounts: tuple[str, ...] = ()) -> str:
    """Return the statement that accounts for every KMS record of the period (`relation.COUNTS`)."""
    return _fitting(counts(_asked(store_id, scope, accounts), "eventtime"))


def _asked(store_id: str, scope: Scope, accounts: tuple[str, ...]) -> Asked:
    if not _STORE_ID.fullmatch(store_id):
        raise UsageError(f"{store_id!r} is not the id of an event data store", "give the last part of its ARN")
    own = accounts or (scope.key_arn.split(":")[4],)
    return Asked(
        table=store_id,
        folders=(
            f"coalesce(recipientaccountid, '') IN ('', {', '.join(map(quoted, own))})",
            f"eventtime >= {_literal(scope.period.start)}",
            f"eventtime < {_literal(scope.period.end + timedelta(seconds=1))}",
        ),
        key_arn=scope.key_arn,
        period=scope.period,
    )


def _fitting(text: str) -> str:
    if len(text) > LONGEST:
        raise UsageError(f"a statement of {len(text):,} characters is longer than the {LONGEST:,} that Lake takes")
    return text


def _literal(at: datetime) -> str:
    """Return a time as the documentation of Lake writes it, in whole seconds: what is asked for is compared again."""
    return f"'{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}'"


_LAKE = Dialect(
    # Maps of text to text: what nests in them is JSON.
    parts=(
        "requestparameters AS asked, responseelements AS answered, serviceeventdetails AS details,\n"
        "    additionaleventdata AS additional"
    ),
    event_time="eventtime",
    member=lambda part, name: f"element_at({part}, '{name}')",
    nested=lambda name: f"TRY(json_parse(element_at(asked, '{name}')))",
)
