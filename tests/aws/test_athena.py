"""A statement in Athena: refused, started once, waited for, read, and read again from the snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from fluo_audit.aws.athena import AthenaAsked, run_athena
from fluo_audit.aws.door import Door, Reader, ReadError
from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.permissions import ATHENA_ACTIONS, ATHENA_CALLS, READS
from fluo_audit.aws.replay import ReplayTransport
from fluo_audit.aws.scan import Answered, Estimate
from fluo_audit.aws.session import sealed_session
from fluo_audit.errors import RefusedError, ScanLimitError
from fluo_audit.sandbox.clock import SAMPLE_NOW, SimulatedClock

GB = 10**9
ID = "a1b2c3d4-5678-90ab-cdef-000000000001"
ASKED = AthenaAsked(
    text="SELECT event_name, calls FROM kms_events",
    columns={"event_name": "text", "calls": "int"},
    database="fluo_audit",
    as_of=SAMPLE_NOW,
    expected=Estimate(2 * GB, Decimal("0.01")),
    limit=100 * GB,
    workgroup="audit",
)
GROUP: dict[str, Any] = {
    "WorkGroup": {
        "Name": "audit",
        "State": "ENABLED",
        "Configuration": {"ResultConfiguration": {"OutputLocation": "s3://results/"}},
    }
}
STARTED = {"QueryExecutionId": ID}


def execution(state: str, scanned: int | None = None, reason: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"QueryExecutionId": ID, "Status": {"State": state}}
    if reason:
        found["Status"]["StateChangeReason"] = reason
    if scanned is not None:
        found["Statistics"] = {"DataScannedInBytes": scanned}
    return {"QueryExecution": found}


def page(*rows: list[str | None], names: tuple[str, ...] = ("event_name", "calls"), token: str = "") -> dict[str, Any]:
    data = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows]
    columns = [{"Name": name, "Type": "varchar"} for name in names]
    found: dict[str, Any] = {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": columns}}}
    return {**found, "NextToken": token} if token else found


HEADER: list[str | None] = ["event_name", "calls"]


@pytest.fixture
def athena(scripted) -> Callable[..., Any]:
    """Give a function that makes an Athena that answers well, but for what is given."""

    def make(**answers: list[Any]) -> Any:
        script = {
            "GetWorkGroup": [GROUP],
            "StartQueryExecution": [STARTED],
            "GetQueryExecution": [execution("QUEUED"), execution("RUNNING"), execution("SUCCEEDED", 1_234_567_890)],
            "GetQueryResults": [page(HEADER, ["Decrypt", "7"])],
            "StopQueryExecution": [{}],
        }
        return scripted("athena", {**script, **answers})

    return make


def door_to(service: Any, clock: SimulatedClock | None = None) -> Door:
    return Door(LiveTransport(service.session, clock or SimulatedClock(SAMPLE_NOW)), "us-east-1", READS | ATHENA_CALLS)


def run(service: Any, asked: AthenaAsked = ASKED, progress: Callable[[str, int], None] = lambda *_: None) -> Answered:
    return run_athena(door_to(service).reader("events"), asked, SimulatedClock(SAMPLE_NOW), progress)


def missing(service: Any, asked: AthenaAsked = ASKED) -> Any:
    with pytest.raises(ReadError) as error:
        run(service, asked)
    return error.value.missing


# --- the way of a statement that succeeds --------------------------------------------------------------------------


def test_a_statement_gives_typed_rows_bytes_and_price():
    """Request and answer of every step hold against the service model of Athena."""
    client = sealed_session().client("athena", "us-east-1")
    with Stubber(client) as stub:
        stub.add_response("get_work_group", GROUP, {"WorkGroup": "audit"})
        stub.add_response(
            "start_query_execution",
            STARTED,
            {
                "QueryString": ASKED.text,
                "QueryExecutionContext": {"Database": "fluo_audit"},
                "WorkGroup": "audit",
                "ClientRequestToken": ANY,
            },
        )
        stub.add_response("get_query_execution", execution("RUNNING", 5), {"QueryExecutionId": ID})
        stub.add_response("get_query_execution", execution("SUCCEEDED", 1_234_567_890), {"QueryExecutionId": ID})
        stub.add_response(
            "get_query_results",
            page(HEADER, ["Decrypt", "7"], token="t"),
            {"QueryExecutionId": ID, "MaxResults": 1000},
        )
        stub.add_response(
            "get_query_results",
            page(["event_name", "1"], [None, None]),
            {"QueryExecutionId": ID, "MaxResults": 1000, "NextToken": "t"},
        )
        found = run(SimpleNamespace(session=SimpleNamespace(client=lambda *_, **__: client)))
        stub.assert_no_pending_responses()

    assert found == Answered(
        rows=[
            {"event_name": "Decrypt", "calls": 7},
            {"event_name": "event_name", "calls": 1},  # the header stands on the first page only
            {"event_name": None, "calls": None},
        ],
        scanned_bytes=1_234_567_890,
        usd=Decimal("0.006175"),  # 1,235 whole megabytes
        statement_id=ID,
    )


def test_who_waits_hears_how_far_it_is(athena):
    told: list[tuple[str, int]] = []
    service = athena(GetQueryExecution=[execution("QUEUED"), execution("RUNNING", 5), execution("SUCCEEDED", 9)])

    run(service, progress=lambda *state: told.append(state))

    assert told == [("QUEUED", 0), ("RUNNING", 5), ("SUCCEEDED", 9)]


def test_ddl_gives_no_rows_and_costs_nothing(athena):
    service = athena()
    found = run(service, replace(ASKED, text="CREATE EXTERNAL TABLE t", columns={}))

    assert (found.rows, found.usd) == ([], 0)
    assert "GetQueryResults" not in service.operations


def token_of(service: Any, asked: AthenaAsked = ASKED) -> str:
    run(service, asked)
    return next(request["ClientRequestToken"] for operation, request in service.sent if "Start" in operation)


def test_a_statement_of_one_collection_has_one_token_and_any_other_another(athena):
    others = [
        replace(ASKED, text="SELECT event_name, calls FROM others"),
        replace(ASKED, as_of=SAMPLE_NOW + timedelta(seconds=1)),
        replace(ASKED, database="other"),
        replace(ASKED, workgroup="other"),
        replace(ASKED, region="eu-west-1"),
    ]
    tokens = {token_of(athena(), asked) for asked in (ASKED, ASKED, *others)}

    assert token_of(athena()) in tokens
    assert len(tokens) == 1 + len(others)
    assert {32 <= len(token) <= 128 for token in tokens} == {True}


def test_a_start_whose_answer_was_lost_is_repeated_under_the_same_token(athena):
    service = athena(
        StartQueryExecution=[
            (400, "TooManyRequestsException", "slow down"),
            (500, "InternalServerException", ""),
            STARTED,
        ]
    )
    run(service)

    tokens = [request["ClientRequestToken"] for operation, request in service.sent if operation.startswith("Start")]
    assert len(tokens) == 3
    assert len(set(tokens)) == 1


# --- where the result goes -----------------------------------------------------------------------------------------


def group(**settings: Any) -> list[dict[str, Any]]:
    return [{"WorkGroup": {"Name": "audit", "State": "ENABLED", "Configuration": settings}}]


def result_place(service: Any, asked: AthenaAsked) -> Any:
    run(service, asked)
    return next(request.get("ResultConfiguration") for operation, request in service.sent if "Start" in operation)


def test_the_output_location_of_the_workgroup_goes_before_ones_own(athena):
    asked = replace(ASKED, output="s3://mine/")

    assert result_place(athena(), asked) is None
    assert result_place(athena(GetWorkGroup=group(ManagedQueryResultsConfiguration={"Enabled": True})), asked) is None
    assert result_place(athena(GetWorkGroup=group()), asked) == {"OutputLocation": "s3://mine/"}


def test_without_any_output_location_nothing_is_started(athena):
    service = athena(GetWorkGroup=group(ManagedQueryResultsConfiguration={"Enabled": False}))

    found = missing(service)

    assert (found.operation, found.reason) == ("athena:StartQueryExecution", "no place for the result")
    assert "output location" in found.remedy
    assert service.operations == ["GetWorkGroup"]


def test_a_disabled_workgroup_starts_nothing(athena):
    service = athena(GetWorkGroup=[{"WorkGroup": {**GROUP["WorkGroup"], "State": "DISABLED"}}])

    assert missing(service).reason == "workgroup disabled"
    assert service.operations == ["GetWorkGroup"]


# --- limits --------------------------------------------------------------------------------------------------------


def test_more_than_the_limit_is_refused_before_anything_is_sent(athena):
    service = athena()

    with pytest.raises(ScanLimitError, match=r"2\.0 GB.*\$0\.01.*limit is 1\.0 GB; nothing was sent"):
        run(service, replace(ASKED, limit=GB))

    assert service.sent == []


def test_more_than_the_workgroup_allows_is_refused_before_it_is_started(athena):
    settings = {"BytesScannedCutoffPerQuery": GB, "ResultConfiguration": {"OutputLocation": "s3://results/"}}
    service = athena(GetWorkGroup=group(**settings))

    with pytest.raises(ScanLimitError, match=r"limit of the workgroup audit is 1\.0 GB"):
        run(service)

    assert service.operations == ["GetWorkGroup"]


def test_a_statement_that_passes_the_limit_while_it_runs_is_stopped(athena):
    service = athena(GetQueryExecution=[execution("RUNNING", GB), execution("RUNNING", 101 * GB)])

    found = missing(service)

    assert (found.reason, "101.0 GB" in found.message) == ("scan limit", True)
    assert service.sent[-1] == ("StopQueryExecution", {"QueryExecutionId": ID})


# --- failures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_statement_that_fails_is_missing_for_the_reason_athena_gives(athena, state: str):
    reason = "TABLE_NOT_FOUND: line 1:15: Table 'fluo_audit.trail' does not exist"
    service = athena(GetQueryExecution=[execution("RUNNING"), execution(state, 0, reason)])

    found = missing(service)

    assert (found.operation, found.reason, found.message) == ("athena:StartQueryExecution", state.lower(), reason)
    assert "table" in found.remedy
    assert "StopQueryExecution" not in service.operations


def test_a_denied_start_names_the_action_to_grant(athena):
    denied = [(400, "AccessDeniedException", "not authorized")]

    assert missing(athena(StartQueryExecution=denied)).remedy == "grant athena:StartQueryExecution to the collector"


def test_a_statement_that_cannot_be_watched_is_stopped(athena):
    service = athena(
        GetQueryExecution=[execution("RUNNING"), (400, "AccessDeniedException", "no")],
        StopQueryExecution=[(400, "AccessDeniedException", "no")],
    )

    assert missing(service).operation == "athena:GetQueryExecution"
    assert service.operations[-1] == "StopQueryExecution"


def test_who_breaks_off_pays_no_longer(athena):
    service = athena(GetQueryExecution=[execution("RUNNING")])

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(service, progress=interrupt)
    assert service.operations[-1] == "StopQueryExecution"


def test_a_statement_that_never_ends_is_stopped(athena):
    service = athena(GetQueryExecution=[execution("RUNNING")])

    assert missing(service).reason == "timeout"
    assert service.operations[-1] == "StopQueryExecution"


@pytest.mark.parametrize(
    "answers",
    [
        {"GetQueryExecution": [execution("SUCCEEDED")]},
        {"GetQueryExecution": [{"QueryExecution": {}}]},
        {"StartQueryExecution": [{}]},
        {"GetQueryResults": [{}]},
        {"GetQueryResults": [page(HEADER, ["Decrypt"])]},
        {"GetQueryResults": [page(HEADER, ["Decrypt", "7", "8"])]},
        {"GetQueryResults": [page(HEADER, ["Decrypt", "seven"])]},
        {"GetQueryResults": [page(["Decrypt", "7"])]},
        {"GetQueryResults": [page()]},
        {"GetQueryResults": [page(["event_name", "n"], ["Decrypt", "7"], names=("event_name", "n"))]},
        {"GetQueryResults": [page(["calls", "calls"], ["1", "7"], names=("calls", "calls"))]},
        {"GetQueryResults": [page(HEADER, token="t"), page(names=("event_name",))]},
    ],
)
def test_an_answer_that_is_not_what_athena_documents_is_none(athena, answers: dict[str, list[Any]]):
    assert missing(athena(**answers)).reason == "malformed answer"


# --- what may be sent, and evidence --------------------------------------------------------------------------------


def test_nothing_is_sent_where_athena_was_not_chosen(athena):
    service = athena()
    door = Door(LiveTransport(service.session, SimulatedClock(SAMPLE_NOW)), "us-east-1")

    with pytest.raises(RefusedError, match="nothing was sent"):
        run_athena(door.reader("events"), ASKED, SimulatedClock(SAMPLE_NOW), lambda *_: None)
    assert service.sent == []


def test_the_calls_are_operations_of_athena_and_each_is_among_the_actions_to_grant(athena):
    known = athena().model.operation_names

    assert {call.partition(":")[2] for call in ATHENA_CALLS} <= set(known)
    assert set(ATHENA_ACTIONS) >= ATHENA_CALLS
    assert {"glue:GetTable", "s3:GetObject", "s3:PutObject"} <= set(ATHENA_ACTIONS)


class Recorded:
    """A run, and its repetition from what it recorded, with the times it slept."""

    def __init__(self, service: Any, asked: AthenaAsked = ASKED) -> None:
        self.door = door_to(service)
        self.told: list[tuple[str, int]] = []
        self.outcome = self._outcome(self.door.reader("events"), asked, self.told)
        self.replay = Door(
            ReplayTransport((e.call, e.headers, e.body) for e in self.door.exchanges),
            "us-east-1",
            READS | ATHENA_CALLS,
        )
        self.told_again: list[tuple[str, int]] = []
        self.again = self._outcome(self.replay.reader("events"), asked, self.told_again)

    @staticmethod
    def _outcome(read: Reader, asked: AthenaAsked, told: list[tuple[str, int]]) -> Any:
        clock = SimulatedClock(SAMPLE_NOW)
        try:
            return run_athena(read, asked, clock, lambda *state: told.append(state)), clock.now()
        except ReadError as error:
            return error.missing, clock.now()


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"GetQueryExecution": [*[execution("RUNNING", 1)] * 30, execution("SUCCEEDED", 9)]},
        {"GetQueryResults": [page(HEADER, ["a", "1"], token="t"), page(["b", "2"], token="u"), page(["c", "3"])]},
        {"GetQueryExecution": [execution("FAILED", 0, "no table")]},
        {"GetQueryExecution": [execution("RUNNING"), (400, "AccessDeniedException", "no")]},
        {"GetQueryExecution": [execution("RUNNING")]},
        {"GetQueryResults": [page(HEADER, ["a", "1"], token="t"), (400, "InvalidRequestException", "gone")]},
    ],
    ids=["short", "long", "pages", "failed", "not watched", "never ends", "page lost"],
)
def test_a_recorded_run_gives_the_same_again_without_a_network(athena, answers: dict[str, list[Any]]):
    """Rows or reason, progress, pauses and evidence ids: whatever the number of polls was."""
    recorded = Recorded(athena(**answers))

    assert recorded.again == recorded.outcome
    assert recorded.told_again == recorded.told
    assert [(e.call, e.body) for e in recorded.replay.exchanges] == [(e.call, e.body) for e in recorded.door.exchanges]


def test_the_polls_of_a_statement_are_pages_of_one_piece_of_evidence(athena):
    recorded = Recorded(athena(GetQueryExecution=[*[execution("RUNNING", 1)] * 4, execution("SUCCEEDED", 9)]))

    assert [(e.call.id, e.call.page, e.call.operation) for e in recorded.door.exchanges] == [
        ("E01", 1, "GetWorkGroup"),
        ("E02", 1, "StartQueryExecution"),
        *(("E03", n, "GetQueryExecution") for n in range(1, 6)),
        ("E04", 1, "GetQueryResults"),
    ]
