"""The bill counts the whole account: it may count more than the key's calls and never fewer."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.reconciliation.billed_requests import EVENTS_COST

THREE_DAYS = {"covered": {"events": ("2026-03-01", "2026-03-04")}}


def calls(day: int, number: int, **more) -> dict:
    return {"event_time": f"2026-03-{day:02}T09:00", "calls": number, **more}


def billed(day: int, quantity: str | None, usage_type: str = "us-east-1-KMS-Requests", **more) -> dict:
    return {
        "day": f"2026-03-{day:02}",
        "usage_type": usage_type,
        "usage_quantity": quantity,
        "estimated": False,
        **more,
    }


KEYS = [billed(day, "0.03", "us-east-1-KMS-Keys") for day in (1, 2, 3)]
TENS = [calls(1, 10), calls(2, 10), calls(3, 10)]
NONE = (None, None, None)
CASES = [
    ("the key alone", TENS, [billed(1, "10"), billed(2, "10"), billed(3, "10")], {}, ("agrees", 30, 30, 0), ["equal on each of 3 days"]),
    ("more, of other keys", TENS, [billed(1, "10"), billed(2, "14"), billed(3, "10")], {}, ("explained", 30, 34, 4), ["the 4 more that Cost Explorer counts"]),
    ("fewer on one day", TENS, [billed(1, "10"), billed(2, "7"), billed(3, "10")], {}, ("differs", 30, 27, 3), ["less than the key alone on 1 day", "2026-03-02 CloudTrail recorded 10 billed calls of this key, Cost Explorer counts 7"]),
    ("more on other days hides nothing", TENS, [billed(1, "99"), billed(2, "7"), billed(3, "10")], {}, ("differs", 30, 116, 92), ["2026-03-02"]),
    ("no request billed on a day", TENS, [billed(1, "10"), billed(3, "10"), *KEYS], {}, ("differs", 30, 20, 10), ["counts 0"]),
    ("billed on the day after", TENS, [billed(1, "10"), billed(2, "7"), billed(3, "13")], {}, ("explained", 30, 30, 6), ["1 day with calls that are billed on the day after"]),
    ("the last day may still be billed", TENS, [billed(1, "10"), billed(2, "10"), billed(3, "7")], {}, ("explained", 30, 27, 3), ["day after"]),
    ("estimated days are left out", TENS, [billed(1, "10"), billed(2, "10"), billed(3, "1", estimated=True)], {}, ("agrees", 20, 20, 0), ["2026-03-01 to 2026-03-02"]),
    ("a day whose state AWS left out too", TENS, [billed(1, "10"), billed(2, "10"), billed(3, "1", estimated=None)], {}, ("agrees", 20, 20, 0), []),
    ("a day without quantity too", TENS, [billed(1, "10"), billed(2, "10"), billed(3, None)], {}, ("agrees", 20, 20, 0), []),
    ("all estimated", TENS, [billed(1, "10", estimated=True)], {}, ("not compared", *NONE), ["final in Cost Explorer"]),
    ("requests of every Region and kind", TENS, [billed(1, "6"), billed(1, "4", "eu-west-1-KMS-Requests-Asymmetric"), billed(2, "10"), billed(3, "10")], {}, ("agrees", 30, 30, 0), []),
    ("storage is no request", TENS, [*KEYS, billed(1, "10"), billed(2, "10"), billed(3, "10")], {}, ("agrees", 30, 30, 0), []),
    (
        "not billed beyond doubt: failures, looks, other accounts, callers without ARN, AWS",
        [
            *TENS,
            calls(1, 5, error_code="AccessDenied"),
            calls(1, 5, event_name="DescribeKey"),
            calls(1, 5, issuer_arn="arn:aws:iam::999999999999:role/backend"),
            calls(1, 5, issuer_arn=None),
            calls(1, 5, issuer_arn="s3.amazonaws.com"),
        ],
        [billed(1, "10"), billed(2, "10"), billed(3, "10")],
        {},
        ("agrees", 30, 30, 0),
        [],
    ),
    ("no bill at all", TENS, [], {}, ("not compared", *NONE), ["final in Cost Explorer"]),
    ("no time", TENS, [billed(1, "10")], {"covered": {"events": None}}, ("not compared", *NONE), []),
    ("cost read in part", TENS, [billed(1, "10")], {"partial": ["cost"]}, ("not compared", *NONE), ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "events", "cost", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES]
)
def test_billed_requests(confirm_row, *, name, events, cost, settings, expected, texts):
    confirm_row(EVENTS_COST, {"events": events, "cost": cost}, {**THREE_DAYS, **settings}, expected, *texts)
