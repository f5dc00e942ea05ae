"""Trino's SQL on DuckDB."""

from __future__ import annotations

import json

import pytest
from sqlglot import exp

from fluo_audit.sandbox.trino import Answer, QueryError, Table, answer, conditions, is_query, matching, parse, tables_of

TYPES = {
    "name": exp.DataType.build("STRING", dialect="hive"),
    "number": exp.DataType.build("BIGINT", dialect="hive"),
    "at": exp.DataType.build("TIMESTAMP", dialect="hive"),
    "part": exp.DataType.build("STRUCT<inner: STRUCT<text: STRING>>", dialect="hive"),
    "list": exp.DataType.build("ARRAY<STRUCT<arn: STRING>>", dialect="hive"),
    "map": exp.DataType.build("MAP<STRING, STRING>", dialect="hive"),
}
ROWS = (
    {
        "name": "a", "number": 1, "at": "2026-11-23 06:00:00", "part": {"inner": {"text": "x"}},
        "list": [{"arn": "r"}], "map": {"k": '{"n": 1}'},
    },
    {"name": "b", "number": 2, "at": None, "part": None, "list": None, "map": None},
)  # fmt: skip
LINES = [json.dumps(row) + "\n" for row in ROWS]
TABLE = Table("trail", "events", TYPES, LINES)


def ask(text, schema="trail"):
    return answer(parse(text), [TABLE], schema)


def test_values_come_back_as_text_with_the_types_of_trino():
    found = ask(
        "SELECT name, sum(number) AS n, max(at) AS at, CAST(max(at) AS DATE) AS day, number > 1 AS more, 0.5E0 AS x FROM events GROUP BY name, number ORDER BY name"
    )

    assert found.columns == (
        ("name", "varchar"), ("n", "bigint"), ("at", "timestamp"), ("day", "date"), ("more", "boolean"), ("x", "double"),
    )  # fmt: skip
    assert found.rows == (
        ("a", "1", "2026-11-23 06:00:00.000", "2026-11-23", "false", "0.5"),
        ("b", "2", None, None, "true", "0.5"),
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("part.inner.text", "x"),
        ("contains(transform(list, r -> r.arn), 'r')", "true"),
        ("element_at(map, 'k')", '{"n": 1}'),
        ("json_extract_scalar(json_parse(element_at(map, 'k')), '$.n')", "1"),
        ("date_format(at, '%Y/%m/%d')", "2026/11/23"),
        ("date_parse('2026-11-23T06:00:00Z', '%Y-%m-%dT%H:%i:%sZ') = at", "true"),
        ("TRY(json_parse('no json'))", None),
    ],
)
def test_what_is_called_otherwise_in_duckdb_is_translated(expression, expected):
    text = f"SELECT {expression} FROM trail.events WHERE name = 'a'"
    assert ask(text, "default").rows == ((expected,),)


def test_a_statement_needs_no_table():
    assert answer(parse("SELECT 1 AS one"), [], "default") == Answer((("one", "integer"),), (("1",),))


@pytest.mark.parametrize("text", ["SELECT FROM WHERE", "SELECT 1; SELECT 2", "", "SELECT (1"])
def test_what_is_no_single_statement_is_refused(text):
    with pytest.raises(QueryError, match=r"mismatched input|Only one sql statement"):
        parse(text)


@pytest.mark.parametrize("text", ["SELECT nothing FROM events", "SELECT frobnicate(name) FROM events"])
def test_what_the_engine_cannot_resolve_fails(text):
    with pytest.raises(QueryError, match="SYNTAX_ERROR"):
        ask(text)


def test_a_statement_reads_no_file_of_the_machine(tmp_path):
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    with pytest.raises(QueryError):
        ask(f"SELECT * FROM '{file}'")
    with pytest.raises(QueryError):
        ask(f"SELECT * FROM read_csv('{file}')")


def test_the_tables_of_a_statement_are_those_it_does_not_define():
    statement = parse('WITH a AS (SELECT * FROM "x"."a"), b AS (SELECT * FROM a) SELECT * FROM b JOIN c ON TRUE')
    assert {(table.db, table.name) for table in tables_of(statement)} == {("x", "a"), ("", "c")}
    assert is_query(statement)
    assert not is_query(parse("CREATE DATABASE a"))


def test_the_conditions_on_columns_are_those_of_the_select_that_reads_the_table():
    statement = parse("""
        WITH a AS (SELECT * FROM t AS r WHERE r.day >= '2' AND (day = '1' OR region = 'x') AND name = 'a' AND day < name)
        SELECT * FROM a WHERE day = '9'
    """)
    (table,) = tables_of(statement)
    demanded = conditions(table, {"day", "region"})
    assert [each.sql("trino") for each in demanded] == ["r.day >= '2'", "day = '1' OR region = 'x'"]
    assert conditions(table, {"other"}) == []


def test_a_condition_with_a_query_of_its_own_selects_nothing_beforehand():
    (table, _) = tables_of(parse("SELECT * FROM t WHERE day IN (SELECT day FROM u)"))
    assert conditions(table, {"day"}) == []


def test_rows_match_all_conditions():
    (table,) = tables_of(
        parse("SELECT 1 FROM t AS r WHERE r.day BETWEEN '2026/11/01' AND '2026/11/02' AND region IN ('x', 'y')")
    )
    rows = [{"day": f"2026/11/0{day}", "region": region} for day, region in ((1, "x"), (1, "z"), (2, "y"), (3, "x"))]
    types = {"day": "VARCHAR", "region": "VARCHAR"}
    assert matching(conditions(table, types), types, rows) == [0, 2]
    assert matching([], types, rows) == [0, 1, 2, 3]
    assert matching([], types, []) == []
