"""fluo-audit provision plan, and fluo-audit provision apply."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import Globals, account_options, format_option, pass_globals
from fluo_audit.cli.review import review
from fluo_audit.cli.spec_options import spec_options
from fluo_audit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fluo_audit.pipeline import Account
    from fluo_audit.provision.desired import Choice
    from fluo_audit.provision.plan import Plan
    from fluo_audit.provision.plan_file import Preflight
    from fluo_audit.provision.resource import Step
    from fluo_audit.provision.spec import Spec

COLORS = {"+": "green", "~": "yellow", "=": None, "!": "red", "?": "yellow"}
SHOWN_CALLS = 12
DEMO_ROLE = "platform-admin"

ownership_option = click.option(
    "--take-ownership", is_flag=True, help="Write to a key that Terraform manages, and take over its ManagedBy tag."
)
prune_option = click.option(
    "--prune", multiple=True, metavar="SID", help="Remove a key policy statement that is not ours. May be repeated."
)


@click.group()
def provision() -> None:
    """Create the key and what belongs to it, or bring an existing one to the desired state.

    plan shows what differs and saves it; apply carries a saved plan out. Nothing here deletes or disables a key.
    """


@provision.command()
@spec_options
@ownership_option
@prune_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to save the plan.  [default: plan-ENV.json]",
)
@account_options
@format_option
@pass_globals
def plan(
    options: Globals,
    *,
    given: dict[str, Any],
    take_ownership: bool,
    prune: tuple[str, ...],
    out: Path | None,
    output: str,
) -> int:
    """Compare what should exist with what does, and save the difference as a plan. Only reads are sent.

    What [provision] in fluo-audit.toml says is the desired state too; options win over --spec, --spec over it.
    Exit 0: nothing differs. Exit 1: changes are pending, so this is also a drift check.

    \b
    fluo-audit provision plan --environment production --fluo-role-arn arn:aws:iam::123456789012:role/fluo-backend
    fluo-audit provision plan --environment staging --create-iam-role --enable-cloudwatch-logs
    """
    from fluo_audit import provisioning

    with options.account(demo_role=DEMO_ROLE, by_files=False) as account:
        spec, path = _spec(account, given, out)
        choice = provisioning.choice_for(account, spec, path, take_ownership=take_ownership, prune=prune)
        made, preflight = _plan(options, account, spec, choice)
        document = _saved(account, made, preflight, path)
    if output == "json":
        terminal.print_json("plan", {name: value for name, value in document.items() if name != "schema"})
    else:
        _show(made, preflight)
        _show_next(made, path)
    return made.exit_code


@provision.command()
@click.argument("saved", metavar="[PLAN]", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--accept-denied-calls", is_flag=True, help="Go on although calls that succeed today would be denied.")
@ownership_option
@prune_option
@spec_options
@account_options
@pass_globals
def apply(
    options: Globals,
    *,
    saved: Path | None,
    given: dict[str, Any],
    yes: bool,
    accept_denied_calls: bool,
    take_ownership: bool,
    prune: tuple[str, ...],
) -> int:
    """Carry out a saved PLAN, or without one: plan now, show it, and ask.

    A saved plan holds for a day, and only while account, Region, caller, desired state and what exists are as they
    were. Afterwards everything is read again: exit 0 says that it is as planned.
    """
    from fluo_audit import provisioning
    from fluo_audit.provision.plan_file import load_plan

    if saved and (given or take_ownership or prune):
        raise UsageError("a saved plan is carried out as it is", "give these options to `provision plan`")
    with options.account(demo_role=DEMO_ROLE, by_files=False) as account:
        loaded = load_plan(saved) if saved else None
        spec, path = (loaded.spec, saved) if loaded and saved else _spec(account, given, None)
        if loaded:
            take_ownership, prune = loaded.choice.take_ownership, loaded.choice.prune
        choice = provisioning.choice_for(account, spec, path, take_ownership=take_ownership, prune=prune)
        if loaded:
            choice = replace(choice, key=loaded.choice.key)
        made, preflight = _plan(options, account, spec, choice, again=loaded is not None)
        clear = loaded.preflight_clear if loaded else preflight is None or preflight.clear
        if not loaded:
            _saved(account, made, preflight, path)
        _show(made, preflight)
        provisioning.require_appliable(
            account, made, loaded, preflight_clear=clear, accept_denied_calls=accept_denied_calls
        )
        if not made.pending:
            terminal.say("Nothing to do: everything is as planned.")
            return ExitCode.OK
        if not yes:
            _confirm(made)
            provisioning.require_unchanged(account, made)
        left = provisioning.carry_out(account, made, path, _tell)
    return _finish(left)


provision.add_command(review)


def _spec(account: Account, given: dict[str, Any], out: Path | None) -> tuple[Spec, Path]:
    from fluo_audit import provisioning

    spec = provisioning.spec_for(account.settings, given)
    return spec, out or Path(f"plan-{spec.environment}.json")


def _plan(
    options: Globals, account: Account, spec: Spec, choice: Choice, *, again: bool = False
) -> tuple[Plan, Preflight | None]:
    from fluo_audit import provisioning

    made = provisioning.plan_for(account, spec, choice)
    if again:
        return made, None
    return made, provisioning.preflight_of(account, made, terminal.Progress(quiet=options.quiet))


def _saved(account: Account, made: Plan, preflight: Preflight | None, path: Path) -> dict[str, Any]:
    from fluo_audit import provisioning
    from fluo_audit.provision.wording import secrets_in, without_secrets

    document = provisioning.write_plan(path, account, made, preflight)
    return {**without_secrets(document, secrets_in(made)), "saved_as": str(path)}


def _show(made: Plan, preflight: Preflight | None) -> None:
    from fluo_audit.provision.wording import counts, difference_lines, name_of, price, secrets_in, summary_of

    secrets = secrets_in(made)
    for change in made.changes:
        summary = summary_of(change.resource) if change.mark == "+" else ""
        sign = click.style(change.mark, fg=COLORS[change.mark], bold=True)
        text = ", ".join(filter(None, [name_of(change), summary]))
        terminal.beside(f"{sign} ", 2, change.resource.kind, 18, text)
        for difference in change.differences:
            for line in difference_lines(difference, secrets):
                terminal.indented(line, 4)
            if difference.instead:
                terminal.indented(difference.instead, 6)
        if change.missing is not None:
            terminal.indented(f"{change.missing.operation}: {change.missing.reason}; {change.missing.remedy}", 4)
        for note in change.notes:
            terminal.indented(f"Note: {note}", 4)
    for note in made.notes:
        terminal.paragraph(f"Note: {note}")
    if preflight is not None:
        _show_preflight(preflight)
    terminal.paragraph(f"{counts(made)}. {price(made)}.")


def _show_preflight(preflight: Preflight) -> None:
    if preflight.clear:
        terminal.paragraph("Pre-flight: no FLUO call of the last 90 days would be denied.")
        return
    terminal.paragraph("Pre-flight: calls of the last 90 days that the new policy would deny")
    rows = [
        (
            str(call.count),
            call.action,
            call.role.rsplit("/", 1)[-1],
            call.purpose or "none",
            f"{call.last:%Y-%m-%d}",
            call.reason,
        )
        for call in preflight.calls[:SHOWN_CALLS]
    ]
    if rows:
        terminal.table(("CALLS", "ACTION", "ROLE", "PURPOSE", "LAST", "WHY"), rows)
    if len(preflight.calls) > SHOWN_CALLS:
        terminal.paragraph(f"and {len(preflight.calls) - SHOWN_CALLS} more kinds of calls: -o json lists them")
    if preflight.gap:
        terminal.paragraph(f"Not all of it is known: {preflight.gap}")


def _show_next(made: Plan, path: Path) -> None:
    if not made.pending:
        terminal.next_step("fluo-audit output")
    elif any(change.mark in "!?" for change in made.changes):
        terminal.paragraph("Put right what is marked ! or ? first, then plan again: until then nothing is applied.")
    elif made.terraform_managed and not made.choice.take_ownership:
        terminal.paragraph("Terraform manages this key: change the variables there, or plan with --take-ownership.")
    else:
        terminal.next_step(f"fluo-audit provision apply {path}")


def _confirm(made: Plan) -> None:
    from fluo_audit.provision.plan_file import principal

    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here", "look at the plan, then add --yes")
    who = principal(made.place.caller).rsplit(":", 1)[-1]
    question = f"Account {made.place.account}, {made.place.region}, as {who}. {len(made.steps)} writes. Apply?"
    click.confirm(terminal.clean(question), abort=True)


def _tell(step: Step) -> None:
    terminal.marked_rows([("supported", step.label, step.done)])


def _finish(left: Plan) -> int:
    if not left.pending:
        terminal.say("Read again: everything is as planned.")
        terminal.next_step(f"fluo-audit output fluo_backend_config --environment {left.spec.environment}")
        return ExitCode.OK
    terminal.say("Read again, this still differs:")
    _show(replace(left, notes=()), None)
    return left.exit_code
