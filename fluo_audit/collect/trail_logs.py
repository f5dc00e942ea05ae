"""How log files come into the events store, and what validation says of them.

The log files themselves stay where they are: the evidence names each with the SHA-256 of its content, so that anybody
can fetch and compare.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fluo_audit.aws.door import NO_CREDENTIALS, AttachError, Failure, Reader, ReadError, timestamp
from fluo_audit.aws.folder import FolderObjects
from fluo_audit.aws.objects import ObjectError, ObjectInfo, Objects
from fluo_audit.collect.job import Facts, Job, need
from fluo_audit.errors import UsageError
from fluo_audit.events.coverage import TrailChange
from fluo_audit.events.digests import PublicKeys, public_keys
from fluo_audit.events.ingest import Ingested, ingest
from fluo_audit.events.integrity import verify_trail
from fluo_audit.events.log_hashes import LogHash, hash_logs
from fluo_audit.events.object_names import Kind, Trail, TrailPlace, log_prefix, parse
from fluo_audit.events.store import Collected, Partition, SourceStore
from fluo_audit.model.evidence import NOT_ASKED, Coverage, Have, Missing
from fluo_audit.model.integrity import IntegrityVerdict, TrailIntegrity
from fluo_audit.model.scope import Period, Scope
from fluo_audit.model.sources import TRAILS

if TYPE_CHECKING:
    from fluo_audit.collect.job import Progress

LATE = timedelta(hours=1)
"""Log files that were delivered this long after the period are read too, because their events may be of the period."""
UNDATED = Partition("unknown", "unknown", date(1970, 1, 1))
"""Where log files of a folder go whose names do not say where they are from."""
WORKERS = 32
AMBIGUOUS = "several organisations"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The log files of a key's account and Region, in the store."""

    store: SourceStore
    ingested: Ingested
    listed: frozenset[ObjectInfo]
    """What lies there now."""

    @property
    def replaced(self) -> tuple[str, ...]:
        """Return the log files that were read in an earlier run, and are gone or others since."""
        return tuple(each.key for each in self.ingested.objects if each.info not in self.listed)

    @property
    def hashes(self) -> dict[str, LogHash]:
        """Return the hash of the content of each log file that was read as it lies there now."""
        read = (each for each in self.ingested.objects if each.info in self.listed)
        return {each.key: each.sha256 for each in read if each.sha256}


@dataclass(slots=True)
class TrailLogs:
    """Reads log files of a bucket, or of a folder, into the store. Each source once in a run."""

    bucket: Callable[[str], Objects] | None
    """Gives a bucket of S3 by its name; None without credentials."""
    store: Path
    processes: int | None = None
    _done: dict[str, Gathered] = field(default_factory=dict)

    def objects(self, bucket: str) -> Objects:
        """Return a bucket of S3. Raises ObjectError without credentials."""
        if self.bucket is None:
            raise ObjectError("s3:ListObjectsV2", NO_CREDENTIALS, "nothing was sent: no AWS credentials were found")
        return self.bucket(bucket)

    def of_trail(self, trail: Trail, scope: Scope, period: Period, progress: Progress) -> Gathered:
        """Bring the trail's log files of the key's account and Region into the store. Raises ObjectError."""
        if trail.arn not in self._done:
            objects = self.objects(trail.place.bucket)
            days = [Partition(scope.account, scope.region, day) for day in period.days]
            listed = [(day, [i for i in self._list(objects, trail, day) if _is_log(i.key)]) for day in days]
            store = SourceStore(self.store, trail.place.bucket, trail.place.root)
            self._done[trail.arn] = self._gather(objects, store, listed, progress)
        return self._done[trail.arn]

    def of_folder(self, folder: Path, progress: Progress) -> Gathered:
        """Bring every log file of a folder into the store. Raises ObjectError, and UsageError when it holds none."""
        if str(folder) not in self._done:
            objects = FolderObjects(folder)
            listed: dict[Partition, list[ObjectInfo]] = {}
            for info in objects.list(""):
                if info.key.endswith((".json", ".json.gz")) and not _is_digest(info.key):
                    listed.setdefault(_partition(info.key), []).append(info)
            if not listed:
                raise UsageError(
                    f"{folder}: holds no .json or .json.gz file", "give the folder that holds the log files"
                )
            store = SourceStore(self.store, "folder", str(folder.resolve()))
            self._done[str(folder)] = self._gather(objects, store, list(listed.items()), progress)
        return self._done[str(folder)]

    def gathered(self) -> Gathered:
        """Return what was gathered last. Raises LookupError when nothing was."""
        return self._done[next(reversed(self._done))]

    def _list(self, objects: Objects, trail: Trail, day: Partition) -> Iterator[ObjectInfo]:
        return objects.list(log_prefix(trail.place, day.account, day.region, day.day))

    def _gather(
        self,
        objects: Objects,
        store: SourceStore,
        listed: Sequence[tuple[Partition, Sequence[ObjectInfo]]],
        progress: Progress,
    ) -> Gathered:
        def tell(done: int, every: int, events: int) -> None:
            progress.update("events", f"{done:,} of {every:,} new log files, {events:,} events")

        ingested = ingest(objects, store, listed, processes=self.processes, tell=tell)
        return Gathered(store, ingested, frozenset(info for _, infos in listed for info in infos))


def _is_log(key: str) -> bool:
    name = parse(key)
    return name is not None and name.kind is Kind.LOG


def _is_digest(key: str) -> bool:
    return "CloudTrail-Digest" in key


_FILE = re.compile(r"(?P<account>\d{12})_CloudTrail_(?P<region>[a-z0-9-]+)_(?P<day>\d{8})T\d{4}Z_", re.ASCII)


def _partition(key: str) -> Partition:
    """Return the partition that the name of a log file says, in whatever folder it lies."""
    found = _FILE.search(key)
    if found is None:
        return UNDATED
    try:
        day = datetime.strptime(found["day"], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return UNDATED
    return Partition(found["account"], found["region"], day)


# --- which trail ---------------------------------------------------------------------------------------------


def choose_trail(read: Reader, trails: Any, wanted: str, region: str) -> dict[str, Any]:
    """Return the row of TRAILS that is `wanted` by name or ARN, or one that covers the Region, validated ones first.

    Raises ReadError when there is none.
    """
    rows = [{k: None if v != v else v for k, v in row.items()} for row in trails.to_dict("records")]  # noqa: PLR0124, NaN
    rows = [row for row in rows if row["trail_arn"] and row["bucket"]]
    if wanted:
        rows = [row for row in rows if wanted in {row["name"], row["trail_arn"]}]
    else:
        rows = [row for row in rows if row["is_multi_region"] or row["home_region"] == region]
    if not rows:
        what = f"no trail is called {wanted}" if wanted else f"no trail delivers log files of {region}"
        missing = read.failed("cloudtrail:DescribeTrails", Failure("no trail", what)).missing
        remedy = "name one with --trail" if wanted else "create one: fluo-audit provision plan with enable_audit_trail"
        raise ReadError(Missing(missing.operation, missing.reason, missing.message, remedy, missing.proof))
    return min(rows, key=lambda row: (not row["log_file_validation"], not row["is_multi_region"], row["trail_arn"]))


def trail_of(objects: Objects, row: Mapping[str, Any]) -> Trail:
    """Return a trail with its place. Only the bucket knows the id of an organisation.

    Raises ObjectError, also when the bucket holds log files of several organisations.
    """
    place = TrailPlace(row["bucket"], row["prefix"] or "")
    if row["is_organization"]:
        found = [name for name in objects.folders(place.root) if name.startswith("o-")]
        if len(found) > 1:
            several = f"{', '.join(found)} lie below {place.root}: which is the organisation of the trail is not known"
            raise ObjectError("s3:ListObjectsV2", AMBIGUOUS, several)
        place = TrailPlace(place.bucket, place.prefix, found[0] if found else "")
    return Trail(row["trail_arn"], place, bool(row["is_multi_region"]))


def keys_of(read: Reader, region: str, period: Period, as_of: datetime) -> PublicKeys:
    """Return the keys that CloudTrail signs digests of a Region with (cloudtrail:ListPublicKeys). Raises ReadError.

    They reach to `as_of`, because a backfill digest is signed when it is made.
    """
    entries = read.pages(
        "cloudtrail", "ListPublicKeys", "PublicKeyList",
        region=region, StartTime=period.start - 2 * LATE, EndTime=as_of,
    )  # fmt: skip
    return public_keys(entries)


_CHANGES = ("StartLogging", "StopLogging", "UpdateTrail", "DeleteTrail")


def trail_changes(read: Reader, trail_arn: str, period: Period) -> tuple[TrailChange, ...]:
    """Return what was done to a trail in the period and of the last 90 days, by its home Region's Event history.

    It only explains gaps: what cannot be looked up explains none.
    """
    names = {trail_arn, trail_arn.rpartition("/")[2]}
    found = []
    for event_name in _CHANGES:
        try:
            found += [
                TrailChange(entry["EventTime"], event_name)
                for entry in read.pages(
                    "cloudtrail", "LookupEvents", "Events", region=trail_arn.split(":")[3],
                    LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": event_name}],
                    StartTime=period.start, EndTime=period.end, MaxResults=50,
                )
                if names & _named_trails(entry)
            ]  # fmt: skip
        except ReadError:
            return tuple(found)
    return tuple(found)


def _named_trails(entry: Mapping[str, Any]) -> set[str]:
    """Return the trails that an event is about, by name or ARN as the caller typed it."""
    try:
        asked = json.loads(entry.get("CloudTrailEvent", "")).get("requestParameters")
    except (ValueError, AttributeError, RecursionError):
        return set()
    return {asked["name"]} if isinstance(asked, dict) and isinstance(asked.get("name"), str) else set()


# --- validation ----------------------------------------------------------------------------------------------


def collect_trail_integrity(read: Reader, job: Job, facts: Facts) -> Have[TrailIntegrity]:
    """Validation of the log files of the key's account and Region, delivered in the period, against their digests."""
    if job.events_from != "s3":
        message = "digests are checked where events come from log files in S3"
        raise ReadError(Missing("cloudtrail:ListPublicKeys", NOT_ASKED, message, "collect with --events-from s3"))
    scope = job.scope
    row = choose_trail(read, need(facts, TRAILS), job.events.trail, scope.region)
    asked = scope.period.overlap(scope.period.start, scope.as_of)
    if asked is None:
        raise read.failed("cloudtrail:ListPublicKeys", Failure("future", "the period had not begun"))
    keys = keys_of(read, scope.region, asked, scope.as_of)
    changes = trail_changes(read, row["trail_arn"], asked)

    def validate(logs: TrailLogs) -> TrailIntegrity:
        objects = logs.objects(row["bucket"])
        trail = trail_of(objects, row)
        gathered = logs.of_trail(trail, scope, delivered(scope), job.progress)
        result = verify_trail(
            objects, trail, asked, lambda _region: keys, scope.as_of,
            expected=[(scope.account, scope.region)], only_account=scope.account, only_region=scope.region,
            changes=changes, hash_of=lambda wanted: _hashes(objects, gathered.hashes, wanted),
            progress=lambda what, done, every: job.progress.update(read.source, f"{what}: {done:,} of {every:,}"),
        )  # fmt: skip
        _note(gathered, result, scope)
        return result

    body = read.attach(
        "cloudtrail", "LogFileValidation", lambda: msgspec.json.encode(with_logs(job, validate)),
        trail=row["trail_arn"], account=scope.account, region=scope.region,
        start=timestamp(asked.start), end=timestamp(asked.end),
    )  # fmt: skip
    result = msgspec.json.decode(body, type=TrailIntegrity)
    return Have(result, read.proof, _coverage(result))


def with_logs(job: Job, work: Callable[[TrailLogs], Any]) -> Any:
    """Return what `work` makes of the log files; a bucket that cannot be read is a failed read. Raises AttachError."""
    if job.logs is None:
        raise AttachError(
            Failure("not collected", "log files are read while evidence is collected", api="s3:GetObject")
        )
    try:
        return work(job.logs)
    except ObjectError as error:
        raise AttachError(Failure(error.code, error.message, api=error.api)) from error


def delivered(scope: Scope) -> Period:
    """Return the time of delivery of the log files that are read."""
    start, end = scope.period.start, min(scope.period.end + LATE, scope.as_of)
    return Period(start, max(end, start + timedelta(seconds=1)))


def _hashes(objects: Objects, known: Mapping[str, LogHash], wanted: Sequence[str]) -> dict[str, LogHash]:
    """Return the hashes of log files: those that were taken while they were read, and of the rest by reading them."""
    found = {key: known[key] for key in wanted if key in known}
    return found | hash_logs(objects, [key for key in wanted if key not in found], WORKERS)


def _note(gathered: Gathered, result: TrailIntegrity, scope: Scope) -> None:
    """Write into the store's ledger what was collected."""
    gathered.store.note(
        Collected(
            account=scope.account,
            region=scope.region,
            start=timestamp(result.period.start),
            end=timestamp(result.period.end),
            source=f"s3://{result.bucket}",
            collected_at=timestamp(scope.as_of),
            integrity=result.verdict,
            objects=len(gathered.ingested.objects),
            events=sum(piece.rows - len(piece.repeated) for piece in gathered.ingested.pieces),
        )
    )


def _coverage(result: TrailIntegrity) -> Coverage:
    """State what validation covered. Whatever keeps it from VERIFIED is a gap."""
    counts = result.counts
    gaps = [f"{gap.period.label} UTC: {gap.cause}" for gap in result.gaps]
    kinds = dict.fromkeys(problem.kind for problem in result.problems)
    gaps += [f"{sum(p.kind == kind for p in result.problems):,} times {kind}" for kind in kinds]
    if result.verdict is not IntegrityVerdict.VERIFIED and not gaps:
        gaps.append(f"validation ended {result.verdict}")
    remark = (
        f"{counts.digests_valid:,} of {counts.digests_found:,} digests valid, {counts.logs_valid:,} log files unchanged"
    )
    return Coverage(
        asked=result.period.label,
        covered=result.period.label if not gaps else f"{result.verdict}",
        records=counts.digests_found + counts.logs_found,
        gaps=tuple(gaps),
        remarks=(remark, *result.remarks),
        period=result.period,
    )
