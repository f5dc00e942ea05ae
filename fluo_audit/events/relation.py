"""The relation `kms_events` in the SQL of Trino, which Athena and CloudTrail Lake speak.

It has the columns that the shared queries read. What they mean is said in `fluo_audit.events.records`: `concerns_key`
and `event_row` say the same in Python. Only SQL is used that Trino and DuckDB read alike, or that sqlglot translates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fluo_audit.events.records import KMS
from fluo_audit.model.scope import Period


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one service gives the parts of a record that are objects of any form."""

    parts: str
    """The columns asked, answered, details and additional, for a SELECT list over the raw table."""
    event_time: str
    member: Callable[[str, str], str]
    """(one of the parts, name) -> expression of the member when it is text."""
    nested: Callable[[str], str]
    """Name of a member of asked -> expression of its value as JSON."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records: those of one key in a period, as they lie in a raw table."""

    table: str
    """As it stands after FROM."""
    folders: tuple[str, ...]
    """Conditions that spare reading what is not asked for."""
    key_arn: str
    period: Period


def with_relation(query: str, dialect: Dialect, asked: Asked) -> str:
    """Return a query over `kms_events` as one statement that needs no such table."""
    statement = _COMMENT.sub("", query).strip().rstrip(";")
    goes_on = _WITH.match(statement)
    return f"WITH {relation(dialect, asked)}{',' if goes_on else ''}\n{statement[goes_on.end() if goes_on else 0 :]}"


_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_WITH = re.compile(r"WITH\s+", re.IGNORECASE)


def counts(asked: Asked, event_time: str) -> str:
    """Return the statement that accounts for the KMS records that are read: those of the key and all others."""
    readable = _and(*_READABLE, f"{event_time} IS NOT NULL")
    return f"""SELECT count(*) AS records,
  count(*) - count(CASE WHEN {readable} THEN 1 END) AS unreadable,
  min({event_time}) AS first_at,
  max({event_time}) AS last_at
FROM {asked.table}
WHERE {_and(_OF_KMS, *asked.folders)}"""  # noqa: S608, every value in the text is quoted or was checked


COUNTS = {"records": "int", "unreadable": "int", "first_at": "time", "last_at": "time"}
"""Columns of `counts`: KMS records that were read, those of them without an id, a time or a version that is understood,
and the times of the first and the last."""


def relation(dialect: Dialect, asked: Asked) -> str:
    """Return the common table expressions that end in `kms_events`: readable records of the key, each event once."""
    key, key_id = quoted(asked.key_arn), quoted(asked.key_arn.rpartition("/")[2])
    region = quoted(asked.key_arn.split(":")[3])
    members = {
        "source_key": dialect.member("asked", "sourceKeyId"),
        "destination_key": dialect.member("asked", "destinationKeyId"),
        **{alias: _object(dialect.nested(name)) for alias, name in _CONTEXTS.items()},
        # Replicas share the id, so it is a name of this key only in its Region.
        "key_id": f"CASE WHEN coalesce(awsregion, '') IN ('', {region}) THEN {key_id} END",
    }
    names = ",\n      ".join(dialect.member(part, name) for part in _PARTS for name in _MEMBERS)
    # Every value in the text is quoted, or was checked against a pattern.
    return f"""raw AS (
  SELECT {_FIELDS},
    {dialect.parts},
    {dialect.event_time} AS event_time
  FROM {asked.table}
  WHERE {_and(_OF_KMS, *_READABLE, *asked.folders)}
),
parts AS (
  SELECT raw.*,
    {_select(members)},
    ARRAY[
      {names}
    ] AS names
  FROM raw
),
of_key AS (
  SELECT parts.*,
    row_number() OVER (PARTITION BY eventid ORDER BY event_time, requestid) AS delivery,
    CASE WHEN destination_key IN ({key}, key_id) AND coalesce(source_key NOT IN ({key}, key_id), TRUE)
      THEN coalesce(destination_context, source_context, own_context)
      ELSE coalesce(own_context, source_context, destination_context) END AS context
  FROM parts
  WHERE event_time >= {moment(asked.period.start)} AND event_time < {moment(asked.period.end)}
    AND (contains(transform(resources, r -> r.arn), {key})
      OR contains(names, {key})
      OR contains(names, key_id)
      OR strpos(errormessage, {key}) > 0)
),
kms_events AS (
  SELECT {_select(_columns(dialect))}
  FROM of_key
  WHERE delivery = 1
)"""  # noqa: S608, see the remark above


_OF_KMS = f"eventsource = '{KMS}'"
_READABLE = ("eventid <> ''", "split_part(eventversion, '.', 1) = '1'")
# What both services have as columns of these names.
_FIELDS = (
    "eventid, eventname, eventtype, readonly, useridentity, sourceipaddress, useragent, errorcode, errormessage,\n"
    "    resources, awsregion, recipientaccountid, requestid, sharedeventid, eventversion, tlsdetails"
)
_PARTS = ("asked", "details", "answered")
_MEMBERS = ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId")
_CONTEXTS = {
    "own_context": "encryptionContext",
    "source_context": "sourceEncryptionContext",
    "destination_context": "destinationEncryptionContext",
}
_MATERIALS = (("additional", "keyMaterialId"), ("details", "currentKeyMaterialId"), ("details", "keyMaterialId"))


def _columns(dialect: Dialect) -> dict[str, str]:
    """Return column -> expression over `of_key`."""
    principal = f"coalesce({_text('useridentity.arn')}, {_text('useridentity.invokedby')})"
    key = "useridentity.accesskeyid"
    return {
        "event_id": "eventid",
        "event_time": "event_time",
        "event_name": _text("eventname"),
        "event_type": _text("eventtype"),
        "read_only": "CASE lower(CAST(readonly AS VARCHAR)) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END",
        "principal_type": _text("useridentity.type"),
        "principal_arn": principal,
        "issuer_arn": f"coalesce({_text('useridentity.sessioncontext.sessionissuer.arn')}, {principal})",
        "invoked_by": _text("useridentity.invokedby"),
        "access_key_suffix": _text(f"substr({key}, greatest(length({key}) - 3, 1))"),
        "source_ip": _text("sourceipaddress"),
        "user_agent": _text("useragent"),
        "error_code": _text("errorcode"),
        "error_message": _text("errormessage"),
        "encryption_context": "json_format(context)",
        "purpose": _text(json_text("context", "purpose")),
        "has_context": "context IS NOT NULL",
        "key_material_id": f"coalesce({', '.join(_text(dialect.member(*each)) for each in _MATERIALS)})",
        "rotation_type": _text(dialect.member("details", "rotationType")),
        "tls_version": _text("tlsdetails.tlsversion"),
        "region": _text("awsregion"),
        "recipient_account": _text("recipientaccountid"),
        "request_id": _text("requestid"),
        "shared_event_id": _text("sharedeventid"),
        "event_version": "eventversion",
    }


def _select(columns: Mapping[str, str]) -> str:
    return ",\n    ".join(value if value == name else f"{value} AS {name}" for name, value in columns.items())


def _and(*conditions: str) -> str:
    return "\n    AND ".join(conditions)


def _text(expression: str) -> str:
    """Return the expression of a text that is missing when it is empty."""
    return f"NULLIF({expression}, '')"


def json_text(value: str, name: str) -> str:
    """Return the expression of a member of a JSON object that is text: a number or an object is none."""
    path = f"{value}, '$.{name}'"
    return f"CASE WHEN json_format(json_extract({path})) LIKE '\"%' THEN json_extract_scalar({path}) END"


def _object(value: str) -> str:
    return f"CASE WHEN json_format({value}) LIKE '{{%' THEN {value} END"


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def moment(at: datetime) -> str:
    """Return a time as an SQL literal: UTC, as the times in the relation are, without a zone."""
    return f"TIMESTAMP '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
