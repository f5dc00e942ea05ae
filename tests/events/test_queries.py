"""The shared queries: words of two engines, one scan, and columns as declared."""

from __future__ import annotations

from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from fluo_audit.evaluate.key_events import CRYPTOGRAPHIC, READS, WITH_CONTEXT
from fluo_audit.events.lake_sql import LONGEST
from fluo_audit.events.queries import (
    ALL,
    EVERY_EVENT,
    GROUPED_EVENTS,
    RELATION,
    Query,
    calls_text,
    events_of_key,
)
from fluo_audit.model.sources import EVENTS

DIALECTS = ["trino", "athena", "duckdb"]
each_query = pytest.mark.parametrize("query", ALL, ids=lambda query: query.file)


def parsed(text: str, dialect: str = "trino") -> exp.Expression:
    [statement] = sqlglot.parse(text, read=dialect)
    return statement


@each_query
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_engine_reads_a_query_as_one_statement(query: Query, dialect: str):
    assert isinstance(parsed(query.text, dialect), exp.Select)


@each_query
def test_a_query_answers_the_declared_columns_in_their_order(query: Query):
    assert parsed(query.text).named_selects == list(query.source.columns)


@each_query
def test_the_events_are_scanned_once_because_that_is_what_is_billed(query: Query):
    tables = [table.name for table in parsed(query.text).find_all(exp.Table)]

    assert tables.count("kms_events") == 1
    assert set(tables) <= {"kms_events", "kms_calls"}
    assert tables.count("kms_calls") == query.of_calls


@each_query
def test_a_query_names_only_columns_of_the_relation(query: Query):
    made = {"calls", "last_time", "is_change", "alone", "first_call", "day", "failed", "first_time", "first_event_id"}

    assert {column.name for column in parsed(query.text).find_all(exp.Column)} <= set(RELATION) | made


@each_query
def test_a_query_has_an_order_so_that_equal_events_give_equal_answers(query: Query):
    order = parsed(query.text).args["order"]

    assert [each.this.name for each in order.expressions] != []


@each_query
def test_a_query_leaves_room_for_the_relation_of_lake(query: Query):
    assert len(query.text) < LONGEST / 3
    assert "--" not in query.text


def names_in(text: str) -> set[str]:
    """Return the operations that a statement lists."""
    [listed] = [each for each in parsed(text).find_all(exp.In) if each.this.name == "event_name"]
    return {each.name for each in listed.expressions}


def test_the_sql_tells_uses_looks_and_changes_apart_as_the_checks_do():
    patterns = {each.expression.name for each in parsed(calls_text()).find_all(exp.Like)}

    assert names_in(calls_text()) == CRYPTOGRAPHIC
    assert patterns == {f"{name}%" for name in READS}


def test_the_sql_knows_the_operations_with_a_context_that_the_checks_know():
    query = next(each for each in ALL if each.file == "contexts")

    assert names_in(query.own_text) == WITH_CONTEXT


def test_both_answers_about_events_have_the_columns_of_the_source():
    assert list(EVERY_EVENT.source.columns) == list(GROUPED_EVENTS.source.columns) == list(EVENTS.columns)


@pytest.mark.parametrize(("calls", "asked"), [((3, 2), ["grouped_events", "events"]), ((3, 3), ["grouped_events"])])
def test_events_are_listed_one_by_one_up_to_a_number_of_calls(calls: tuple[int, ...], asked: list[str]):
    heard: list[str] = []

    def rows(query: Query) -> list[dict[str, Any]]:
        heard.append(query.file)
        return [{"calls": number, "from": query.file} for number in calls]

    found = events_of_key(rows, most=5)

    assert heard == asked
    assert {row["from"] for row in found} == {asked[-1]}
