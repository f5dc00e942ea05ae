"""fluo-audit validate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import Globals, account_options, format_option, pass_globals
from fluo_audit.errors import UsageError

if TYPE_CHECKING:
    from fluo_audit.runbook.step import Step

WORDS = {"supported": "passed", "exception": "wrong", "inconclusive": "not read", "not applicable": "not judged"}
_BACKEND_OPTIONS = (
    click.option(
        "--backend-url",
        default="",
        metavar="URL",
        envvar="FLUO_AUDIT_BACKEND_URL",
        help="Address of the FLUO backend, such as http://localhost:8080.",
    ),
    click.option(
        "--backend-token",
        default="",
        metavar="TOKEN",
        envvar="FLUO_AUDIT_BACKEND_TOKEN",
        help="Bearer token for it. Better set FLUO_AUDIT_BACKEND_TOKEN: others can read a command line.",
    ),
)


def backend_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --backend-url and --backend-token."""
    for option in reversed(_BACKEND_OPTIONS):
        command = option(command)
    return command


@click.command()
@backend_options
@click.option(
    "--expect",
    type=click.Choice(["aws", "local"]),
    default="aws",
    show_default=True,
    help="Provider the backend should use. With local only the backend is asked.",
)
@click.option(
    "--dry-run/--no-dry-run",
    default=True,
    show_default=True,
    help="Have KMS only check whether it would make a data key, or have it make one and throw it away.",
)
@account_options
@format_option
@pass_globals
def validate(options: Globals, *, backend_url: str, backend_token: str, expect: str, dry_run: bool, output: str) -> int:
    """Check after deployment that the key is there and rotates, and that the backend may use it as it should.

    A data key is asked for under purpose=pii_redaction, and one under a purpose that should be refused. Asked in
    another role than the backend's, that says nothing about the backend: then the key policy and the policies of the
    declared backend roles are judged instead. The backend itself is asked for its health, its provider, and a round
    trip that it makes with its own role; --demo brings a simulated one.

    \b
    fluo-audit validate --backend-url http://localhost:8080
    fluo-audit validate --expect local --backend-url http://localhost:8080

    Exit 1: something is not as it should be. Exit 3: something could not be read.
    """
    from fluo_audit.runbook.step import exit_code

    if expect == "local":
        steps, key = _local(backend_url, backend_token), None
    else:
        steps, key = _aws(options, backend_url, backend_token, dry_run=dry_run)
    if output == "json":
        document = {"key_arn": key, "expect": expect, "dry_run": dry_run, "steps": [step_document(s) for s in steps]}
        terminal.print_json("validate", document)
    else:
        show_steps(steps)
        terminal.say(_counts(steps))
        fix = next((step.fix for step in steps if step.fix), "")
        terminal.next_step(fix or "fluo-audit report -d evidence")
    return exit_code(steps)


def _local(url: str, token: str) -> tuple[Step, ...]:
    from fluo_audit.runbook.backend import Backend
    from fluo_audit.runbook.validate import validate_backend

    if not url:
        raise UsageError("--expect local asks the backend only", "give --backend-url, such as http://localhost:8080")
    return validate_backend(Backend(url, token), "local", ())


def _aws(options: Globals, url: str, token: str, *, dry_run: bool) -> tuple[tuple[Step, ...], str]:
    from fluo_audit import pipeline
    from fluo_audit.runbook.step import beside
    from fluo_audit.runbook.validate import validate_backend, validate_key

    with options.account() as account, pipeline.open_backend(url, token, account) as backend:
        found = pipeline.resolve_key(account)
        steps, names = validate_key(pipeline.probing(account, found, dry_run=dry_run))
        if backend is None:
            not_asked = beside("backend", "not asked: --backend-url names it, such as http://localhost:8080")
            return (*steps, not_asked), found.arn
        return (*steps, *validate_backend(backend, "aws", names)), found.arn


def show_steps(steps: Sequence[Step]) -> None:
    """Print steps with their marks; what was timed has its milliseconds behind the text."""
    width = max((len(terminal.clean(step.said)) for step in steps if step.milliseconds is not None), default=0)
    rows = [(step.conclusion.value, step.name, _timed(step, min(width, 100))) for step in steps]
    terminal.marked_rows(rows)


def _timed(step: Step, width: int) -> str:
    if step.milliseconds is None:
        return step.said
    return f"{terminal.clean(step.said):<{width}}  {step.milliseconds:>4} ms"


def step_document(step: Step) -> dict[str, Any]:
    """Return a step for programs."""
    return {
        "name": step.name,
        "conclusion": step.conclusion.value,
        "said": step.said,
        "milliseconds": step.milliseconds,
        "fix": step.fix or None,
    }


def _counts(steps: Sequence[Step]) -> str:
    numbers = {kind: sum(step.conclusion.value == kind for step in steps) for kind in WORDS}
    return ", ".join(f"{number} {WORDS[kind]}" for kind, number in numbers.items() if number)
