"""Metrics counted from the ledger, and alarms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

START, END = datetime(2026, 11, 13, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def cloudwatch(shared_account):
    return shared_account.session.client("cloudwatch")


def query(truth, operation="Encrypt", stat="Sum", period=86400, name="m"):
    dimensions = [{"Name": "KeyArn", "Value": truth.key_arn}, {"Name": "Operation", "Value": operation}]
    metric = {"Namespace": "AWS/KMS", "MetricName": "SuccessfulRequest", "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def encrypted(truth):
    return {
        day: count
        for (day, name), count in truth.operations.items()
        if name == "Encrypt" and START.date() <= day < END.date()
    }


def test_daily_sums_are_the_truth(shared_account, cloudwatch):
    answer = cloudwatch.get_metric_data(MetricDataQueries=[query(shared_account.truth)], StartTime=START, EndTime=END)
    (result,) = answer["MetricDataResults"]
    found = {
        moment.astimezone(UTC).date(): value
        for moment, value in zip(result["Timestamps"], result["Values"], strict=True)
    }
    assert found == encrypted(shared_account.truth)
    assert result["Timestamps"] == sorted(result["Timestamps"], reverse=True)
    assert result["StatusCode"] == "Complete"


def test_an_average_of_a_count_is_one(shared_account, cloudwatch):
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query(shared_account.truth, stat="Average")], StartTime=START, EndTime=END
    )
    assert set(answer["MetricDataResults"][0]["Values"]) == {1.0}


def test_hours_without_calls_have_no_point(shared_account, cloudwatch):
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query(shared_account.truth, period=3600)],
        StartTime=START,
        EndTime=END,
        ScanBy="TimestampAscending",
    )
    (result,) = answer["MetricDataResults"]
    assert 0 < len(result["Values"]) < 240
    assert min(result["Values"]) >= 1
    assert sum(result["Values"]) == sum(encrypted(shared_account.truth).values())


def test_pages_of_points_join_to_the_whole(shared_account, cloudwatch):
    queries = [query(shared_account.truth, "Encrypt", name="a"), query(shared_account.truth, "Decrypt", name="b")]
    whole = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=START, EndTime=END)
    expected = {result["Id"]: result["Values"] for result in whole["MetricDataResults"]}
    joined, token, statuses = {"a": [], "b": []}, {}, []
    while True:
        page = cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=START, EndTime=END, MaxDatapoints=7, **token
        )
        for result in page["MetricDataResults"]:
            joined[result["Id"]] += result["Values"]
            statuses.append(result["StatusCode"])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert joined == expected
    assert "PartialData" in statuses


def test_minutes_are_kept_fifteen_days(shared_account, cloudwatch):
    now = shared_account.truth.now
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[query(shared_account.truth, period=60)], StartTime=now - timedelta(days=20), EndTime=now
    )
    oldest = min(answer["MetricDataResults"][0]["Timestamps"])
    assert now - timedelta(days=15, minutes=1) <= oldest


def test_the_metrics_of_the_alarms_do_not_exist(cloudwatch):
    names = {metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace="AWS/KMS")["Metrics"]}
    assert names == {"SuccessfulRequest"}


def test_only_metrics_with_data_in_two_weeks_are_listed(account):
    cloudwatch = account.session.client("cloudwatch")
    dimension = [{"Name": "KeyArn", "Value": account.truth.key_arn}]
    listed = cloudwatch.list_metrics(Namespace="AWS/KMS", Dimensions=dimension)["Metrics"]
    assert len(listed) == 3
    account.clock.sleep(15 * 86400)
    assert cloudwatch.list_metrics(Namespace="AWS/KMS", Dimensions=dimension)["Metrics"] == []


def test_usage_counts_the_whole_account(shared_account, cloudwatch):
    dimensions = [
        {"Name": "Service", "Value": "KMS"}, {"Name": "Type", "Value": "API"},
        {"Name": "Resource", "Value": "Encrypt"}, {"Name": "Class", "Value": "None"},
    ]  # fmt: skip
    answer = cloudwatch.get_metric_statistics(
        Namespace="AWS/Usage",
        MetricName="CallCount",
        Dimensions=dimensions,
        StartTime=START,
        EndTime=END,
        Period=86400,
        Statistics=["Sum"],
    )
    total = sum(point["Sum"] for point in answer["Datapoints"])
    assert total > sum(encrypted(shared_account.truth).values())


def test_statistics_come_in_no_order_and_at_most_1440(shared_account, cloudwatch):
    metric = query(shared_account.truth)["MetricStat"]["Metric"]
    answer = cloudwatch.get_metric_statistics(**metric, StartTime=START, EndTime=END, Period=86400, Statistics=["Sum"])
    moments = [point["Timestamp"] for point in answer["Datapoints"]]
    assert len(moments) == 10
    assert moments != sorted(moments)
    with pytest.raises(ClientError) as error:
        cloudwatch.get_metric_statistics(**metric, StartTime=START, EndTime=END, Period=60, Statistics=["Sum"])
    assert error.value.response["Error"]["Code"] == "InvalidParameterCombination"


def test_expressions_are_refused_instead_of_silently_empty(cloudwatch):
    with pytest.raises(ClientError, match="expressions"):
        cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "e", "Expression": "SEARCH('AWS/KMS', 'Sum', 300)"}], StartTime=START, EndTime=END
        )


def test_the_two_alarms_have_insufficient_data(cloudwatch):
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    assert {alarm["AlarmName"]: (alarm["MetricName"], alarm["StateValue"]) for alarm in alarms} == {
        "fluo-kms-throttle-production": ("UserErrorCount", "INSUFFICIENT_DATA"),
        "fluo-kms-errors-production": ("SystemErrorCount", "INSUFFICIENT_DATA"),
    }


def test_alarms_are_paged(cloudwatch):
    pages = list(cloudwatch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 1}))
    assert [len(page["MetricAlarms"]) for page in pages] == [1, 1]


def test_a_changed_alarm_keeps_its_state(account):
    cloudwatch = account.session.client("cloudwatch")
    name = "fluo-kms-errors-production"
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    alarm = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    kept = (
        "AlarmName",
        "Namespace",
        "MetricName",
        "Dimensions",
        "Statistic",
        "Period",
        "EvaluationPeriods",
        "ComparisonOperator",
    )
    cloudwatch.put_metric_alarm(**{part: alarm[part] for part in kept}, Threshold=20.0)
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["Threshold"] == 20.0


ALARM = {
    "AlarmName": "fluo-kms-throttle-test",
    "Namespace": "FLUO/KMS",
    "MetricName": "ThrottledRequests-test",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 2,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
    "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:fluo-alerts"],
}


def test_a_new_alarm_has_no_data_and_a_changed_one_keeps_its_state_and_tags(aws):
    cloudwatch = aws("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM, Tags=[{"Key": "Environment", "Value": "test"}])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[ALARM["AlarmName"]])["MetricAlarms"]
    assert {name: alarm[name] for name in ALARM} == ALARM
    assert (alarm["StateValue"], alarm["ActionsEnabled"]) == ("INSUFFICIENT_DATA", True)

    for state in ("INSUFFICIENT_DATA", "ALARM"):
        cloudwatch.set_alarm_state(AlarmName=ALARM["AlarmName"], StateValue=state, StateReason="test")
        cloudwatch.put_metric_alarm(**(ALARM | {"Threshold": 5.0}), Tags=[{"Key": "Environment", "Value": "other"}])
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[ALARM["AlarmName"]])["MetricAlarms"]
        assert (alarm["StateValue"], alarm["Threshold"]) == (state, 5.0)
    tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    assert tags == [{"Key": "Environment", "Value": "test"}]
    assert cloudwatch.describe_alarms(AlarmNames=["none"])["MetricAlarms"] == []
