"""What the embedded engine answers is what plain Python counts in the same records."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import sqlglot

from fluo_audit.errors import OutputError
from fluo_audit.evaluate.key_events import WITH_CONTEXT, is_change
from fluo_audit.events.duckdb_engine import DuckDbEngine
from fluo_audit.events.parquet import write_rows
from fluo_audit.events.queries import (
    ALL,
    CHANGES,
    CONTEXTS,
    DENIALS,
    EVERY_EVENT,
    GROUPED_EVENTS,
    PRINCIPALS,
    ROTATIONS,
    USAGE,
    Query,
    events_of_key,
)
from fluo_audit.events.records import concerns_key, event_row, is_readable
from fluo_audit.events.rows import Rows
from fluo_audit.events.store import Piece
from fluo_audit.frames import frame
from fluo_audit.model.scope import Period, Scope
from fluo_audit.model.sources import EVENTS
from fluo_audit.sandbox.account import SimulatedAccount

ACCOUNT = "111122223333"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY_ID}"
OTHER = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0987dcba-09fe-87dc-65ba-ab0987654321"
PRIMARY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/mrk-1234abcd12ab34cd56ef1234567890ab"
REPLICA = PRIMARY.replace("us-east-1", "eu-west-1")
MULTI = PRIMARY.rpartition("/")[2]
ROLE, ADMIN = f"arn:aws:iam::{ACCOUNT}:role/fluo-backend", f"arn:aws:iam::{ACCOUNT}:role/admin"
DAY = datetime(2026, 11, 22, tzinfo=UTC)
JAVA = "aws-sdk-java/2.31.20 md/io#async md/http#NettyNio ua/2.1 os/Linux#6.1 lang/java#21.0.5 exec-env/EC2"
NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))

Row = dict[str, Any]
Record = Mapping[str, Any]


def scope_of(key: str = KEY, period: Period = NOVEMBER) -> Scope:
    return Scope(ACCOUNT, key.split(":")[3], key, period, period.end)


# --- records and where they lie ----------------------------------------------------------------------------------------


def record(number: int, **members: Any) -> dict[str, Any]:
    """Return the record of a Decrypt in the hour of its number; members given as None are left out."""
    role = {"arn": ROLE, "type": "Role"}
    whole = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/fluo-backend/i-{number % 3}",
            "accessKeyId": f"ASIAEXAMPLE{number:09}",
            "sessionContext": {"sessionIssuer": role},
        },
        "eventTime": f"{DAY + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "awsRegion": "us-east-1",
        "sourceIPAddress": f"10.0.0.{number % 5}",
        "userAgent": "aws-sdk-java/2.30",
        "requestParameters": {
            "keyId": KEY,
            "encryptionContext": {"purpose": "pii_redaction", "tenantId": f"t{number}"},
        },
        "additionalEventData": {"keyMaterialId": "m" * 64},
        "requestID": f"r-{number}",
        "eventID": f"e-{number:03}",
        "readOnly": True,
        "resources": [{"ARN": KEY, "accountId": ACCOUNT, "type": "AWS::KMS::Key"}],
        "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT,
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }
    return {name: value for name, value in {**whole, **members}.items() if value is not None}


def context(value: Any, **more: Any) -> dict[str, Any]:
    return {"requestParameters": {"keyId": KEY, "encryptionContext": value, **more}}


def reencrypt(source: str | None, destination: str | None, *contexts: str) -> dict[str, Any]:
    named = {"sourceKeyId": source, "destinationKeyId": destination}
    held = {f"{each}EncryptionContext": {"purpose": each} for each in contexts}
    return {
        "eventName": "ReEncrypt",
        "requestParameters": {k: v for k, v in {**named, **held}.items() if v},
        "resources": [{"ARN": key} for key in (KEY, OTHER)],
    }


DENIED = {"errorCode": "AccessDenied", "errorMessage": f"User: x is not authorized to perform: kms:Decrypt on: {KEY}"}
SERVICE = {"userIdentity": {"invokedBy": "AWS Internal"}, "eventType": "AwsServiceEvent", "readOnly": False}
ODD: list[dict[str, Any]] = [
    # how the key is named
    {"requestParameters": {"keyId": "alias/fluo"}},
    {"requestParameters": {"keyId": KEY_ID}, "resources": None},
    {"requestParameters": {"keyId": KEY}, "resources": []},
    {"requestParameters": {"keyId": KEY_ID}, "resources": None, "awsRegion": "eu-west-1"},
    {"requestParameters": {"keyId": KEY_ID}, "resources": None, "awsRegion": None},
    {"requestParameters": {"targetKeyId": KEY_ID, "aliasName": "alias/x"}, "resources": None, "eventName": "CreateAlias"},
    {"requestParameters": {"keyId": OTHER}, "resources": [{"ARN": OTHER}]},
    {"requestParameters": {"keyId": f"{KEY_ID}0"}, "resources": [{"ARN": KEY[:-1]}]},
    {"requestParameters": {"keyId": MULTI}, "resources": [{"ARN": REPLICA}], "awsRegion": "eu-west-1"},
    {"requestParameters": {"keyId": MULTI}, "resources": None, "awsRegion": "eu-west-1"},
    {"requestParameters": {"keyId": MULTI}, "resources": None},
    {"requestParameters": None, "resources": None, **DENIED},
    {"requestParameters": None, "resources": None, "responseElements": {"keyId": KEY}, "eventName": "ScheduleKeyDeletion"},
    {"eventSource": "ec2.amazonaws.com"},
    {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"},
    # encryption contexts
    context(None),
    context({}),
    context({"purpose": ""}),
    context({"purpose": 7}),
    context({"Purpose": "pii_redaction"}),
    context({"purpose": "it's \"quoted\" \\ ; -- \u202e 鍵"}),
    context("text"),
    reencrypt(KEY, OTHER, "source", "destination"),
    reencrypt(OTHER, KEY, "source", "destination"),
    reencrypt(OTHER, KEY_ID, "source", "destination"),
    reencrypt(KEY, KEY, "source", "destination"),
    reencrypt(OTHER, KEY, "source"),
    reencrypt(KEY, OTHER, "destination"),
    reencrypt(None, KEY, "source", "destination"),
    reencrypt(OTHER, KEY_ID, "source", "destination") | {"awsRegion": None},
    reencrypt("alias/a", "alias/b", "source", "destination"),
    # who, and with what outcome
    {"userIdentity": None},
    {"userIdentity": {"type": "AWSService", "invokedBy": "logs.amazonaws.com"}},
    {"userIdentity": {"type": "AWSAccount", "accountId": "444455556666"}, "sharedEventID": "s-1"},
    {"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/o'brien"}},
    DENIED,
    {**DENIED, "errorCode": "AccessDeniedException"},
    {"errorCode": "ThrottlingException"},
    {"errorCode": ""},
    # which operation
    {"eventName": None},
    {"eventName": "PutKeyPolicy", "readOnly": False},
    {"eventName": "PutKeyPolicy", "readOnly": "false", **DENIED},
    {"eventName": "Describe"},
    {"eventName": "Getaway"},
    {"eventName": "decrypt"},
    {"eventName": "DescribeKey", "readOnly": "true"},
    {"eventName": "Decrypt", "readOnly": None},
    {"eventName": "RotateKey", "serviceEventDetails": {"keyId": KEY_ID, "rotationType": "AUTOMATIC"}, **SERVICE},
    {"eventName": "RotateKey", "serviceEventDetails": {"keyId": KEY, "rotationType": "ON_DEMAND",
     "currentKeyMaterialId": "n" * 64}, "additionalEventData": None, **SERVICE},
    {"eventName": "RotateKey", "errorCode": "InternalFailure", **SERVICE},
    {"eventName": "Decrypt", **SERVICE},
    {"eventName": "Decrypt", **SERVICE},
    # not readable
    {"eventVersion": "2.0"},
    {"eventID": None},
    {"eventTime": "yesterday"},
    # at the ends of the period
    {"eventTime": "2026-11-01T00:00:00Z"},
    {"eventTime": "2026-10-31T23:59:59Z"},
    {"eventTime": "2026-12-01T00:00:00Z"},
]  # fmt: skip
RECORDS = [record(number, **members) for number, members in enumerate(ODD)]
# Like calls of one second: the first is told by its id.
ALIKE = [record(hour, eventID=f"like-{9 - n}", sourceIPAddress=f"10.9.9.{n}") for hour in (30, 50) for n in range(9)]
ALIKE = [each | {"eventID": f"{each['eventID']}-{each['eventTime'][8:10]}"} for each in ALIKE]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Piece]]:
    """Return a function that writes records as pieces of a store, one a list."""

    def write(*lists: Iterable[Record], repeated: Sequence[Sequence[int]] = (), name: str = "day") -> list[Piece]:
        folder = tmp_path_factory.mktemp("store") / name
        folder.mkdir()
        pieces = []
        for number, records in enumerate(lists):
            rows = Rows()
            rows.add(json.dumps({"Records": list(records)}).encode())
            path = folder / f"{number}.parquet"
            write_rows(rows, path)
            left_out = tuple(repeated[number]) if repeated else ()
            pieces.append(Piece(path, (), len(rows), left_out, path.stat().st_size))
        return pieces

    return write


def expected_rows(records: Iterable[Record], scope: Scope) -> list[Row]:
    """Return the rows of EVENTS by the reading of single records."""
    of_key = (
        event_row(each, scope.key_arn) for each in records if is_readable(each) and concerns_key(each, scope.key_arn)
    )
    inside = [row for row in of_key if scope.period.start <= row["event_time"] < scope.period.end]
    return sorted(inside, key=lambda row: (row["event_time"], row["event_id"]))


# --- the answers, counted in plain Python ------------------------------------------------------------------------------


def day_of(row: Row) -> date:
    return row["event_time"].date()


def purpose_of(row: Row) -> str | None:
    purpose = json.loads(row["encryption_context"] or "{}").get("purpose")
    return purpose if isinstance(purpose, str) and purpose else None


def nulls_last(row: Row) -> list[tuple[bool, Any]]:
    return [(value is None, "" if value is None else value) for value in row.values()]


def grouped(rows: list[Row]) -> list[Row]:
    """Return the rows with like calls of one day in one, which shows the first."""
    changes = dict(zip([row["event_id"] for row in rows], is_change(frame(EVENTS, rows)), strict=True))
    same = (
        "region", "event_name", "event_type", "read_only", "principal_type", "issuer_arn", "invoked_by", "error_code",
        "key_material_id", "tls_version", "recipient_account",
    )  # fmt: skip
    groups: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        alone = row["event_id"] if changes[row["event_id"]] or row["event_type"] == "AwsServiceEvent" else None
        kind = (day_of(row), *(row[name] for name in same), purpose_of(row), row["encryption_context"] is None, alone)
        first = groups.setdefault(kind, {**row, "calls": 0})
        first |= {"calls": first["calls"] + 1, "last_time": row["event_time"]}
    return list(groups.values())


def usage(rows: list[Row]) -> list[Row]:
    counts = Counter((day_of(row), row["event_name"], row["error_code"]) for row in rows)
    found = [dict(zip(USAGE.source.columns, (*kind, calls), strict=True)) for kind, calls in counts.items()]
    return sorted(found, key=nulls_last)


def principals(rows: list[Row]) -> list[Row]:
    names = ("issuer_arn", "principal_type", "event_type", "event_name")
    kinds = sorted({tuple(row[name] for name in names) for row in rows}, key=lambda k: nulls_last(dict(enumerate(k))))
    found = []
    for kind in kinds:
        theirs = [row for row in rows if tuple(row[name] for name in names) == kind]
        row = dict(zip(names, kind, strict=True)) | {
            "calls": len(theirs),
            "failed": sum(row["error_code"] is not None for row in theirs),
            "first_time": theirs[0]["event_time"],
            "last_time": theirs[-1]["event_time"],
        }
        found.append({name: row[name] for name in PRINCIPALS.source.columns})
    return found


def denials(rows: list[Row]) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        if row["error_code"] in {"AccessDenied", "AccessDeniedException"}:
            kind = {"day": day_of(row)} | {name: row[name] for name in ("issuer_arn", "event_name", "error_code")}
            first = {"calls": 0, "first_time": row["event_time"], "first_event_id": row["event_id"]}
            found.setdefault(tuple(kind.values()), kind | first)["calls"] += 1
    return sorted(found.values(), key=nulls_last)


def contexts(rows: list[Row]) -> list[Row]:
    used = [row for row in rows if row["error_code"] is None and row["event_name"] in WITH_CONTEXT]
    counts = Counter(
        (row["event_name"], row["issuer_arn"], row["encryption_context"] is not None, purpose_of(row)) for row in used
    )
    found = [dict(zip(CONTEXTS.source.columns, (*kind, calls), strict=True)) for kind, calls in counts.items()]
    return sorted(found, key=nulls_last)


def rotations(rows: list[Row]) -> list[Row]:
    rotated = [row for row in rows if row["event_name"] == "RotateKey" and row["error_code"] is None]
    return [{name: row[name] for name in ROTATIONS.source.columns} for row in rotated]


def changes(rows: list[Row]) -> list[Row]:
    changed = is_change(frame(EVENTS, rows)) if rows else ()
    return [{name: row[name] for name in CHANGES.source.columns} for row, yes in zip(rows, changed, strict=True) if yes]


ANSWERS: dict[str, Callable[[list[Row]], list[Row]]] = {
    EVERY_EVENT.file: list,
    GROUPED_EVENTS.file: grouped,
    USAGE.file: usage,
    PRINCIPALS.file: principals,
    DENIALS.file: denials,
    CONTEXTS.file: contexts,
    ROTATIONS.file: rotations,
    CHANGES.file: changes,
}
each_query = pytest.mark.parametrize("query", ALL, ids=lambda query: query.file)


def test_there_is_an_independent_answer_to_every_query():
    assert set(ANSWERS) == {query.file for query in ALL}


@each_query
@pytest.mark.parametrize("key", [KEY, OTHER, PRIMARY, REPLICA], ids=["key", "other", "primary", "replica"])
def test_odd_records_are_counted_as_they_are_read_one_by_one(store, query: Query, key: str):
    scope = scope_of(key)
    expected = expected_rows(RECORDS, scope)
    assert expected

    with DuckDbEngine(store(RECORDS[:30], RECORDS[30:])) as engine:
        assert engine.rows(query, scope) == ANSWERS[query.file](expected)


def test_every_odd_record_about_the_key_was_there_to_be_counted():
    found = {row["event_id"] for row in expected_rows(RECORDS, scope_of())}

    assert 40 < len(found) < len(RECORDS) - 8
    assert len(grouped(expected_rows(RECORDS, scope_of()))) < len(found)


@each_query
def test_like_calls_share_a_row_that_shows_the_first(store, query: Query):
    scope = scope_of()
    expected = expected_rows(ALIKE, scope)

    with DuckDbEngine(store(ALIKE)) as engine:
        assert engine.rows(query, scope) == ANSWERS[query.file](expected)
        first, second = engine.rows(GROUPED_EVENTS, scope)

    assert (first["event_id"], first["source_ip"], first["calls"]) == ("like-1-23", "10.9.9.8", 9)
    assert second["event_id"] == "like-1-24"


@pytest.fixture(scope="module")
def sample(sample_account: SimulatedAccount, store) -> tuple[list[Piece], list[Record], Scope]:
    """Give the log files of the sample account's last 90 days as pieces, its records, and the scope of its key."""
    now, key = sample_account.truth.now, sample_account.truth.key_arn
    period = Period(now - timedelta(days=90), now)
    bodies = [body for _, body in sample_account.log_files(period.start - timedelta(days=1), now)]
    records = [each for body in bodies for each in json.loads(gzip.decompress(body))["Records"]]
    pieces = store(*(records[at : at + 2000] for at in range(0, len(records), 2000)))
    return pieces, records, Scope(key.split(":")[4], "us-east-1", key, period, now)


@each_query
def test_the_sample_account_is_counted_as_it_is_read_one_by_one(sample, query: Query):
    pieces, records, scope = sample
    expected = expected_rows(records, scope)
    assert len(expected) > 4000

    with DuckDbEngine(pieces) as engine:
        assert engine.rows(query, scope) == ANSWERS[query.file](expected)


def test_the_sample_account_is_counted_as_its_ledger_has_it(sample, sample_account: SimulatedAccount):
    pieces, _, scope = sample
    truth = sample_account.truth
    with DuckDbEngine(pieces) as engine:
        counted = Counter()
        for row in engine.rows(USAGE, scope):
            counted[row["day"], row["event_name"]] += row["calls"]
        ids = [row["event_id"] for row in engine.rows(EVERY_EVENT, scope)]
        turned = [row["key_material_id"] for row in engine.rows(ROTATIONS, scope)]

    whole_days = set(scope.period.days[1:])
    assert sorted(ids) == sorted(truth.visible_event_ids)
    assert {k: n for k, n in counted.items() if k[0] in whole_days} == {
        k: n for k, n in truth.operations.items() if k[0] in whole_days
    }
    assert turned == [each.material_id for each in truth.rotations if each.date >= scope.period.start]


@each_query
def test_trinos_reading_of_the_text_gives_the_same_answer(sample, query: Query):
    """The statement as Athena and Lake understand it, written again for DuckDB by a translator of SQL."""
    pieces, _, scope = sample
    [translated] = sqlglot.transpile(query.text, read="trino", write="duckdb")

    with DuckDbEngine(pieces) as engine:
        answer = engine.rows(query, scope)
        names = list(query.source.columns)
        again = [dict(zip(names, row, strict=True)) for row in engine._database.execute(translated).fetchall()]

    in_utc = [{k: v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for k, v in row.items()} for row in again]
    assert in_utc == answer


# --- frames ----------------------------------------------------------------------------------------------------------


@each_query
def test_frames_have_the_declared_columns_and_types_with_and_without_rows(store, query: Query):
    with DuckDbEngine(store(RECORDS)) as engine:
        full, empty = engine.run(query, scope_of()), engine.run(query, scope_of(KEY[:-4] + "0000"))

    pd.testing.assert_frame_equal(full, frame(query.source, ANSWERS[query.file](expected_rows(RECORDS, scope_of()))))
    assert len(full)
    assert empty.empty
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_a_few_events_are_listed_and_many_are_grouped(store):
    scope = scope_of()
    with DuckDbEngine(store(ALIKE)) as engine:
        listed = events_of_key(lambda query: engine.rows(query, scope), most=len(ALIKE))
        counted = events_of_key(lambda query: engine.rows(query, scope), most=len(ALIKE) - 1)

    assert [row["calls"] for row in listed] == [1] * len(ALIKE)
    assert [row["calls"] for row in counted] == [9, 9]


# --- the store ---------------------------------------------------------------------------------------------------------


def test_a_row_that_repeats_an_event_is_not_read(store):
    scope = scope_of()
    pieces = store(RECORDS, RECORDS[1::-1] + ALIKE, ALIKE[:3], repeated=((), (0, 1), (0, 1, 2)))

    with DuckDbEngine(pieces) as engine:
        assert engine.rows(EVERY_EVENT, scope) == expected_rows(RECORDS + ALIKE, scope)
        assert sum(row["calls"] for row in engine.rows(USAGE, scope)) == len(expected_rows(RECORDS + ALIKE, scope))


@pytest.mark.parametrize("pieces", [[], [[]]], ids=["no piece", "an empty piece"])
def test_without_events_every_answer_is_empty(store, pieces: list[list[Record]]):
    with DuckDbEngine(store(*pieces)) as engine:
        assert [engine.rows(query, scope_of()) for query in ALL] == [[] for _ in ALL]


@pytest.mark.parametrize("name", ["it's", "[ab]*", "question?", "two  blanks", "鍵", "a,b", "%25"])
def test_the_store_may_lie_in_a_folder_of_any_name(store, name: str):
    with DuckDbEngine(store(RECORDS, ALIKE, repeated=((), (0,)), name=name)) as engine:
        assert engine.rows(EVERY_EVENT, scope_of()) == expected_rows(RECORDS + ALIKE[1:], scope_of())


def test_answers_are_about_the_scope_that_is_asked_for(store):
    week = Period(NOVEMBER.start, NOVEMBER.start + timedelta(days=7))
    scopes = [scope_of(), scope_of(OTHER), scope_of(period=week), scope_of()]

    with DuckDbEngine(store(RECORDS)) as engine:
        answers = [engine.rows(USAGE, scope) for scope in scopes]

    assert answers == [usage(expected_rows(RECORDS, scope)) for scope in scopes]
    assert answers[0] != answers[1] != answers[2]


def test_a_key_arn_is_text_and_not_sql(store):
    hostile = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/x') OR (true"

    with DuckDbEngine(store(RECORDS)) as engine:
        assert engine.rows(EVERY_EVENT, scope_of(hostile)) == []
        assert engine.rows(USAGE, scope_of(hostile.replace("us-east-1", "' OR '1'='1"))) == []


# --- limits --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('{elsewhere}')",
        "SELECT * FROM read_parquet('https://127.0.0.1:1/x.parquet')",
        "COPY (SELECT 1) TO '{elsewhere}.csv'",
        "ATTACH '{elsewhere}.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
    ],
)
def test_nothing_but_the_pieces_is_reached(store, tmp_path: Path, statement: str):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("secret")

    with DuckDbEngine(store(RECORDS)) as engine, pytest.raises(duckdb.Error):
        engine._database.execute(statement.format(elsewhere=elsewhere))

    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]


def test_a_small_memory_is_enough_for_many_events_and_what_is_spilled_is_removed(store, tmp_path: Path):
    many = [record(0, eventID=f"e-{n:05}", eventName="CreateGrant", userAgent=JAVA) for n in range(40_000)]
    spilled = tmp_path / "spilled"
    spilled.mkdir()

    with DuckDbEngine(store(many), memory_limit="45MB", threads=1, temp_directory=spilled) as engine:
        assert len(engine.rows(GROUPED_EVENTS, scope_of())) == 40_000
        assert list(spilled.rglob("duckdb_temp*"))

    assert list(spilled.iterdir()) == []


def test_too_little_memory_is_said_and_not_answered(store):
    with (
        DuckDbEngine(store(RECORDS), memory_limit="1MB", threads=1) as engine,
        pytest.raises(OutputError, match="Out of Memory"),
    ):
        engine.rows(GROUPED_EVENTS, scope_of())


DAMAGE = {
    "its end is missing": lambda content: content[:-500],
    "its middle is overwritten": lambda content: content[:100] + b"\xff" * (len(content) - 3000) + content[-2900:],
    "it is empty": lambda _content: b"",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_piece_is_said_and_not_answered(store, damage: Callable[[bytes], bytes]):
    [piece] = store(RECORDS)
    content = piece.path.read_bytes()
    piece.path.write_bytes(damage(content))

    with pytest.raises(OutputError, match="events store could not be queried"), DuckDbEngine([piece]) as engine:
        engine.rows(EVERY_EVENT, scope_of())
