"""Monthly spend against the declared budget."""

from decimal import Decimal

import pytest

from fluo_audit.evaluate.checks.cost_within_budget import cost_within_budget

SIX = {"monthly_budget_usd": Decimal("6.00")}


def month(name: str, a_day: str | None, days: int, *, estimated: bool = False) -> list:
    return [
        {"day": f"{name}-{day:02}", "usage_type": "us-east-1-KMS-Keys", "unblended": a_day, "estimated": estimated}
        for day in range(1, days + 1)
    ]


CASES = [
    ("within", month("2026-04", "0.1", 30), SIX, "pass", ["at most $3.00 a month (2026-04), budget $6.00", "1 of 1 month complete"]),
    ("to the cent", month("2026-04", "0.2", 30), SIX, "pass", ["$6.00 a month"]),
    ("above", month("2026-04", "0.3", 30), SIX, "fail", ["1 month above $6.00, the most is $9.00 in 2026-04", "2026-04 $9.00 in 30 of 30 days, budget $6.00"]),
    ("already above in ten days", month("2026-05", "1", 10, estimated=True), SIX, "fail", ["2026-05 $10.00 in 10 of 31 days"]),
    ("above in one of two", month("2026-04", "0.1", 30) + month("2026-05", "0.3", 31), SIX, "fail", ["1 month above"]),
    ("no complete month", month("2026-05", "0.1", 10), SIX, "not_assessed", ["no month was collected in full"]),
    ("only an estimated one", month("2026-04", "0.1", 30, estimated=True), SIX, "not_assessed", ["in full and final"]),
    ("amounts left out", month("2026-04", None, 30), SIX, "not_assessed", ["0 of 1 month"]),
    ("nothing billed", [], SIX, "not_assessed", ["0 of 0 months"]),
    ("a budget of nothing", month("2026-04", "0.1", 30), {"monthly_budget_usd": Decimal(0)}, "fail", ["budget $0.00"]),
    ("no budget", month("2026-04", "0.1", 30), {}, "not_assessed", ["set monthly_budget_usd under [baseline]"]),
    ("above in the part that was read stands", month("2026-04", "0.3", 30), {**SIX, "partial": ["cost"]}, "fail", ["$9.00"]),
    ("within in the part that was read", month("2026-04", "0.1", 30), {**SIX, "partial": ["cost"]}, "not_assessed", ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bill", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_cost_within_budget(confirm, *, name, bill, settings, expected, texts):
    confirm(cost_within_budget, [bill], settings, expected, *texts)
