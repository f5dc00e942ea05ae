"""What is asked about the events of a key: one set of SQL, in words that DuckDB and Trino both understand.

Trino is the engine of Athena and CloudTrail Lake. The queries read one relation, `kms_events`, which each engine makes
of what it has. So which key, which period and where the records lie is the engine's to say, and nothing is put into
the text of a query.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fluo_audit.model.evidence import Source
from fluo_audit.model.sources import EVENTS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

RELATION = {name: kind for name, kind in (EVENTS.columns or {}).items() if name not in {"calls", "last_time"}} | {
    "purpose": "text",
    "has_context": "bool",
}
"""Columns of `kms_events` with their kinds: every readable event of KMS that concerns the key in the period, once.

Times are UTC without a zone. `encryption_context` is that of the key, as `fluo_audit.events.records.event_row` says;
`purpose` is the text under that name in it, and `has_context` says whether there is one. Empty text is NULL.
"""

ONE_BY_ONE = 100_000
"""Up to so many events of a key are listed one by one."""

_COMMENT = re.compile(r"^--.*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and the columns of the answer."""

    source: Source[Frame]
    file: str
    """Without its ending."""
    of_calls: bool = True
    """Whether it reads `kms_calls`, in which like calls share a row, in place of `kms_events`."""

    @property
    def own_text(self) -> str:
        """Return the statement over `kms_calls`, or `kms_events`."""
        return _text(self.file)

    @property
    def text(self) -> str:
        """Return the statement over `kms_events`."""
        return f"WITH kms_calls AS (\n{calls_text()})\n{self.own_text}" if self.of_calls else self.own_text


def calls_text() -> str:
    """Return the statement that makes `kms_calls` of `kms_events`.

    Its columns are those of `fluo_audit.model.sources.EVENTS` and `purpose`, `has_context` and `is_change`.
    """
    return _text("calls")


@cache
def _text(name: str) -> str:
    return _COMMENT.sub("", files("fluo_audit.events").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8"))


EVERY_EVENT = Query(EVENTS, "events", of_calls=False)
GROUPED_EVENTS = Query(EVENTS, "grouped_events")
USAGE = Query(
    Source(
        "usage",
        "Calls by day, operation and error",
        {"day": "date", "event_name": "text", "error_code": "text", "calls": "int"},
    ),
    "usage",
)
PRINCIPALS = Query(
    Source(
        "principals",
        "Callers of the key",
        {
            "event_type": "text",
            "principal_type": "text",
            "issuer_arn": "text",
            "event_name": "text",
            "calls": "int",
            "failed": "int",
            "first_time": "time",
            "last_time": "time",
        },
    ),
    "principals",
)
DENIALS = Query(
    Source(
        "denials",
        "Denied calls by day and caller",
        {
            "day": "date",
            "issuer_arn": "text",
            "event_name": "text",
            "error_code": "text",
            "calls": "int",
            "first_time": "time",
            "first_event_id": "text",
        },
    ),
    "denials",
)
CONTEXTS = Query(
    Source(
        "contexts",
        "Purposes in encryption contexts",
        {
            "event_name": "text",
            "issuer_arn": "text",
            "has_context": "bool",
            "purpose": "text",
            "calls": "int",
        },
    ),
    "contexts",
)
ROTATIONS = Query(
    Source(
        "recorded_rotations",
        "Rotations that CloudTrail recorded",
        {
            "event_id": "text",
            "event_time": "time",
            "rotation_type": "text",
            "key_material_id": "text",
            "region": "text",
        },
    ),
    "rotations",
)
CHANGES = Query(
    Source(
        "changes",
        "Changes to the key",
        {
            "event_id": "text",
            "event_time": "time",
            "event_name": "text",
            "event_type": "text",
            "principal_type": "text",
            "principal_arn": "text",
            "issuer_arn": "text",
            "invoked_by": "text",
            "source_ip": "text",
            "error_code": "text",
            "error_message": "text",
            "region": "text",
        },
    ),
    "changes",
)
ALL = (EVERY_EVENT, GROUPED_EVENTS, USAGE, PRINCIPALS, DENIALS, CONTEXTS, ROTATIONS, CHANGES)


def events_of_key(rows: Callable[[Query], list[dict[str, Any]]], most: int = ONE_BY_ONE) -> list[dict[str, Any]]:
    """Return the rows of EVENTS: every event up to `most` of them, otherwise like calls of a day in one row.

    Two questions and not one, because Trino reads a table again for each place in a statement that names it. `rows`
    gives an engine's answer.
    """
    grouped = rows(GROUPED_EVENTS)
    return rows(EVERY_EVENT) if sum(row["calls"] for row in grouped) <= most else grouped
