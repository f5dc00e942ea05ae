"""Write the generated pages, or check that they are what the code says.

::

    python scripts/docs.py            write them
    python scripts/docs.py --check    write nothing; print the differences and exit 1 when there are any
"""

from __future__ import annotations

import difflib
import re
import sys
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fluo_audit.aws.permissions import PROVISION_READS, READS, iam_action
from fluo_audit.aws.writes import WRITES
from fluo_audit.cli.main import main as cli
from fluo_audit.errors import ExitCode
from fluo_audit.evaluate.catalog import checks_markdown, frameworks_markdown
from fluo_audit.evaluate.checks.all import ALL
from fluo_audit.frameworks.load import load_frameworks
from scripts.command_tree import PROGRAM, commands
from scripts.examples import example
from scripts.seed_coverage import CoverageError, seed_coverage_page

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

ROOT = Path(__file__).parent.parent
WIDTH = 80
_WRITE_ACTIONS = {
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""
_BLOCK = re.compile(
    r"(?P<open>^[ ]*<!-- generated: (?P<name>[a-z-]+) -->\n).*?(?P<close>^[ ]*<!-- end -->$)", re.MULTILINE | re.DOTALL
)


def cli_page() -> str:
    """Return docs/cli.md: the help of the program and of every command, as a terminal of 80 columns shows it."""
    parts = ["# Command line", "<!-- Generated from the commands themselves. Do not edit. -->"]
    for name, command in commands():
        parts += [f"## {name}", f"```text\n{help_text(name, command)}\n```"]
    return "\n\n".join(parts) + "\n"


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


def actions_block(operations: Collection[str]) -> str:
    """Return the IAM actions that allow operations, one line for each service."""
    services: dict[str, list[str]] = {}
    for action in sorted(_WRITE_ACTIONS.get(each, iam_action(each)) for each in operations):
        service, _, name = action.partition(":")
        services.setdefault(service, []).append(name)
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
    "docs/seed-coverage.md": seed_coverage_page,
}
"""Pages that are generated whole, by path."""

BLOCKS: Mapping[str, Callable[[], str]] = {
    "commands": commands_block,
    "exit-codes": exit_codes_block,
    "permissions": partial(actions_block, READS),
    "permissions-plan": partial(actions_block, PROVISION_READS),
    "permissions-apply": partial(actions_block, WRITES),
    "example-plan": partial(example, "provision plan --environment preview"),
    "example-adopt": partial(example, "provision plan"),
    "example-validate": partial(example, "validate"),
    "example-doctor": partial(example, "doctor access"),
}
"""Blocks between `<!-- generated: name -->` and `<!-- end -->` in pages that are otherwise written by hand."""

FILLED = ("README.md", "docs/provisioning.md")
"""Those pages."""


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
    return pages | {name: with_blocks((root / name).read_text(encoding="utf-8")) for name in FILLED}


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
    if arguments not in ([], ["--check"]):
        print("usage: docs.py [--check]", file=sys.stderr)
        return 2
    try:
        if not arguments:
            write(root)
            return 0
        found = differences(root)
    except CoverageError as error:
        print(error, file=sys.stderr)
        return 1
    print(found + "docs: run `make docs`" if found else "docs: ok")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
