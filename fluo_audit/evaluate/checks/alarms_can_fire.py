"""Check alarms-can-fire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.rows import rows
from fluo_audit.evaluate.wording import count, utc
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Observation, Severity, Verdict, failed, not_applicable, passed, unread
from fluo_audit.model.kms_metrics import KMS_METRICS
from fluo_audit.model.sources import ALARM_METRICS, ALARMS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

Row: TypeAlias = dict[str, Any]


@check(
    "alarms-can-fire",
    "Every alarm on the key has a metric that exists, and somebody to tell",
    group="ALM",
    severity=Severity.HIGH,
    reads=(ALARMS, ALARM_METRICS),
    one_is_enough=(ALARMS,),
)
def alarms_can_fire(alarms: Frame, metrics: Frame, _criteria: Criteria) -> Verdict:
    """Follow each alarm that watches the key from its metric to its action, and name the link that is broken.

    Why: an alarm on a metric that nobody publishes stays in INSUFFICIENT_DATA for ever, and one without an action
        changes colour where nobody looks. Both look like monitoring. AWS publishes no UserErrorCount and no
        SystemErrorCount for KMS, although alarms on them are often copied.
    Passes when: each alarm has metrics with data in the last two weeks, its actions enabled, and at least one action.
    Fails when: an alarm watches a metric in AWS/KMS that has no data in the last two weeks and that AWS does not
        document, or has its actions switched off, or has no action for the state ALARM. A metric that has no data in
        the last two weeks, but may exist, leaves the check open: CloudWatch lists only metrics with data in that time,
        and one that counts rare events can be silent for longer.
    Not applicable when: no alarm watches the key; that is the check alarms-exist.
    Fix: count errors in the log group of the trail: aws logs put-metric-filter --log-group-name GROUP
        --filter-name fluo-kms-errors --filter-pattern
        '{ ($.eventSource = "kms.amazonaws.com") && ($.errorCode = "*") && ($.resources[0].ARN = "KEY_ARN") }'
        --metric-transformations metricName=KmsErrors,metricNamespace=FLUO,metricValue=1,defaultValue=0.
        Move the alarm to that metric, and give it somebody to tell: aws cloudwatch put-metric-alarm --alarm-name NAME
        --namespace FLUO --metric-name KmsErrors --statistic Sum --period 300 --evaluation-periods 1 --threshold 5
        --comparison-operator GreaterThanThreshold --actions-enabled --alarm-actions TOPIC_ARN.
    Still by hand: fire each alarm once (aws cloudwatch set-alarm-state) and see the message arrive; whether the SNS
        subscription is confirmed, and whether threshold and period suit the traffic, is not read here. An alarm without
        an action of its own may still serve a composite alarm.
    Peers: Security Hub CloudWatch.15 and CloudWatch.17 check the actions; none checks that the metric exists.
    """
    if alarms.empty:
        return not_applicable("no alarm watches the key")
    watched: dict[str, list[Row]] = {}
    for metric in rows(metrics):
        watched.setdefault(metric["alarm_name"], []).append(metric)
    chains = {alarm["alarm_name"]: (alarm, watched.get(alarm["alarm_name"], [])) for alarm in rows(alarms)}
    broken = {name: links for name, chain in sorted(chains.items()) if (links := "; ".join(_broken(*chain)))}
    population = count(len(chains), "alarm")
    if broken:
        return failed(
            f"a link is broken in {len(broken)} of {count(len(chains), 'alarm')} on the key: {', '.join(broken)}",
            *(_observe(chains[name][0], links) for name, links in broken.items()),
            population=population,
        )
    if doubts := [doubt for _, chain in sorted(chains.items()) for doubt in _doubts(*chain)]:
        operation = doubts[0][0]
        return unread(operation, "; ".join(doubt for source, doubt in doubts if source == operation))
    names = ", ".join(sorted(chains))
    return passed(
        f"all of {count(len(chains), 'alarm')} watch a metric with data, are enabled and have an action: {names}",
        population=population,
    )


def _broken(alarm: Row, metrics: list[Row]) -> Iterator[str]:
    """Name the links of an alarm that are known to be broken."""
    for metric in metrics:
        if metric["exists"] is False and metric["namespace"] == "AWS/KMS" and metric["metric"] not in KMS_METRICS:
            yield f"AWS/KMS {metric['metric']} had no data in the last two weeks, and is not a metric AWS documents"
    if alarm["actions_enabled"] is False:
        yield "its actions are switched off"
    if alarm["alarm_actions"] is not None and not json.loads(alarm["alarm_actions"]):
        yield "it has no action for the state ALARM"


def _doubts(alarm: Row, metrics: list[Row]) -> Iterator[tuple[str, str]]:
    """Name the links of an alarm that nothing is known about: the operation that would tell, and what it left out."""
    name = alarm["alarm_name"]
    if not metrics:
        yield "cloudwatch:ListMetrics", f"the metric of {name}"
    for metric in metrics:
        if metric["exists"] is not True:
            what = f"{metric['namespace']} {metric['metric']}" if metric["metric"] else "a computed metric"
            yield "cloudwatch:ListMetrics", f"data in the last two weeks for {what}, which {name} watches"
    if alarm["actions_enabled"] is None:
        yield "cloudwatch:DescribeAlarms", f"ActionsEnabled of {name}"
    if alarm["alarm_actions"] is None:
        yield "cloudwatch:DescribeAlarms", f"AlarmActions of {name}"


def _observe(alarm: Row, links: str) -> Observation:
    since = alarm["state_updated_at"]
    at = "" if since is None else utc(since)
    state = "" if alarm["state"] is None else f" (in state {alarm['state']})"
    return Observation(f"{alarm['alarm_name']}{state}: {links}", at, ref=alarm["alarm_arn"] or "")
