"""CloudWatch Logs: log groups and metric filters, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

GROUP = "/fluo/cloudtrail-test"
ARN = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
FILTER = {
    "logGroupName": GROUP,
    "filterName": "fluo-kms-throttle-test",
    "filterPattern": '{ ($.eventSource = "kms.amazonaws.com") && ($.errorCode = "ThrottlingException") }',
    "metricTransformations": [
        {"metricName": "ThrottledRequests-test", "metricNamespace": "FLUO/KMS", "metricValue": "1"}
    ],
}


@pytest.fixture
def logs(aws):
    return aws("logs")


def test_a_log_group_keeps_its_retention(logs, refused):
    logs.create_log_group(logGroupName=GROUP, tags={"Environment": "test"})
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=400)

    (group,) = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert (group["logGroupName"], group["arn"], group["retentionInDays"]) == (GROUP, f"{ARN}:*", 400)
    assert logs.list_tags_for_resource(resourceArn=ARN)["tags"] == {"Environment": "test"}
    assert logs.describe_log_groups(logGroupNamePrefix="/none")["logGroups"] == []
    with refused("ResourceAlreadyExistsException"):
        logs.create_log_group(logGroupName=GROUP)


def test_names_and_days_that_logs_does_not_know_are_refused(logs, refused):
    logs.create_log_group(logGroupName=GROUP)
    with refused("InvalidParameterException"):
        logs.create_log_group(logGroupName="/fluo/two words")
    with refused("InvalidParameterException", "365, 400"):
        logs.put_retention_policy(logGroupName=GROUP, retentionInDays=401)
    with refused("ResourceNotFoundException"):
        logs.put_retention_policy(logGroupName="/none", retentionInDays=400)


def test_a_metric_filter_is_kept_and_counted(blank, logs):
    logs.create_log_group(logGroupName=GROUP)
    made = blank.clock.now()
    logs.put_metric_filter(**FILTER)
    blank.clock.sleep(60)
    logs.put_metric_filter(**(FILTER | {"filterName": "fluo-kms-errors-test"}))
    logs.put_metric_filter(**(FILTER | {"filterPattern": "changed"}))

    errors, throttle = logs.describe_metric_filters(logGroupName=GROUP, filterNamePrefix="fluo-kms-")["metricFilters"]
    assert (errors["filterName"], throttle["filterName"]) == ("fluo-kms-errors-test", "fluo-kms-throttle-test")
    assert throttle["metricTransformations"] == FILTER["metricTransformations"]
    assert throttle["filterPattern"] == "changed"
    times = [one["creationTime"] for one in (throttle, errors)]
    assert times == [int(when.timestamp() * 1000) for when in (made, made + timedelta(seconds=60))]
    assert logs.describe_metric_filters(logGroupName=GROUP, filterNamePrefix="other")["metricFilters"] == []
    assert logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["metricFilterCount"] == 2


def test_a_metric_filter_needs_its_log_group(logs, refused):
    with refused("ResourceNotFoundException"):
        logs.put_metric_filter(**FILTER)
    with refused("ResourceNotFoundException"):
        logs.describe_metric_filters(logGroupName=GROUP)


def key_policy(arn):
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    service = root | {
        "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [root, service]})


def test_the_key_of_a_log_group_must_let_logs_encrypt_that_group(aws, logs, refused):
    kms = aws("kms")
    fitting, other, default = (
        kms.create_key(**parameters)["KeyMetadata"]["Arn"]
        for parameters in ({"Policy": key_policy(ARN)}, {"Policy": key_policy(f"{ARN}-other")}, {})
    )
    for key in (other, default, fitting.replace("us-east-1", "eu-west-1"), "alias/none"):
        with refused("AccessDeniedException", f"is not allowed to be used with Arn '{ARN}'"):
            logs.create_log_group(logGroupName=GROUP, kmsKeyId=key)
    logs.create_log_group(logGroupName=GROUP, kmsKeyId=fitting)
    assert logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["kmsKeyId"] == fitting
