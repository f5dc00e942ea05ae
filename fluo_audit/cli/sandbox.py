"""fluo-audit sandbox."""

from __future__ import annotations

import click

from fluo_audit.cli import terminal
from fluo_audit.errors import ExitCode, OutputError


@click.command()
@click.option("--port", default=5599, show_default=True, type=click.IntRange(0, 65535), help="Port on 127.0.0.1.")
@click.option("--empty", is_flag=True, help="An account with a few roles and nothing else, to provision into.")
def sandbox(*, port: int, empty: bool) -> int:
    """Serve the simulated account on 127.0.0.1, for the AWS CLI, Terraform and other tools.

    It is a FLUO production account with over a year of history, or with --empty one to try `provision` on.
    Stop it with Ctrl-C; nothing is kept.

    \b
    aws --endpoint-url http://127.0.0.1:5599 --no-sign-request kms list-aliases --region us-east-1
    """
    from fluo_audit.sandbox.server import serve

    try:
        serve(port, empty=empty, ready=_announce)
    except OSError as error:
        raise OutputError(f"port {port} on 127.0.0.1: {error.strerror}", "choose another --port") from error
    except KeyboardInterrupt:
        terminal.say("Stopped.", err=True)
    return ExitCode.OK


def _announce(endpoint: str) -> None:
    terminal.say(f"Simulated account on {endpoint}, Ctrl-C stops it", err=True)
