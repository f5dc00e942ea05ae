"""A statement in CloudTrail Lake: the right store, started once, waited for, read, and read again from the snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber

from fluo_audit.aws.door import Door, Reader, ReadError
from fluo_audit.aws.lake import EventDataStore, LakeAsked, find_store, run_lake
from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.permissions import LAKE_ACTIONS, LAKE_CALLS, READS
from fluo_audit.aws.replay import ReplayTransport
from fluo_audit.aws.scan import Answered, Estimate
from fluo_audit.aws.session import sealed_session
from fluo_audit.errors import RefusedError, ScanLimitError
from fluo_audit.sandbox.clock import SAMPLE_NOW, SimulatedClock

GB = 10**9
ID = "a1b2c3d4-5678-90ab-cdef-000000000001"
REGION = "us-east-1"
ASKED = LakeAsked("SELECT event_name, calls FROM x", {"event_name": "text", "calls": "int"}, limit=100 * GB)


def arn(number: int, region: str = REGION) -> str:
    return f"arn:aws:cloudtrail:{region}:123456789012:eventdatastore/{number:08d}-1111-2222-3333-444444444444"


def selector(**fields: list[str]) -> dict[str, Any]:
    return {"FieldSelectors": [{"Field": field, "Equals": values} for field, values in fields.items()]}


MANAGEMENT = selector(eventCategory=["Management"])


def store(number: int, *selectors: dict[str, Any], status: str = "ENABLED", **more: Any) -> dict[str, Any]:
    return {
        "EventDataStoreArn": arn(number),
        "Name": f"store-{number}",
        "Status": status,
        "MultiRegionEnabled": True,
        "RetentionPeriod": 366,
        "AdvancedEventSelectors": list(selectors or (MANAGEMENT,)),
        **more,
    }


def described(status: str, scanned: int | None = None, message: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"QueryId": ID, "QueryStatus": status}
    if scanned is not None:
        found["QueryStatistics"] = {"BytesScanned": scanned}
    return {**found, "ErrorMessage": message} if message else found


def rows(*found: list[dict[str, str]], token: str = "") -> dict[str, Any]:
    return {"QueryStatus": "FINISHED", "QueryResultRows": list(found), **({"NextToken": token} if token else {})}


@pytest.fixture
def lake(scripted) -> Callable[..., Any]:
    """Give a function that makes a Lake that answers well, but for what is given."""

    def make(**answers: list[Any]) -> Any:
        script = {
            "StartQuery": [{"QueryId": ID}],
            "DescribeQuery": [described("QUEUED"), described("RUNNING"), described("FINISHED", 2 * GB)],
            "GetQueryResults": [rows([{"event_name": "Decrypt"}, {"calls": "7"}])],
            "CancelQuery": [{"QueryId": ID, "QueryStatus": "CANCELLED"}],
        }
        return scripted("cloudtrail", {**script, **answers})

    return make


@pytest.fixture
def stores(scripted) -> Callable[..., Any]:
    """Give a function that makes a Lake with these stores, of whose list only ARN and name can be relied on."""

    def make(*found: dict[str, Any]) -> Any:
        listed = [{name: each[name] for name in ("EventDataStoreArn", "Name")} for each in found]
        pages = [{"EventDataStores": [each], "NextToken": f"page-{n}"} for n, each in enumerate(listed)]
        return scripted(
            "cloudtrail",
            {"ListEventDataStores": [*pages, {"EventDataStores": []}], "GetEventDataStore": list(found) or [{}]},
        )

    return make


def door_to(service: Any) -> Door:
    return Door(LiveTransport(service.session, SimulatedClock(SAMPLE_NOW)), REGION, READS | LAKE_CALLS)


def run(service: Any, asked: LakeAsked = ASKED, progress: Callable[[str, int], None] = lambda *_: None) -> Answered:
    return run_lake(door_to(service).reader("events"), asked, SimulatedClock(SAMPLE_NOW), progress)


def missing(service: Any, asked: LakeAsked = ASKED) -> Any:
    with pytest.raises(ReadError) as error:
        run(service, asked)
    return error.value.missing


def found_in(service: Any, wanted: str = "") -> EventDataStore:
    return find_store(door_to(service).reader("events"), REGION, wanted)


def not_found_in(service: Any, wanted: str = "") -> Any:
    with pytest.raises(ReadError) as error:
        found_in(service, wanted)
    return error.value.missing


# --- which store ---------------------------------------------------------------------------------------------------


def test_the_one_store_of_management_events_is_found(stores):
    data_only = selector(eventCategory=["Data"], **{"resources.type": ["AWS::S3::Object"]})

    found = found_in(stores(store(1, data_only), store(2, data_only, MANAGEMENT)))

    assert found == EventDataStore(arn(2), "store-2", 366)
    assert found.id == "00000002-1111-2222-3333-444444444444"


NARROW = {
    "stopped": store(1, status="STOPPED_INGESTION"),
    "to be deleted": store(1, status="PENDING_DELETION"),
    "writes only": store(1, selector(eventCategory=["Management"], readOnly=["false"])),
    "one service only": store(1, selector(eventCategory=["Management"], eventSource=["kms.amazonaws.com"])),
    "of another Region only": store(1, MultiRegionEnabled=False, EventDataStoreArn=arn(1, "eu-west-1")),
    "no selector": store(1, AdvancedEventSelectors=[]),
}


@pytest.mark.parametrize("narrow", NARROW.values(), ids=NARROW)
def test_a_store_that_may_lack_events_is_not_taken_by_itself(stores, narrow: dict[str, Any]):
    found = not_found_in(stores(narrow))

    assert (found.operation, found.reason) == ("cloudtrail:ListEventDataStores", "no event data store")
    assert "--events-from s3" in found.remedy


def test_a_store_of_this_region_alone_will_do(stores):
    assert found_in(stores(store(1, MultiRegionEnabled=False))).name == "store-1"


def test_several_stores_are_named_and_none_is_taken(stores):
    found = not_found_in(stores(store(1), store(2)))

    assert found.reason == "several event data stores"
    assert "store-1 (00000001-" in found.message
    assert "store-2 (00000002-" in found.message


@pytest.mark.parametrize("wanted", ["store-2", "00000002-1111-2222-3333-444444444444", arn(2)])
def test_the_wanted_store_is_taken_by_name_id_or_arn(scripted, wanted: str):
    narrow = store(2, selector(eventCategory=["Management"], eventSource=["kms.amazonaws.com"]))
    listed = [{name: each[name] for name in ("EventDataStoreArn", "Name")} for each in (store(1), narrow)]
    service = scripted(
        "cloudtrail", {"ListEventDataStores": [{"EventDataStores": listed}], "GetEventDataStore": [narrow]}
    )

    assert found_in(service, wanted).arn == arn(2)
    assert service.sent[-1] == ("GetEventDataStore", {"EventDataStore": arn(2)})


def test_a_wanted_store_that_is_not_there_or_not_enabled_is_missing(stores):
    assert "store-9" in not_found_in(stores(store(1)), "store-9").message
    assert "store-1" in not_found_in(stores(store(1, status="STOPPED_INGESTION")), "store-1").message


# --- the way of a statement ----------------------------------------------------------------------------------------


def test_a_statement_gives_typed_rows_bytes_and_price():
    """Request and answer of every step hold against the service model of CloudTrail."""
    client = sealed_session().client("cloudtrail", REGION)
    with Stubber(client) as stub:
        stub.add_response("start_query", {"QueryId": ID}, {"QueryStatement": ASKED.text})
        stub.add_response("describe_query", described("RUNNING"), {"QueryId": ID})
        stub.add_response("describe_query", described("FINISHED", 2 * GB), {"QueryId": ID})
        stub.add_response(
            "get_query_results",
            rows([{"event_name": "Decrypt"}, {"calls": "7"}], token="next"),
            {"QueryId": ID, "MaxQueryResults": 1000},
        )
        stub.add_response(
            "get_query_results",
            rows([{"calls": "1"}], [{"event_name": ""}, {"calls": ""}]),
            {"QueryId": ID, "MaxQueryResults": 1000, "NextToken": "next"},
        )
        found = run(SimpleNamespace(session=SimpleNamespace(client=lambda *_, **__: client)))
        stub.assert_no_pending_responses()

    assert found == Answered(
        rows=[
            {"event_name": "Decrypt", "calls": 7},
            {"event_name": None, "calls": 1},
            {"event_name": None, "calls": None},
        ],
        scanned_bytes=2 * GB,
        usd=Decimal("0.01"),
        statement_id=ID,
    )


def test_more_than_the_limit_is_refused_before_anything_is_sent(lake):
    service = lake()

    with pytest.raises(ScanLimitError, match=r"2\.0 GB.*nothing was sent"):
        run(service, replace(ASKED, limit=GB, expected=Estimate(2 * GB, Decimal("0.01"))))

    assert service.sent == []


def test_without_an_estimate_the_limit_holds_while_the_statement_runs(lake):
    service = lake(DescribeQuery=[described("RUNNING", GB), described("RUNNING", 101 * GB)])

    assert missing(service).reason == "scan limit"
    assert service.sent[-1] == ("CancelQuery", {"QueryId": ID})


@pytest.mark.parametrize(
    ("state", "reason"), [("FAILED", "failed"), ("CANCELLED", "cancelled"), ("TIMED_OUT", "timed out")]
)
def test_a_statement_that_fails_is_missing_for_the_reason_lake_gives(lake, state: str, reason: str):
    service = lake(DescribeQuery=[described("RUNNING"), described(state, 0, "line 1: no such column")])

    found = missing(service)

    assert (found.operation, found.reason, found.message) == (
        "cloudtrail:StartQuery",
        reason,
        "line 1: no such column",
    )
    assert "CancelQuery" not in service.operations


def test_a_start_that_may_have_been_done_is_not_sent_twice(lake):
    """Lake knows no token: a second start would be a second bill."""
    service = lake(StartQuery=[(500, "InternalFailure", ""), {"QueryId": ID}])
    assert missing(service).operation == "cloudtrail:StartQuery"
    assert service.operations == ["StartQuery"]

    throttled = lake(StartQuery=[(400, "ThrottlingException", "slow down"), {"QueryId": ID}])
    run(throttled)
    assert throttled.operations.count("StartQuery") == 2


def test_a_statement_that_is_too_long_for_lake_is_not_sent(lake):
    service = lake()

    assert "10001 characters is more than 10000" in missing(service, replace(ASKED, text="x" * 10_001)).message
    assert service.sent == []


def test_who_breaks_off_pays_no_longer(lake):
    service = lake(DescribeQuery=[described("RUNNING")])

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(service, progress=interrupt)
    assert service.operations[-1] == "CancelQuery"


@pytest.mark.parametrize(
    "answers",
    [
        {"DescribeQuery": [described("FINISHED")]},
        {"DescribeQuery": [{}]},
        {"StartQuery": [{}]},
        {"GetQueryResults": [{}]},
        {"GetQueryResults": [rows([{"event_name": "a"}, {"calls": "seven"}])]},
        {"GetQueryResults": [rows([{"event_name": "a"}, {"n": "7"}])]},
    ],
)
def test_an_answer_that_is_not_what_lake_documents_is_none(lake, answers: dict[str, list[Any]]):
    assert missing(lake(**answers)).reason == "malformed answer"


# --- what may be sent, and evidence --------------------------------------------------------------------------------


def test_nothing_is_sent_where_lake_was_not_chosen(lake):
    service = lake()
    door = Door(LiveTransport(service.session, SimulatedClock(SAMPLE_NOW)), REGION)

    with pytest.raises(RefusedError, match="nothing was sent"):
        run_lake(door.reader("events"), ASKED, SimulatedClock(SAMPLE_NOW), lambda *_: None)
    assert service.sent == []


def test_the_calls_are_operations_of_cloudtrail_and_each_is_among_the_actions_to_grant(lake):
    assert {call.partition(":")[2] for call in LAKE_CALLS} <= set(lake().model.operation_names)
    assert set(LAKE_ACTIONS) >= LAKE_CALLS


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"DescribeQuery": [*[described("RUNNING", 1)] * 30, described("FINISHED", 9)]},
        {"GetQueryResults": [rows([{"calls": "1"}], token="next"), rows([{"calls": "2"}])]},
        {"DescribeQuery": [described("RUNNING"), described("FAILED", 0, "no such column")]},
        {"DescribeQuery": [described("RUNNING"), (400, "AccessDeniedException", "no")]},
    ],
    ids=["short", "long", "pages", "failed", "not watched"],
)
def test_a_recorded_run_gives_the_same_again_without_a_network(lake, answers: dict[str, list[Any]]):
    def outcome(read: Reader) -> Any:
        clock = SimulatedClock(SAMPLE_NOW)
        try:
            return run_lake(read, ASKED, clock, lambda *_: None), clock.now()
        except ReadError as error:
            return error.missing, clock.now()

    door = door_to(lake(**answers))
    first = outcome(door.reader("events"))
    replay = Door(ReplayTransport((e.call, e.headers, e.body) for e in door.exchanges), REGION, READS | LAKE_CALLS)

    assert outcome(replay.reader("events")) == first
    assert [(e.call, e.body) for e in replay.exchanges] == [(e.call, e.body) for e in door.exchanges]
