"""CloudTrail Lake, as a client sees it."""

from __future__ import annotations

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fluo_audit.sandbox.account import SimulatedAccount
from fluo_audit.sandbox.shapes import problems


@pytest.fixture(scope="module")
def account():
    with SimulatedAccount(lake=True) as account:
        yield account


@pytest.fixture(scope="module")
def lake(account):
    return account.session.client("cloudtrail", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture(scope="module")
def store(lake):
    (listed,) = lake.list_event_data_stores()["EventDataStores"]
    return listed["EventDataStoreArn"].rpartition("/")[2]


@pytest.fixture
def rows(account, lake):
    """Give a function that returns the rows of a statement, and what is told of it."""

    def ask(text, **more):
        name = lake.start_query(QueryStatement=text)["QueryId"]
        account.clock.sleep(60)
        told, found, token = lake.describe_query(QueryId=name), [], {}
        while told["QueryStatus"] == "FINISHED":
            page = lake.get_query_results(QueryId=name, **more, **token)
            found += [
                {name: text for column in row for name, text in column.items()} for row in page["QueryResultRows"]
            ]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        return found, told

    return ask


def code(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"]


def test_the_store_takes_all_management_events(lake, store):
    told = lake.get_event_data_store(EventDataStore=store)
    assert problems("cloudtrail", "GetEventDataStore", told) == []
    assert (told["Status"], told["MultiRegionEnabled"]) == ("ENABLED", True)
    assert [one["FieldSelectors"] for one in told["AdvancedEventSelectors"]] == [
        [{"Field": "eventCategory", "Equals": ["Management"]}]
    ]


def test_an_account_without_a_store_lists_none(shared_account, account):
    other = shared_account.session.client("cloudtrail")
    assert other.list_event_data_stores()["EventDataStores"] == []
    assert account.session_in("eu-west-1").client("cloudtrail").list_event_data_stores()["EventDataStores"] == []
    assert code(other.start_query, QueryStatement="SELECT 1 FROM 5d1f2a34-9c3b-4f6e-8a17-6b0c2d4e8f90") == (
        "EventDataStoreNotFoundException"
    )


def test_the_store_holds_every_event_of_the_key(account, store, rows):
    found, told = rows(f"""
        SELECT eventid FROM {store}
        WHERE contains(transform(resources, r -> r.arn), '{account.truth.key_arn}') AND eventtime <= '2026-11-23 06:00:00'
    """)
    assert len(found) > 15_000
    assert sorted(row["eventid"] for row in found) == sorted(account.truth.event_ids)
    assert problems("cloudtrail", "DescribeQuery", told) == []


def test_columns_have_the_types_of_the_documentation(store, rows):
    found, _ = rows(f"""
        SELECT eventTime AS eventtime, readOnly AS readonly, element_at(requestParameters, 'keyId') IS NOT NULL AS named,
          json_extract_scalar(json_parse(element_at(requestParameters, 'encryptionContext')), '$.purpose') AS purpose,
          userIdentity.sessionContext.sessionIssuer.userName AS role, errorCode AS errorcode
        FROM {store}
        WHERE eventName = 'Encrypt' AND eventTime > '2026-11-18 00:00:00' AND errorCode IS NULL
        ORDER BY eventTime LIMIT 1
    """)
    (row,) = found
    assert row["eventtime"].startswith("2026-11-18 ")
    assert row["eventtime"].endswith(".000")
    assert (row["readonly"], row["named"], row["role"]) == ("true", "true", "fluo-backend")
    assert row["purpose"] in {"pii_redaction", "compliance_evidence"}
    assert "errorcode" not in row


def test_a_condition_on_the_time_spares_the_rest(store, rows):
    scanned = [
        rows(f"SELECT count(*) AS n FROM {store} WHERE {condition}")[1]["QueryStatistics"]["BytesScanned"]
        for condition in ("eventname = 'RotateKey'", "eventtime >= '2026-11-01 00:00:00'", "eventtime >= '2027-01-01'")
    ]
    assert scanned[0] > 5 * scanned[1] > scanned[2] == 0


def test_results_have_pages(lake, account, store):
    text = f"SELECT eventid FROM {store} WHERE eventtime >= '2026-11-18 00:00:00' ORDER BY eventtime, eventid"
    name = lake.start_query(QueryStatement=text)["QueryId"]
    account.clock.sleep(60)
    whole = lake.get_query_results(QueryId=name)
    first = lake.get_query_results(QueryId=name, MaxQueryResults=10)
    second = lake.get_query_results(QueryId=name, MaxQueryResults=10, NextToken=first["NextToken"])
    assert problems("cloudtrail", "GetQueryResults", first) == []
    assert first["QueryResultRows"] + second["QueryResultRows"] == whole["QueryResultRows"][:20]
    assert first["QueryStatistics"]["TotalResultsCount"] == len(whole["QueryResultRows"]) > 20
    assert code(lake.get_query_results, QueryId=name, NextToken="foreign") == "InvalidNextTokenException"
    assert code(lake.get_query_results, QueryId=name, MaxQueryResults=1001) == "InvalidMaxResultsException"


def test_a_statement_passes_its_states_or_is_cancelled(lake, account, store):
    text = f"SELECT count(*) AS n FROM {store} WHERE eventtime >= '2026-11-18'"
    first, second = (lake.start_query(QueryStatement=text)["QueryId"] for _ in range(2))
    states = []
    for seconds in (0, 0.3, 60):
        account.clock.sleep(seconds)
        states.append(lake.describe_query(QueryId=first)["QueryStatus"])
        if seconds == 0:
            assert "QueryResultRows" not in lake.get_query_results(QueryId=first)
            assert lake.cancel_query(QueryId=second)["QueryStatus"] == "CANCELLED"
    assert states == ["QUEUED", "RUNNING", "FINISHED"]
    assert lake.describe_query(QueryId=second)["QueryStatus"] == "CANCELLED"
    assert code(lake.cancel_query, QueryId=first) == "InactiveQueryException"


def test_a_statement_that_fails_says_why(lake, store, rows):
    found, told = rows(f"SELECT nothing FROM {store}")
    results = lake.get_query_results(QueryId=told["QueryId"])
    assert (found, told["QueryStatus"]) == ([], "FAILED")
    assert "nothing" in told["ErrorMessage"]
    assert (results["QueryStatus"], results["ErrorMessage"]) == ("FAILED", told["ErrorMessage"])


def test_a_store_can_be_named_in_quotes_too(store, rows):
    assert rows(f'SELECT count(*) > 0 AS found FROM "{store}"')[0] == [{"found": "true"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1 FROM 00000000-0000-0000-0000-000000000000", "EventDataStoreNotFoundException"),
        ("SELECT FROM WHERE", "InvalidQueryStatementException"),
        ("SELECT 1", "InvalidQueryStatementException"),
        ("DROP TABLE {store}", "InvalidQueryStatementException"),
        ("SELECT 1 FROM {store} -- " + "x" * 10_000, "InvalidParameterException"),
    ],
)
def test_what_lake_refuses_at_once(lake, store, text, expected):
    assert code(lake.start_query, QueryStatement=text.format(store=store)) == expected


def test_an_unknown_query_is_not_found(lake):
    unknown = "12345678-1234-1234-1234-123456789012"
    assert code(lake.describe_query, QueryId=unknown) == "QueryIdNotFoundException"
    assert code(lake.get_query_results, QueryId=unknown) == "QueryIdNotFoundException"


def test_an_event_is_in_the_store_once_it_is_delivered(account, store, rows):
    account.session.client("kms").list_keys()
    text = f"SELECT count(*) AS n FROM {store} WHERE eventname = 'ListKeys'"
    name = account.session.client("cloudtrail").start_query(QueryStatement=text)["QueryId"]
    account.clock.sleep(300)
    early = account.session.client("cloudtrail").get_query_results(QueryId=name)["QueryResultRows"]
    assert (early, rows(text)[0]) == ([[{"n": "0"}]], [{"n": "1"}])
