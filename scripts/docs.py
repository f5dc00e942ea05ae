"""Write the generated pages, or check that they are what the code says.

::

    python scripts/docs.py            write them
    python scripts/docs.py --check    write nothing; print the differences and exit 1 when there are any
"""

from __future__ import annotations

import difflib
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fluo_audit.aws.permissions import READS
from fluo_audit.cli.main import main as cli
from fluo_audit.errors import ExitCode
from fluo_audit.evaluate.catalog import checks_markdown, frameworks_markdown
from fluo_audit.evaluate.checks.all import ALL
from fluo_audit.frameworks.load import load_frameworks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent
PROGRAM = "fluo-audit"
WIDTH = 80
_BLOCK = re.compile(
    r"(?P<open>^[ ]*<!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<close>^[ ]*<!-- end -->$)", re.MULTILINE | re.DOTALL
)


def cli_page() -> str:
    """Return docs/cli.md: the help of the program and of every command, as a terminal of 80 columns shows it."""
    parts = ["# Command line", "<!-- Generated from the commands themselves. Do not edit. -->"]
    for name, command in commands():
        parts += [f"## {name}", f"```text\n{help_text(name, command)}\n```"]
    return "\n\n".join(parts) + "\n"


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


def help_text(name: str, command: click.Command) -> str:
    """Return what `<name> --help` prints."""
    context = click.Context(
        command,
        info_name=name,
        terminal_width=WIDTH,
        help_option_names=cli.context_settings["help_option_names"],  # as commands inherit it from the program
    )
    return command.get_help(context).rstrip()


def exit_codes_page() -> str:
    """Return docs/exit-codes.md."""
    return (
        "# Exit codes\n\n"
        "<!-- Generated from fluo_audit.errors.ExitCode. Do not edit. -->\n\n"
        "One table for every command. When several apply, 4 comes before 5, 1, 3 and 0. "
        "[Why](adr/0005-one-exit-code-table.md).\n\n"
        f"{exit_codes_block()}\n"
    )


def exit_codes_block() -> str:
    """Return the table of exit codes."""
    return table(("code", "meaning"), [(str(code.value), code.meaning) for code in ExitCode])


def commands_block() -> str:
    """Return the table of top-level commands with the first sentence of their help."""
    rows = [
        (f"`{name.removeprefix(PROGRAM + ' ')}`", command.get_short_help_str(limit=200))
        for name, command in commands()
        if name.count(" ") == 1
    ]
    return table(("command", "what it does"), rows)


def permissions_block() -> str:
    """Return the operations that collection may use, one line for each service."""
    services: dict[str, list[str]] = {}
    for action in sorted(READS):
        service, _, operation = action.partition(":")
        services.setdefault(service, []).append(operation)
    return table(("service", "operations"), [(f"`{name}`", ", ".join(found)) for name, found in services.items()])


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    cells = [head, ("---",) * len(head), *(tuple(cell.replace("|", r"\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/cli.md": cli_page,
    "docs/exit-codes.md": exit_codes_page,
    "docs/checks.md": lambda: checks_markdown(ALL, load_frameworks()),
    "docs/frameworks.md": lambda: frameworks_markdown(load_frameworks()),
    "docs/schema/evidence.schema.json": lambda: (
        files("fluo_audit.render").joinpath("evidence.schema.json").read_text(encoding="utf-8")
    ),
}
"""Pages that are generated whole, by path."""

BLOCKS: Mapping[str, Callable[[], str]] = {
    "commands": commands_block,
    "exit-codes": exit_codes_block,
    "permissions": permissions_block,
}
"""Blocks between `<!-- generated: name -->` and `<!-- end -->` in the README."""


def with_blocks(text: str) -> str:
    """Return `text` with every generated block filled in, as deep as its marker stands."""

    def fill(found: re.Match[str]) -> str:
        margin = " " * (len(found["open"]) - len(found["open"].lstrip(" ")))
        lines = [margin + line for line in BLOCKS[found["name"]]().splitlines()]
        return "\n".join([found["open"].rstrip("\n"), "", *lines, "", found["close"]])

    return _BLOCK.sub(fill, text)


def generated(root: Path) -> dict[str, str]:
    """Return what every generated file below `root` should hold, by path."""
    pages = {name: page() for name, page in PAGES.items()}
    return pages | {"README.md": with_blocks((root / "README.md").read_text(encoding="utf-8"))}


def write(root: Path) -> None:
    """Write every page below `root`."""
    for name, text in generated(root).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def differences(root: Path) -> str:
    """Return what is written below `root` and what should be, as one diff; empty when they agree."""
    lines: list[str] = []
    for name, expected in generated(root).items():
        path = root / name
        actual = path.read_text(encoding="utf-8") if path.exists() else ""
        lines += difflib.unified_diff(
            actual.splitlines(keepends=True), expected.splitlines(keepends=True), name, f"{name} (generated)"
        )
    return "".join(lines)


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write or check, and return the exit code."""
    if arguments == ["--check"]:
        found = differences(root)
        print(found + "docs: run `make docs`" if found else "docs: ok")
        return int(bool(found))
    if arguments:
        print("usage: docs.py [--check]", file=sys.stderr)
        return 2
    write(root)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
