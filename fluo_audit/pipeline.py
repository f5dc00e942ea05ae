"""The stages in order: open the account, find the key, collect, judge, render, write. Nothing else sees them all."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fluo_audit import __version__
from fluo_audit.aws.clock import Clock, SystemClock
from fluo_audit.aws.door import Door, Transport
from fluo_audit.aws.live import LiveTransport, OfflineTransport
from fluo_audit.aws.objects import Objects
from fluo_audit.aws.permissions import ATHENA_CALLS, FIND_READS, LAKE_CALLS, READS
from fluo_audit.aws.probe import ProbeDoor
from fluo_audit.aws.replay import ReplayTransport
from fluo_audit.aws.s3 import S3Objects
from fluo_audit.aws.session import has_credentials, open_session, region_of_session
from fluo_audit.aws.snapshot import Snapshot, record
from fluo_audit.bundle.write import Written, write_bundle
from fluo_audit.collect.all import collect
from fluo_audit.collect.job import Job, Progress
from fluo_audit.collect.trail_logs import TrailLogs
from fluo_audit.errors import CredentialsError, UsageError
from fluo_audit.evaluate.controls import framework_ids, select
from fluo_audit.evaluate.report import Evidence, build_report
from fluo_audit.frameworks.load import FrameworkMapping, load_frameworks
from fluo_audit.model import sources
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import Fact, Source
from fluo_audit.model.report import Report
from fluo_audit.model.scope import Period, Scope
from fluo_audit.provision.files.key_files import read_names
from fluo_audit.provision.find import FoundKey, find_key, find_unasked
from fluo_audit.provision.key_name import KeyName, names_in, region_named, region_of
from fluo_audit.runbook.backend import Backend
from fluo_audit.runbook.validate import Probing
from fluo_audit.settings import EventSettings, Settings, settings_of
from fluo_audit.storage import safe_name

if TYPE_CHECKING:
    from fluo_audit.sandbox.account import SimulatedAccount

FORMATS = ("html", "pdf", "json")
HOUR = timedelta(hours=1)
TOOL = f"fluo-audit {__version__}"


@dataclass(frozen=True, slots=True)
class Account:
    """An open account: how to ask it, what time it is there, and the settings that speak about it."""

    transport: Transport
    clock: Clock
    region: str
    settings: Settings
    sample: bool
    offline: bool
    names: tuple[KeyName, ...] = ()
    """What the files that the settings name call the key."""
    backend: Callable[[], AbstractContextManager[str]] | None = None
    """How to start the backend of a simulated account: it gives the URL."""
    objects: Callable[[str], Objects] | None = None
    """Gives a bucket by its name; None without credentials."""


@contextmanager
def open_account(
    settings: Settings, *, endpoint_url: str | None, demo: bool, offline_ok: bool, demo_role: str = ""
) -> Iterator[Account]:
    """Yield the account that the settings name, or the simulated one, asked as `demo_role` or as the audit's role.

    Without credentials: an account that answers nothing if `offline_ok`, otherwise CredentialsError.
    """
    names = _names_in_files(settings)
    if demo:
        with _simulated(settings, names, demo_role) as account:
            yield account
        return
    of_key = region_of(settings.key)
    if settings.region and of_key and settings.region != of_key:
        raise UsageError(
            f"--region {settings.region}, but the key lives in {of_key}: {settings.key}", "leave out --region"
        )
    session = open_session(settings.profile, of_key or settings.region or region_named(names))
    region = region_of_session(session)
    names = names_in(region, names)
    clock = SystemClock()
    if has_credentials(session):
        live = LiveTransport(session, clock, endpoint_url)
        yield Account(
            live, clock, region, settings, sample=False, offline=False, names=names,
            objects=lambda bucket: S3Objects(session, bucket, clock, endpoint_url=endpoint_url),
        )  # fmt: skip
    elif offline_ok:
        yield Account(OfflineTransport(clock), clock, region, settings, sample=False, offline=True, names=names)
    else:
        raise CredentialsError(
            "no AWS credentials were found", "set AWS_PROFILE or --profile, or run `aws configure`; --demo needs none"
        )


def sample_settings() -> Settings:
    """Return what fluo-audit.toml would say about the simulated account."""
    from fluo_audit.sandbox.sample_settings import SAMPLE_SETTINGS

    return settings_of(SAMPLE_SETTINGS, "the sample settings")


def _names_in_files(settings: Settings) -> tuple[KeyName, ...]:
    return read_names(
        terraform_output=settings.terraform_output,
        tfstate=settings.tfstate,
        properties=settings.properties,
        environment=settings.environment,
    )


@contextmanager
def _simulated(settings: Settings, names: tuple[KeyName, ...], role: str) -> Iterator[Account]:
    try:
        from fluo_audit.sandbox.account import SimulatedAccount
    except ImportError as error:
        raise UsageError(
            f"--demo needs the simulated account: {error}", "install it: pip install 'fluo-audit[sandbox]'"
        ) from error
    with SimulatedAccount() as simulated:
        session = simulated.session_as(role) if role else simulated.session
        transport = LiveTransport(session, simulated.clock)
        region = region_of(settings.key) or settings.region or region_named(names) or simulated.session.region_name
        names = names_in(region, names)
        backend = partial(_simulated_backend, simulated)
        yield Account(
            transport, simulated.clock, region, settings, sample=True, offline=False, names=names, backend=backend,
            objects=lambda bucket: S3Objects(session, bucket, simulated.clock),
        )  # fmt: skip


@contextmanager
def _simulated_backend(simulated: SimulatedAccount) -> Iterator[str]:
    from fluo_audit.sandbox.backend import BackendServer, BackendState, serving
    from fluo_audit.sandbox.identities import BACKEND

    kms = simulated.session_as(BACKEND).client("kms")
    server = BackendServer(BackendState(key=simulated.truth.key_arn), kms, monotonic=simulated.clock.monotonic)
    with serving(server):
        yield server.url


def resolve_key(account: Account) -> FoundKey:
    """Return the key that the settings mean, and the files they name."""
    settings = account.settings
    if account.offline:
        return find_unasked(account.region, settings.key, settings.environment, account.names)
    read = Door(account.transport, account.region, FIND_READS).reader("find")
    return find_key(read, account.region, settings.key, settings.environment, account.names)


def look_at(account: Account, found: FoundKey) -> dict[str, Fact[Any]]:
    """Return what the key is and how it rotates, without keeping evidence."""
    return facts_now(account, found, (sources.KEY, sources.ROTATION, sources.ROTATIONS))


def facts_now(
    account: Account, found: FoundKey, only: Collection[Source[Any]], back: timedelta = HOUR
) -> dict[str, Fact[Any]]:
    """Return some sources as they are now, without keeping evidence; those with a period reach `back` that far."""
    return collect(Door(account.transport, found.region), job_now(account, found, back), only=only)


def job_now(account: Account, found: FoundKey, back: timedelta = HOUR) -> Job:
    """Return what collectors are told to see the key as it is now."""
    now, settings = account.clock.now(), account.settings
    scope = Scope(
        found.account, found.region, found.arn, Period(now - back, now), now, environment=settings.environment
    )
    return Job(scope, settings.baseline)


def criteria_now(account: Account, found: FoundKey, back: timedelta = HOUR) -> Criteria:
    """Return what facts of now are compared with."""
    job = job_now(account, found, back)
    return Criteria(job.scope, job.baseline)


def probing(account: Account, found: FoundKey, *, dry_run: bool) -> Probing:
    """Return everything that validation asks AWS with."""
    door, probe = Door(account.transport, found.region), ProbeDoor(account.transport, found.region)
    return Probing(door, job_now(account, found), probe, account.clock, dry_run)


@contextmanager
def open_backend(url: str, token: str, account: Account | None = None) -> Iterator[Backend | None]:
    """Yield the backend at `url`; without one that of the simulated account, and otherwise None."""
    if not url and account is not None and account.backend is not None:
        with account.backend() as simulated:
            yield Backend(simulated)
        return
    yield Backend(url, token) if url else None


def period_of(last: str, first: date | None, until: date | None, as_of: datetime) -> Period:
    """Return the period of `--last 90d`, or of `--from` and `--to` (the day after the last one).

    "Last" ends one full hour before now, so that CloudTrail has delivered, and starts two hours inside the days asked
    for, so that a long read of Event history does not lose its oldest page to the 90 days that move on meanwhile.
    """
    try:
        if first and until:
            return Period.of_days(first, until)
        if first or until:
            raise UsageError("--from and --to belong together", "give both, or --last 90d")
        days = _days(last)
        hour = as_of.replace(minute=0, second=0, microsecond=0)
        return Period(hour - timedelta(days=days) + 2 * HOUR, hour - HOUR)
    except ValueError as error:
        raise UsageError(str(error), "the day given with --to is not part of the period") from error


def _days(last: str) -> int:
    number = last.removesuffix("d")
    if not last.endswith("d") or not number.isdecimal() or not 1 <= int(number) <= 3660:  # noqa: PLR2004, ten years
        raise UsageError(f"--last {last}: not a number of days", "write it like 90d")
    return int(number)


def collect_snapshot(
    account: Account, found: FoundKey, period: Period, events: EventSettings, progress: Progress
) -> Snapshot:
    """Read every source and return what came back. Only reads are sent, and what a query of events needs."""
    settings = account.settings
    scope = Scope(
        account=found.account,
        region=found.region,
        key_arn=found.arn,
        period=period,
        as_of=account.clock.now().replace(microsecond=0),
        entity=settings.entity,
        environment=settings.environment,
        sample=account.sample,
    )
    door = Door(account.transport, found.region, READS | QUERY_CALLS.get(events.source, frozenset()))
    with store_for(account, events) as store:
        logs = TrailLogs(account.objects, store)
        collect(door, Job(scope, settings.baseline, events, progress, logs, account.clock))
    return record(scope, settings.baseline, events, door.exchanges)


QUERY_CALLS = {"athena": ATHENA_CALLS, "lake": LAKE_CALLS}
SOURCES = ("lookup", "s3", "athena", "lake")


def is_folder(events: EventSettings) -> bool:
    """Return whether events come from a folder, for which nobody needs credentials."""
    return events.source not in SOURCES


def store_of(events: EventSettings) -> Path:
    """Return the folder in which events are kept between runs."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(events.store) if events.store else Path(data) / "fluo-audit" / "events"


@contextmanager
def store_for(account: Account, events: EventSettings) -> Iterator[Path]:
    """Yield the folder for events: unless it was named, one that vanishes for a simulated account or a local folder."""
    if events.store or not (account.sample or is_folder(events)):
        yield store_of(events)
        return
    with TemporaryDirectory(prefix="fluo-audit-") as folder:
        yield Path(folder)


def facts_of(snapshot: Snapshot) -> dict[str, Fact[Any]]:
    """Return the facts of a snapshot: the collectors run again, over the recorded answers."""
    transport = ReplayTransport((s.call, s.headers, s.body) for s in snapshot.stored)
    job = Job(snapshot.scope, snapshot.baseline, snapshot.events)
    allowed = READS | QUERY_CALLS.get(snapshot.events.source, frozenset())
    return collect(Door(transport, snapshot.scope.region, allowed), job)


def report_of(snapshot: Snapshot, frameworks: Sequence[FrameworkMapping]) -> Report:
    """Return the report about a snapshot."""
    framework_ids(snapshot.baseline.applies, load_frameworks())  # a misspelt declaration is an error, not silence
    evidence = Evidence(
        scope=snapshot.scope,
        baseline=snapshot.baseline,
        facts=facts_of(snapshot),
        calls=tuple(stored.call for stored in snapshot.stored),
        snapshot_sha256=snapshot.sha256,
        tool=TOOL if snapshot.tool == TOOL else f"{TOOL}, collected with {snapshot.tool}",
        events_from=snapshot.events.source,
    )
    return build_report(evidence, frameworks)


def chosen_formats(names: str) -> tuple[str, ...]:
    """Return the formats named like "html,pdf"."""
    wanted = tuple(dict.fromkeys(name.strip().lower() for name in names.split(",")))
    for name in wanted:
        if name not in FORMATS:
            raise UsageError(f"--format {name}: not a format", f"choose of {', '.join(FORMATS)}")
    return wanted


def chosen_frameworks(names: str) -> tuple[FrameworkMapping, ...]:
    """Return the frameworks named like "soc2,hipaa,pci"; all of them for empty text."""
    known = load_frameworks()
    return select(known, names) if names else known


def write_report(target: Path, snapshot: Snapshot, report: Report, formats: Sequence[str], paper: str) -> Written:
    """Render the report and write the bundle: the snapshot itself, the report, and every table."""
    info = {
        "Source-Organization": report.scope.entity or report.scope.account,
        "External-Identifier": bundle_name(report),
        "Bagging-Date": f"{report.scope.as_of:%Y-%m-%d}",
        "Bag-Software-Agent": report.tool,
    }
    return write_bundle(target, _payload(snapshot, report, formats, paper), info)


def bundle_name(report: Report) -> str:
    """Return the name of a bundle: account, key, moment of collection and the begin of the snapshot's hash."""
    key = safe_name(report.alias.removeprefix("alias/") or report.scope.key_id, 40)
    return (
        f"fluo-evidence_{report.scope.account}_{key}_{report.scope.as_of:%Y-%m-%dT%H%M%SZ}_{report.snapshot_sha256[:8]}"
    )


def _payload(snapshot: Snapshot, report: Report, formats: Sequence[str], paper: str) -> Mapping[str, bytes]:
    from fluo_audit.render.json_v1 import render_json, schema
    from fluo_audit.render.tables import render_csv, render_jsonl

    payload = dict(snapshot.files())
    for table in report.tables:
        payload[f"populations/{table.name}.csv"] = render_csv(table)
        payload[f"populations/{table.name}.jsonl"] = render_jsonl(table)
    if "json" in formats:
        payload["report/evidence.json"] = render_json(report)
        payload["schema/evidence.schema.json"] = schema()
    if "html" in formats:
        from fluo_audit.render.html import render_html

        payload["report/report.html"] = render_html(report)
    if "pdf" in formats:
        from fluo_audit.render.pdf import render_pdf

        payload["report/report.pdf"] = render_pdf(report, paper=paper)
    return payload
