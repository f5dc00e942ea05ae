"""Tables: safe to open in a spreadsheet, and word for word beside it."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.model.report import Table
from fluo_audit.render.tables import render_csv, render_jsonl

cells = st.one_of(st.text(), st.integers(), st.booleans(), st.none())


def table(*rows, columns=("a", "b")):
    return Table("t", "T", columns, rows)


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(data.decode().split("\r\n")[:-1]))


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_formula_is_kept_from_running_and_stands_word_for_word_in_jsonl(first):
    text = f'{first}HYPERLINK("http://example.com")'
    rows = table((text, 1))
    cell = render_csv(rows).decode().split("\r\n", 1)[1].lstrip('"')
    assert cell.startswith("'" + first)
    assert json.loads(render_jsonl(rows))["a"] == text


def test_a_negative_number_stays_a_number():
    assert render_csv(table((-5, -0.25))) == b"a,b\r\n-5,-0.25\r\n"


def test_a_formula_in_the_header_is_kept_from_running():
    assert render_csv(table(columns=("=1+1", "b"))) == b"'=1+1,b\r\n"


def test_missing_values_are_empty_and_truth_is_a_word():
    assert render_csv(table((None, True), ("", False))) == b"a,b\r\n,true\r\n,false\r\n"


def test_quotes_commas_and_line_ends_survive():
    text = 'a "b", c\r\nd'
    assert render_csv(table((text, "x"))) == b'a,b\r\n"a ""b"", c\r\nd",x\r\n'


@given(st.lists(st.tuples(cells, cells), max_size=5))
def test_jsonl_gives_back_every_cell(rows):
    data = render_jsonl(table(*rows))
    assert all(b == 0x0A or 0x20 <= b < 0x7F for b in data)
    assert [tuple(json.loads(line).values()) for line in data.splitlines()] == rows


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"))), max_size=5))
def test_no_text_cell_of_a_csv_starts_like_a_formula(rows):
    import io

    parsed = list(csv.reader(io.StringIO(render_csv(table(*rows)).decode(), newline="")))[1:]
    assert not [cell for row in parsed for cell in row if cell[:1] in tuple("=+-@\t\r\n＝＋－＠")]
    assert [
        [c.removeprefix("'") if not o.startswith("'") else c for c, o in zip(r, s, strict=True)]
        for r, s in zip(parsed, rows, strict=True)
    ] == [list(r) for r in rows]


def test_rows_come_one_a_line(report):
    only = report.tables[0]
    assert len(render_jsonl(only).splitlines()) == len(only.rows)
    assert read_csv(render_csv(only))[0] == list(only.columns)
