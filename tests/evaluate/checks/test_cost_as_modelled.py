"""The bill of complete months against the model. The key was created on 10 January 2026 and is rotated as each case says."""

from calendar import monthrange
from decimal import Decimal

import pytest

from fluo_audit.evaluate.checks.cost_as_modelled import cost_as_modelled

APRIL, MAY = "2026-04", "2026-05"


def month(
    name: str, storage: str, *, requests: str = "0", charged: str = "0", days: int = 0, estimated: bool | None = False
) -> list:
    """Return one month of the bill: totals in dollars, spread over its days (0 for all)."""
    year, number = map(int, name.split("-"))
    length = monthrange(year, number)[1]
    rows = []
    for day in range(1, (days or length) + 1):
        at = {"day": f"{name}-{day:02}", "estimated": estimated}
        rows.append(
            {**at, "usage_type": "us-east-1-KMS-Keys", "unblended": Decimal(storage) / length, "usage_quantity": "1"}
        )
        rows.append(
            {
                **at,
                "usage_type": "us-east-1-KMS-Requests",
                "unblended": Decimal(charged) / length,
                "usage_quantity": Decimal(requests) / length,
            }
        )
    return rows


def rotated(*times: str) -> list:
    return [{"rotated_at": time, "rotation_type": "AUTOMATIC"} for time in times]


TWICE = rotated("2026-02-01", "2026-03-01")
NOT_STATED = [{**row, "usage_quantity": None} for row in month(MAY, "1")]

CASES = [
    ("one key, no rotation", {}, [], month(MAY, "1"), {}, "pass", ["2026-05: storage $1.00, $1.00 modelled for this key; requests $0.00, $0.00 to $0.00", "1 of 1 month"]),
    ("two rotations", {}, TWICE, month(MAY, "3"), {}, "pass", ["$3.00 modelled"]),
    ("a third rotation adds nothing", {}, rotated("2026-02-01", "2026-03-01", "2026-04-01"), month(MAY, "3"), {}, "pass", ["$3.00 modelled"]),
    ("a replica is a further key", {"replica_regions": ("eu-west-1",)}, TWICE, month(MAY, "6"), {}, "pass", ["$6.00 modelled"]),
    ("ten cents are tolerated", {}, [], month(APRIL, "1") + month(MAY, "1.10"), {}, "pass", ["2 of 2 months"]),
    ("other keys that stay the same", {}, [], month(APRIL, "4") + month(MAY, "4"), {}, "pass", ["$1.00 modelled for this key, $3.00 of other keys in the account"]),
    ("other keys in the first month: nothing to compare with", {}, [], month(MAY, "4"), {}, "pass", ["$3.00 of other keys"]),
    ("other keys that went away", {}, [], month(APRIL, "4") + month(MAY, "2"), {}, "pass", ["$1.00 of other keys"]),
    (
        "a key more",
        {},
        [],
        month(APRIL, "1") + month(MAY, "2"),
        {},
        "fail",
        ["1 charge to explain", "2026-05 storage beyond this key grew by $1.00 to $1.00 since 2026-04: a further key"],
    ),
    ("the growth is the key's own rotation", {}, rotated("2026-05-01"), month(APRIL, "1") + month(MAY, "2"), {}, "pass", ["$2.00 modelled"]),
    ("requests in the free tier", {}, [], month(MAY, "1", requests="15500"), {}, "pass", ["requests $0.00, $0.00 to $0.05 modelled"]),
    ("free tier used up elsewhere", {}, [], month(MAY, "1", requests="31000", charged="0.093"), {}, "pass", ["requests $0.09, $0.03 to $0.09 modelled"]),
    ("requests above list price", {}, [], month(MAY, "1", requests="31000", charged="0.31"), {}, "fail", ["2026-05 requests cost $0.31, at list price at most $0.09"]),
    ("below the model", {}, TWICE, month(MAY, "1"), {}, "not_assessed", ["below the model in 2026-05"]),
    ("from below the model up to it is no growth", {}, [], month(APRIL, "0.5") + month(MAY, "1"), {}, "not_assessed", ["below the model in 2026-04"]),
    ("an incomplete month does not decide", {}, [], month(APRIL, "1") + month(MAY, "9", days=30), {}, "pass", ["1 of 2 months", "2026-04"]),
    ("an estimated month does not decide", {}, [], month(APRIL, "1") + month(MAY, "9", estimated=True), {}, "pass", ["1 of 2 months"]),
    ("whether it is estimated was left out", {}, [], month(MAY, "1", estimated=None), {}, "not_assessed", ["no complete month"]),
    ("nothing billed", {}, [], [], {}, "not_assessed", ["no complete month", "0 of 0 months"]),
    ("quantity left out", {}, [], NOT_STATED, {}, "not_assessed", ["0 of 1 month"]),
    ("creation date left out", {"created_at": None}, [], month(MAY, "1"), {}, "not_assessed", ["0 of 1 month"]),
    ("an AWS managed key is stored free of charge", {"manager": "AWS"}, [], month(MAY, "0"), {}, "pass", ["$0.00 modelled"]),
    ("bill read in part", {}, [], month(MAY, "1"), {"partial": ["cost"]}, "not_assessed", ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "key", "rotations", "bill", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES]
)
def test_cost_as_modelled(confirm, *, name, key, rotations, bill, settings, expected, texts):
    confirm(cost_as_modelled, [bill, key, rotations], settings, expected, *texts)
