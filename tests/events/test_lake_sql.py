"""Statements that CloudTrail Lake takes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from fluo_audit.aws.door import Door
from fluo_audit.aws.lake import LakeAsked, find_store, run_lake
from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.permissions import LAKE_CALLS, READS
from fluo_audit.aws.replay import ReplayTransport
from fluo_audit.errors import UsageError
from fluo_audit.events.lake_sql import LONGEST, lake_counts, lake_text
from fluo_audit.events.queries import ALL, EVERY_EVENT
from fluo_audit.model.scope import Period, Scope
from fluo_audit.sandbox.account import SimulatedAccount

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PERIOD = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 23, 6, 0, 0, 500_000, tzinfo=UTC))
SCOPE = Scope("111122223333", "us-east-1", KEY, PERIOD, PERIOD.end)
STORE = "a1b2c3d4-5678-90ab-cdef-000000000001"
QUERY = "SELECT count(*) AS calls FROM kms_events"


def test_a_statement_names_the_store_and_bounds_the_time_that_is_paid_for():
    for text in (lake_text(QUERY, STORE, SCOPE), lake_counts(STORE, SCOPE)):
        assert f"FROM {STORE}\n" in text
        assert "eventtime >= '2026-11-01 00:00:00'" in text
        assert "eventtime < '2026-11-23 06:00:01'" in text


def test_the_log_of_the_key_s_account_is_read_or_of_those_that_are_named():
    assert "IN ('', '111122223333')" in lake_text(QUERY, STORE, SCOPE)
    assert "IN ('', '444455556666', '777788889999')" in lake_text(QUERY, STORE, SCOPE, ("444455556666", "777788889999"))


@pytest.mark.parametrize("query", ALL, ids=[query.file for query in ALL])
def test_every_query_fits_for_any_key_and_a_hundred_accounts(query):
    key = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    accounts = tuple(f"{number:012}" for number in range(100))

    assert (
        len(lake_text(query.text, STORE, Scope("111122223333", "us-gov-west-1", key, PERIOD, PERIOD.end), accounts))
        <= LONGEST
    )


def test_a_statement_that_lake_would_refuse_is_not_made():
    with pytest.raises(UsageError, match="longer than the 10,000"):
        lake_text("-" + "x" * LONGEST, STORE, SCOPE)


@pytest.mark.parametrize("store", ["", "store", f"{STORE} WHERE 1=1", f"{STORE}\n", STORE.upper(), "*"])
def test_what_is_no_id_of_a_store_is_refused(store: str):
    with pytest.raises(UsageError, match="not the id"):
        lake_text(QUERY, store, SCOPE)


def test_lake_of_the_simulated_account_has_the_events_of_the_key():
    """The store is found, the statement runs, and its record gives the same again."""
    with SimulatedAccount(lake=True) as account:
        now, key = account.clock.now(), account.truth.key_arn
        scope = Scope(key.split(":")[4], "us-east-1", key, Period(now - timedelta(days=10), now), now)
        door = Door(LiveTransport(account.session, account.clock), "us-east-1", READS | LAKE_CALLS)

        def ask(door: Door):
            read = door.reader("events")
            text = lake_text(EVERY_EVENT.text, find_store(read, "us-east-1").id, scope)
            asked = LakeAsked(text, EVERY_EVENT.source.columns, limit=10**9)
            return run_lake(read, asked, account.clock, lambda *_: None)

        found = ask(door)
        replay = Door(
            ReplayTransport((e.call, e.headers, e.body) for e in door.exchanges), "us-east-1", READS | LAKE_CALLS
        )

        assert ask(replay) == found
        assert found.scanned_bytes > 0
        first = scope.period.start.date()
        made = {k: n for k, n in account.truth.operations.items() if k[0] > first}
        counted = Counter((row["event_time"].date(), row["event_name"]) for row in found.rows)
        assert {k: n for k, n in counted.items() if k[0] > first} == made
        assert {row["event_id"] for row in found.rows} <= set(account.truth.event_ids)
