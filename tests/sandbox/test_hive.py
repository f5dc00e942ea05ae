"""Definitions of external tables: their folders and their rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fluo_audit.sandbox.hive import external_table, records_of, serde
from fluo_audit.sandbox.trino import QueryError, parse

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
# As the user guide of Athena has it, shortened.
DDL = """
CREATE EXTERNAL TABLE logs.trail (
    eventVersion STRING, `userIdentity` STRUCT<type: STRING, sessioncontext: STRUCT<sessionissuer: STRUCT<arn: STRING>>>,
    requestparameters STRING, resources ARRAY<STRUCT<arn: STRING, type: STRING>>, extra MAP<STRING, STRING>, count BIGINT
)
PARTITIONED BY (`account` STRING, `region` STRING, `timestamp` STRING)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://bucket/AWSLogs/'
TBLPROPERTIES (
    'projection.enabled' = 'true',
    'projection.account.type' = 'injected',
    'projection.region.type' = 'enum', 'projection.region.values' = 'us-east-1,eu-west-1',
    'projection.timestamp.type' = 'date', 'projection.timestamp.format' = 'yyyy/MM/dd',
    'projection.timestamp.range' = '2026/01/01,NOW',
    'storage.location.template' = 's3://bucket/AWSLogs/${account}/CloudTrail/${region}/${timestamp}'
)
"""
FOLDER = "s3://bucket/AWSLogs/123456789012/{}/{}/{}/"


@pytest.fixture(scope="module")
def table():
    return external_table(parse(DDL))


def test_a_definition_tells_columns_partitions_and_location(table):
    assert list(table.columns) == ["eventversion", "useridentity", "requestparameters", "resources", "extra", "count"]
    assert (list(table.partitions), table.injected()) == (["account", "region", "timestamp"], ["account"])
    assert table.location == "s3://bucket/AWSLogs/"


def test_a_folder_tells_the_values_of_the_partition_columns(table):
    assert table.values(FOLDER.format("CloudTrail", "eu-west-1", "2026/11/05"), NOW) == {
        "account": "123456789012", "region": "eu-west-1", "timestamp": "2026/11/05",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "region", "day"),
    [
        ("CloudTrail-Digest", "eu-west-1", "2026/11/05"),
        ("CloudTrail", "us-west-2", "2026/11/05"),
        ("CloudTrail", "eu-west-1", "2025/12/31"),
        ("CloudTrail", "eu-west-1", "2026/11/24"),
        ("CloudTrail", "eu-west-1", "2026/11"),
    ],
)
def test_a_folder_that_is_not_projected_is_none_of_the_table(table, kind, region, day):
    assert table.values(FOLDER.format(kind, region, day), NOW) is None


def test_a_range_can_end_on_a_date():
    table = external_table(parse(DDL.replace(",NOW", ",2026/06/30")))
    assert table.values(FOLDER.format("CloudTrail", "eu-west-1", "2026/07/01"), NOW) is None
    assert table.values(FOLDER.format("CloudTrail", "eu-west-1", "2026/06/30"), NOW)


def test_a_table_without_partitions_has_every_folder_of_its_location():
    table = external_table(
        parse("CREATE EXTERNAL TABLE t (eventid STRING) LOCATION 's3://bucket/AWSLogs/1/CloudTrail/'")
    )
    assert table.values("s3://bucket/AWSLogs/1/CloudTrail/us-east-1/2026/11/05/", NOW) == {}
    assert table.values("s3://bucket/AWSLogs/1/CloudTrail-Digest/us-east-1/2026/11/05/", NOW) is None


def test_a_table_whose_partitions_nobody_added_has_no_folder():
    table = external_table(
        parse("CREATE EXTERNAL TABLE t (a STRING) PARTITIONED BY (b STRING) LOCATION 's3://bucket/AWSLogs/'")
    )
    assert table.values("s3://bucket/AWSLogs/", NOW) is None


def test_a_table_needs_a_location():
    with pytest.raises(QueryError, match="LOCATION"):
        external_table(parse("CREATE EXTERNAL TABLE t (a STRING)"))


def test_a_record_becomes_a_row_whatever_the_case_of_its_names(table):
    row = serde(table.columns)
    assert row({
        "eventVersion": "1.11", "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": "r", "x": 1}}},
        "requestParameters": {"keyId": "k", "n": [1, True, None]}, "resources": [{"ARN": "a", "accountId": "1"}],
        "extra": {"a": 1, "b": "c"}, "count": 7, "unknown": 0,
    }) == {
        "eventversion": "1.11", "useridentity": {"type": "AssumedRole", "sessioncontext": {"sessionissuer": {"arn": "r"}}},
        "requestparameters": '{"keyId":"k","n":[1,true,null]}', "resources": [{"arn": "a", "type": None}],
        "extra": {"a": "1", "b": "c"}, "count": 7,
    }  # fmt: skip
    assert set(row({}).values()) == {None}
    assert row({"eventVersion": True})["eventversion"] == "true"


@pytest.mark.parametrize("record", [{"userIdentity": "x"}, {"resources": {}}, {"extra": []}])
def test_a_value_of_another_form_than_declared_fails_the_query(table, record):
    with pytest.raises(QueryError, match="HIVE_BAD_DATA"):
        serde(table.columns)(record)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"Records": 1}', b'{"Records": ["a"]}', b"\xff"])
def test_what_is_no_log_file_fails_the_query(content):
    with pytest.raises(QueryError, match="HIVE_CURSOR_ERROR"):
        records_of(content)
