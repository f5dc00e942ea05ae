"""fluo-audit collect."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import (
    Collection,
    Globals,
    account_options,
    collection_options,
    directory_option,
    pass_globals,
)
from fluo_audit.errors import ExitCode

if TYPE_CHECKING:
    from fluo_audit.aws.snapshot import Snapshot


@click.command()
@account_options
@collection_options
@directory_option
@pass_globals
def collect(options: Globals, asked: Collection, directory: Path) -> int:
    """Read the evidence and keep it as a snapshot, to judge and print later or elsewhere.

    The snapshot holds AWS's answers to the byte, with a manifest of their hashes. Only reads are sent.
    """
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
    with options.account(offline_ok=asked.events_from != "lookup") as account:
        found = pipeline.resolve_key(account)
        first, until = (day.date() if day else None for day in (asked.first, asked.until))
        period = pipeline.period_of(asked.last, first, until, account.clock.now())
        return pipeline.collect_snapshot(account, found, period, asked.events_from, progress)
