"""Each alarm is followed from metric to action; the broken link is named, and what is not known is not judged."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.checks.alarms_can_fire import alarms_can_fire

TOPIC = '["arn:aws:sns:us-east-1:111122223333:security"]'


def alarm(name: str = "a", **more: object) -> dict[str, object]:
    row = {"alarm_name": name, "alarm_arn": f"arn:{name}", "state": "OK", "state_updated_at": "2026-03-01T10:00"}
    return row | {"actions_enabled": True, "alarm_actions": TOPIC} | more


def metric(
    name: str | None = "SuccessfulRequest",
    *,
    exists: bool | None = True,
    namespace: str | None = "AWS/KMS",
    alarm: str = "a",
) -> dict[str, object]:
    return {"alarm_name": alarm, "namespace": namespace, "metric": name, "exists": exists}


SEED = [metric("UserErrorCount", exists=False), metric("SystemErrorCount", exists=False, alarm="b")]
SILENT = "AWS/KMS UserErrorCount had no data in the last two weeks, and is not a metric AWS documents"

CASES = [
    ("a whole chain", [alarm()], [metric()], {}, "pass", ["all of 1 alarm watch a metric", "1 alarm"]),
    ("the alarms of the module's readme", [alarm(state="INSUFFICIENT_DATA"), alarm("b")], SEED, {}, "fail",
     ["a link is broken in 2 of 2 alarms on the key: a, b", f"2026-03-01T10:00:00Z a (in state INSUFFICIENT_DATA): {SILENT} by  ref arn:a"]),
    ("a metric new to this tool, with data", [alarm()], [metric("NewMetric")], {}, "pass", []),
    ("a documented metric without data", [alarm()], [metric("XksProxyErrors", exists=False)], {}, "not_assessed",
     ["data in the last two weeks for AWS/KMS XksProxyErrors, which a watches"]),
    ("a rare event counted by a metric filter", [alarm()], [metric("DisableKey", exists=False, namespace="Fluo")], {}, "not_assessed",
     ["cloudwatch:ListMetrics answered without data in the last two weeks for Fluo DisableKey"]),
    ("a computed metric", [alarm()], [metric(None, exists=None, namespace=None)], {}, "not_assessed", ["a computed metric, which a watches"]),
    ("one of two metrics is dead", [alarm()], [metric(), metric("UserErrorCount", exists=False)], {}, "fail", [SILENT]),
    ("switched off", [alarm(actions_enabled=False)], [metric()], {}, "fail", ["a (in state OK): its actions are switched off"]),
    ("no action", [alarm(alarm_actions="[]")], [metric()], {}, "fail", ["it has no action for the state ALARM"]),
    ("every link broken", [alarm(actions_enabled=False, alarm_actions="[]")], SEED[:1], {}, "fail",
     [f"{SILENT}; its actions are switched off; it has no action"]),
    ("dead beats not known", [alarm(), alarm("b", actions_enabled=None)], SEED[:1], {}, "fail", ["a link is broken in 1 of 2 alarms on the key: a"]),
    ("a metric that was not looked for", [alarm()], [], {}, "not_assessed", ["without the metric of a"]),
    ("not stated", [alarm(actions_enabled=None, alarm_actions=None)], [metric()], {}, "not_assessed", ["without ActionsEnabled of a; AlarmActions of a"]),
    ("a metric that was not looked up", [alarm()], [metric("UserErrorCount", exists=None)], {}, "not_assessed", ["AWS/KMS UserErrorCount, which a watches"]),
    ("no alarm", [], [], {}, "not_applicable", ["no alarm watches the key"]),
    ("dead in a partial list", [alarm(alarm_actions="[]")], [metric()], {"partial": ["alarms"]}, "fail", []),
    ("whole in a partial list", [alarm()], [metric()], {"partial": ["alarms"]}, "not_assessed", []),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_alarms_can_fire(confirm, case):
    _, alarms, metrics, settings, result, texts = case
    confirm(alarms_can_fire, [alarms, metrics], settings, result, *texts)
