"""Check alarms-exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.evaluate.registry import check
from fluo_audit.evaluate.wording import count
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.finding import Observation, Severity, Verdict, failed, passed, unread
from fluo_audit.model.sources import ALARMS

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame


@check(
    "alarms-exist",
    "At least one enabled alarm watches the key",
    group="ALM",
    severity=Severity.MEDIUM,
    reads=(ALARMS,),
)
def alarms_exist(alarms: Frame, _criteria: Criteria) -> Verdict:
    """Look for a CloudWatch alarm that watches the key and whose actions are enabled.

    Why: a log that nobody reads detects nothing. An alarm is what turns an event on the key into somebody's work.
    Passes when: at least one CloudWatch alarm watches the key and has its actions enabled.
    Fails when: there is no such alarm, or the actions of each are switched off.
    Fix: for unusual use of the key: aws cloudwatch put-metric-alarm --alarm-name fluo-kms-use --namespace AWS/KMS
        --metric-name SuccessfulRequest --dimensions Name=KeyArn,Value=KEY_ARN Name=Operation,Value=Decrypt
        --statistic Sum --period 3600 --evaluation-periods 1 --threshold NUMBER
        --comparison-operator GreaterThanThreshold --alarm-actions TOPIC_ARN. For an alarm that is switched off:
        aws cloudwatch enable-alarm-actions --alarm-names NAME.
    Still by hand: who receives the alarm and what they did about the last one. An alarm on a metric made of log events
        does not show which key it is about: it is counted only when its name begins with fluo-kms-. EventBridge rules
        on KMS events can do the same work, and are not read here.
    Peers: Prowler, Security Hub CloudWatch.7, Turbot and CIS 4.7 look for the alarm on DisableKey and
        ScheduleKeyDeletion.
    """
    names = alarms["alarm_name"]
    enabled = alarms["actions_enabled"]
    population = count(names.nunique(), "alarm")
    if alarms.empty:
        return failed("no CloudWatch alarm watches the key in a dimension of its metric", population=population)
    working = sorted(set(names[enabled.fillna(value=False)]))
    if working:
        return passed(f"enabled: {', '.join(working)}, {len(working)} of {population}", population=population)
    if enabled.isna().any():
        return unread("cloudwatch:DescribeAlarms", "ActionsEnabled")
    alarm_arns = dict(zip(names, alarms["alarm_arn"], strict=True))
    return failed(
        f"the actions of all {len(alarm_arns)} alarms on the key are switched off: {', '.join(sorted(alarm_arns))}",
        *(Observation(f"{name}: its actions are switched off", ref=alarm_arns[name]) for name in sorted(alarm_arns)),
        population=population,
    )
