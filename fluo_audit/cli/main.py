"""The command group, and the last resort: every way a command ends has one exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import click

from fluo_audit import __version__
from fluo_audit.cli.access import access
from fluo_audit.cli.catalog import catalog
from fluo_audit.cli.collect import collect
from fluo_audit.cli.doctor import doctor
from fluo_audit.cli.find import find
from fluo_audit.cli.migrate import migrate
from fluo_audit.cli.options import Globals, account_options
from fluo_audit.cli.output import output
from fluo_audit.cli.provision import provision
from fluo_audit.cli.report import report
from fluo_audit.cli.sandbox import sandbox
from fluo_audit.cli.terminal import clean
from fluo_audit.cli.trail import trail
from fluo_audit.cli.validate import validate
from fluo_audit.cli.verify import verify
from fluo_audit.errors import ExitCode, FluoAuditError

INTERRUPTED = 130


def _color(context: click.Context, _: click.Parameter, value: str) -> None:
    if os.environ.get("NO_COLOR") and value == "auto":  # https://no-color.org
        value = "never"
    context.color = {"auto": None, "always": True, "never": False}[value]


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "FLUO_AUDIT",
        "max_content_width": 100,
    },
    epilog="Every option can be set as FLUO_AUDIT_<OPTION>. AWS_PROFILE, AWS_REGION and the other AWS_* variables "
    "work as in every AWS tool. Try it without an AWS account: fluo-audit --demo report -d out",
)
@click.version_option(__version__, prog_name="fluo-audit", message="%(prog)s %(version)s")
@account_options
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    expose_value=False,
    callback=_color,
    help="Colour the output.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.pass_context
def main(context: click.Context, *, quiet: bool) -> None:
    """Find the KMS master key of FLUO, collect evidence about it, and write reports that auditors can verify.

    Only `provision apply` writes to AWS, and shows first what. Nothing here deletes or disables a key.
    """
    context.obj = replace(context.obj or Globals(), quiet=quiet)


for command in (
    find,
    provision,
    output,
    validate,
    collect,
    report,
    access,
    trail,
    verify,
    doctor,
    migrate,
    catalog,
    sandbox,
):
    main.add_command(command)


def run() -> NoReturn:
    """Run the command line and end the process."""
    # A report makes millions of objects that live until the end: collecting among them costs a seventh of its time.
    gc.set_threshold(200_000, 50, 100)
    sys.exit(execute(None))


def execute(arguments: Sequence[str] | None) -> int:
    """Run the command line (of the process for None) and return its exit code, one of `fluo_audit.errors.ExitCode`."""
    try:
        code = main(arguments, standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except FluoAuditError as error:
        _explain(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nInterrupted. No result was written.", err=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001, the last resort: whatever is left is a bug of ours
        return _report_bug(error)
    return code if isinstance(code, int) else ExitCode.OK


def _explain(error: FluoAuditError) -> None:
    click.echo(f"Error: {clean(error.message)}", err=True)
    if error.hint:
        click.echo(f"Next: {clean(error.hint)}", err=True)


def _report_bug(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="fluo-audit-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"fluo-audit {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n")
        traceback.print_exception(error, file=file)
    click.echo(f"Error: this is a bug in fluo-audit: {type(error).__name__}: {clean(error)}", err=True)
    click.echo(f"Next: please report it with {file.name}; read it first, it may name your key and account", err=True)
    return ExitCode.BUG
