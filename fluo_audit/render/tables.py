"""Collected tables as CSV, for a spreadsheet, and as JSON Lines, word for word."""

from __future__ import annotations

import csv
import json
from io import StringIO

from fluo_audit.model.report import Cell, Table

_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001, the full-width forms that Excel takes for the ASCII ones


def render_csv(table: Table) -> bytes:
    """Return the table as CSV (RFC 4180, UTF-8), with a ' before each text that a spreadsheet would run as a formula.

    The JSON Lines form keeps the text as it was. A missing value is an empty cell.
    See https://owasp.org/www-community/attacks/CSV_Injection.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_cell(name) for name in table.columns)
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def render_jsonl(table: Table) -> bytes:
    """Return one JSON object a row, with the keys in the order of the columns.

    ASCII only, so that no terminal acts on a text from AWS.
    """
    lines = (json.dumps(dict(zip(table.columns, row, strict=True)), allow_nan=False) for row in table.rows)
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f"'{value}" if value[:1] in _FORMULA else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
