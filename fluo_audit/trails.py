"""Validate the log files of a trail, and look into the events store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fluo_audit.aws.door import Door, Reader, ReadError
from fluo_audit.aws.objects import ObjectError, Objects
from fluo_audit.aws.permissions import iam_action
from fluo_audit.collect.cloudtrail import list_trails
from fluo_audit.collect.trail_logs import choose_trail, keys_of, trail_changes, trail_of
from fluo_audit.errors import CredentialsError, ReadFailedError, UsageError
from fluo_audit.events.athena_sql import AthenaTable, database_ddl, table_ddl
from fluo_audit.events.digests import PublicKeys
from fluo_audit.events.integrity import verify_trail
from fluo_audit.events.store import Partition, SourceStore, sources

if TYPE_CHECKING:
    from fluo_audit.collect.job import Progress
    from fluo_audit.model.integrity import TrailIntegrity
    from fluo_audit.model.scope import Period
    from fluo_audit.pipeline import Account


@dataclass(frozen=True, slots=True)
class TrailAsked:
    """Which trail to validate, over which period; empty text is every one, or the one that there is."""

    period: Period
    trail: str = ""
    account: str = ""
    region: str = ""


def validate_trail(account: Account, asked: TrailAsked, progress: Progress) -> TrailIntegrity:
    """Return the validation of a trail's log files. Nothing is kept.

    Raises ReadFailedError when the trail cannot be read.
    """
    read = Door(account.transport, account.region).reader("trail")
    now = account.clock.now()
    period = asked.period.overlap(asked.period.start, now)
    if period is None:
        raise UsageError(f"{asked.period.label}: has not begun", "give a period in the past")
    with _readable():
        row = choose_trail(read, list_trails(read), asked.trail, asked.region or account.region)
        objects = _bucket(account, row["bucket"])
        trail = trail_of(objects, row)
        changes = trail_changes(read, trail.arn, period)
        return verify_trail(
            objects, trail, period, lambda region: _keys(read, region, period, now), now,
            only_account=asked.account, only_region=asked.region, changes=changes,
            progress=lambda what, done, every: progress.update(what, f"{done:,} of {every:,} log files"),
        )  # fmt: skip


def _keys(read: Reader, region: str, period: Period, now: datetime) -> PublicKeys:
    """Return the keys of a Region. Where they are not told, nothing is judged there; other Regions are."""
    try:
        return keys_of(read, region, period, now)
    except ReadError as error:
        missing = error.missing
        return PublicKeys({}, f"{missing.operation}: {missing.reason}: {missing.message}")


def table_statements(account: Account, trail: str) -> tuple[str, ...]:
    """Return the statements that make Athena's database and table over a trail's log files.

    Raises ReadFailedError when the trail cannot be read.
    """
    read = Door(account.transport, account.region).reader("trail")
    with _readable():
        row = choose_trail(read, list_trails(read), trail, account.region)
        found = trail_of(_bucket(account, row["bucket"]), row)
    made = AthenaTable.of_trail(found.name)
    return database_ddl(made), table_ddl(made, found.place)


def _bucket(account: Account, name: str) -> Objects:
    if account.objects is None:
        raise CredentialsError("no AWS credentials were found", "set AWS_PROFILE or --profile; --demo needs none")
    return account.objects(name)


@contextmanager
def _readable() -> Iterator[None]:
    """Turn a read that failed into the error of a command that has nothing to say without it."""
    try:
        yield
    except ReadError as error:
        missing = error.missing
        raise ReadFailedError(f"{missing.operation}: {missing.reason}: {missing.message}", missing.remedy) from error
    except ObjectError as error:
        raise ReadFailedError(str(error), f"grant {iam_action(error.api)} on the trail's bucket") from error


def integrity_document(result: TrailIntegrity) -> dict[str, Any]:
    """Return the result of a validation as JSON values."""
    document: dict[str, Any] = msgspec.to_builtins(result)
    return document


def store_content(root: Path) -> tuple[Mapping[str, Any], ...]:
    """Return what a store holds: one row for each source, account and Region.

    Columns: source, account, region, first_day, last_day, days, log_files, events, bytes, validated (the period that
    validation last spoke about, and its verdict).
    """
    rows = []
    for source in sources(root):
        for _, group in groupby(source.partitions(), key=lambda each: (each.account, each.region)):
            rows.append(_row(source, list(group)))
    return tuple(rows)


def _row(source: SourceStore, partitions: Sequence[Partition]) -> dict[str, Any]:
    first, last = partitions[0], partitions[-1]
    pieces = [piece for partition in partitions for piece in source.pieces(partition)]
    noted = [each for each in source.coverage() if (each.account, each.region) == (first.account, first.region)]
    return {
        "source": f"{source.bucket}/{source.prefix}".rstrip("/"),
        "account": first.account,
        "region": first.region,
        "first_day": str(first.day),
        "last_day": str(last.day),
        "days": len(partitions),
        "log_files": sum(len(piece.objects) for piece in pieces),
        "events": sum(piece.rows - len(piece.repeated) for piece in pieces),
        "bytes": sum(source.size(partition) for partition in partitions),
        "validated": f"{noted[-1].start[:10]} to {noted[-1].end[:10]}: {noted[-1].integrity}" if noted else "no",
    }


def prune_store(root: Path, before: date) -> tuple[str, ...]:
    """Remove the days before a day from a store, and name them."""
    return tuple(
        f"{source.bucket} {partition.account} {partition.region} {partition.day}"
        for source in sources(root)
        for partition in source.prune(before)
    )
