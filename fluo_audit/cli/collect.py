"""fluo-audit collect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import (
    Collection,
    Globals,
    account_options,
    collection_options,
    format_option,
    pass_globals,
)
from fluo_audit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fluo_audit.aws.snapshot import Snapshot


@click.command()
@account_options
@collection_options
@click.option("-d", "--directory", type=click.Path(path_type=Path), help="New folder for the snapshot.")
@click.option("--list", "listing", is_flag=True, help="Show what the events store holds. Nothing is collected.")
@click.option(
    "--prune-before",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Remove the days before this one from the events store. What S3 holds is not touched.",
)
@format_option
@pass_globals
def collect(
    options: Globals,
    asked: Collection,
    directory: Path | None,
    listing: bool,  # noqa: FBT001, a flag of the command line
    prune_before: datetime | None,
    output: str,
) -> int:
    """Read the evidence and keep it as a snapshot, to judge and print later or elsewhere.

    The snapshot holds AWS's answers to the byte, with a manifest of their hashes. Only reads are sent. With
    --events-from s3, log files are validated against their digests, and their events are kept in a store on this
    machine: the next run fetches only what is new, and a run that was interrupted goes on where it stopped.

    \b
    fluo-audit collect --last 90d -d snapshot
    fluo-audit collect --events-from s3 --last 90d -d snapshot
    fluo-audit collect --list
    fluo-audit collect --prune-before 2026-01-01
    """
    if listing or prune_before:
        return _look_into_store(options, asked, prune_before, output)
    if directory is None:
        raise UsageError("collect needs a folder for the snapshot", "give one with -d")
    return _collect(options, asked, directory)


def _collect(options: Globals, asked: Collection, directory: Path) -> int:
    from fluo_audit.evaluate.report import source_results
    from fluo_audit.model.evidence import Completeness
    from fluo_audit.pipeline import facts_of

    snapshot = collect_now(options, asked, directory)
    snapshot.save(directory)
    open_sources = [r for r in source_results(facts_of(snapshot)) if r.completeness is not Completeness.COMPLETE]
    terminal.say(f"{directory}  {len(snapshot.stored)} answers, snapshot {snapshot.sha256}")
    terminal.marked_rows([("inconclusive", r.name, "; ".join(r.reasons)) for r in open_sources])
    terminal.next_step(f"fluo-audit report {directory} -d evidence")
    return ExitCode.INCOMPLETE if open_sources else ExitCode.OK


def collect_now(options: Globals, asked: Collection, target: Path) -> Snapshot:
    """Collect what was asked for, with progress on stderr. `target` is refused before any call if it exists."""
    from fluo_audit import pipeline, storage

    storage.require_new(target)
    progress = terminal.Progress(quiet=options.quiet)
    events = asked.over(options.settings())
    with options.account(offline_ok=pipeline.is_folder(events)) as account:
        found = pipeline.resolve_key(account)
        period = asked.period.before(account.clock.now())
        return pipeline.collect_snapshot(account, found, period, events, progress)


def _look_into_store(options: Globals, asked: Collection, prune_before: datetime | None, output: str) -> int:
    from fluo_audit import pipeline, trails

    root = pipeline.store_of(asked.over(options.settings()))
    removed = trails.prune_store(root, prune_before.date()) if prune_before else ()
    held = trails.store_content(root)
    if output == "json":
        terminal.print_json(
            "store", {"store": str(root), "held": list(held), "removed": [str(each) for each in removed]}
        )
        return ExitCode.OK
    if prune_before:
        terminal.say(f"{len(removed)} days before {prune_before:%Y-%m-%d} removed")
    terminal.say(f"{root}: {'nothing yet' if not held else _size(sum(each['bytes'] for each in held))}")
    if held:
        terminal.table([name.replace("_", " ").upper() for name in held[0]], [_cells(each) for each in held])
    return ExitCode.OK


def _cells(row: Mapping[str, object]) -> list[str]:
    return [
        _size(value)
        if name == "bytes" and isinstance(value, int)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
        for name, value in row.items()
    ]


def _size(size: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":  # noqa: PLR2004, decimal units
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return ""
