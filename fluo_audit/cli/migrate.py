"""fluo-audit migrate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import Globals, account_options, pass_globals
from fluo_audit.cli.validate import backend_options
from fluo_audit.errors import KeyNotFoundError, UsageError

if TYPE_CHECKING:
    from fluo_audit.pipeline import Account
    from fluo_audit.provision.files.backend_settings import BackendSettings
    from fluo_audit.provision.find import FoundKey
    from fluo_audit.runbook.backend import Backend
    from fluo_audit.runbook.migrate import Stage
    from fluo_audit.runbook.step import Step

MARKS = {"done": ("ok", "green"), "next": ("->", "cyan"), "later": ("  ", None), "wrong": ("!!", "red")}
UNREAD = ("??", "yellow")


@click.command()
@click.option(
    "--properties",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="application.properties of the backend.",
)
@backend_options
@click.option("--yes", is_flag=True, help="Write the configuration without asking.")
@account_options
@pass_globals
def migrate(options: Globals, *, properties: Path, backend_url: str, backend_token: str, yes: bool) -> int:
    """Move the backend from local keys to AWS KMS: show which of the five steps are done, and do the next.

    \b
    1 infrastructure   the key, its alias and the policies exist
    2 configuration    application.properties names provider aws and this key
    3 restart          the backend runs with it
    4 provider is aws  the backend says so, and is healthy
    5 round trip       the backend's own tests with the key pass

    Only step 2 is done here, after a question or with --yes: a block is written into the file, and the file is kept as
    FILE.backup first. Restarting the backend is yours. Run it again after each step; nothing is remembered.

    \b
    fluo-audit migrate --properties application.properties --backend-url http://localhost:8080

    Exit 0: all five are done. Exit 1: one is open, or failed. Exit 3: the next one could not be read.
    """
    from fluo_audit import pipeline
    from fluo_audit.runbook.migrate import exit_code

    # What the file calls the key is the old state, and no hint at the key that is meant.
    settings = replace(options.settings(), properties="")
    opened = pipeline.open_account(settings, endpoint_url=options.endpoint_url, demo=options.demo, offline_ok=False)
    with opened as account, pipeline.open_backend(backend_url, backend_token, account) as backend:
        stages = _go(account, backend, properties, yes=yes)
    _show(stages)
    again = f"fluo-audit migrate --properties {properties}"
    _next(stages, again + (f" --backend-url {backend_url}" if backend_url else ""), yes=yes)
    return exit_code(stages)


def _go(account: Account, backend: Backend | None, properties: Path, *, yes: bool) -> Sequence[Stage]:
    """Look where each step stands; write the configuration when it is its turn and somebody agrees."""
    from fluo_audit import pipeline
    from fluo_audit.runbook import migrate as book
    from fluo_audit.runbook.validate import names_of

    environment = account.settings.environment
    try:
        found = pipeline.resolve_key(account)
    except KeyNotFoundError as error:
        missing = book.no_infrastructure(error.message, environment)
        return book.stages(missing, missing, backend, (), restart=False)
    facts, criteria = pipeline.facts_now(account, found, book.READS), pipeline.criteria_now(account, found)
    infrastructure, names = book.infrastructure(facts, criteria), names_of(facts, criteria)
    there = _settings(properties, environment)
    configuration = book.configuration(there, names, found.region, str(properties))
    written = False
    if configuration.is_wrong and book.is_done(infrastructure) and (yes or _agreed(properties, configuration)):
        configuration, written = _write(properties, found, criteria.baseline.cryptoperiod_days), True
    return book.stages(infrastructure, configuration, backend, names, restart=written)


def _settings(properties: Path, environment: str) -> BackendSettings | None:
    from fluo_audit.provision.files.properties import read_properties

    if not properties.exists():
        return None
    try:
        text = properties.read_bytes().decode("latin-1")
    except OSError as error:
        raise UsageError(f"{properties}: cannot be read: {error.strerror}", "give another --properties") from error
    return read_properties(text, str(properties), environment)


def _agreed(properties: Path, configuration: Step) -> bool:
    """Ask where somebody can be asked; elsewhere nothing is written without --yes."""
    if not sys.stdin.isatty():
        return False
    question = f"{configuration.said}. Write provider, key and Region of AWS KMS into {properties}?"
    return click.confirm(terminal.clean(question))


def _write(properties: Path, found: FoundKey, days: int) -> Step:
    from fluo_audit.provision.files.properties import write_block
    from fluo_audit.provision.outputs import properties_text
    from fluo_audit.runbook.migrate import written_step

    block = properties_text(found.arn, found.region, max(90, days))
    return written_step(write_block(properties, block))


def _show(stages: Sequence[Stage]) -> None:
    width = max(len(stage.name) for stage in stages)
    for number, stage in enumerate(stages, start=1):
        sign, color = MARKS.get(stage.state.value, UNREAD)
        terminal.beside(
            f"{click.style(sign, fg=color, bold=color is not None)}  ",
            4,
            f"{number} {stage.name}",
            width + 2,
            stage.said,
        )


def _next(stages: Sequence[Stage], again: str, *, yes: bool) -> None:
    from fluo_audit.runbook.migrate import CONFIGURATION, NAMES, State

    open_ = next((stage for stage in stages if stage.state is not State.DONE), None)
    if open_ is None:
        terminal.next_step("fluo-audit report -d evidence")
    elif open_.fix:
        terminal.next_step(open_.fix)
    elif open_.name == NAMES[CONFIGURATION] and not yes:
        terminal.next_step(f"{again} --yes")
    else:
        terminal.next_step(again if "--backend-url" in again else f"{again} --backend-url URL")
