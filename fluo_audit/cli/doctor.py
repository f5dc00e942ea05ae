"""fluo-audit doctor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import Globals, account_options, format_option, pass_globals
from fluo_audit.cli.validate import backend_options, step_document

if TYPE_CHECKING:
    from fluo_audit.pipeline import Account
    from fluo_audit.provision.find import FoundKey
    from fluo_audit.runbook.backend import Backend
    from fluo_audit.runbook.step import Diagnosis

TOPICS = ("access", "rotation", "cost")


@click.command()
@click.argument("topic", required=False, type=click.Choice(TOPICS))
@backend_options
@account_options
@format_option
@pass_globals
def doctor(options: Globals, *, topic: str | None, backend_url: str, backend_token: str, output: str) -> int:
    """Find out why a call is denied, the key does not rotate, or KMS costs too much. Without TOPIC: all three.

    \b
    access    the backend gets AccessDenied: key state, Deny statements, key policy, IAM policy,
              encryption context, grants, and what the backend's own checks send
    rotation  "KeyRotationEnabled": false, or late: kind of key, state, setting, period, history
    cost      a high bill: cache hit rate, requests, calls by operation, this key, other keys, budget

    Each step says what was seen; the first that is wrong explains the rest and is marked, with the command that puts it
    right. Nothing is changed. --backend-url adds what the backend says; --demo brings a simulated one.

    Exit 0: nothing wrong. Exit 1: a cause was found. Exit 3: something could not be read.
    """
    from fluo_audit import pipeline
    from fluo_audit.runbook.step import exit_code

    with options.account() as account, pipeline.open_backend(backend_url, backend_token, account) as backend:
        found = pipeline.resolve_key(account)
        diagnoses = [each for name in ([topic] if topic else TOPICS) for each in _ask(name, account, found, backend)]
    if output == "json":
        terminal.print_json("doctor", {"key_arn": found.arn, "diagnoses": [_document(each) for each in diagnoses]})
    else:
        _show(diagnoses)
    return exit_code(step for each in diagnoses for step in each.steps)


def _ask(topic: str, account: Account, found: FoundKey, backend: Backend | None) -> Sequence[Diagnosis]:
    """Read what one tree needs, and nothing else, and go through it."""
    from fluo_audit import pipeline
    from fluo_audit.runbook import access, cost, rotation

    if topic == "access":
        facts, criteria = pipeline.facts_now(account, found, access.READS), pipeline.criteria_now(account, found)
        return access.diagnose_access(facts, criteria, None if backend is None else backend.health())
    if topic == "rotation":
        facts, criteria = pipeline.facts_now(account, found, rotation.READS), pipeline.criteria_now(account, found)
        return [rotation.diagnose_rotation(facts, criteria)]
    facts = pipeline.facts_now(account, found, cost.READS, cost.LOOK_BACK)
    criteria = pipeline.criteria_now(account, found, cost.LOOK_BACK)
    return [cost.diagnose_cost(facts, criteria, None if backend is None else backend.status())]


def _show(diagnoses: Sequence[Diagnosis]) -> None:
    for number, each in enumerate(diagnoses):
        if number:
            terminal.say()
        cause = each.cause
        terminal.say(f"{each.sentence} {'Cause:' if cause else ''}".rstrip())
        terminal.marked_rows(
            [
                (step.conclusion.value, step.name, step.said + ("  <- this one" if step is cause else ""))
                for step in each.steps
            ]
        )
        if cause is not None and cause.fix:
            terminal.say(f"Fix: {cause.fix}")
        elif cause is None and not any(step.conclusion.value == "inconclusive" for step in each.steps):
            terminal.say("Nothing wrong found.")


def _document(each: Diagnosis) -> dict[str, Any]:
    cause = each.cause
    steps = [{**step_document(step), "cause": step is cause} for step in each.steps]
    return {"topic": each.topic, "sentence": each.sentence, "steps": steps, "fix": (cause and cause.fix) or None}
