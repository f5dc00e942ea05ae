"""The catalog: every check and every control with the mapping between them, read in both directions.

Plain rows (texts by column) are for `fluo-audit catalog`, Markdown is for docs/checks.md and docs/frameworks.md.
Everything comes from the docstrings of the checks and from the framework files, so neither can fall behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from inspect import cleandoc

from fluo_audit.errors import UsageError
from fluo_audit.evaluate.controls import requirements
from fluo_audit.evaluate.registry import SECTIONS, Check
from fluo_audit.frameworks.load import ALIASES, NEW, OPERATIONAL_CHECKS, FrameworkMapping, MappedControl

Row = dict[str, str]

_GENERATED = "<!-- Generated from the docstrings of the checks and the files in fluo_audit/frameworks. Do not edit. -->"


def check_rows(checks: Iterable[Check], frameworks: Sequence[FrameworkMapping]) -> tuple[Row, ...]:
    """Return one row for each check: id, title, group, severity, reads (its sources) and requirements."""
    return tuple(
        {
            "id": check.id,
            "title": check.title,
            "group": check.group,
            "severity": check.severity.value,
            "reads": ", ".join(source.name for source in check.sources),
            "requirements": ", ".join(
                f"{each.framework} {each.control}" for each in requirements(check.id, frameworks)
            ),
        }
        for check in checks
    )


def find_check(checks: Iterable[Check], id_: str) -> Check:
    """Return the check of that id; raises `UsageError` for an id that is none."""
    for check in checks:
        if check.id == id_:
            return check
    raise UsageError(f"no check is called {id_!r}", "fluo-audit catalog checks lists them")


def section_rows(check: Check) -> tuple[Row, ...]:
    """Return what the docstring of a check says, one row for each section it has: section and text."""
    return tuple({"section": name, "text": check.section(name)} for name in SECTIONS if check.section(name))


def requirement_rows(check_id: str, frameworks: Iterable[FrameworkMapping]) -> tuple[Row, ...]:
    """Return the controls a check speaks to: framework, control, was, strength, because and source."""
    return tuple(
        {
            "framework": each.framework,
            "control": each.control,
            "was": each.was,
            "strength": each.strength,
            "because": each.because,
            "source": each.source,
        }
        for each in requirements(check_id, frameworks)
    )


def framework_rows(frameworks: Iterable[FrameworkMapping]) -> tuple[Row, ...]:
    """Return one row for each framework: id, name, version, controls (count), applicability, source, numbers, note."""
    return tuple(
        {
            "id": each.id,
            "name": each.name,
            "version": each.version,
            "controls": str(len(each.controls)),
            "applicability": "must be declared" if each.must_be_declared else "assumed unless declared otherwise",
            "source": each.source,
            "numbers": each.numbers,
            "note": each.note,
        }
        for each in frameworks
    )


def find_controls(
    frameworks: Iterable[FrameworkMapping], wanted: str
) -> tuple[tuple[FrameworkMapping, MappedControl], ...]:
    """Return the controls that a name stands for: a framework, a control number, or a number of the edition before.

    So "pci" gives all of PCI DSS, and "3.6.4" the requirement that is 3.7.4 today. Raises `UsageError` for a name
    that is none of them.
    """
    pairs = [(framework, control) for framework in frameworks for control in framework.controls]
    framework_id = ALIASES.get(wanted.lower(), wanted.lower())
    name = wanted.casefold()
    found = [(f, c) for f, c in pairs if f.id == framework_id]
    found = found or [(f, c) for f, c in pairs if name in {c.id.casefold(), *c.was.split(", ")} - {"", NEW}]
    if not found:
        raise UsageError(
            f"no framework and no control is called {wanted!r}", "fluo-audit catalog frameworks lists them"
        )
    return tuple(found)


def control_rows(controls: Iterable[tuple[FrameworkMapping, MappedControl]]) -> tuple[Row, ...]:
    """Return one row for each control: framework, id, was, title, checks, manual, seed_claim, correction and remark."""
    return tuple(
        {
            "framework": framework.id,
            "id": control.id,
            "was": control.was,
            "title": control.title,
            "checks": ", ".join(line.check for line in control.lines),
            "manual": control.manual,
            "seed_claim": control.seed_claim,
            "correction": control.correction,
            "remark": "number not verified" if control.unverified else "",
        }
        for framework, control in controls
    )


def line_rows(controls: Iterable[tuple[FrameworkMapping, MappedControl]]) -> tuple[Row, ...]:
    """Return the checks that speak to controls: framework, control, check, strength, because and source."""
    return tuple(
        {
            "framework": framework.id,
            "control": control.id,
            "check": line.check,
            "strength": line.strength.value,
            "because": line.because,
            "source": line.source,
        }
        for framework, control in controls
        for line in control.lines
    )


def checks_markdown(checks: Sequence[Check], frameworks: Sequence[FrameworkMapping]) -> str:
    """Return docs/checks.md: what every check looks at, why, and which controls it speaks to."""
    rows = check_rows(checks, frameworks)
    parts = [
        "# Checks",
        _GENERATED,
        "A check passes, fails, does not apply, or was not assessed; a fact that could not be read is never judged.",
        _table(("Check", "Good state", "Severity"), [(_link(r["id"]), r["title"], r["severity"]) for r in rows]),
    ]
    for check, row in zip(checks, rows, strict=True):
        parts += [f"## {check.id}", f"{check.title}. {_summary(check)}"]
        parts.append(f"Group {row['group']}, severity {row['severity']}, reads {row['reads']}.")
        parts += [f"**{each['section']}:** {each['text']}" for each in section_rows(check)]
        parts.append(_requirements_markdown(check.id, frameworks))
    return "\n\n".join(parts) + "\n"


def _requirements_markdown(check_id: str, frameworks: Sequence[FrameworkMapping]) -> str:
    named = {each.id: each for each in frameworks}
    rows = [
        (
            f"[{named[r['framework']].name} {r['control']}](frameworks.md#{_anchor(r['framework'], r['control'])})"
            + _was(named[r["framework"]], r["was"]),
            r["strength"],
            r["because"],
            r["source"],
        )
        for r in requirement_rows(check_id, frameworks)
    ]
    if rows:
        return _table(("Control", "How far", "Because", "Source of the mapping"), rows)
    return f"Speaks to no control: {OPERATIONAL_CHECKS.get(check_id, 'no mapping was written')}."


_HOW_TO_READ = (
    "Titles are in our own words; the source of each framework has the text. *Supports* means that the check, "
    "passing, shows what the control asks for as far as this one key is concerned; *partially supports*, that it "
    "shows one part of that, or something the control cannot do without. Neither means that the control is met: "
    "that is for an auditor to say, who also obtains what stands under *Still to obtain*."
)


def frameworks_markdown(frameworks: Sequence[FrameworkMapping]) -> str:
    """Return docs/frameworks.md: every control, the checks that speak to it and how far, and what stays manual."""
    parts = [
        "# Frameworks",
        _GENERATED,
        _HOW_TO_READ,
        _table(
            ("Framework", "Edition", "Controls", "Applicability"),
            [(r["name"], r["version"], r["controls"], r["applicability"]) for r in framework_rows(frameworks)],
        ),
        "## Corrections to the module documentation",
        "What the documentation of the Terraform module says about a control, and what is wrong with it.",
        _table(("Control", "The documentation says", "Correction"), _corrections(frameworks)),
    ]
    for framework in frameworks:
        parts += [f"## {framework.name}", framework.note]
        parts.append(f"Edition: {framework.version}. Source: <{framework.source}>. Numbers: {framework.numbers}.")
        parts += [_control_markdown(framework, control) for control in framework.controls]
    return "\n\n".join(parts) + "\n"


def _control_markdown(framework: FrameworkMapping, control: MappedControl) -> str:
    remark = " (number not verified)" if control.unverified else ""
    parts = [
        f'<a id="{_anchor(framework.id, control.id)}"></a>',
        f"### {framework.name} {control.id}{_was(framework, control.was)}",
        f"{control.title}.{remark}",
    ]
    if control.seed_claim:
        verdict = f"Correction: {control.correction}" if control.correction else "The control is named rightly."
        parts.append(f"The module documentation says: {control.seed_claim}. {verdict}")
    rows = [
        (f"[{r['check']}](checks.md#{r['check']})", r["strength"], r["because"], r["source"])
        for r in line_rows([(framework, control)])
    ]
    parts.append(
        _table(("Check", "How far", "Because", "Source of the mapping"), rows) if rows else "No check: manual."
    )
    parts.append(f"**Still to obtain:** {control.manual}")
    return "\n\n".join(parts)


def _corrections(frameworks: Iterable[FrameworkMapping]) -> list[tuple[str, str, str]]:
    return [
        (f"{framework.name} {control.id}", control.seed_claim, control.correction)
        for framework in frameworks
        for control in framework.controls
        if control.correction
    ]


def _was(framework: FrameworkMapping, was: str) -> str:
    if was == NEW:
        return f" (new since {framework.version_before})"
    return f" ({was} in {framework.version_before})" if was else ""


def _anchor(framework_id: str, control_id: str) -> str:
    """Return an anchor of our own: the one a renderer makes of a heading with brackets is anybody's guess."""
    return f"{framework_id}-{re.sub('[^0-9a-z.]+', '-', control_id.lower()).strip('-')}"


def _summary(check: Check) -> str:
    return cleandoc(check.function.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def _link(id_: str) -> str:
    return f"[{id_}](#{id_})"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *(tuple(cell.replace("|", r"\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
