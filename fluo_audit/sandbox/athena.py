"""Athena: runs the SQL it is sent over the log files that lie in a trail's bucket.

Statements run on DuckDB (`trino.py`), over tables that they define themselves (`hive.py`), and only over buckets that a
trail delivers to. What a query scans is the size of the objects in the partitions that its conditions select. Of the
definitions, CREATE and DROP of databases and external tables are known. Nothing is written to an output location.
https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.executions import Execution, execution_id, milliseconds
from fluo_audit.sandbox.paging import BadMarkerError, page_of
from fluo_audit.sandbox.wire import AwsError
from fluo_audit.sandbox.workgroups import ENGINE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.athena_catalog import Catalog
    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.s3_objects import S3Objects
    from fluo_audit.sandbox.trino import Answer
    from fluo_audit.sandbox.workgroups import WorkGroups

PAGE = 1000
OVER_CUTOFF = "Bytes scanned limit was exceeded"
STOPPED = "Query cancelled by user"
NO_LOCATION = (
    "No output location provided. An output location is required either through the Workgroup result configuration "
    "setting or as an API input."
)
_PRECISIONS = {"varchar": 2147483647, "bigint": 19, "integer": 10, "double": 17, "timestamp": 3}


class Athena:
    """Queries and their results. Every Region has tables of its own."""

    def __init__(self, clock: SimulatedClock, objects: S3Objects, workgroups: WorkGroups) -> None:
        self._clock = clock
        self._objects = objects
        self._workgroups = workgroups
        self._catalogs: dict[str, Catalog] = {}
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[str, tuple[Mapping[str, Any], str]] = {}

    @property
    def operations(self) -> dict[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "StartQueryExecution": self.start_query_execution,
            "GetQueryExecution": self.get_query_execution,
            "GetQueryResults": self.get_query_results,
            "StopQueryExecution": self.stop_query_execution,
        }

    def start_query_execution(self, request: Request) -> dict[str, Any]:
        """Accept a statement. A token that is known stands for the statement it came with."""
        asked = dict(request.parameters)
        token = asked.pop("ClientRequestToken", request.request_id)
        if token not in self._tokens:
            execution = self._execution(request, asked)
            self._executions[execution.id], self._tokens[token] = execution, (asked, execution.id)
        known, name = self._tokens[token]
        if known != asked:
            raise AwsError("InvalidRequestException", "Idempotent parameters do not match")
        return {"QueryExecutionId": name}

    def _execution(self, request: Request, asked: Mapping[str, Any]) -> Execution:
        """Return what becomes of a statement. Raises AwsError for one that is refused at once."""
        from fluo_audit.sandbox import trino  # with the libraries it needs: nobody else should wait for them
        from fluo_audit.sandbox.athena_catalog import Catalog

        group = self._workgroups.find(request, asked.get("WorkGroup", "primary"))
        if group["State"] != "ENABLED":
            raise AwsError("InvalidRequestException", f"WorkGroup {group['Name']} is disabled")
        try:
            statement = trino.parse(asked["QueryString"])
        except trino.QueryError as error:
            raise AwsError("InvalidRequestException", str(error)) from error
        name, database = execution_id(request.request_id), asked.get("QueryExecutionContext", {}).get("Database")
        told = {
            "Query": asked["QueryString"],
            "StatementType": "DML" if trino.is_query(statement) else "DDL",
            "QueryExecutionContext": {"Database": database or "default"},
            "WorkGroup": group["Name"],
            **_results(asked, group["Configuration"], name),
        }
        catalog = self._catalogs.setdefault(request.call.region, Catalog(self._objects))
        execution = Execution(name, told, self._clock.now())
        try:
            if not trino.is_query(statement):
                catalog.define(statement, database or "default")
            else:
                cutoff = group["Configuration"].get("BytesScannedCutoffPerQuery")
                outcome = catalog.ask(request, statement, database or "default", self._clock.now(), cutoff)
                execution.scanned, execution.answer = outcome.scanned, outcome.answer
                execution.cancelled = "" if outcome.answer else OVER_CUTOFF
        except trino.QueryError as error:
            execution.failure = str(error)
        return execution

    def get_query_execution(self, request: Request) -> dict[str, Any]:
        """Return the state of a statement, what it scanned and how long it took."""
        execution, now = self._found(request), self._clock.now()
        state, until = execution.state(now), min(now, execution.ended)
        status: dict[str, Any] = {"State": state, "SubmissionDateTime": execution.submitted}
        if now >= execution.ended:
            status["CompletionDateTime"] = execution.ended
        if state in {"FAILED", "CANCELLED"}:
            status["StateChangeReason"] = execution.cancelled or execution.failure
        return {
            "QueryExecution": {
                **execution.asked,
                "QueryExecutionId": execution.id,
                "EngineVersion": ENGINE,
                "Status": status,
                "Statistics": {
                    "DataScannedInBytes": execution.scanned_until(now),
                    "QueryQueueTimeInMillis": milliseconds(min(until, execution.started) - execution.submitted),
                    "EngineExecutionTimeInMillis": milliseconds(until - execution.started),
                    "TotalExecutionTimeInMillis": milliseconds(until - execution.submitted),
                },
            }
        }

    def get_query_results(self, request: Request) -> dict[str, Any]:
        """Return one page of the rows of a query that succeeded; the first row of the first page has the names."""
        execution, asked = self._found(request), dict(request.parameters)
        state = execution.state(self._clock.now())
        if state in {"QUEUED", "RUNNING"}:
            raise AwsError("InvalidRequestException", f"Query has not yet finished. Current state: {state}")
        if state != "SUCCEEDED":
            message = f"Query did not finish successfully. Final query state: {state}"
            raise AwsError("InvalidRequestException", message)
        token, size = asked.pop("NextToken", None), asked.get("MaxResults", PAGE)
        if not 1 <= size <= PAGE:
            raise AwsError("InvalidRequestException", "MaxResults is more than maximum allowed length 1000")
        answer = execution.answer
        rows = [tuple(name for name, _ in answer.columns), *answer.rows] if answer else []
        try:
            page, following = page_of(rows, size, token, asked)
        except BadMarkerError:
            raise AwsError("InvalidRequestException", "Invalid NextToken") from None
        listed = [{"Data": [{"VarCharValue": value} if value is not None else {} for value in row]} for row in page]
        result = {"Rows": listed, "ResultSetMetadata": {"ColumnInfo": _column_info(answer) if answer else []}}
        return {"UpdateCount": 0, "ResultSet": result} | ({"NextToken": following} if following else {})

    def stop_query_execution(self, request: Request) -> dict[str, Any]:
        """Cancel a statement that has not ended."""
        self._found(request).stop(self._clock.now(), STOPPED)
        return {}

    def _found(self, request: Request) -> Execution:
        name = request.parameters["QueryExecutionId"]
        if name not in self._executions:
            raise AwsError("InvalidRequestException", f"QueryExecution {name} was not found")
        return self._executions[name]


def _results(asked: Mapping[str, Any], settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return where the result of a statement goes. Raises AwsError when nobody says so."""
    if settings.get("ManagedQueryResultsConfiguration", {}).get("Enabled"):
        return {"ManagedQueryResultsConfiguration": settings["ManagedQueryResultsConfiguration"]}
    own, given = settings.get("ResultConfiguration", {}), asked.get("ResultConfiguration", {})
    chosen = own if settings["EnforceWorkGroupConfiguration"] else own | given
    if not chosen.get("OutputLocation"):
        raise AwsError("InvalidRequestException", NO_LOCATION)
    return {"ResultConfiguration": {**chosen, "OutputLocation": f"{chosen['OutputLocation'].rstrip('/')}/{name}.csv"}}


def _column_info(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": name,
            "Label": name,
            "Type": kind,
            "Precision": _PRECISIONS.get(kind, 0),
            "Scale": 0,
            "Nullable": "UNKNOWN",
            "CaseSensitive": kind == "varchar",
        }
        for name, kind in answer.columns
    ]
