"""CloudTrail Lake: the event data store of an account that has one, and queries over it.

The store holds what the ledger has of the last `RETENTION_DAYS`, from the moment on that a trail would show it. A
statement names it by its id after FROM. The types of the columns are those of
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-supported-event-schemas.html
What is not documented: how a NULL comes back (here the column is left out of its row), and what counts as scanned (here
the length of the rows whose eventTime meets the conditions of the statement, as JSON).
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.executions import Execution, execution_id, milliseconds
from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.paging import BadMarkerError, page_of
from fluo_audit.sandbox.records import record_of
from fluo_audit.sandbox.story import REGION
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlglot import exp

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.ledger import Event, Ledger

STORE_ID = "5d1f2a34-9c3b-4f6e-8a17-6b0c2d4e8f90"
STORE_ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:eventdatastore/{STORE_ID}"
RETENTION_DAYS = 2557
PAGE = 1000
LONGEST = 10_000
STOPPED = "Query cancelled by user"
_ID = re.compile(r"""(?<![\w'-])"?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"?(?![\w'-])""")
_STATES = {"SUCCEEDED": "FINISHED"}
_SELECTOR = {
    "Name": "Management events",
    "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}],
}
_TEXT, _MAP = "STRING", "MAP<STRING, STRING>"
_ENTITY = "type: STRING, principalid: STRING, arn: STRING, accountid: STRING, username: STRING"
# Two members of useridentity that no event here has are left out: onbehalfof and inscopeof.
SCHEMA = {
    "eventversion": _TEXT,
    "useridentity": (
        "STRUCT<type: STRING, principalid: STRING, arn: STRING, accountid: STRING, accesskeyid: STRING,"
        " username: STRING, sessioncontext: STRUCT<"
        "attributes: STRUCT<creationdate: TIMESTAMP, mfaauthenticated: STRING>,"
        f" sessionissuer: STRUCT<{_ENTITY}>, sourceidentity: STRING, ec2roledelivery: STRING>,"
        " invokedby: STRING, identityprovider: STRING>"
    ),
    "eventtime": "TIMESTAMP",
    **dict.fromkeys(
        ("eventsource", "eventname", "awsregion", "sourceipaddress", "useragent", "errorcode", "errormessage"), _TEXT
    ),
    **dict.fromkeys(("requestparameters", "responseelements", "additionaleventdata"), _MAP),
    **dict.fromkeys(("requestid", "eventid"), _TEXT),
    "readonly": "BOOLEAN",
    "resources": "ARRAY<STRUCT<accountid: STRING, type: STRING, arn: STRING, arnprefix: STRING>>",
    **dict.fromkeys(("eventtype", "apiversion"), _TEXT),
    "managementevent": "BOOLEAN",
    **dict.fromkeys(
        ("recipientaccountid", "sharedeventid", "annotation", "vpcendpointid", "vpcendpointaccountid"), _TEXT
    ),
    **dict.fromkeys(("serviceeventdetails", "addendum", "edgedevicedetails", "insightdetails"), _MAP),
    "eventcategory": _TEXT,
    "tlsdetails": "STRUCT<tlsversion: STRING, ciphersuite: STRING, clientprovidedhostheader: STRING>",
    "sessioncredentialfromconsole": _TEXT,
}


class Lake:
    """Event data stores, one or none, and queries over them."""

    def __init__(self, clock: SimulatedClock, ledger: Ledger, delay: timedelta, created: datetime | None) -> None:
        """Make the service of an account whose store was made at a moment; None for an account without one."""
        self._clock = clock
        self._ledger = ledger
        self._delay = delay
        self._created = created
        self._executions: dict[str, Execution] = {}
        self._lines: dict[str, str] = {}

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "ListEventDataStores": self.list_event_data_stores,
            "GetEventDataStore": self.get_event_data_store,
            "StartQuery": self.start_query,
            "DescribeQuery": self.describe_query,
            "GetQueryResults": self.get_query_results,
            "CancelQuery": self.cancel_query,
        }

    def list_event_data_stores(self, request: Request) -> dict[str, Any]:
        """Return the stores of the Region."""
        has_one = self._created is not None and request.call.region == REGION
        return {"EventDataStores": [{"EventDataStoreArn": STORE_ARN, "Name": "fluo-events"}] if has_one else []}

    def get_event_data_store(self, request: Request) -> dict[str, Any]:
        """Return a store, named by its ARN or its id."""
        self._require_store(request, request.parameters["EventDataStore"].rpartition("/")[2])
        return {
            "EventDataStoreArn": STORE_ARN,
            "Name": "fluo-events",
            "Status": "ENABLED",
            "AdvancedEventSelectors": [_SELECTOR],
            "MultiRegionEnabled": True,
            "OrganizationEnabled": False,
            "RetentionPeriod": RETENTION_DAYS,
            "TerminationProtectionEnabled": True,
            "CreatedTimestamp": self._created,
            "UpdatedTimestamp": self._created,
            "BillingMode": "EXTENDABLE_RETENTION_PRICING",
        }

    def start_query(self, request: Request) -> dict[str, Any]:
        """Accept a statement."""
        from fluo_audit.sandbox import trino  # with the libraries it needs: nobody else should wait for them

        text = request.parameters.get("QueryStatement", "")
        if not text or len(text) > LONGEST:
            raise AwsError("InvalidParameterException", f"The query statement has 1 to {LONGEST} characters")
        named = set(_ID.findall(text))
        for store in named:
            self._require_store(request, store)
        try:
            statement = trino.parse(_ID.sub(r'"\1"', text))
        except trino.QueryError as error:
            raise AwsError("InvalidQueryStatementException", str(error)) from error
        if not named or not trino.is_query(statement):
            raise AwsError("InvalidQueryStatementException", "A query selects from an event data store by its id")
        execution = Execution(execution_id(request.request_id), {"QueryString": text}, self._clock.now())
        self._executions[execution.id] = execution
        try:
            self._answer(execution, statement)
        except trino.QueryError as error:
            execution.failure = str(error)
        return {"QueryId": execution.id}

    def _answer(self, execution: Execution, statement: exp.Expr) -> None:
        """Let a statement scan the events that its conditions on the time select. Raises QueryError."""
        from fluo_audit.sandbox import trino

        events = self._events()
        times = [{"eventtime": _stamp(event)} for event in events]
        chosen: set[int] = set()
        for table in trino.tables_of(statement):
            demanded = trino.conditions(table, {"eventtime"})
            scanned = trino.matching(demanded, {"eventtime": "TIMESTAMP"}, times)
            execution.scanned += sum(len(self._line(events[number])) for number in scanned)
            chosen.update(scanned)
        lines = (self._line(events[number]) for number in sorted(chosen))
        execution.answer = trino.answer(statement, [trino.Table("main", STORE_ID, _types(), lines)], "main")

    def _line(self, event: Event) -> str:
        """Return an event as the store has it, in JSON."""
        if event.id not in self._lines:
            record = {name.lower(): value for name, value in record_of(event).items()}
            self._lines[event.id] = json.dumps(_row()(record | {"eventtime": _stamp(event)})) + "\n"
        return self._lines[event.id]

    def _events(self) -> Sequence[Event]:
        events, now = self._ledger.all(), self._clock.now()
        first, last = now - timedelta(days=RETENTION_DAYS), now - self._delay
        low, high = (bisect_right(events, moment, key=lambda event: event.time) for moment in (first, last))
        return events[low:high]

    def describe_query(self, request: Request) -> dict[str, Any]:
        """Return the state of a statement and what it scanned."""
        execution, now = self._found(request), self._clock.now()
        until = min(now, execution.ended)
        told: dict[str, Any] = {
            "QueryId": execution.id,
            "QueryString": execution.asked["QueryString"],
            "QueryStatus": self._state(execution),
            "QueryStatistics": {
                "BytesScanned": execution.scanned_until(now),
                "ExecutionTimeInMillis": milliseconds(until - execution.started),
                "CreationTime": execution.submitted,
            },
        }
        if told["QueryStatus"] == "FAILED":
            told["ErrorMessage"] = execution.failure
        return told

    def get_query_results(self, request: Request) -> dict[str, Any]:
        """Return one page of the rows of a statement that finished: a row is a list of objects with one column each."""
        execution, asked = self._found(request), dict(request.parameters)
        state = self._state(execution)
        told: dict[str, Any] = {"QueryStatus": state}
        if state == "FAILED":
            told["ErrorMessage"] = execution.failure
        if state != "FINISHED" or execution.answer is None:
            return told
        token, size = asked.pop("NextToken", None), asked.get("MaxQueryResults", PAGE)
        if not 1 <= size <= PAGE:
            raise AwsError("InvalidMaxResultsException", f"MaxQueryResults is 1 to {PAGE}")
        names = [name for name, _ in execution.answer.columns]
        try:
            page, following = page_of(execution.answer.rows, size, token, asked)
        except BadMarkerError:
            raise AwsError("InvalidNextTokenException", "Invalid Next Token") from None
        told["QueryStatistics"] = {
            "ResultsCount": len(page),
            "TotalResultsCount": len(execution.answer.rows),
            "BytesScanned": execution.scanned,
        }
        told["QueryResultRows"] = [
            [{name: value} for name, value in zip(names, row, strict=True) if value is not None] for row in page
        ]
        return told | ({"NextToken": following} if following else {})

    def cancel_query(self, request: Request) -> dict[str, Any]:
        """Cancel a statement that has not ended."""
        execution = self._found(request)
        if self._clock.now() >= execution.ended:
            raise AwsError("InactiveQueryException", "The query has already finished or was cancelled")
        execution.stop(self._clock.now(), STOPPED)
        return {"QueryId": execution.id, "QueryStatus": self._state(execution)}

    def _state(self, execution: Execution) -> str:
        state = execution.state(self._clock.now())
        return _STATES.get(state, state)

    def _found(self, request: Request) -> Execution:
        name = request.parameters["QueryId"]
        if name not in self._executions:
            raise AwsError("QueryIdNotFoundException", f"The query ID {name} does not exist or does not map to a query")
        return self._executions[name]

    def _require_store(self, request: Request, name: str) -> None:
        if self._created is None or request.call.region != REGION or name != STORE_ID:
            raise AwsError("EventDataStoreNotFoundException", f"The event data store {name} was not found")


@cache
def _types() -> dict[str, exp.DataType]:
    from sqlglot import exp

    return {name: exp.DataType.build(kind, dialect="hive") for name, kind in SCHEMA.items()}


@cache
def _row() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    from fluo_audit.sandbox.hive import serde

    return serde(_types())


def _stamp(event: Event) -> str:
    return f"{event.time:%Y-%m-%d %H:%M:%S}"
