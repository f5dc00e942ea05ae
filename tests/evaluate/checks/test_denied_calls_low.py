"""Denied calls are counted by UTC day; other failures are told apart."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.checks.denied_calls_low import denied_calls_low

BATCH, DEVELOPER = "arn:aws:iam::111122223333:role/batch", "arn:aws:iam::111122223333:role/developer"


def calls(
    number: int, day: str = "2026-03-01", code: str | None = "AccessDenied", **more: object
) -> list[dict[str, object]]:
    """Return calls of one hour, in which the first has the id DAY/0."""
    event = {"event_name": "Decrypt", "issuer_arn": BATCH, "error_code": code}
    return [event | {"event_id": f"{day}/{n}", "event_time": f"{day}T10:{n:02}"} | more for n in range(number)]


THREE = {"denied_calls_per_day": 3}
BEFORE_MIDNIGHT = calls(2, event_time="2026-03-01T23:59")
AFTER_MIDNIGHT = calls(2, "2026-03-02", event_time="2026-03-02T00:01")

CASES = [
    ("none", calls(9, code=None), THREE, "pass", ["at most 0 denied calls a day, 3 are allowed", "0 denied of 9 calls"]),
    ("no calls", [], THREE, "pass", ["0 denied of 0 calls"]),
    ("as many as allowed", calls(3), THREE, "pass", ["at most 3 denied calls a day"]),
    ("one more", calls(4), THREE, "fail",
     ["1 day with more than 3 denied calls, the most on 2026-03-01: 4",
      "2026-03-01 4 denied calls, 3 are allowed: Decrypt 4; the first is shown by role/batch 4 ref 2026-03-01/0"]),
    ("the other spelling", calls(4, code="AccessDeniedException"), THREE, "fail", []),
    ("two principals", calls(3) + calls(1, issuer_arn=DEVELOPER), THREE, "fail", ["by role/batch 3, role/developer 1"]),
    ("midnight in UTC divides", BEFORE_MIDNIGHT + AFTER_MIDNIGHT, THREE, "pass", ["at most 2"]),
    ("two days", calls(4) + calls(6, "2026-03-05"), THREE, "fail", ["2 days with more than 3 denied calls, the most on 2026-03-05: 6"]),
    ("throttled is not denied", calls(50, code="ThrottlingException") + calls(1), THREE, "pass",
     ["failed for other reasons: ThrottlingException 50", "1 denied of 51 calls"]),
    ("none are allowed", calls(1), {"denied_calls_per_day": 0}, "fail", []),
    ("the default limit", calls(11), {}, "fail", ["10 are allowed"]),
    ("a row of four", calls(1, calls=4), THREE, "fail", ["the most on 2026-03-01: 4", "4 denied calls, 3 are allowed: Decrypt 4", "by role/batch 4"]),
    ("a row of three", calls(1, calls=3) + calls(1, code=None, calls=90), THREE, "pass", ["at most 3 denied", "3 denied of 93 calls"]),
    ("a row of fifty that were throttled", calls(1, code="ThrottlingException", calls=50), THREE, "pass", ["ThrottlingException 50"]),
    ("without a time", calls(4, event_time=None), THREE, "not_assessed", ["the time of 4 of 4 denied calls"]),
    ("too many in a partial log", calls(4), THREE | {"partial": ["events"]}, "fail", []),
    ("few in a partial log", calls(1), THREE | {"partial": ["events"]}, "not_assessed", ["in the part that was read"]),
]  # fmt: skip


@pytest.mark.parametrize(("events", "settings", "result", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_denied_calls_low(confirm, events, settings, result, texts):
    confirm(denied_calls_low, [events], settings, result, *texts)
