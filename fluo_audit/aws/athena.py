"""Run one statement in Athena: price and limit first, then start, wait, and read the rows.

https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fluo_audit.aws.clock import Clock
from fluo_audit.aws.door import Reader, timestamp
from fluo_audit.aws.scan import (
    ATHENA_PRICE,
    Answered,
    Estimate,
    Progress,
    ScanPrice,
    State,
    failed,
    require_columns,
    require_within,
    stopped_if_left,
    typed_rows,
    wait_for_end,
)

ROWS_A_PAGE = 1000
_START, _RESULTS = "athena:StartQueryExecution", "athena:GetQueryResults"


@dataclass(frozen=True, slots=True)
class AthenaAsked:
    """A statement, where to run it, and how much it may scan."""

    text: str
    columns: Mapping[str, str]
    """Column -> kind, as in `fluo_audit.model.sources`. Empty for a statement that gives no rows, such as DDL."""
    database: str
    as_of: datetime
    """The moment of the collection: the same statement of one collection is run once, however often it is sent."""
    expected: Estimate
    limit: int
    """Bytes that it may scan."""
    workgroup: str = "primary"
    output: str = ""
    """s3:// location of the result, for a workgroup that has none of its own."""
    region: str = ""
    price: ScanPrice = ATHENA_PRICE


def run_athena(read: Reader, asked: AthenaAsked, clock: Clock, progress: Progress) -> Answered:
    """Return the rows of a statement, the bytes it scanned and their price.

    Raises ScanLimitError before anything is started when more than the limit of the user or of the workgroup would be
    scanned, and ReadError for a statement that gave no rows.
    """
    require_within(asked.expected, asked.limit, "the limit")
    location = _output_of(read, asked)
    started = read.call(
        "athena", "StartQueryExecution", ("QueryExecutionId",), asked.region, **_request(asked, location)
    )
    id_ = started["QueryExecutionId"]
    with stopped_if_left(lambda: read.call("athena", "StopQueryExecution", (), asked.region, QueryExecutionId=id_)):
        end = wait_for_end(read, _START, _states(read, asked, id_), limit=asked.limit, clock=clock, progress=progress)
    if end.name != "SUCCEEDED":
        raise failed(read, _START, end.name.lower(), end.reason, _REMEDY)
    if end.scanned is None:
        raise read.malformed(_START, "a statement that succeeded without the bytes it scanned")
    rows = typed_rows(read, _RESULTS, asked.columns, _rows(read, asked, id_)) if asked.columns else []
    return Answered(rows, end.scanned, _usd(asked, end.scanned), id_)


_REMEDY = "create the table again, or grant the caller what the message names, and collect again"


def _usd(asked: AthenaAsked, scanned: int) -> Decimal:
    return asked.price.of(scanned) if asked.columns else Decimal(0)  # DDL is free


def _output_of(read: Reader, asked: AthenaAsked) -> str:
    """Return where this statement has to put its result, empty when the workgroup decides. Raises ScanLimitError."""
    group = read.call("athena", "GetWorkGroup", ("WorkGroup.Configuration",), asked.region, WorkGroup=asked.workgroup)
    settings = group["WorkGroup"]["Configuration"]
    cutoff = settings.get("BytesScannedCutoffPerQuery")
    if cutoff is not None:
        require_within(asked.expected, cutoff, f"the limit of the workgroup {asked.workgroup}")
    if group["WorkGroup"].get("State") == "DISABLED":
        raise failed(read, _START, "workgroup disabled", asked.workgroup, "enable it, or name another workgroup")
    managed = settings.get("ManagedQueryResultsConfiguration", {}).get("Enabled", False)
    if managed or settings.get("ResultConfiguration", {}).get("OutputLocation"):
        return ""
    if not asked.output:
        message = f"the workgroup {asked.workgroup} has no output location, and none was given"
        raise failed(read, _START, "no place for the result", message, "set the output location of the workgroup")
    return asked.output


def _request(asked: AthenaAsked, location: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "QueryString": asked.text,
        "QueryExecutionContext": {"Database": asked.database},
        "WorkGroup": asked.workgroup,
    }
    if location:
        request["ResultConfiguration"] = {"OutputLocation": location}
    # Athena answers a token it knows with the statement it stands for, and refuses it for any other.
    named = json.dumps([request, asked.region, timestamp(asked.as_of)], sort_keys=True)
    return {**request, "ClientRequestToken": hashlib.sha256(named.encode()).hexdigest()}


def _states(read: Reader, asked: AthenaAsked, id_: str) -> Iterator[State]:
    expect = ("QueryExecution.Status.State",)
    for answer in read.repeat("athena", "GetQueryExecution", expect, asked.region, QueryExecutionId=id_):
        execution = answer["QueryExecution"]
        status = execution["Status"]
        scanned = execution.get("Statistics", {}).get("DataScannedInBytes")
        yield State(status["State"], scanned, status.get("StateChangeReason", ""))


def _rows(read: Reader, asked: AthenaAsked, id_: str) -> Iterator[dict[str, str | None]]:
    """Give the rows of all pages. The first row of the first page is the header."""
    expect = ("ResultSet.Rows", "ResultSet.ResultSetMetadata.ColumnInfo")
    pages = read.answers(
        "athena", "GetQueryResults", expect, region=asked.region, QueryExecutionId=id_, MaxResults=ROWS_A_PAGE
    )
    for number, page in enumerate(pages):
        names = [column.get("Name", "") for column in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
        require_columns(read, _RESULTS, names, asked.columns)
        rows = [[value.get("VarCharValue") for value in row.get("Data", ())] for row in page["ResultSet"]["Rows"]]
        if number == 0 and rows[:1] != [names]:
            raise read.malformed(_RESULTS, "the rows do not begin with the names of the columns")
        for row in rows[1:] if number == 0 else rows:
            if len(row) != len(names):
                raise read.malformed(_RESULTS, f"a row of {len(row)} values in {len(names)} columns")
            yield dict(zip(names, row, strict=True))
