"""How a statement passes through a query service in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fluo_audit.sandbox.executions import Execution, execution_id

START = datetime(2026, 11, 23, 6, tzinfo=UTC)


def after(seconds):
    return START + timedelta(seconds=seconds)


def test_a_statement_waits_runs_and_ends():
    statement = Execution("1", {}, START, scanned=50_000_000)
    assert [statement.state(after(seconds)) for seconds in (0, 0.2, 1.7, 1.8)] == [
        "QUEUED", "RUNNING", "RUNNING", "SUCCEEDED",
    ]  # fmt: skip
    assert [statement.scanned_until(after(seconds)) for seconds in (0, 0.8, 1.3, 9)] == [0, 0, 25_000_000, 50_000_000]


def test_a_failure_shows_when_it_ends():
    statement = Execution("1", {}, START, failure="SYNTAX_ERROR")
    assert [statement.state(after(seconds)) for seconds in (0.5, 1)] == ["RUNNING", "FAILED"]


def test_what_is_stopped_has_scanned_only_so_far():
    statement = Execution("1", {}, START, scanned=50_000_000)
    statement.stop(after(1.3), "by hand")
    assert statement.state(after(1.3)) == statement.state(after(60)) == "CANCELLED"
    assert statement.scanned_until(after(60)) == 25_000_000


def test_what_has_ended_cannot_be_stopped():
    statement = Execution("1", {}, START)
    statement.stop(after(5), "by hand")
    assert statement.state(after(5)) == "SUCCEEDED"


def test_the_id_follows_from_the_request():
    assert execution_id("a") == execution_id("a") != execution_id("b")
