"""Write to a terminal or a pipe. Text that came from AWS is cleaned here, and nowhere else is anything printed.

The result goes to stdout, everything else to stderr. In a pipe nothing is cut and no escape byte is written.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console

MARKS = {
    "supported": ("ok", "green"),
    "exception": ("!!", "red"),
    "inconclusive": ("??", "yellow"),
    "not applicable": ("--", "bright_black"),
    "manual": ("--", "blue"),
}
WIDE = 10**6
NARROWEST = 40


def clean(text: object) -> str:
    """Return text without what a terminal would obey: control characters and direction marks become visible escapes."""
    return "".join(c if _harmless(c) else c.encode("unicode_escape").decode("ascii") for c in str(text))


def _harmless(character: str) -> bool:
    return character == " " or (character.isprintable() and unicodedata.category(character) not in {"Cf", "Zl", "Zp"})


def say(text: str = "", *, err: bool = False) -> None:
    """Print one cleaned line."""
    click.echo(clean(text), err=err)


def note(text: str, *, quiet: bool) -> None:
    """Say on stderr what is being done."""
    if not quiet:
        click.echo(clean(text), err=True)


def next_step(command: str) -> None:
    """Print the one command that comes next."""
    say(f"Next: {command}")


def print_json(schema: str, document: dict[str, Any]) -> None:
    """Print a result for programs. JSON escapes control characters by itself."""
    import json

    click.echo(json.dumps({"schema": f"fluo-audit/{schema}/v1", **document}, indent=2, sort_keys=True))


def mark(kind: str) -> str:
    """Return the two-character mark of a conclusion, coloured where colour is wanted."""
    sign, color = MARKS[kind]
    return click.style(sign, fg=color, bold=True)


def marked_rows(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print (conclusion, name, text) rows: the text beside the name, or under it where there is no room."""
    width = max((len(clean(name)) for _, name, _ in rows), default=0)
    for kind, name, text in rows:
        beside(f"{mark(kind)}  ", 4, name, width, text)


def texts(rows: Sequence[tuple[str, str]]) -> None:
    """Print label and text, like `marked_rows` without a mark."""
    width = max(len(clean(label)) for label, _ in rows)
    for label, text in rows:
        beside("", 0, label, width, text)


def paragraph(text: str) -> None:
    """Print text of any length, wrapped to the terminal."""
    indented(text, 0)


def indented(text: str, margin: int) -> None:
    """Print text behind a margin, wrapped to the terminal."""
    for line in _wrapped(text, margin):
        click.echo(" " * margin + line)


def beside(start: str, indent: int, name: str, width: int, text: str) -> None:
    """Print a styled start `indent` columns wide, a name, and a text beside it or, where there is no room, under it."""
    name = clean(name)
    fits = terminal_width() - indent - width - 2 >= NARROWEST
    margin = indent + width + 2 if fits else 4
    lines = _wrapped(text, margin)
    click.echo(f"{start}{name.ljust(width)}  {lines[0]}".rstrip() if fits else f"{start}{name}")
    for line in lines[1:] if fits else lines:
        click.echo(" " * margin + line)


def _wrapped(text: str, margin: int) -> list[str]:
    import textwrap

    room = max(20, terminal_width() - margin)
    return textwrap.wrap(clean(text), room, break_long_words=False, break_on_hyphens=False) or [""]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as wide as the terminal, or as wide as it needs to be in a pipe."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in head:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(clean(cell)) for cell in row))
    _console().print(grid)


def terminal_width() -> int:
    """Return the columns of the terminal; practically unlimited in a pipe."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else WIDE


def _console() -> Console:
    from rich.console import Console

    context = click.get_current_context(silent=True)
    plain = context is not None and context.color is False
    forced = context is not None and context.color is True
    # In a pipe the table takes its natural width: rich pads no last column without a box.
    width = terminal_width() if sys.stdout.isatty() else 500
    return Console(
        file=sys.stdout,
        markup=False,
        highlight=False,
        emoji=False,
        width=width,
        no_color=plain,
        force_terminal=forced or None,
    )


class Progress:
    """Tells on stderr how a collection goes: one line a source, and on a terminal one that moves meanwhile."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet

    def update(self, source: str, text: str) -> None:
        """Show where a long read is."""
        if self._live:
            click.echo(f"\r\x1b[2K{self._line(source, text)}", err=True, nl=False)

    def finish(self, source: str, text: str) -> None:
        """Show how a source ended."""
        if not self._quiet:
            click.echo(("\r\x1b[2K" if self._live else "") + self._line(source, text), err=True)

    def _line(self, source: str, text: str) -> str:
        line = clean(f"{source:<18}{text}")
        return line[: _columns(sys.stderr) - 1] if self._live else line


def _columns(stream: TextIO) -> int:
    import os

    return os.get_terminal_size(stream.fileno()).columns
