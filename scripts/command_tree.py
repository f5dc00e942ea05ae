"""The commands of fluo-audit, as documentation names them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from fluo_audit.cli.main import main as cli

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "fluo-audit"
_SHELL = re.compile(r"\s(?:\d?>|[|&;#<])")
"""Where the shell's part of a line begins."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield the program and every command below it, with its full name, in the order of the help."""
    waiting: list[tuple[str, click.Command]] = [(PROGRAM, cli)]
    while waiting:
        name, command = waiting.pop(0)
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name)
            below = [(each, command.get_command(context, each)) for each in command.list_commands(context)]
            waiting[:0] = [(f"{name} {each}", found) for each, found in below if found and not found.hidden]


def unknown_words(line: str) -> list[str]:
    """Return the words of a line `fluo-audit ...` that are neither a command nor an option it has there.

    Arguments and the values of options are not looked at.
    """
    tree = dict(commands())
    path, options, unknown = PROGRAM, _options(cli), []
    words = iter(_SHELL.split(line)[0].split()[1:])
    for word in words:
        name, attached, _ = word.partition("=")
        if name.startswith("-") and name != "-":
            if name not in options:
                unknown.append(word)
            elif options[name] and not attached:
                next(words, None)
        elif f"{path} {word}" in tree:
            path = f"{path} {word}"
            options |= _options(tree[path])
        elif isinstance(tree[path], click.Group):
            unknown.append(word)
    return unknown


def _options(command: click.Command) -> dict[str, bool]:
    """Return each option of a command, and whether a value follows it."""
    found = {"--help": False, "-h": False}
    for each in command.params:
        if isinstance(each, click.Option):
            found |= dict.fromkeys((*each.opts, *each.secondary_opts), not (each.is_flag or each.count))
    return found
