"""Run one statement in CloudTrail Lake, in an event data store that is there already.

Lake takes no new customers since 2026-05-31, so this is for those who have a store:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-lake-service-availability-change.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fluo_audit.aws.clock import Clock
from fluo_audit.aws.door import Reader
from fluo_audit.aws.scan import (
    LAKE_PRICE,
    Answered,
    Estimate,
    Progress,
    ScanPrice,
    State,
    failed,
    require_within,
    stopped_if_left,
    typed_rows,
    wait_for_end,
)

ROWS_A_PAGE = 1000
_START, _RESULTS, _LIST = "cloudtrail:StartQuery", "cloudtrail:GetQueryResults", "cloudtrail:ListEventDataStores"


@dataclass(frozen=True, slots=True)
class EventDataStore:
    """An event data store. Its id, the last part of the ARN, is what statements name after FROM."""

    arn: str
    name: str
    retention_days: int | None

    @property
    def id(self) -> str:
        """Return the id."""
        return self.arn.rpartition("/")[2]


def find_store(read: Reader, region: str, wanted: str = "") -> EventDataStore:
    """Return the store that takes in every management event of a Region, or the `wanted` one (name, id or ARN).

    Raises ReadError when there is none, and when there are several and none is wanted: the message names them.
    """
    listed = read.pages(
        "cloudtrail", "ListEventDataStores", "EventDataStores", each=("EventDataStoreArn", "Name"), region=region
    )
    stores = [EventDataStore(each["EventDataStoreArn"], each["Name"], None) for each in listed]
    if wanted:
        stores = [store for store in stores if wanted in {store.name, store.id, store.arn}]
    # What the list says beside ARN and name is deprecated and may be absent.
    found = [store for store in (_usable(read, region, each, bool(wanted)) for each in stores) if store]
    if not found:
        message = f"{wanted} is not an enabled event data store" if wanted else _NONE
        raise failed(read, _LIST, "no event data store", message, "read the log files with --events-from s3")
    if len(found) > 1:
        message = ", ".join(sorted(f"{store.name} ({store.id})" for store in found))
        raise failed(read, _LIST, "several event data stores", message, "name one of them")
    return found[0]


_NONE = "no enabled event data store takes in every management event of this Region"


def _usable(read: Reader, region: str, listed: EventDataStore, wanted: bool) -> EventDataStore | None:  # noqa: FBT001, private
    """Return the store with its details; None when it is not enabled, or not `wanted` and too narrow."""
    store = read.call("cloudtrail", "GetEventDataStore", ("Status",), region, EventDataStore=listed.arn)
    covers = store.get("MultiRegionEnabled") or listed.arn.split(":")[3] == region
    whole = covers and any(map(_takes_all_management, store.get("AdvancedEventSelectors", ())))
    if store["Status"] != "ENABLED" or not (whole or wanted):
        return None
    return EventDataStore(listed.arn, listed.name, store.get("RetentionPeriod"))


def _takes_all_management(selector: Mapping[str, Any]) -> bool:
    """Return whether a selector has the one condition that the event is a management event: a second one narrows it."""
    return [(each.get("Field"), each.get("Equals")) for each in selector.get("FieldSelectors", ())] == [
        ("eventCategory", ["Management"])
    ]


@dataclass(frozen=True, slots=True)
class LakeAsked:
    """A statement and how much it may scan."""

    text: str
    columns: Mapping[str, str]
    """Column -> kind, as in `fluo_audit.model.sources`."""
    limit: int
    """Bytes that it may scan."""
    expected: Estimate | None = None
    """None when nobody knows: AWS tells the size of no store. Then the limit holds while the statement runs."""
    region: str = ""
    price: ScanPrice = LAKE_PRICE


def run_lake(read: Reader, asked: LakeAsked, clock: Clock, progress: Progress) -> Answered:
    """Return the rows of a statement, the bytes it scanned and their price.

    Raises ScanLimitError before anything is sent when more than the limit is expected, and ReadError for a statement
    that gave no rows.
    """
    if asked.expected is not None:
        require_within(asked.expected, asked.limit, "the limit")
    started = read.call("cloudtrail", "StartQuery", ("QueryId",), asked.region, QueryStatement=asked.text)
    id_ = started["QueryId"]
    with stopped_if_left(lambda: read.call("cloudtrail", "CancelQuery", (), asked.region, QueryId=id_)):
        end = wait_for_end(read, _START, _states(read, asked, id_), limit=asked.limit, clock=clock, progress=progress)
    if end.name != "FINISHED":
        raise failed(read, _START, end.name.lower().replace("_", " "), end.reason, "collect again")
    if end.scanned is None:
        raise read.malformed(_START, "a statement that finished without the bytes it scanned")
    rows = typed_rows(read, _RESULTS, asked.columns, _rows(read, asked, id_))
    return Answered(rows, end.scanned, asked.price.of(end.scanned), id_)


def _states(read: Reader, asked: LakeAsked, id_: str) -> Iterator[State]:
    for answer in read.repeat("cloudtrail", "DescribeQuery", ("QueryStatus",), asked.region, QueryId=id_):
        scanned = answer.get("QueryStatistics", {}).get("BytesScanned")
        yield State(answer["QueryStatus"], scanned, answer.get("ErrorMessage", ""))


def _rows(read: Reader, asked: LakeAsked, id_: str) -> Iterator[dict[str, str | None]]:
    """Give the rows of all pages. Lake gives a row as a list of objects with one column each."""
    missing = dict.fromkeys(asked.columns)  # a column may be left out where it has no value
    listed = read.pages(
        "cloudtrail",
        "GetQueryResults",
        "QueryResultRows",
        region=asked.region,
        QueryId=id_,
        MaxQueryResults=ROWS_A_PAGE,
    )
    for row in listed:
        yield {**missing, **{name: text for column in row for name, text in column.items()}}
