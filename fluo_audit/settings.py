"""Settings of the user: fluo-audit.toml, below environment variables and flags.

The file says what an organisation declares once: which key, which roles, which limits. An unknown name in it is
an error, because a declaration that is silently ignored would change a verdict.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from fluo_audit.errors import UsageError
from fluo_audit.model.baseline import Baseline

FILE_NAME = "fluo-audit.toml"
FILES = ("terraform_output", "tfstate", "properties")
"""Settings that name a file."""


@dataclass(frozen=True, slots=True)
class EventSettings:
    """The [events] table: where CloudTrail events come from. Empty text means "not set"."""

    source: str = "lookup"
    """lookup, s3, athena, lake, or a folder of log files."""
    trail: str = ""
    """Name or ARN of the trail; empty: the one that records KMS in the key's Region."""
    store: str = ""
    """Folder in which events are kept between runs."""
    athena_table: str = ""
    """database.table over the trail's bucket, made with the statement that `trail table` prints."""
    athena_workgroup: str = "primary"
    lake_store: str = ""
    """ARN of a CloudTrail Lake event data store; empty: the only one there is."""
    max_scan_gb: int = 100
    """A query that would read more is not sent."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The top level of fluo-audit.toml; empty text means "not set"."""

    entity: str = ""
    """Name of the organisation, for the cover."""
    environment: str = ""
    """Environment of the key: the alias is alias/fluo-<environment>."""
    key: str = ""
    """Key id, key ARN, alias or alias ARN."""
    region: str = ""
    profile: str = ""
    terraform_output: str = ""
    """File with what `terraform output -json` printed; like the next two a place where the key's name is read."""
    tfstate: str = ""
    """Terraform state, or what `terraform show -json` printed of one."""
    properties: str = ""
    """application.properties of the backend, or its file of environment variables."""
    events: EventSettings = field(default_factory=EventSettings)
    baseline: Baseline = field(default_factory=Baseline)
    provision: Mapping[str, Any] = field(default_factory=dict)
    """Variables of the desired state, as `provision plan --spec` takes them; `fluo_audit.provision.spec` reads them."""


def load_settings(path: Path | None) -> Settings:
    """Return the settings in `path`, or in ./fluo-audit.toml when there is one, or the defaults.

    Files that it names lie relative to its own folder.

    Raises UsageError that names the file, the place in it and what is allowed there.
    """
    if path is None:
        path = Path(FILE_NAME)
        if not path.is_file():
            return Settings()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", "give another file with --config") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}", "correct the file") from error
    settings = settings_of(document, str(path))
    beside: dict[str, Any] = {name: str(path.parent / file) for name in FILES if (file := getattr(settings, name))}
    return replace(settings, **beside)


def settings_of(document: Mapping[str, Any], where: str) -> Settings:
    """Return the settings of a parsed document; `where` names it in errors."""
    top = dict(document)
    _known(top, {f.name for f in fields(Settings)}, where, "")
    declared, provision, events = (top.pop(name, {}) for name in ("baseline", "provision", "events"))
    for name, value in top.items():
        _expect(isinstance(value, str), where, name, "text")
    _expect(isinstance(declared, dict), where, "baseline", "a table")
    _expect(isinstance(provision, dict), where, "provision", "a table")
    _expect(isinstance(events, dict), where, "events", "a table")
    _known(declared, {f.name for f in fields(Baseline)}, where, "baseline.")
    baseline = Baseline(**{name: _value(name, value, where) for name, value in declared.items()})
    return Settings(**top, baseline=baseline, provision=provision, events=_events(events, where))


def _events(found: Mapping[str, Any], where: str) -> EventSettings:
    _known(found, {f.name for f in fields(EventSettings)}, where, "events.")
    for name, value in found.items():
        kind = type(getattr(EventSettings(), name))
        wanted = "text" if kind is str else "a whole number"
        _expect(isinstance(value, kind) and not isinstance(value, bool), where, f"events.{name}", wanted)
    return EventSettings(**found)


def _value(name: str, value: Any, where: str) -> Any:
    place = f"baseline.{name}"
    if name == "applies":
        good = isinstance(value, dict) and all(isinstance(item, bool) for item in value.values())
        _expect(good, where, place, "a table of framework = true or false")
        return dict(value)
    if name == "monthly_budget_usd":
        _expect(isinstance(value, (int, float, str)) and not isinstance(value, bool), where, place, "an amount")
        amount = _amount(str(value))
        _expect(amount.is_finite() and amount >= 0, where, place, "an amount such as 6.00")
        return amount
    default = getattr(Baseline(), name)
    if isinstance(default, tuple):
        good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        _expect(good, where, place, "a list of texts")
        return tuple(value)
    _expect(isinstance(value, int) and not isinstance(value, bool) and value >= 0, where, place, "a whole number")
    return value


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _known(found: Mapping[str, Any], allowed: set[str], where: str, prefix: str) -> None:
    for name in found:
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known here: {', '.join(sorted(allowed))}"
            raise UsageError(f"{where}: unknown setting {prefix}{name}", hint)


def _expect(good: bool, where: str, place: str, wanted: str) -> None:  # noqa: FBT001, reads as an assertion
    if not good:
        raise UsageError(f"{where}: {place} must be {wanted}", "correct the file")
