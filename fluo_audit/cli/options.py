"""What every command knows: the options before its name, and the settings below them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fluo_audit.model.scope import Period
    from fluo_audit.pipeline import Account
    from fluo_audit.settings import EventSettings, Settings


@dataclass(frozen=True, slots=True)
class Globals:
    """The options before the command's name, as they were given."""

    profile: str = ""
    region: str = ""
    endpoint_url: str | None = None
    key: str = ""
    environment: str = ""
    terraform_output: str = ""
    tfstate: str = ""
    properties: str = ""
    config: Path | None = None
    demo: bool = False
    quiet: bool = False

    def settings(self) -> Settings:
        """Return the settings: flags over environment variables over the file."""
        from fluo_audit.settings import FILES, load_settings

        from_file = self._of_sample() if self.demo and self.config is None else load_settings(self.config)
        named = ("profile", "region", "key", "environment", *FILES)
        given = {name: value for name in named if (value := getattr(self, name))}
        if self.key or self.environment:  # the command line says which key: what else the file calls it is not meant
            given = {**dict.fromkeys(("environment", *FILES), ""), **given}
        return replace(from_file, **given)

    def _of_sample(self) -> Settings:
        from fluo_audit.pipeline import sample_settings

        return sample_settings()

    @contextmanager
    def account(self, *, offline_ok: bool = False, demo_role: str = "", by_files: bool = True) -> Iterator[Account]:
        """Yield the account to ask: the simulated one with --demo, as `demo_role` or as the audit's role.

        Without `by_files`, the files that the settings name say nothing about which key is meant.
        """
        from fluo_audit.pipeline import open_account

        settings = self.settings()
        with open_account(
            settings if by_files else replace(settings, terraform_output="", tfstate="", properties=""),
            endpoint_url=self.endpoint_url,
            demo=self.demo,
            offline_ok=offline_ok,
            demo_role=demo_role,
        ) as account:
            yield account


@dataclass(frozen=True, slots=True)
class AskedPeriod:
    """A period as it was asked for."""

    last: str
    first: datetime | None
    until: datetime | None

    def before(self, now: datetime) -> Period:
        """Return the period, of which "last" ends shortly before now."""
        from fluo_audit.pipeline import period_of

        first, until = (day.date() if day else None for day in (self.first, self.until))
        return period_of(self.last, first, until, now)


@dataclass(frozen=True, slots=True)
class Collection:
    """Which evidence to collect, as it was asked for."""

    period: AskedPeriod
    events: Mapping[str, Any]
    """Fields of `fluo_audit.settings.EventSettings` that were given."""

    def over(self, settings: Settings) -> EventSettings:
        """Return where events come from: what was given, over the settings."""
        return replace(settings.events, **self.events)


pass_globals = click.make_pass_decorator(Globals)


def _override(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Let an option behind the command's name win over the same option before it."""
    if value and parameter.name:
        changed: dict[str, Any] = {parameter.name: value}
        context.obj = replace(context.find_object(Globals) or Globals(), **changed)


_ACCOUNT_OPTIONS: dict[str, dict[str, Any]] = {
    "--key": {"metavar": "KEY|ARN|ALIAS", "help": "The key: id, ARN, alias or alias ARN."},
    "--environment": {"metavar": "ENV", "help": "The key of an environment: alias/fluo-ENV."},
    "--profile": {"metavar": "NAME", "help": "AWS profile."},
    "--region": {"metavar": "REGION", "help": "AWS Region. A key ARN brings its own."},
    "--endpoint-url": {"metavar": "URL", "help": "Another address to send AWS requests to."},
    "--config": {
        "type": click.Path(path_type=Path, dir_okay=False),
        "help": "Settings file.  [default: fluo-audit.toml, where there is one]",
    },
    "--demo": {"is_flag": True, "help": "Use a simulated account with over a year of history: no AWS needed."},
}


_FILE_OPTIONS: dict[str, dict[str, Any]] = {
    "--terraform-output": {"metavar": "FILE|-", "help": "What `terraform output -json` printed; - is a pipe."},
    "--tfstate": {"metavar": "FILE", "help": "A Terraform state, or what `terraform show -json` printed of it."},
    "--properties": {"metavar": "FILE", "help": "The backend's application.properties or environment file."},
}


def account_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which account and key: they may stand before its name or behind it."""
    return _with_globals(command, _ACCOUNT_OPTIONS)


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say in which files the key is named."""
    return _with_globals(command, _FILE_OPTIONS)


def _with_globals(command: Callable[..., Any], options: dict[str, dict[str, Any]]) -> Callable[..., Any]:
    for name, attributes in reversed(options.items()):
        command = click.option(name, expose_value=False, callback=_override, **attributes)(command)
    return command


directory_option = click.option(
    "-d",
    "--directory",
    required=True,
    type=click.Path(path_type=Path),
    help="New folder for the result. It appears whole or not at all.",
)
_PERIOD_OPTIONS = (
    click.option(
        "--last", default="90d", show_default=True, metavar="DAYS", help="Period up to an hour ago: 30d, 90d, 365d."
    ),
    click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day of the period, UTC."),
    click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), help="Day after the last one, UTC."),
)
_EVENT_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "source": (
        "--events-from",
        {
            "metavar": "lookup|s3|athena|lake|FOLDER",
            "help": "CloudTrail events from Event history (lookup), from the log files of a trail, read from S3 and "
            "validated (s3), by a query of Athena or of CloudTrail Lake, or from a FOLDER of log files.  "
            "[default: lookup]",
        },
    ),
    "trail": ("--trail", {"metavar": "NAME|ARN", "help": "With s3: the trail.  [default: one that records KMS]"}),
    "store": (
        "--store",
        {"metavar": "FOLDER", "help": "Where events are kept between runs, so that only new log files are fetched."},
    ),
    "athena_table": ("--athena-table", {"metavar": "DB.TABLE", "help": "The table that `trail table` describes."}),
    "max_scan_gb": (
        "--max-scan-gb",
        {"type": click.IntRange(1), "help": "Refuse a query of Athena or Lake that would read more.  [default: 100]"},
    ),
}


def period_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which period, and pass them on as one `asked: AskedPeriod`."""

    @functools.wraps(command)
    def with_asked(*arguments: Any, last: str, first: datetime | None, until: datetime | None, **options: Any) -> Any:
        return command(*arguments, asked=AskedPeriod(last, first, until), **options)

    decorated: Callable[..., Any] = with_asked
    for option in reversed(_PERIOD_OPTIONS):
        decorated = option(decorated)
    return decorated


def collection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what to collect, and pass them on as one `asked: Collection`."""

    @functools.wraps(command)
    def with_asked(*arguments: Any, asked: AskedPeriod, **options: Any) -> Any:
        given = {name: options.pop(f"events_{name}") for name in _EVENT_OPTIONS}
        events = {name: value for name, value in given.items() if value is not None}
        return command(*arguments, asked=Collection(asked, events), **options)

    decorated: Callable[..., Any] = with_asked
    for name, (flag, attributes) in reversed(_EVENT_OPTIONS.items()):
        decorated = click.option(flag, f"events_{name}", **attributes)(decorated)
    return period_options(decorated)


format_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to print."
)
