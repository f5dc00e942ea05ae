"""What every command knows: the options before its name, and the settings below them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fluo_audit.pipeline import Account
    from fluo_audit.settings import Settings


@dataclass(frozen=True, slots=True)
class Globals:
    """The options before the command's name, as they were given."""

    profile: str
    region: str
    endpoint_url: str | None
    key: str
    environment: str
    config: Path | None
    demo: bool
    verbose: bool
    quiet: bool

    def settings(self) -> Settings:
        """Return the settings: flags over environment variables over the file."""
        from fluo_audit.settings import Settings, load_settings

        from_file = Settings() if self.demo and self.config is None else load_settings(self.config)
        given = {name: value for name in ("profile", "region", "key", "environment") if (value := getattr(self, name))}
        if self.key and not self.environment:
            given.setdefault("environment", "")
        return replace(from_file, **given)

    @contextmanager
    def account(self, *, offline_ok: bool = False) -> Iterator[Account]:
        """Yield the account to ask: the simulated one with --demo."""
        from fluo_audit.pipeline import open_account

        with open_account(
            self.settings(), endpoint_url=self.endpoint_url, demo=self.demo, offline_ok=offline_ok
        ) as account:
            yield account


@dataclass(frozen=True, slots=True)
class Collection:
    """Which evidence to collect, as it was asked for."""

    last: str
    first: datetime | None
    until: datetime | None
    events_from: str


pass_globals = click.make_pass_decorator(Globals)

directory_option = click.option(
    "-d",
    "--directory",
    required=True,
    type=click.Path(path_type=Path),
    help="New folder for the result. It appears whole or not at all.",
)
last_option = click.option(
    "--last", default="90d", show_default=True, metavar="DAYS", help="Period that ends now: 30d, 90d, 365d."
)
from_option = click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day of the period, UTC.")
to_option = click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), help="Day after the last one, UTC.")
events_option = click.option(
    "--events-from",
    default="lookup",
    show_default=True,
    metavar="lookup|FOLDER",
    help="CloudTrail events from Event history, or from a folder of CloudTrail log files (.json, .json.gz).",
)
format_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to print."
)
