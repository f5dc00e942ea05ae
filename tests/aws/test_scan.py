"""What a statement costs, when it is refused, and what its text becomes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from fluo_audit.aws.door import Door, Reader, ReadError
from fluo_audit.aws.objects import ObjectInfo
from fluo_audit.aws.replay import ReplayTransport
from fluo_audit.aws.scan import (
    ATHENA_PRICE,
    LAKE_PRICE,
    LONGEST_PAUSE,
    PATIENCE,
    State,
    estimate,
    in_bytes,
    require_within,
    stopped_if_left,
    typed_rows,
    wait_for_end,
)
from fluo_audit.errors import ScanLimitError
from fluo_audit.sandbox.clock import SAMPLE_NOW, SimulatedClock

MB, GB, TB = 10**6, 10**9, 10**12


@pytest.fixture
def read() -> Reader:
    return Door(ReplayTransport([]), "us-east-1").reader("events")


# --- price and limit -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scanned", "usd"),
    [(TB, "5.00"), (0, "0.00005"), (10 * MB, "0.00005"), (10 * MB + 1, "0.000055"), (250 * GB, "1.25")],
)
def test_athena_bills_whole_megabytes_and_ten_at_least(scanned: int, usd: str):
    assert ATHENA_PRICE.of(scanned) == Decimal(usd)


def test_lake_bills_each_gigabyte():
    assert LAKE_PRICE.of(200 * GB) == Decimal("1.00")
    assert LAKE_PRICE.of(0) == 0


def test_an_estimate_is_the_stored_size_of_every_object():
    objects = [ObjectInfo(f"AWSLogs/{n}.json.gz", n * GB, "e") for n in (1, 2, 3)]

    found = estimate(iter(objects))

    assert (found.scanned, found.usd) == (6 * GB, Decimal("0.03"))
    assert estimate([], LAKE_PRICE).usd == 0


def test_more_than_the_limit_is_refused_with_bytes_price_and_a_way_out():
    expected = estimate([ObjectInfo("k", 300 * GB, "e")])

    with pytest.raises(ScanLimitError) as refused:
        require_within(expected, 100 * GB, "the limit")

    assert refused.value.message == (
        "the query would scan 300.0 GB, for about $1.50: the limit is 100.0 GB; nothing was sent"
    )
    assert "shorter period" in refused.value.hint
    assert refused.value.exit_code == 5
    require_within(expected, 300 * GB, "the limit")  # up to the limit is allowed


def test_bytes_are_written_in_decimal_units():
    assert [in_bytes(n) for n in (0, 999_999, 1_500_000, 2 * GB, 12_345 * GB)] == [
        "0 bytes",
        "999,999 bytes",
        "1.5 MB",
        "2.0 GB",
        "12.3 TB",
    ]


# --- waiting -------------------------------------------------------------------------------------------------------


def states(*names: str, scanned: int | None = None) -> Iterator[State]:
    return (State(name, scanned) for name in names)


def test_the_pauses_grow_and_go_through_the_clock(read):
    clock, told = SimulatedClock(SAMPLE_NOW), []
    turns = states("QUEUED", *["RUNNING"] * 6, "SUCCEEDED", scanned=7)

    end = wait_for_end(
        read, "a:B", turns, limit=None, clock=clock, progress=lambda *state: told.append((*state, clock.now()))
    )

    assert end == State("SUCCEEDED", 7)
    assert [(name, scanned) for name, scanned, _ in told] == [("QUEUED", 7), *[("RUNNING", 7)] * 6, ("SUCCEEDED", 7)]
    moments = [at for *_, at in told]
    assert [(b - a).total_seconds() for a, b in pairwise(moments)] == [0.5, 1, 2, 4, 8, 10, 10]


def test_a_statement_that_never_ends_is_given_up(read):
    clock = SimulatedClock(SAMPLE_NOW)

    with pytest.raises(ReadError) as error:
        wait_for_end(read, "a:B", states(*["RUNNING"] * 10_000), limit=None, clock=clock, progress=lambda *_: None)

    assert error.value.missing.reason == "timeout"
    assert "60 minutes" in error.value.missing.message
    assert PATIENCE <= (clock.now() - SAMPLE_NOW).total_seconds() <= PATIENCE + LONGEST_PAUSE


def test_a_statement_that_passes_the_limit_while_it_runs_is_given_up(read):
    turns = iter([State("RUNNING", None), State("RUNNING", 5 * GB), State("RUNNING", 11 * GB), State("SUCCEEDED", 0)])

    with pytest.raises(ReadError) as error:
        wait_for_end(read, "a:B", turns, limit=10 * GB, clock=SimulatedClock(SAMPLE_NOW), progress=lambda *_: None)

    assert "11.0 GB of at most 10.0 GB" in error.value.missing.message
    assert next(turns).name == "SUCCEEDED"  # nobody asked again


class LeftError(Exception):
    pass


def test_what_is_left_is_stopped_and_what_ended_is_not(read):
    stopped: list[str] = []

    with pytest.raises(LeftError), stopped_if_left(lambda: stopped.append("left")):
        raise LeftError
    with pytest.raises(KeyboardInterrupt), stopped_if_left(lambda: stopped.append("interrupted")):
        raise KeyboardInterrupt
    with stopped_if_left(lambda: stopped.append("ended")):
        pass

    assert stopped == ["left", "interrupted"]


def test_a_stop_that_fails_does_not_hide_why_the_statement_was_left(read):
    def stop() -> None:
        raise read.malformed("a:Stop", "denied")

    with pytest.raises(LeftError), stopped_if_left(stop):
        raise LeftError


# --- types ---------------------------------------------------------------------------------------------------------

COLUMNS = {
    "day": "date",
    "at": "time",
    "event_name": "text",
    "context": "json",
    "calls": "int",
    "share": "float",
    "read_only": "bool",
    "usd": "money",
}
ROW = {
    "day": "2026-11-23",
    "at": "2026-11-23 05:00:00.000",
    "event_name": "Decrypt",
    "context": '{"b":"é","a":"\\u001f"}',
    "calls": "12",
    "share": "0.25",
    "read_only": "true",
    "usd": "1.50",
}


def test_text_becomes_values_of_the_declared_kinds(read):
    assert typed_rows(read, "a:B", COLUMNS, [ROW]) == [
        {
            "day": date(2026, 11, 23),
            "at": datetime(2026, 11, 23, 5, tzinfo=UTC),
            "event_name": "Decrypt",
            "context": '{"a": "\\u001f", "b": "é"}',
            "calls": 12,
            "share": 0.25,
            "read_only": True,
            "usd": Decimal("1.50"),
        }
    ]


def test_a_missing_value_is_none_in_every_kind(read):
    for absent in (None, ""):
        assert typed_rows(read, "a:B", COLUMNS, [dict.fromkeys(COLUMNS, absent)]) == [dict.fromkeys(COLUMNS)]


@pytest.mark.parametrize("text", ["2026-11-23 05:00:00.000 UTC", "2026-11-23T06:00:00+01:00", "2026-11-23 05:00:00"])
def test_a_time_is_utc_however_it_is_written(read, text: str):
    assert typed_rows(read, "a:B", {"at": "time"}, [{"at": text}]) == [{"at": datetime(2026, 11, 23, 5, tzinfo=UTC)}]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("date", "23.11.2026"),
        ("time", "yesterday"),
        ("json", "{"),
        ("json", "[" * 100_000),
        ("int", "1.5"),
        ("bool", "TRUE"),
        ("float", "many"),
        ("money", "five"),
    ],
)
def test_a_value_of_another_kind_is_no_answer(read, kind: str, text: str):
    with pytest.raises(ReadError) as error:
        typed_rows(read, "a:B", {"x": kind}, [{"x": text}])
    assert error.value.missing.reason == "malformed answer"


@pytest.mark.parametrize("row", [{}, {"x": "1", "y": "2"}, {"X": "1"}])
def test_a_row_of_other_columns_is_no_answer(read, row: dict[str, Any]):
    with pytest.raises(ReadError):
        typed_rows(read, "a:B", {"x": "int"}, [row])
