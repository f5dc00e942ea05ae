"""The events of the key by a query that AWS carries out over log files: in Athena, or in CloudTrail Lake."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluo_audit.aws.athena import AthenaAsked, run_athena
from fluo_audit.aws.door import Reader
from fluo_audit.aws.lake import LakeAsked, find_store, run_lake
from fluo_audit.aws.scan import ATHENA_PRICE, Estimate, estimate, in_bytes
from fluo_audit.collect.job import Facts, Job, need
from fluo_audit.collect.periods import future_gap
from fluo_audit.collect.trail_events import events_fact, read_through
from fluo_audit.collect.trail_logs import TrailLogs, choose_trail, delivered, trail_of, with_logs
from fluo_audit.errors import UsageError
from fluo_audit.events.athena_sql import AthenaPlace, AthenaTable, athena_text
from fluo_audit.events.lake_sql import lake_text
from fluo_audit.events.object_names import log_prefix
from fluo_audit.events.queries import Query, events_of_key
from fluo_audit.model.evidence import Have
from fluo_audit.model.scope import Scope
from fluo_audit.model.sources import TRAILS

if TYPE_CHECKING:
    import pandas as pd

    from fluo_audit.aws.scan import Answered

GIGABYTE = 10**9


def from_athena(read: Reader, job: Job, facts: Facts) -> Have[pd.DataFrame]:
    """The events of the key by a query of Athena over a trail's log files. Its price is known before it is sent."""
    scope, asked = job.scope, job.events
    if not asked.athena_table:
        raise UsageError(
            "Athena needs the table over the trail's log files",
            "name it with --athena-table; `fluo-audit trail table` prints the statement that makes it",
        )
    row = choose_trail(read, need(facts, TRAILS), asked.trail, scope.region)

    def sizes(logs: TrailLogs) -> bytes:
        objects = logs.objects(row["bucket"])
        trail = trail_of(objects, row)
        days = delivered(scope).days
        infos = [i for day in days for i in objects.list(log_prefix(trail.place, scope.account, scope.region, day))]
        return json.dumps({"objects": len(infos), "bytes": estimate(infos).scanned}).encode()

    body = read.attach("s3", "LogFileSizes", lambda: with_logs(job, sizes), trail=row["trail_arn"])
    scanned = json.loads(body)["bytes"]
    expected = Estimate(scanned, ATHENA_PRICE.of(scanned))
    job.progress.update(read.source, f"Athena will scan about {in_bytes(expected.scanned)}, for ${expected.usd:.4f}")
    table = AthenaTable.parse(asked.athena_table)
    bill: list[Answered] = []

    def ask(query: Query) -> list[dict[str, Any]]:
        statement = AthenaAsked(
            text=athena_text(query.text, AthenaPlace(table), scope),
            columns=query.source.columns or {},
            database=table.database,
            as_of=scope.as_of,
            expected=expected,
            limit=asked.max_scan_gb * GIGABYTE,
            workgroup=asked.athena_workgroup,
        )
        bill.append(run_athena(read, statement, job.clock, _told(read, job, "Athena")))
        return bill[-1].rows

    beside = f"about {in_bytes(expected.scanned)} a query were expected"
    return _answered(read, scope, events_of_key(ask), bill, f"Athena: {{}}; {beside}")


def from_lake(read: Reader, job: Job, _: Facts) -> Have[pd.DataFrame]:
    """The events of the key by a query of a CloudTrail Lake event data store that is there already."""
    scope = job.scope
    store = find_store(read, scope.region, job.events.lake_store)
    bill: list[Answered] = []

    def ask(query: Query) -> list[dict[str, Any]]:
        statement = LakeAsked(
            text=lake_text(query.text, store.id, scope),
            columns=query.source.columns or {},
            limit=job.events.max_scan_gb * GIGABYTE,
        )
        bill.append(run_lake(read, statement, job.clock, _told(read, job, "Lake")))
        return bill[-1].rows

    days = store.retention_days
    kept = f"the store keeps {days:,} days" if days else "how long the store keeps events is not known"
    return _answered(read, scope, events_of_key(ask), bill, f"CloudTrail Lake, {store.name}: {{}}; {kept}")


def _told(read: Reader, job: Job, who: str) -> Callable[[str, int], None]:
    return lambda state, scanned: job.progress.update(
        read.source, f"{who}: {state.lower()}, {in_bytes(scanned)} scanned"
    )


def _answered(
    read: Reader, scope: Scope, rows: list[dict[str, Any]], bill: list[Answered], remark: str
) -> Have[pd.DataFrame]:
    gaps = ["log files were not validated: a query does not look at digests", *future_gap(scope)]
    scanned, usd = sum(each.scanned_bytes for each in bill), sum(each.usd for each in bill)
    said = remark.format(f"{in_bytes(scanned)} scanned, ${usd:.4f}")
    return events_fact(read, scope, rows, gaps=gaps, remarks=[said], covered=read_through(scope))
