"""One enabled alarm is enough; none, or only switched-off ones, is an exception."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.checks.alarms_exist import alarms_exist


def alarm(name: str, *, enabled: bool | None = True) -> dict[str, object]:
    return {"alarm_name": name, "alarm_arn": f"arn:{name}", "actions_enabled": enabled}


CASES = [
    ("one", [alarm("a")], {}, "pass", ["enabled: a, 1 of 1 alarm"]),
    ("one of two", [alarm("a", enabled=False), alarm("b")], {}, "pass", ["enabled: b, 1 of 2 alarms"]),
    ("none", [], {}, "fail", ["no CloudWatch alarm watches the key", "0 alarms"]),
    ("switched off", [alarm("b", enabled=False), alarm("a", enabled=False)], {}, "fail",
     ["switched off: a, b", "a: its actions are switched off by  ref arn:a"]),
    ("not stated", [alarm("a", enabled=None), alarm("b", enabled=False)], {}, "not_assessed", ["without ActionsEnabled"]),
    ("not stated, but another is enabled", [alarm("a", enabled=None), alarm("b")], {}, "pass", []),
    ("a partial list that is empty", [], {"partial": ["alarms"]}, "not_assessed", ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize(("alarms", "settings", "result", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_alarms_exist(confirm, alarms, settings, result, texts):
    confirm(alarms_exist, [alarms], settings, result, *texts)
