"""The comparisons over the simulated account, whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from fluo_audit import pipeline
from fluo_audit.evaluate.reconciliation.all import ALL, reconcile
from fluo_audit.model.evidence import Have
from fluo_audit.model.report import Outcome

CRYPTOGRAPHIC = {"Decrypt", "Encrypt", "GenerateDataKey"}


@pytest.fixture(scope="module")
def facts(sample_snapshot):
    return pipeline.facts_of(sample_snapshot)


@pytest.fixture
def rows(facts, sample_snapshot):
    def run(**changed):
        return {row.name: row for row in reconcile(facts | changed, sample_snapshot.scope)}

    return run


@pytest.fixture
def uses(sample_account):
    """Count the uses of the key in the account's ledger, between two days, both included."""
    truth = sample_account.truth

    def count(first: date, last: date) -> int:
        done = sum(n for (day, name), n in truth.operations.items() if name in CRYPTOGRAPHIC and first <= day <= last)
        return done - sum(n for day, n in truth.denied.items() if first <= day <= last)

    return count


def without(fact: Have, dropped) -> Have:
    return replace(fact, value=fact.value.drop(index=fact.value.index[dropped]))


def test_every_comparison_gives_one_row_in_order_whatever_was_collected(sample_snapshot):
    rows = reconcile({}, sample_snapshot.scope)

    assert [row.name for row in rows] == [each.name for each in ALL]
    assert {row.outcome for row in rows} == {Outcome.NOT_COMPARED}


def test_the_counts_are_those_of_the_ledger(rows, uses, sample_snapshot, sample_account):
    found = rows()
    period, operations = sample_snapshot.scope.period, sample_account.truth.operations
    first, last = period.start.date() + timedelta(days=1), period.last_day - timedelta(days=1)
    metrics, cost, rotations = found["events-metrics"], found["events-cost"], found["events-rotations"]

    assert (metrics.outcome, metrics.left, metrics.right) == (Outcome.AGREES, uses(first, last), uses(first, last))
    final = date(2026, 10, 31)  # November is not over, so Cost Explorer's figures are estimates
    reads = sum(
        n for (day, name), n in operations.items() if first <= day <= final and name in {*CRYPTOGRAPHIC, "DescribeKey"}
    )
    assert (cost.outcome, cost.left, cost.right) == (Outcome.EXPLAINED, uses(first, final), reads)
    assert cost.difference == reads - uses(first, final) > 0
    rotated = [r for r in sample_account.truth.rotations if period.start <= r.date < period.end]
    assert (rotations.outcome, rotations.left, rotations.right) == (Outcome.AGREES, len(rotated), len(rotated))


def test_the_last_use_is_the_newest_of_the_ledger(rows, sample_account):
    row = rows()["events-last-usage"]

    assert row.outcome is Outcome.AGREES
    assert f"event {sample_account.truth.event_ids[-1]} is" in row.explanation


def test_events_of_the_collection_itself_are_not_compared_with_themselves(rows):
    assert rows()["events-history"].outcome is Outcome.NOT_COMPARED


def test_one_event_taken_out_of_the_log_is_found_by_day(rows, facts):
    events = facts["events"]
    used = events.value["event_name"].isin(CRYPTOGRAPHIC) & events.value["error_code"].isna()
    one = used & (events.value["event_time"].dt.date == date(2026, 10, 14))
    row = rows(events=without(events, one & one.cumsum().eq(1)))["events-metrics"]

    assert (row.outcome, row.difference) == (Outcome.DIFFERS, 1)
    assert [observation.at for observation in row.flagged] == ["2026-10-14"]


def test_the_newest_event_taken_out_of_the_log_is_missed_by_its_id(rows, facts, sample_account):
    events = facts["events"]
    newest = sample_account.truth.event_ids[-1]
    row = rows(events=without(events, events.value["event_id"].eq(newest)))["events-last-usage"]

    assert row.outcome is Outcome.DIFFERS
    assert [observation.ref for observation in row.flagged] == [newest]


def test_a_rotation_taken_out_of_the_log_differs(rows, facts):
    events = facts["events"]
    row = rows(events=without(events, events.value["event_name"].eq("RotateKey")))["events-rotations"]

    assert (row.outcome, row.left, row.right, row.difference) == (Outcome.DIFFERS, 0, 1, 1)
