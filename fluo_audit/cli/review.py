"""fluo-audit provision review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import Globals, account_options, format_option, pass_globals
from fluo_audit.cli.spec_options import spec_options
from fluo_audit.errors import ExitCode

if TYPE_CHECKING:
    from fluo_audit.provision.defects.check import Reviewed

DEMO_ROLE = "platform-admin"
MARKS = {"defect": "exception", "ok": "supported", "not known": "inconclusive"}
COUNTED = {"defect": "wrong", "ok": "right", "not known": "not known"}
FLAGS = ("--module DIR", "--terraform-output FILE", "--properties FILE")


@click.command()
@click.option(
    "--module",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the Terraform module: its .tf files are read, and nothing in them is run.",
)
@click.option("--terraform-output", metavar="FILE", help="What `terraform output -json` of the root module printed.")
@click.option("--properties", metavar="FILE", help="The backend's application.properties, or its environment file.")
@spec_options
@account_options
@format_option
@pass_globals
def review(
    options: Globals,
    *,
    given: dict[str, Any],
    module: Path | None,
    terraform_output: str | None,
    properties: str | None,
    output: str,
) -> int:
    """Look for the 14 defects of the module that FLUO documented first, in a set-up that anybody made.

    Policies are asked what they allow, whatever they look like. Only reads are sent to AWS. What the files say is
    known only when they are given.

    \b
    fluo-audit --environment production provision review --fluo-role-arn arn:aws:iam::123456789012:role/fluo-backend
    terraform output -json > outputs.json
    fluo-audit provision review --module terraform/aws-kms --terraform-output outputs.json \\
      --properties application.properties

    Exit 1: it has a defect. Exit 3: it has none as far as is known, and something is not known.
    """
    from fluo_audit import provisioning
    from fluo_audit.provision.defects import review as reviewing
    from fluo_audit.provision.defects.observe import read_files
    from fluo_audit.provision.desired import Choice

    settings = options.settings()
    files = read_files(module, terraform_output or settings.terraform_output, properties or settings.properties)
    with options.account(demo_role=DEMO_ROLE, by_files=False) as account:
        spec = provisioning.spec_for(account.settings, given)
        set_up = provisioning.set_up_for(account, spec, Choice(provisioning.named_key(account)), files)
    results = reviewing.review(set_up)
    if output == "json":
        terminal.print_json("review", {"key_arn": set_up.key_arn, "results": [asdict(each) for each in results]})
    else:
        _show(results)
        terminal.next_step(_next(results))
    return _code(results)


def _show(results: Sequence[Reviewed]) -> None:
    width = max(len(each.id) for each in results)
    for each in results:
        text = f"{each.seen}: {each.fix}" if each.outcome == "not known" and each.fix else each.seen
        terminal.beside(f"{terminal.mark(MARKS[each.outcome])}  ", 4, each.id, width, text)
        if each.outcome == "defect":
            terminal.indented(each.means, 6)
            terminal.indented(f"Fix: {each.fix}", 6)
    numbers = {outcome: sum(each.outcome == outcome for each in results) for outcome in MARKS}
    terminal.say(", ".join(f"{number} {COUNTED[outcome]}" for outcome, number in numbers.items() if number))


def _next(results: Sequence[Reviewed]) -> str:
    remedies = " ".join(each.fix for each in results if each.outcome == "not known")
    if flags := [flag for flag in FLAGS if flag in remedies]:
        return f"fluo-audit provision review {' '.join(flags)}"
    wrong = any(each.outcome == "defect" for each in results)
    return "fluo-audit provision plan" if wrong else "fluo-audit report -d evidence"


def _code(results: Sequence[Reviewed]) -> int:
    outcomes = {each.outcome.value for each in results}
    if "defect" in outcomes:
        return ExitCode.EXCEPTIONS
    return ExitCode.INCOMPLETE if "not known" in outcomes else ExitCode.OK
