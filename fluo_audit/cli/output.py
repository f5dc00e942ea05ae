"""fluo-audit output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import Globals, account_options, pass_globals
from fluo_audit.cli.spec_options import spec_options
from fluo_audit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from fluo_audit.provision.outputs import Output


@click.command()
@click.argument("name", required=False)
@click.option("--raw", is_flag=True, help="Print the value of NAME alone; nothing for one that does not exist.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in the shape of `terraform output -json`.")
@click.option("--list", "listed", is_flag=True, help="Print the names and what they are. Asks nobody.")
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write fluo_backend_config into an application.properties, as one block, with a backup of the file.",
)
@spec_options
@account_options
@pass_globals
def output(
    options: Globals,
    *,
    name: str | None,
    given: dict[str, Any],
    raw: bool,
    as_json: bool,
    listed: bool,
    write: Path | None,
) -> int:
    """Print what the rest of the system needs to know about the key: the outputs of the Terraform module, by its names.

    \b
    fluo-audit output kms_key_arn --raw
    fluo-audit output --json > outputs.json
    fluo-audit output fluo_backend_config --write backend/src/main/resources/application.properties
    """
    if write and name not in {None, "fluo_backend_config"}:
        raise UsageError(f"--write goes with fluo_backend_config, not with {name}", "leave out one of the two")
    if raw and not name:
        raise UsageError("--raw goes with a NAME", "see fluo-audit output --list")
    if listed:
        from fluo_audit.provision.outputs import output_names

        terminal.texts(list(output_names().items()))
        return ExitCode.OK
    with options.account(by_files=False) as account:
        from fluo_audit import provisioning
        from fluo_audit.provision.desired import Choice

        spec = provisioning.spec_for(account.settings, given, roles_needed=False)
        outputs = provisioning.outputs_for(account, spec, Choice(provisioning.named_key(account)))
    if name and name not in outputs:
        raise UsageError(f"no output {name}", "see fluo-audit output --list")
    if write:
        return _write(write, outputs["fluo_backend_config"])
    if name:
        _one(outputs[name], raw=raw, as_json=as_json)
    elif as_json:
        click.echo(json.dumps({each: _document(value) for each, value in outputs.items()}, indent=2))
    else:
        for each, value in outputs.items():
            terminal.say(f"{each} = {_assigned(value)}")
    return ExitCode.OK


def _one(value: Output, *, raw: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(value.value, indent=2))
        return
    text = value.raw()
    if text or not raw:
        _echo(text or "null")


def _echo(text: str) -> None:
    for line in text.rstrip("\n").split("\n"):
        terminal.say(line)


def _document(value: Output) -> dict[str, Any]:
    return {"sensitive": value.sensitive, "type": value.type, "value": value.value}


def _assigned(value: Output) -> str:
    if value.value is None:
        return "null"
    text = value.raw().rstrip("\n")
    return text if "\n" not in text else text.split("\n", 1)[0] + " ..."


def _write(path: Path, config: Output) -> int:
    from fluo_audit.provision.files.properties import write_block

    if config.value is None:
        raise UsageError("the key does not exist yet", "make it: fluo-audit provision plan")
    written = write_block(path, config.raw())
    if not written.changed:
        terminal.say(f"{path} holds it already: nothing was written.")
    else:
        terminal.say(f"{path} written." + (f" Backup: {written.backup}" if written.backup else ""))
        for line in written.replaced:
            terminal.say(f"Commented out, because the block says it now: {line}")
    terminal.next_step("restart the backend, then: fluo-audit validate")
    return ExitCode.OK
