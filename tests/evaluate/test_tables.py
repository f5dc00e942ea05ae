"""Tables hold plain cells, in the order of their columns."""

from __future__ import annotations

from fluo_audit.evaluate.tables import reconciliation_table
from fluo_audit.model.report import Outcome, Reconciliation

AGREES = Reconciliation("a", "What", "Left", 0, "Right", 0, 0, Outcome.AGREES, "equal", ("E01", "E02"))
UNCOMPARED = Reconciliation("b", "What", "Left", None, "Right", None, None, Outcome.NOT_COMPARED, "no", ())


def test_the_reconciliation_has_one_row_a_comparison_and_keeps_none_apart_from_zero():
    table = reconciliation_table([AGREES, UNCOMPARED])
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]

    assert table.name == "reconciliation"
    assert [(row["left"], row["right"], row["difference"]) for row in rows] == [(0, 0, 0), (None, None, None)]
    assert [row["outcome"] for row in rows] == ["agrees", "not compared"]
    assert rows[0]["evidence"] == "E01 E02"
