"""The table over a trail's log files, and which of them a statement scans."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from fluo_audit.aws.athena import AthenaAsked, run_athena
from fluo_audit.aws.door import Door, Reader, ReadError
from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.permissions import ATHENA_CALLS, READS
from fluo_audit.aws.replay import ReplayTransport
from fluo_audit.aws.s3 import S3Objects
from fluo_audit.aws.scan import ATHENA_PRICE, Answered, Estimate, estimate
from fluo_audit.errors import UsageError
from fluo_audit.events.athena_sql import (
    DATABASE,
    FIELDS,
    AthenaPlace,
    AthenaTable,
    athena_counts,
    athena_text,
    database_ddl,
    days_read,
    table_ddl,
)
from fluo_audit.events.object_names import TrailPlace, log_prefix
from fluo_audit.events.queries import ROTATIONS, USAGE, Query
from fluo_audit.events.relation import COUNTS
from fluo_audit.model.scope import Period, Scope
from fluo_audit.sandbox import story
from fluo_audit.sandbox.account import SimulatedAccount

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PERIOD = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 23, 6, tzinfo=UTC))
SCOPE = Scope("111122223333", "us-east-1", KEY, PERIOD, PERIOD.end)
TABLE = AthenaTable(DATABASE, "cloudtrail_main_trail")
PLACES = {
    "plain": TrailPlace("logs-111122223333"),
    "prefix": TrailPlace("logs.example", "audit/kms"),
    "organisation": TrailPlace("org-logs", "all", "o-abcde12345"),
}


# --- the table -----------------------------------------------------------------------------------------------------


def properties(ddl: str) -> dict[str, str]:
    return dict(re.findall(r"'([a-z.]+)' = '([^']*)'", ddl))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_partition_lies_where_the_trail_delivers(place: TrailPlace):
    """The folder that Athena computes is the one that is listed and fetched elsewhere in the program."""
    found = properties(table_ddl(TABLE, place))
    template = found["storage.location.template"]
    values = {"account": "111122223333", "region": "eu-west-1", "day": "2026/11/05"}

    folder = re.sub(r"\$\{(\w+)\}", lambda name: values[name[1]], template)

    assert f"{folder}/" == f"s3://{place.bucket}/{log_prefix(place, '111122223333', 'eu-west-1', date(2026, 11, 5))}"
    assert f"LOCATION 's3://{place.bucket}/{place.root}'" in table_ddl(TABLE, place)


def test_every_account_region_and_day_is_projected():
    """A Region or an account that a list in the table did not know would be left out in silence."""
    found = properties(table_ddl(TABLE, PLACES["organisation"]))

    assert found["projection.enabled"] == "true"
    assert found["projection.account.type"] == found["projection.region.type"] == "injected"
    assert (found["projection.day.type"], found["projection.day.format"]) == ("date", "yyyy/MM/dd")
    first, last = found["projection.day.range"].split(",")
    assert datetime.strptime(first, "%Y/%m/%d").replace(tzinfo=UTC) <= datetime(2013, 11, 1, tzinfo=UTC)
    assert last == "NOW"


def test_the_statement_is_one_that_athena_parses_with_these_columns():
    [statement] = sqlglot.parse(table_ddl(TABLE, PLACES["plain"]), read="athena")

    assert isinstance(statement, exp.Create)
    table = statement.this.this
    assert (table.db, table.name) == (DATABASE, "cloudtrail_main_trail")
    declared = {c.name: c.args["kind"].sql("hive") for c in statement.find_all(exp.ColumnDef) if c.args.get("kind")}
    top = {name: exp.DataType.build(kind, dialect="hive").sql("hive") for name, kind in FIELDS.items()}
    assert top.items() <= declared.items()
    assert "CREATE EXTERNAL TABLE `" in table_ddl(TABLE, PLACES["plain"])


def test_the_database_is_made_first():
    assert database_ddl(TABLE) == "CREATE DATABASE IF NOT EXISTS `fluo_audit`"


@pytest.mark.parametrize("prefix", ["it's", "a\\b", "a\nb", "${region}", "a`b", "a;b", 'a"b'])
def test_a_location_that_would_break_the_statement_is_refused(prefix: str):
    with pytest.raises(UsageError, match="cannot be written"):
        table_ddl(TABLE, TrailPlace("logs", prefix))


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trail", "name"),
    [
        ("main-trail", "cloudtrail_main_trail"),
        ("Org.Trail_2", "cloudtrail_org_trail_2"),
        ("x" * 128, "cloudtrail_" + "x" * 117),
    ],
)
def test_a_trail_gives_its_table_a_name(trail: str, name: str):
    assert AthenaTable.of_trail(trail) == AthenaTable("fluo_audit", name)


def test_a_table_is_written_with_its_database():
    assert AthenaTable.parse("Security.Trail_1") == AthenaTable("security", "trail_1")


@pytest.mark.parametrize("text", ["trail", "a.b.c", "a.", ".b", "", 'a."b"', "a.b; DROP TABLE c", "a.b-c", "a.ü"])
def test_what_is_no_name_of_a_table_is_refused(text: str):
    with pytest.raises(UsageError, match="is not a name"):
        AthenaTable.parse(text)


# --- which files ---------------------------------------------------------------------------------------------------


def test_a_statement_scans_the_key_s_account_and_region_and_a_day_beyond_the_period():
    """CloudTrail may deliver late; an event of midnight lies in the folder of the day on which it came."""
    for text in (
        athena_text("SELECT 1 FROM kms_events", AthenaPlace(TABLE), SCOPE),
        athena_counts(AthenaPlace(TABLE), SCOPE),
    ):
        assert 'FROM "fluo_audit"."cloudtrail_main_trail"' in text
        assert "account IN ('111122223333')" in text
        assert "region IN ('us-east-1')" in text
        assert "\"day\" BETWEEN '2026/11/01' AND '2026/11/24'" in text


def test_the_days_that_are_scanned_are_the_days_that_are_priced():
    days = days_read(PERIOD)

    assert (days[0], days[-1], len(days)) == (date(2026, 11, 1), date(2026, 11, 24), 24)
    midnight = Period(PERIOD.start, datetime(2026, 11, 2, tzinfo=UTC))
    assert days_read(midnight) == (date(2026, 11, 1), date(2026, 11, 2))


def test_an_organisation_is_read_account_by_account_and_region_by_region():
    place = AthenaPlace(TABLE, ("111122223333", "444455556666"), ("us-east-1", "eu-west-1"))
    text = athena_text("SELECT 1 FROM kms_events", place, SCOPE)

    assert "account IN ('111122223333', '444455556666')" in text
    assert "region IN ('us-east-1', 'eu-west-1')" in text


def test_a_quote_in_a_value_stays_a_value():
    text = athena_text("SELECT 1 FROM kms_events", AthenaPlace(TABLE, ("1' OR '1'='1",)), SCOPE)

    assert "account IN ('1'' OR ''1''=''1')" in text


# --- against the simulated account ---------------------------------------------------------------------------------

PLACE = TrailPlace(story.BUCKET)
NOTHING = Estimate(0, ATHENA_PRICE.of(0))


class Auditor:
    """Somebody who asks the simulated Athena about the production key, over its last 40 days."""

    def __init__(self, account: SimulatedAccount) -> None:
        self.account, now = account, account.clock.now()
        key = account.truth.key_arn
        self.scope = Scope(key.split(":")[4], "us-east-1", key, Period(now - timedelta(days=40), now), now)
        self.door = Door(LiveTransport(account.session, account.clock), "us-east-1", READS | ATHENA_CALLS)

    def run(self, text: str, columns: Any, read: Reader | None = None, expected: Estimate = NOTHING) -> Answered:
        asked = AthenaAsked(text, columns, DATABASE, self.scope.as_of, expected, limit=10**9, output="s3://results/")
        return run_athena(read or self.door.reader("events"), asked, self.account.clock, lambda *_: None)

    def ask(self, query: Query, read: Reader | None = None, expected: Estimate = NOTHING) -> Answered:
        text = athena_text(query.text, AthenaPlace(TABLE), self.scope)
        return self.run(text, query.source.columns, read, expected)


@pytest.fixture(scope="module")
def auditor() -> Iterator[Auditor]:
    """Give an auditor of an account in which the table was made with the statements that are printed."""
    with SimulatedAccount() as account:
        auditor = Auditor(account)
        for statement in (database_ddl(TABLE), table_ddl(TABLE, PLACE)):
            auditor.run(statement, {})
        yield auditor


def test_athena_counts_the_calls_that_the_account_made(auditor: Auditor):
    usage = auditor.ask(USAGE).rows

    counted: Counter[tuple[date, str]] = Counter()
    for row in usage:
        counted[row["day"], row["event_name"]] += row["calls"]
    first = auditor.scope.period.start
    made = {k: n for k, n in auditor.account.truth.operations.items() if k[0] > first.date()}
    assert {k: n for k, n in counted.items() if k[0] > first.date()} == made
    assert sum(row["calls"] for row in usage if row["error_code"]) > 20


def test_athena_finds_the_rotation_with_its_material(auditor: Auditor):
    last = auditor.account.truth.rotations[-1]

    [row] = auditor.ask(ROTATIONS).rows

    assert (row["event_time"], row["rotation_type"], row["key_material_id"]) == (
        last.date.replace(microsecond=0), last.type, last.material_id
    )  # fmt: skip


def test_what_was_foretold_is_what_is_scanned(auditor: Auditor):
    """Both are the stored bytes of every log file in the folders that the statement names."""
    objects = S3Objects(auditor.account.session, story.BUCKET, auditor.account.clock)
    folders = [log_prefix(PLACE, auditor.scope.account, "us-east-1", day) for day in days_read(auditor.scope.period)]
    expected = estimate(info for folder in folders for info in objects.list(folder))

    found = auditor.ask(USAGE, expected=expected)

    assert found.scanned_bytes == expected.scanned > 0
    assert found.usd == expected.usd


def test_every_record_that_was_scanned_is_accounted_for(auditor: Auditor):
    [row] = auditor.run(athena_counts(AthenaPlace(TABLE), auditor.scope), COUNTS).rows

    assert row["unreadable"] == 0
    assert row["records"] > sum(each["calls"] for each in auditor.ask(USAGE).rows) > 0


def test_a_statement_is_repeated_from_its_record(auditor: Auditor):
    begun = len(auditor.door.exchanges)
    first = auditor.ask(USAGE)
    kept = auditor.door.exchanges[begun:]
    replay = Door(ReplayTransport((e.call, e.headers, e.body) for e in kept), "us-east-1", READS | ATHENA_CALLS)

    assert auditor.ask(USAGE, replay.reader("events")) == first


def test_without_the_table_the_reason_is_that_of_athena(auditor: Auditor):
    other = AthenaTable(DATABASE, "other")

    with pytest.raises(ReadError) as error:
        auditor.run(athena_text("SELECT 1 AS n FROM kms_events", AthenaPlace(other), auditor.scope), {"n": "int"})

    assert error.value.missing.reason == "failed"
    assert "TABLE_NOT_FOUND" in error.value.missing.message
