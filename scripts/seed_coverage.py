"""Write docs/seed-coverage.md from docs/seed-coverage.toml: what became of each section of the seed document.

A claim without a test that exists, or with a command that does not exist, stops the page.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluo_audit.evaluate.wording import count
from scripts.command_tree import unknown_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent
SOURCE = "docs/seed-coverage.toml"
ARROW = " > "
INTRODUCTION = """\
# What became of each section of the seed document

<!-- Generated from docs/seed-coverage.toml. Do not edit. -->

fluo-audit began with one document, the README of FLUO's Terraform module for AWS KMS: the seed. This page goes through
it heading by heading. It says what the tool does instead, with which command, and which tests show that it does.
Names of variables, outputs and steps are those of the seed.

The tests run against the [simulated account](../fluo_audit/sandbox/__init__.py), never against AWS. Those that run
Terraform, below `tests/terraform`, are skipped where it is not installed."""


class CoverageError(Exception):
    """A claim in the source that does not hold."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the seed, and what the tool does instead."""

    at: tuple[str, ...]
    """Headings that lead there."""
    instead: str
    tests: tuple[str, ...]
    """Ids as pytest writes them: tests/path/test_module.py::test_name."""
    commands: tuple[str, ...] = ()
    weaker: str = ""
    """What the seed has and the tool has not, or not so; empty for nothing."""

    @property
    def place(self) -> str:
        """Return the headings in one line."""
        return ARROW.join(self.at)


def seed_coverage_page(root: Path = ROOT) -> str:
    """Return docs/seed-coverage.md. Raises CoverageError that names everything that does not hold."""
    document = tomllib.loads((root / SOURCE).read_text(encoding="utf-8"))
    sections = [_section(each) for each in document["section"]]
    if found := [*_uncovered(document["headings"], sections), *_untrue(sections, root)]:
        raise CoverageError("\n".join(f"{SOURCE}: {each}" for each in found))
    return "\n\n".join([INTRODUCTION, _summary(sections), *_body(sections)]) + "\n"


def _section(table: Mapping[str, Any]) -> Section:
    return Section(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})


def _uncovered(headings: Sequence[str], sections: Sequence[Section]) -> Iterator[str]:
    """Give the headings of the seed that no section with a test stands for, and the sections under no heading."""
    shown = {ARROW.join(each.at[:depth]) for each in sections if each.tests for depth in range(1, len(each.at) + 1)}
    yield from (f"{heading}: no test" for heading in headings if heading not in shown)
    for each in sections:
        if not {each.place, ARROW.join(each.at[:-1])} & set(headings):
            yield f"{each.place}: stands under no heading of the seed"


def _untrue(sections: Sequence[Section], root: Path) -> Iterator[str]:
    for each in sections:
        if not each.tests:
            yield f"{each.place}: no test"
        yield from (f"{each.place}: no test {test}" for test in each.tests if not _exists(root, test))
        for command in each.commands:
            if unknown := unknown_words(command):
                yield f"{each.place}: {command}: there is no {', '.join(unknown)}"


def _exists(root: Path, test: str) -> bool:
    path, _, name = test.partition("::")
    return name in _test_names(root / path)


@cache
def _test_names(path: Path) -> frozenset[str]:
    """Return the names of the tests in a module. It is read, not imported."""
    if not path.is_file():
        return frozenset()
    body = ast.parse(path.read_text(encoding="utf-8"), str(path)).body
    return frozenset(each.name for each in body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"))


def _summary(sections: Sequence[Section]) -> str:
    tests = {test for each in sections for test in each.tests}
    weaker = [f"- {each.place}: {each.weaker}" for each in sections if each.weaker]
    counts = f"{count(len(sections), 'part')} of the seed, shown by {count(len(tests), 'test')}."
    return "\n".join([counts, "", "Weaker than the seed:", "", *weaker]) if weaker else counts


def _body(sections: Sequence[Section]) -> Iterator[str]:
    before: tuple[str, ...] = ()
    for each in sections:
        for depth, heading in enumerate(each.at):
            if each.at[: depth + 1] != before[: depth + 1]:
                yield f"{'#' * (depth + 2)} {heading}"
        before = each.at
        yield each.instead
        yield "\n".join([*(f"- Command: `{command}`" for command in each.commands), _shown(each.tests)])
        if each.weaker:
            yield f"Weaker: {each.weaker}"


def _shown(tests: Sequence[str]) -> str:
    return "\n".join(["- Shown by:", *(f"  - `{test}`" for test in tests)])
