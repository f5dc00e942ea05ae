"""fluo-audit catalog."""

from __future__ import annotations

from typing import Any

import click

from fluo_audit.cli import terminal
from fluo_audit.cli.options import format_option
from fluo_audit.errors import ExitCode

Rows = tuple[dict[str, str], ...]


@click.command()
@click.argument("what", type=click.Choice(["checks", "frameworks"]), default="checks")
@click.argument("name", required=False)
@format_option
def catalog(what: str, name: str | None, output: str) -> int:
    """List the checks and the framework controls, with the mapping between them and its reasons.

    NAME is a check id, a framework, or a control number, of the edition before too.

    \b
    fluo-audit catalog checks rotation-on-time
    fluo-audit catalog frameworks pci
    fluo-audit catalog frameworks 3.6.4
    """
    parts = _checks(name) if what == "checks" else _frameworks(name)
    if output == "json":
        terminal.print_json("catalog", {title: list(rows) for title, rows in parts.items()})
    else:
        for number, (title, rows) in enumerate(parts.items()):
            _print(title, rows, first=number == 0)
    return ExitCode.OK


def _checks(name: str | None) -> dict[str, Rows]:
    from fluo_audit.evaluate import catalog as rows
    from fluo_audit.evaluate.checks.all import ALL
    from fluo_audit.frameworks.load import load_frameworks

    frameworks = load_frameworks()
    if name is None:
        return {"checks": rows.check_rows(ALL, frameworks)}
    check = rows.find_check(ALL, name)
    return {
        "check": rows.check_rows([check], frameworks),
        "about": rows.section_rows(check),
        "controls": rows.requirement_rows(check.id, frameworks),
    }


def _frameworks(name: str | None) -> dict[str, Rows]:
    from fluo_audit.evaluate import catalog as rows
    from fluo_audit.frameworks.load import load_frameworks

    frameworks = load_frameworks()
    if name is None:
        every = [(framework, control) for framework in frameworks for control in framework.controls]
        return {"frameworks": rows.framework_rows(frameworks), "controls": rows.control_rows(every)}
    controls = rows.find_controls(frameworks, name)
    return {"controls": rows.control_rows(controls), "checks": rows.line_rows(controls)}


_COLUMNS: dict[str, tuple[str, ...]] = {
    "checks": ("id", "severity", "title"),
    "frameworks": ("id", "name", "version", "applicability"),
}
_LIST_COLUMNS = ("framework", "id", "was", "title", "checks")


def _print(title: str, rows: Rows, *, first: bool) -> None:
    """Print a short list as a table, and one thing with all it says as label and text."""
    if not first:
        terminal.say()
    if not rows:
        terminal.say(f"{title}: none")
    elif title == "about":
        terminal.texts([(row["section"], row["text"]) for row in rows])
    elif len(rows) == 1 or "because" in rows[0]:
        for number, row in enumerate(rows):
            if number:
                terminal.say()
            terminal.texts(_labelled(row))
    else:
        columns = _COLUMNS.get(title, _LIST_COLUMNS)
        terminal.table([c.upper() for c in columns], [[row[c] for c in columns] for row in rows])


def _labelled(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(label.replace("_", " "), text) for label, text in row.items() if text]
