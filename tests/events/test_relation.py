"""The relation in SQL says of every record what the reading in Python says."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_audit.events.athena_sql import FIELDS, AthenaPlace, AthenaTable, athena_counts, athena_text
from fluo_audit.events.duckdb_engine import DuckDbEngine
from fluo_audit.events.lake_sql import lake_counts, lake_text
from fluo_audit.events.parquet import write_rows
from fluo_audit.events.queries import ALL, RELATION
from fluo_audit.events.records import concerns_key, event_row, event_time, is_readable
from fluo_audit.events.rows import Rows as StoredRows
from fluo_audit.events.store import Piece
from fluo_audit.frames import frame
from fluo_audit.model.scope import Period, Scope
from fluo_audit.sandbox.account import SimulatedAccount

ACCOUNT, REGION = "111122223333", "us-east-1"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY_ID}"
OTHER = KEY.replace(KEY_ID, "0987dcba-09fe-87dc-65ba-ab0987654321")
ALIAS = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/fluo-production"
PERIOD = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 23, 6, 0, 0, 500_000, tzinfo=UTC))
STORE = "a1b2c3d4-5678-90ab-cdef-000000000001"
TABLE = AthenaTable("fluo_audit", "trail")
EVERYTHING = "SELECT * FROM kms_events ORDER BY event_time, event_id"

Rows = list[dict[str, Any]]
Engine = Callable[..., Rows]


def scope_of(key: str = KEY, period: Period = PERIOD) -> Scope:
    return Scope(key.split(":")[4], key.split(":")[3], key, period, period.end)


# --- Athena and Lake as they would deliver records -----------------------------------------------------------------


def as_text(value: Any) -> str | None:
    """A column of text holds the text of a JSON string, and whatever else there is as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def lowered(value: Any) -> dict[str, Any]:
    return {name.lower(): item for name, item in value.items()} if isinstance(value, dict) else {}


def struct(value: Any, *texts: str, **structs: Any) -> dict[str, Any] | None:
    """An object with the declared members; what is no object is missing."""
    if not isinstance(value, dict):
        return None
    members = lowered(value)
    return {**{name: as_text(members.get(name)) for name in texts}, **structs}


def identity(value: Any) -> dict[str, Any] | None:
    session = lowered(value).get("sessioncontext")
    issuer = lowered(session).get("sessionissuer")
    context = struct(session, sessionissuer=struct(issuer, "arn"))
    return struct(value, "type", "arn", "invokedby", "accesskeyid", sessioncontext=context)


def common(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that both services declare alike."""
    resources = record.get("resources")
    return {
        **{name: as_text(value) for name, value in lowered(record).items()},
        "useridentity": identity(record.get("userIdentity")),
        "resources": [struct(each, "arn") for each in resources] if isinstance(resources, list) else None,
        "tlsdetails": struct(record.get("tlsDetails"), "tlsversion"),
    }


def run(text: str, dialect: str, table: str, types: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Return the rows of a statement on DuckDB, with JSON as text of one form."""
    database = duckdb.connect()
    database.execute("CREATE SCHEMA fluo_audit")
    declared = {name: sqlglot.exp.DataType.build(kind, dialect="hive").sql("duckdb") for name, kind in types.items()}
    columns = ", ".join(f'"{name}" {kind}' for name, kind in declared.items())
    database.execute(f"CREATE TABLE {table} ({columns})")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
        file.writelines(json.dumps({name: row.get(name) for name in types}, default=str) + "\n" for row in rows)
        file.flush()
        source = f"read_json('{file.name}', columns = {json.dumps(declared)}, format = 'newline_delimited')"
        database.execute(f"INSERT INTO {table} SELECT * FROM {source}")
    [translated] = sqlglot.transpile(text, read=dialect, write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    found = database.execute(translated)
    names = [column[0] for column in found.description]
    return [one_form(dict(zip(names, row, strict=True))) for row in found.fetchall()]


def one_form(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _CELLS.get(type(value), lambda each: each)(value) for name, value in row.items()} | {
        name: json.dumps(json.loads(row[name]), sort_keys=True, ensure_ascii=False)
        for name in ("encryption_context",)
        if row.get(name)
    }


_CELLS: dict[type, Callable[[Any], Any]] = {datetime: lambda at: at.replace(tzinfo=UTC)}


def athena(records: Iterable[Mapping[str, Any]], scope: Scope, query: str = EVERYTHING) -> Rows:
    """The records as the JSON SerDe delivers them, each in the partition of its account, Region and day."""
    types = {**FIELDS, "account": "STRING", "region": "STRING", "day": "STRING"}
    partition = {"account": scope.account, "region": scope.region}
    rows = [
        {**common(each), **partition, "day": (event_time(each) or PERIOD.start).strftime("%Y/%m/%d")}
        for each in records
    ]
    place = AthenaPlace(TABLE)
    text = athena_text(query, place, scope) if query else athena_counts(place, scope)
    return run(text, "athena", "fluo_audit.trail", types, rows)


def lake(records: Iterable[Mapping[str, Any]], scope: Scope, query: str = EVERYTHING) -> Rows:
    """The records as Lake holds them: a time, a flag, and maps of text to text."""
    parts = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails")
    types = {
        **FIELDS,
        **dict.fromkeys(map(str.lower, parts), "MAP<STRING, STRING>"),
        "eventtime": "TIMESTAMP",
        "readonly": "BOOLEAN",
    }
    rows = []
    for each in records:
        at = event_time(each)
        maps = {
            name.lower(): {key: as_text(item) for key, item in each[name].items()}
            for name in parts
            if isinstance(each.get(name), dict)
        }
        flag = {"true": True, "false": False}.get(str(each.get("readOnly")).lower())
        row = {name: value for name, value in common(each).items() if name not in map(str.lower, parts)}
        rows.append({**row, **maps, "eventtime": at and at.replace(tzinfo=None), "readonly": flag})
    text = lake_text(query, STORE, scope) if query else lake_counts(STORE, scope)
    return run(text.replace(STORE, "store"), "trino", "store", types, rows)


ENGINES = {"athena": athena, "lake": lake}


@pytest.fixture(params=ENGINES.values(), ids=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give each way in which AWS delivers records."""
    found: Engine = request.param
    return found


# --- the reading in Python -----------------------------------------------------------------------------------------

SCALARS = (
    "eventName", "eventType", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage", "requestID",
    "eventID", "eventVersion", "recipientAccountId", "sharedEventID", "readOnly",
)  # fmt: skip


def delivered(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record after a service has made text of the fields that it declares as text."""
    texts = {name: as_text(record[name]) for name in SCALARS if name in record}
    who = record.get("userIdentity")
    if isinstance(who, dict):
        members = {name: as_text(item) if name != "sessionContext" else item for name, item in who.items()}
        session = who.get("sessionContext")
        issuer = session.get("sessionIssuer") if isinstance(session, dict) else None
        if isinstance(issuer, dict):
            members["sessionContext"] = {"sessionIssuer": {"arn": as_text(issuer.get("arn"))}}
        texts["userIdentity"] = members
    if isinstance(record.get("tlsDetails"), dict):
        texts["tlsDetails"] = {"tlsVersion": as_text(record["tlsDetails"].get("tlsVersion"))}
    return {**record, **texts}


def in_python(records: Iterable[Mapping[str, Any]], scope: Scope) -> Rows:
    """The readable records of the key in the period, each event once."""
    found: dict[str, dict[str, Any]] = {}
    for record in map(delivered, records):
        if not is_readable(record) or not concerns_key(record, scope.key_arn):
            continue
        row = event_row(record, scope.key_arn)
        if scope.period.start <= row["event_time"] < scope.period.end:
            found.setdefault(row["event_id"], with_purpose(row))
    return sorted(found.values(), key=lambda row: (row["event_time"], row["event_id"]))


def with_purpose(row: dict[str, Any]) -> dict[str, Any]:
    context = json.loads(row["encryption_context"] or "{}")
    purpose = context.get("purpose")
    return {
        **{name: value for name, value in row.items() if name not in {"calls", "last_time"}},
        "purpose": purpose if isinstance(purpose, str) and purpose else None,
        "has_context": row["encryption_context"] is not None,
    }


# --- records nobody invents ----------------------------------------------------------------------------------------


def records_of(account: SimulatedAccount, period: Period) -> list[dict[str, Any]]:
    """The records of the trail's log files, and of a day before."""
    files = account.log_files(period.start - timedelta(days=1), period.end)
    return [record for _, body in files for record in json.loads(gzip.decompress(body))["Records"]]


def test_the_events_of_the_sample_account(engine: Engine, sample_account):
    key, now = sample_account.truth.key_arn, sample_account.truth.now
    scope = scope_of(key, Period(now - timedelta(days=120), now))
    records = records_of(sample_account, scope.period)

    found = engine(records, scope)

    assert found == in_python(records, scope)
    assert {row["event_name"] for row in found} >= {"Decrypt", "GenerateDataKey", "RotateKey", "PutKeyPolicy"}
    assert any(row["error_code"] for row in found)


def test_the_events_of_a_real_account(engine: Engine, real_logs: Path):
    records = [
        record
        for path in sorted(real_logs.glob("*.json.gz"))
        for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]
    ]
    keys = {
        each["ARN"] for r in records if r["eventSource"] == "kms.amazonaws.com" for each in r.get("resources") or ()
    }
    keys = {key for key in keys if ":key/" in key}
    period = Period(datetime(2023, 7, 10, tzinfo=UTC), datetime(2023, 7, 11, tzinfo=UTC))

    assert len(keys) >= 2
    for key in keys:
        # Each record of the key stands in the log of the account that called.
        mine = [{**r, "recipientAccountId": key.split(":")[4]} for r in records]
        found = engine(mine, scope_of(key, period))
        assert found == in_python(mine, scope_of(key, period))
        assert any(row["encryption_context"] for row in found)


# --- odd records ---------------------------------------------------------------------------------------------------


def record(**members: Any) -> dict[str, Any]:
    """Return a whole record of a Decrypt; members given as `...` are left out."""
    whole = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:i-1",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/fluo-backend/i-1",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLE123456789",
            "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{ACCOUNT}:role/fluo-backend"}},
        },
        "eventTime": "2026-11-22T10:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "awsRegion": REGION,
        "sourceIPAddress": "10.0.0.7",
        "userAgent": "aws-sdk-java/2.30",
        "requestParameters": {"keyId": KEY, "encryptionContext": {"tenantId": "t-1", "purpose": "pii_redaction"}},
        "responseElements": None,
        "additionalEventData": {"keyMaterialId": "m" * 64},
        "requestID": "r-1",
        "eventID": "e-1",
        "readOnly": True,
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": KEY}],
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }
    return {name: value for name, value in {**whole, **members}.items() if value is not ...}


def named(**parameters: Any) -> dict[str, Any]:
    """Return a record that names keys in its request alone."""
    return record(resources=..., requestParameters=parameters)


def reencrypt(source: str, destination: str) -> dict[str, Any]:
    return record(
        eventName="ReEncrypt",
        requestParameters={
            "sourceKeyId": source,
            "destinationKeyId": destination,
            "sourceEncryptionContext": {"purpose": "from"},
            "destinationEncryptionContext": {"purpose": "to"},
        },
        resources=[{"ARN": KEY}, {"ARN": OTHER}],
    )


ROTATION = record(
    eventName="RotateKey",
    eventType="AwsServiceEvent",
    userIdentity={"accountId": ACCOUNT, "invokedBy": "AWS Internal"},
    requestParameters=None,
    additionalEventData=None,
    readOnly=False,
    serviceEventDetails={
        "rotationType": "AUTOMATIC", "keyId": KEY, "previousKeyMaterialId": "p", "currentKeyMaterialId": "c"
    },
)  # fmt: skip
ODD: dict[str, dict[str, Any]] = {
    "whole": record(),
    **{f"version {v}": record(eventVersion=v) for v in ("1.0", "1.02", "1.05", "1.08", "1.12", "1", "2.0", "0.9", "")},
    "no version": record(eventVersion=...),
    "no resources": record(resources=...),
    "resources null": record(resources=None),
    "resources empty": record(resources=[]),
    "resources odd": record(resources=[None, "x", {}, {"ARN": None}, {"ARN": KEY}], requestParameters=None),
    "resources no list": record(resources="none", requestParameters={"keyId": KEY}),
    "named by id": named(keyId=KEY_ID),
    "named by id in no Region": {**named(keyId=KEY_ID), "awsRegion": None},
    "named by id in an empty Region": {**named(keyId=KEY_ID), "awsRegion": ""},
    "named by ARN": named(keyId=KEY),
    "named by ARN elsewhere": {**named(keyId=KEY), "awsRegion": "eu-west-1"},
    "named by id elsewhere": {**named(keyId=KEY_ID), "awsRegion": "eu-west-1"},
    "named by alias alone": named(keyId="alias/fluo-production"),
    "named by alias ARN alone": named(keyId=ALIAS),
    "alias and resources": record(requestParameters={"keyId": "alias/fluo-production"}),
    "alias ARN and resources": record(requestParameters={"keyId": ALIAS}),
    "target of an alias": named(aliasName="alias/new", targetKeyId=KEY_ID),
    "named in the answer": record(resources=..., requestParameters=None, responseElements={"keyId": KEY}),
    "named in an error": record(
        resources=...,
        requestParameters=None,
        errorCode="AccessDenied",
        errorMessage=f"User: arn:aws:iam::{ACCOUNT}:user/x is not authorized to perform: kms:Decrypt on resource: {KEY}",
    ),
    "of another key": record(resources=[{"ARN": OTHER}], requestParameters={"keyId": OTHER}),
    "of another service": record(eventSource="s3.amazonaws.com"),
    "of no service": record(eventSource=None),
    "re-encrypt of this key": reencrypt(KEY, KEY),
    "re-encrypt from this key": reencrypt(KEY, OTHER),
    "re-encrypt to this key": reencrypt(OTHER, KEY),
    "re-encrypt to this key by id": reencrypt(OTHER, KEY_ID),
    "re-encrypt by alias": reencrypt("alias/other", "alias/fluo-production"),
    "re-encrypt to this key without its context": record(
        requestParameters={"destinationKeyId": KEY, "sourceEncryptionContext": {"purpose": "from"}}
    ),
    "re-encrypt of which the source is not named": record(
        requestParameters={
            "destinationKeyId": KEY,
            "sourceEncryptionContext": {"purpose": "from"},
            "destinationEncryptionContext": {"purpose": "to"},
        }
    ),
    "rotation": ROTATION,
    "rotation as once": {**ROTATION, "serviceEventDetails": {"rotationType": "ON_DEMAND", "keyId": KEY, "keyMaterialId": "k"}},
    "rotation without details": {**ROTATION, "serviceEventDetails": None},
    "shared, of the caller": record(sharedEventID="s-1", recipientAccountId=ACCOUNT, eventID="shared-1"),
    "no request": record(requestParameters=...),
    "request null": record(requestParameters=None),
    "no context": record(requestParameters={"keyId": KEY}),
    "context empty": record(requestParameters={"keyId": KEY, "encryptionContext": {}}),
    "context null": record(requestParameters={"keyId": KEY, "encryptionContext": None}),
    "context no object": record(requestParameters={"keyId": KEY, "encryptionContext": "purpose"}),
    "context a list": record(requestParameters={"keyId": KEY, "encryptionContext": [{"purpose": "x"}]}),
    "context out of order": record(requestParameters={"keyId": KEY, "encryptionContext": {"z": "1", "a": "2", "é": "ß"}}),
    "context with odd purpose": record(requestParameters={"keyId": KEY, "encryptionContext": {"purpose": 7}}),
    "context with empty purpose": record(requestParameters={"keyId": KEY, "encryptionContext": {"purpose": ""}}),
    "context of quotes": record(requestParameters={"keyId": KEY, "encryptionContext": {"pur'pose": '"\\\n\t{}'}}),
    "identity missing": record(userIdentity=...),
    "identity null": record(userIdentity=None),
    "identity no object": record(userIdentity="root"),
    "identity empty": record(userIdentity={}),
    "identity of a service": record(userIdentity={"type": "AWSService", "invokedBy": "rds.amazonaws.com"}),
    "identity of a user": record(userIdentity={"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/x", "accessKeyId": "AKIA"}),
    "identity with a short key": record(userIdentity={"accessKeyId": "ab", "arn": ""}),
    "identity with an odd session": record(userIdentity={"arn": "a", "sessionContext": {"sessionIssuer": []}}),
    "identity of numbers": record(userIdentity={"type": 1, "arn": 2, "invokedBy": 3, "accessKeyId": 4}),
    "flag as text": record(readOnly="True"),
    "flag unknown": record(readOnly="maybe"),
    "flag missing": record(readOnly=...),
    "texts empty": record(eventName="", errorCode="", errorMessage="", userAgent="", requestID="", sharedEventID=""),
    "texts null": record(eventName=None, errorCode=None, userAgent=None, requestID=None, eventType=None),
    "texts missing": record(eventName=..., userAgent=..., requestID=..., eventType=..., sourceIPAddress=...),
    "texts of other types": record(eventName=42, errorCode=True, userAgent=["x"], requestID={"a": 1}, sourceIPAddress=1.5),
    "tls odd": record(tlsDetails="TLSv1.3"),
    "tls empty": record(tlsDetails={"cipherSuite": "x"}),
    "material empty": record(additionalEventData={"keyMaterialId": ""}, serviceEventDetails={"keyMaterialId": "s"}),
    "parts of other types": record(
        requestParameters="text", responseElements=[1, 2], additionalEventData=7, serviceEventDetails=True
    ),
    "part that is broken JSON": record(requestParameters='{"keyId": ', additionalEventData="}"),
    "time before the period": record(eventTime="2026-10-31T23:59:59Z"),
    "time at its start": record(eventTime="2026-11-01T00:00:00Z"),
    "time in its last second": record(eventTime="2026-11-23T06:00:00Z"),
    "time after it": record(eventTime="2026-11-23T06:00:01Z"),
    "time that is none": record(eventTime="2026-02-30T00:00:00Z"),
    "time of another form": record(eventTime="2026-11-22 10:00:00"),
    "time missing": record(eventTime=...),
    "id missing": record(eventID=...),
    "id empty": record(eventID=""),
    "text of SQL": record(userAgent="'; DROP TABLE trail; --", errorMessage=f"{KEY} '' \\' %_"),
    "text beyond ASCII": record(userAgent="Ünïcødé 日本語 🔑", eventName="ſtrange"),
}  # fmt: skip
# Lake declares maps of text to text, so that a number in them is text too.
TYPES = {
    "material of another type": record(additionalEventData={"keyMaterialId": 7}),
    "rotation of another type": {**ROTATION, "serviceEventDetails": {"rotationType": {"a": 1}, "keyId": KEY}},
    "key of another type": named(keyId={"arn": KEY}),
}


def told_apart(records: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records with an id of their own, for those that have one."""
    return [
        {**each, "eventID": f"{number:03d} {name}"} if each.get("eventID") == "e-1" else each
        for number, (name, each) in enumerate(records.items())
    ]


def test_odd_records(engine: Engine):
    records = told_apart(ODD)
    scope = scope_of()
    found = engine(records, scope)

    assert found == in_python(records, scope)
    assert {"of another key", "version 2.0", "named by id elsewhere"}.isdisjoint(r["event_id"][4:] for r in found)
    assert len(found) > 50


def test_members_of_other_types_where_types_are_kept():
    records = told_apart(TYPES)

    assert athena(records, scope_of()) == in_python(records, scope_of())


def test_the_end_of_a_period_is_outside(engine: Engine):
    records = [record(eventID=time, eventTime=f"2026-11-22T{time}Z") for time in ("09:59:59", "10:00:00")]
    period = Period(PERIOD.start, datetime(2026, 11, 22, 10, tzinfo=UTC))

    assert [row["event_id"] for row in engine(records, scope_of(KEY, period))] == ["09:59:59"]


def test_an_event_that_was_delivered_twice_counts_once(engine: Engine):
    records = [record(eventID="a"), record(eventID="b"), record(eventID="a")]

    assert [row["event_id"] for row in engine(records, scope_of())] == ["a", "b"]


def test_a_pair_of_shared_events_is_two_events(engine: Engine):
    records = [record(eventID=f"e-{n}", sharedEventID="s") for n in (1, 2)]

    assert [row["shared_event_id"] for row in engine(records, scope_of())] == ["s", "s"]


def test_of_no_records_the_relation_is_empty(engine: Engine):
    assert engine([], scope_of()) == []


# --- the shared queries --------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Callable[[Iterable[Mapping[str, Any]]], DuckDbEngine]]:
    """Give a function that opens the embedded engine over records as the store keeps them."""
    with ExitStack() as opened:

        def open_engine(records: Iterable[Mapping[str, Any]]) -> DuckDbEngine:
            once = {each.get("eventID"): each for each in records if each.get("eventID")}
            rows, path = StoredRows(), tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
            rows.add(json.dumps({"Records": list(once.values())}).encode())
            write_rows(rows, path)
            piece = Piece(path, (), len(rows), (), path.stat().st_size)
            return opened.enter_context(DuckDbEngine([piece], temp_directory=tmp_path))

        yield open_engine


def assert_same_answers(engine: Engine, embedded: DuckDbEngine, records: list[dict[str, Any]], scope: Scope) -> None:
    for query in ALL:
        there = frame(query.source, engine(records, scope, query=query.text))
        pd.testing.assert_frame_equal(there, embedded.run(query, scope), obj=query.file)


def test_every_query_gives_the_frame_of_the_embedded_engine(engine: Engine, stored, sample_account):
    key, now = sample_account.truth.key_arn, sample_account.truth.now
    scope = scope_of(key, Period(now - timedelta(days=60), now))
    records = records_of(sample_account, scope.period)

    assert_same_answers(engine, stored(records), records, scope)


def test_every_query_gives_the_frame_of_the_embedded_engine_of_odd_records_too(engine: Engine, stored):
    records = [delivered(each) for each in told_apart(ODD)]

    assert_same_answers(engine, stored(records), records, scope_of())


def test_the_relation_has_the_columns_that_the_queries_were_written_for(engine: Engine):
    [row] = engine([record()], scope_of())

    assert row.keys() == RELATION.keys()


# --- what is not in the relation ------------------------------------------------------------------------------------


def test_every_record_of_kms_is_accounted_for(engine: Engine):
    """Of Lake, records without a time cannot be asked for; Athena reads whole folders, from the first day on."""
    of_kms = [each for each in told_apart(ODD) if each.get("eventSource") == "kms.amazonaws.com"]
    timed = [each for each in of_kms if event_time(each) and PERIOD.start <= event_time(each) < PERIOD.end]
    in_folders = [each for each in of_kms if not event_time(each) or event_time(each) >= PERIOD.start]
    records = timed if engine is lake else in_folders

    [found] = engine(of_kms if engine is athena else timed, scope_of(), query="")

    readable = [event_time(each) for each in map(delivered, records) if is_readable(each)]
    assert found == {
        "records": len(records),
        "unreadable": len(records) - len(readable),
        "first_at": min(readable),
        "last_at": max(readable),
    }
    assert found["unreadable"] >= 6


def test_of_no_records_none_is_counted(engine: Engine):
    assert engine([], scope_of(), query="") == [{"records": 0, "unreadable": 0, "first_at": None, "last_at": None}]


def test_a_query_may_have_expressions_of_its_own_and_remarks(engine: Engine):
    query = """
    -- kms_events: how often
    WITH daily AS (
      SELECT event_name, count(*) AS calls FROM kms_events GROUP BY event_name -- and not more
    )
    SELECT * FROM daily;
    """

    assert engine([record()], scope_of(), query=query) == [{"event_name": "Decrypt", "calls": 1}]


# --- any record ----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
SCALAR = st.none() | st.booleans() | st.integers(-(2**31), 2**31) | TEXTS
VALUES = st.recursive(
    SCALAR | st.sampled_from([KEY, KEY_ID, OTHER, ALIAS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["keyId", "sourceKeyId", "destinationKeyId", "encryptionContext", "purpose", "type"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
# Not among the names: those that Hive, which ignores case, takes for another.
MEMBERS = sorted(record())


@settings(max_examples=20)
@given(st.lists(st.dictionaries(st.sampled_from([*MEMBERS, "serviceEventDetails"]), VALUES, max_size=4), max_size=20))
def test_whatever_a_record_holds_athena_reads_it_as_python_does(changes: list[dict[str, Any]]):
    records = [
        {**record(**each), **({} if "eventID" in each else {"eventID": f"e-{number}"})}
        for number, each in enumerate(changes)
    ]
    records = list({as_text(each.get("eventID")): each for each in records}.values())

    assert athena(records, scope_of()) == in_python(records, scope_of())
