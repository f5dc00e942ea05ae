"""One option for each variable of the desired state, made from the fields of `Spec`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from fluo_audit.errors import UsageError


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --spec and one option a variable, and pass what was given on as `given: dict`."""
    import dataclasses

    from fluo_audit.provision.spec import Spec

    variables = [each for each in dataclasses.fields(Spec) if each.name != "environment"]

    @functools.wraps(command)
    def with_given(*arguments: Any, spec: Path | None, **options: Any) -> Any:
        given = {each.name: options.pop(each.name) for each in variables}
        return command(*arguments, given=_given(spec, given), **options)

    decorated: Callable[..., Any] = with_given
    for each in reversed(variables):
        default = getattr(Spec(), each.name)
        decorated = click.option(*_names(each.name, default), **_attributes(default, each.metadata["help"]))(decorated)
    return click.option(
        "--spec",
        type=click.Path(path_type=Path, dir_okay=False),
        help="TOML or JSON file of variables, such as fluo_role_arns = [...]. Options win over it.",
    )(decorated)


def _given(path: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    from fluo_audit.provision.spec import read_spec

    given = read_spec(path) if path else {}
    for name, value in options.items():
        if value is None or value == ():
            continue
        given[name] = _tags(value) if name == "tags" else list(value) if isinstance(value, tuple) else value
    return given


def _tags(pairs: tuple[str, ...]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise UsageError(f"--tag {pair}: not a tag", "write it like Owner=Platform")
    return dict(pair.split("=", 1) for pair in pairs)


def _names(variable: str, default: Any) -> list[str]:
    flag = f"--{variable.replace('_', '-')}"
    if isinstance(default, bool):
        return [f"{flag}/--no-{flag.removeprefix('--')}", variable]
    if isinstance(default, tuple | Mapping):
        return [flag.removesuffix("s"), flag, variable]
    return [flag, variable]


def _attributes(default: Any, text: str) -> dict[str, Any]:
    if isinstance(default, bool):
        return {"default": None, "help": f"{text}  [default: {'yes' if default else 'no'}]"}
    if isinstance(default, tuple | Mapping):
        named = f"  [default: {', '.join(default)}]" if default else ""
        kind = "KEY=VALUE" if isinstance(default, Mapping) else "TEXT"
        return {"multiple": True, "metavar": kind, "help": f"{text} May be repeated.{named}"}
    named = f"  [default: {default}]" if default else ""
    return {"type": type(default), "default": None, "help": f"{text}{named}"}
