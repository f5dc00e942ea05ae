"""Athena over the trail's bucket, as a client sees it."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fluo_audit.sandbox.shapes import problems

BUCKET = "fluo-cloudtrail-123456789012"
GROUP = "fluo-audit"
LOCATION = f"s3://{BUCKET}/AWSLogs/123456789012/CloudTrail/us-east-1"
# As the user guide of Athena has it, shortened: one Region, the day as the only partition.
TABLE = f"""
CREATE EXTERNAL TABLE logs.trail (
    eventid STRING, eventname STRING, eventtime STRING, errorcode STRING, requestparameters STRING,
    resources ARRAY<STRUCT<arn: STRING, accountid: STRING, type: STRING>>
)
PARTITIONED BY (`day` STRING)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{LOCATION}'
TBLPROPERTIES (
    'projection.enabled' = 'true', 'projection.day.type' = 'date', 'projection.day.format' = 'yyyy/MM/dd',
    'projection.day.range' = '2020/01/01,NOW', 'storage.location.template' = '{LOCATION}/${{day}}'
)
"""
INJECTED = TABLE.replace("'projection.day.type' = 'date'", "'projection.day.type' = 'injected'").replace(
    "logs.trail", "logs.injected"
)


class Queries:
    """Sends statements and waits for their end."""

    def __init__(self, account):
        self.account = account
        self.client = account.session.client("athena", config=Config(retries={"total_max_attempts": 1}))

    def start(self, text, **more):
        asked = {"WorkGroup": GROUP, "QueryExecutionContext": {"Database": "logs"}} | more
        return self.client.start_query_execution(QueryString=text, **asked)["QueryExecutionId"]

    def told(self, name):
        return self.client.get_query_execution(QueryExecutionId=name)["QueryExecution"]

    def end(self, text, **more):
        """Return what is told of a statement at its end."""
        name = self.start(text, **more)
        self.account.clock.sleep(60)
        return self.told(name)

    def rows(self, text, **more):
        """Return the rows of a query, its names first, page by page."""
        done = self.end(text)
        assert done["Status"]["State"] == "SUCCEEDED", done["Status"]
        pages = self.client.get_paginator("get_query_results").paginate(
            QueryExecutionId=done["QueryExecutionId"], **more
        )
        return [
            [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]] for page in pages
        ]


@pytest.fixture
def queries(account):
    made = Queries(account)
    for text in ("CREATE DATABASE IF NOT EXISTS `logs`", TABLE, INJECTED):
        assert made.end(text)["Status"]["State"] == "SUCCEEDED"
    return made


def code(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def sizes(account, *days):
    s3 = account.session.client("s3")
    prefixes = [LOCATION.removeprefix(f"s3://{BUCKET}/") + f"/{day}/" for day in days]
    return sum(
        one["Size"]
        for prefix in prefixes
        for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    )


def test_a_query_answers_from_the_ledger_and_scans_the_days_it_names(queries):
    key, days = queries.account.truth.key_arn, ("2026/10/25", "2026/10/26", "2026/10/27")
    text = f"""
        SELECT substr(eventtime, 1, 10) AS at, count(DISTINCT eventid) AS calls
        FROM trail
        WHERE "day" BETWEEN '{days[0]}' AND '{days[-1]}' AND contains(transform(resources, r -> r.arn), '{key}')
          AND errorcode = 'AccessDenied'
        GROUP BY 1 ORDER BY 1
    """
    assert queries.rows(text) == [[["at", "calls"], ["2026-10-25", "14"], ["2026-10-26", "9"]]]
    assert queries.end(text)["Statistics"]["DataScannedInBytes"] == sizes(queries.account, *days) > 0


def test_a_query_is_queued_runs_and_succeeds_on_the_clock_of_the_account(queries):
    name = queries.start("SELECT count(*) AS n FROM trail WHERE day = '2026/11/18'")
    states = []
    for seconds in (0, 0.3, 60):
        queries.account.clock.sleep(seconds)
        answer = queries.client.get_query_execution(QueryExecutionId=name)
        assert problems("athena", "GetQueryExecution", answer) == []
        states.append(answer["QueryExecution"]["Status"]["State"])
    done = answer["QueryExecution"]
    assert states == ["QUEUED", "RUNNING", "SUCCEEDED"]
    assert (done["StatementType"], done["WorkGroup"], done["Query"][:6]) == ("DML", GROUP, "SELECT")
    took = done["Status"]["CompletionDateTime"] - done["Status"]["SubmissionDateTime"]
    assert timedelta(milliseconds=done["Statistics"]["TotalExecutionTimeInMillis"]) == took > timedelta(0)


def test_results_have_pages_with_the_names_first_and_the_types_of_the_columns(queries):
    text = "SELECT eventid, eventname, day FROM trail WHERE day BETWEEN '2026/11/10' AND '2026/11/18' ORDER BY eventid"
    pages = queries.rows(text, PaginationConfig={"PageSize": 100})
    whole = queries.rows(text)
    answer = queries.client.get_query_results(QueryExecutionId=queries.end(text)["QueryExecutionId"], MaxResults=5)

    assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1)
    assert len(pages) > 2
    assert [row for page in pages for row in page] == whole[0]
    assert whole[0][0] == ["eventid", "eventname", "day"]
    assert [column["Type"] for column in answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]] == ["varchar"] * 3
    assert problems("athena", "GetQueryResults", answer) == []


def test_null_is_a_cell_without_a_value(queries):
    assert queries.rows("SELECT CAST(NULL AS VARCHAR) AS a, '' AS b") == [[["a", "b"], [None, ""]]]


def test_without_a_condition_on_the_day_the_whole_year_is_scanned_and_the_limit_cancels_it(queries):
    queries.client.create_work_group(
        Name="narrow",
        Configuration={"BytesScannedCutoffPerQuery": 10_000_000, "ManagedQueryResultsConfiguration": {"Enabled": True}},
    )
    over = queries.end("SELECT count(*) AS n FROM trail WHERE eventname = 'RotateKey'", WorkGroup="narrow")
    under = queries.end("SELECT count(*) AS n FROM trail WHERE day >= '2026/11/01'", WorkGroup="narrow")

    assert (over["Status"]["State"], over["Status"]["StateChangeReason"]) == (
        "CANCELLED", "Bytes scanned limit was exceeded",
    )  # fmt: skip
    assert over["Statistics"]["DataScannedInBytes"] > 10_000_000 > under["Statistics"]["DataScannedInBytes"] > 0
    assert under["Status"]["State"] == "SUCCEEDED"
    assert code(queries.client.get_query_results, QueryExecutionId=over["QueryExecutionId"])[1].endswith("CANCELLED")


def test_a_query_can_be_stopped(queries):
    name = queries.start("SELECT count(*) FROM trail WHERE day = '2026/11/18'")
    queries.client.stop_query_execution(QueryExecutionId=name)
    queries.account.clock.sleep(60)
    status = queries.told(name)["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    assert status["CompletionDateTime"] == status["SubmissionDateTime"]


def test_an_injected_column_has_to_be_named(queries):
    status = queries.end("SELECT count(*) FROM injected WHERE day >= '2026/11/18'")["Status"]
    assert (status["State"], status["StateChangeReason"].split(":")[0]) == ("FAILED", "CONSTRAINT_VIOLATION")
    assert queries.rows("SELECT count(*) > 40 AS n FROM injected WHERE day IN ('2026/11/18')") == [[["n"], ["true"]]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT 1 FROM nothing", "TABLE_NOT_FOUND"),
        ('SELECT 1 FROM "elsewhere"."trail"', "TABLE_NOT_FOUND"),
        ("SELECT nothing FROM trail WHERE day = '2026/11/18'", "SYNTAX_ERROR"),
        (TABLE, "AlreadyExistsException"),
        (TABLE.replace("logs.", "nowhere."), "Database does not exist: nowhere"),
        ("CREATE DATABASE logs", "already exists"),
        ("DROP DATABASE nowhere", "does not exist"),
        ("DROP TABLE nothing", "Table not found nothing"),
    ],
)
def test_a_statement_that_fails_says_why(queries, text, reason):
    done = queries.end(text)
    assert done["Status"]["State"] == "FAILED"
    assert reason in done["Status"]["StateChangeReason"]
    assert done["Statistics"]["DataScannedInBytes"] == 0


def test_tables_and_databases_can_be_dropped_and_made_again(queries):
    for text in (
        "DROP TABLE trail", "DROP TABLE IF EXISTS trail", TABLE, TABLE.replace("TABLE", "TABLE IF NOT EXISTS"),
        "DROP DATABASE logs", "DROP DATABASE IF EXISTS logs", "CREATE SCHEMA logs", TABLE,
    ):  # fmt: skip
        done = queries.end(text)
        assert (done["Status"]["State"], done["StatementType"]) == ("SUCCEEDED", "DDL"), done
    assert queries.rows("SELECT count(*) > 40 AS n FROM trail WHERE day = '2026/11/18'") == [[["n"], ["true"]]]
    result = queries.client.get_query_results(QueryExecutionId=queries.end("DROP TABLE trail")["QueryExecutionId"])
    assert result["ResultSet"]["Rows"] == []


def test_a_table_belongs_to_its_region(queries):
    elsewhere = Queries(queries.account)
    elsewhere.client = queries.account.session_in("eu-west-1").client("athena")
    where = {"ResultConfiguration": {"OutputLocation": "s3://results/"}, "WorkGroup": "primary"}
    assert "TABLE_NOT_FOUND" in elsewhere.end("SELECT 1 FROM trail", **where)["Status"]["StateChangeReason"]


def test_the_objects_are_those_of_the_bucket(queries):
    """What is deleted from the bucket, replaced or added there shows in the answers."""
    s3, count = queries.account.session.client("s3"), "SELECT count(*) AS n FROM trail WHERE day = '2026/11/18'"
    folder = LOCATION.removeprefix(f"s3://{BUCKET}/") + "/2026/11/18/"
    first, second, *_ = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=folder)["Contents"]]

    def records(key):
        return json.loads(gzip.decompress(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()))["Records"]

    def number():
        return int(queries.rows(count)[0][1][0])

    before, deleted, replaced = number(), len(records(first)), len(records(second))
    s3.delete_object(Bucket=BUCKET, Key=first)
    assert number() == before - deleted
    s3.put_object(Bucket=BUCKET, Key=second, Body=gzip.compress(json.dumps({"Records": [{}, {}, {}]}).encode()))
    assert number() == before - deleted - replaced + 3
    s3.put_object(Bucket=BUCKET, Key=f"{folder}forged.json.gz", Body=gzip.compress(b'{"Records": [{}]}'))
    assert number() == before - deleted - replaced + 4
    s3.put_object(Bucket=BUCKET, Key=f"{folder}strange", Body=b"no gzip")
    assert "HIVE_CURSOR_ERROR" in queries.end(count)["Status"]["StateChangeReason"]


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:ListObjectsV2", "kms:Decrypt"])
def test_who_may_not_read_the_log_files_gets_no_answer(queries, action):
    queries.account.deny(action)
    done = queries.end("SELECT count(*) FROM trail WHERE day = '2026/11/18'")
    assert done["Status"]["State"] == "FAILED"
    assert "Access Denied (Service: Amazon S3" in done["Status"]["StateChangeReason"]


def test_a_token_stands_for_its_statement(queries):
    token = "t" * 32
    first = queries.start("SELECT 1", ClientRequestToken=token)
    assert queries.start("SELECT 1", ClientRequestToken=token) == first != queries.start("SELECT 1")
    assert "Idempotent" in code(queries.start, text="SELECT 2", ClientRequestToken=token)[1]


def test_the_result_needs_a_place(queries):
    location = {"OutputLocation": "s3://results/here/"}
    assert "No output location" in code(queries.start, text="SELECT 1", WorkGroup="primary")[1]
    name = queries.start("SELECT 1", WorkGroup="primary", ResultConfiguration=location)
    assert queries.told(name)["ResultConfiguration"]["OutputLocation"] == f"s3://results/here/{name}.csv"

    queries.client.create_work_group(Name="own", Configuration={"ResultConfiguration": {"OutputLocation": "s3://own"}})
    name = queries.start("SELECT 1", WorkGroup="own", ResultConfiguration=location)
    assert queries.told(name)["ResultConfiguration"]["OutputLocation"] == f"s3://own/{name}.csv"


def test_what_athena_refuses_at_once(queries):
    client, name = queries.client, queries.start("SELECT 1 AS a")
    assert code(queries.start, text="SELECT FROM WHERE")[0] == "InvalidRequestException"
    assert code(queries.start, text="SHOW TABLES")[0] == "NotSimulated"
    assert code(queries.start, text="CREATE VIEW v AS SELECT 1")[0] == "NotSimulated"
    assert code(client.get_query_results, QueryExecutionId=name)[1].endswith("Current state: QUEUED")
    assert code(client.get_query_execution, QueryExecutionId="none")[1].endswith("was not found")
    queries.account.clock.sleep(60)
    assert code(client.get_query_results, QueryExecutionId=name, MaxResults=1001)[0] == "InvalidRequestException"
    assert code(client.get_query_results, QueryExecutionId=name, NextToken="foreign")[0] == "InvalidRequestException"
    client.update_work_group(WorkGroup=GROUP, State="DISABLED")
    assert "is disabled" in code(queries.start, text="SELECT 1")[1]
