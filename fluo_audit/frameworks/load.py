"""Read the framework files of this folder into frozen values, strictly.

The files ship with the tool. A mistake in one is a mistake of ours and not of the user's, so it raises
`MappingError` with file and place, and does not wait for the control that it would have hidden.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

FILES = ("soc2", "hipaa", "pci-dss", "nist-800-57")
"""Ids of the frameworks in the order of the report; each is the name of its file."""

ALIASES: Mapping[str, str] = MappingProxyType({"pci": "pci-dss", "nist": "nist-800-57"})
"""Short names people use, and the id each stands for."""

OPERATIONAL_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "cost-as-modelled": "cost tells how the service is run; no control of these frameworks asks for it",
        "cost-within-budget": "a budget is the organisation's own limit; no control of these frameworks asks for it",
    }
)
"""Checks that need no mapping, and why. Every other check is mapped to at least one SOC 2 criterion."""

NEW = "new"
"""What `was` says of a requirement that the edition before did not have."""


class MappingError(ValueError):
    """A framework file is wrong: the message says which, where in it, and how."""


class Strength(StrEnum):
    """How far a passing check speaks for a control, as far as this one key is concerned."""

    SUPPORTS = "supports"
    """It shows what the control asks for."""
    PARTIALLY = "partially supports"
    """It shows one part of that, or something the control cannot do without."""


@dataclass(frozen=True, slots=True)
class MappingLine:
    """One check that speaks to a control."""

    check: str
    strength: Strength
    because: str
    source: str
    """Whose reading this is: a peer's file, a testing procedure, or our own."""


@dataclass(frozen=True, slots=True)
class MappedControl:
    """One control in our own words, with the checks that speak to it; without any it is manual."""

    id: str
    was: str
    """Its number in the edition before; "new" if it had none, empty if the number did not change."""
    title: str
    manual: str
    """What an auditor must still obtain."""
    lines: tuple[MappingLine, ...]
    seed_claim: str = ""
    """What the documentation of the Terraform module says about this control."""
    correction: str = ""
    """What is wrong with that; empty when the claim stands."""
    unverified: bool = False
    """True when the number was not checked against the text it comes from."""


@dataclass(frozen=True, slots=True)
class FrameworkMapping:
    """A framework in one edition, and the controls this tool has something to say about."""

    id: str
    name: str
    version: str
    version_before: str
    """The edition that `MappedControl.was` counts in; empty when no number changed."""
    source: str
    numbers: str
    """What the control numbers were checked against."""
    note: str
    must_be_declared: bool
    """True when the organisation must say that the framework applies before anything counts as supported."""
    controls: tuple[MappedControl, ...]


@cache
def load_frameworks() -> tuple[FrameworkMapping, ...]:
    """Return every framework that ships with the tool, in the order of the report."""
    folder = files("fluo_audit.frameworks")
    return tuple(parse(folder.joinpath(f"{name}.toml").read_text("utf-8"), f"{name}.toml") for name in FILES)


def parse(text: str, file: str) -> FrameworkMapping:
    """Return the framework that a TOML text describes; `file` is its name, which must be its id and ".toml".

    Raises `MappingError` naming file and place for whatever does not belong there or is missing.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{file}: {error}") from error
    _only(document, ("framework", "control"), file)
    place = f"{file}, [framework]"
    head = document.get("framework")
    if not isinstance(head, dict):
        raise MappingError(f"{place} is missing")
    given = _texts(
        head, place, ("id", "name", "version", "source", "numbers", "note", "applicability"), ("version_before",)
    )
    if f"{given['id']}.toml" != file:
        raise MappingError(f"{place}: id {given['id']!r} is not the name of the file")
    if given["applicability"] not in {"declared", "assumed"}:
        raise MappingError(f"{place}: applicability {given['applicability']!r} is neither 'declared' nor 'assumed'")
    controls = tuple(
        _control(table, f"{file}, control {n}", given["version_before"])
        for n, table in enumerate(_tables(document, "control", file), 1)
    )
    if not controls:
        raise MappingError(f"{file}: it has no [[control]]")
    _distinct((control.id for control in controls), f"{file}: control id")
    must_be_declared = given.pop("applicability") == "declared"
    return FrameworkMapping(**given, must_be_declared=must_be_declared, controls=controls)


def _control(table: dict[str, Any], place: str, version_before: str) -> MappedControl:
    optional = ("was", "seed_claim", "correction")
    given = _texts(table, place, ("id", "title", "manual"), optional, ("line", "unverified"))
    place = f"{place} ({given['id']})"
    if given["was"] and not version_before:
        raise MappingError(f"{place}: was needs version_before in [framework]")
    if given["correction"] and not given["seed_claim"]:
        raise MappingError(f"{place}: correction needs the seed_claim that it corrects")
    unverified = table.get("unverified", False)
    if not isinstance(unverified, bool):
        raise MappingError(f"{place}: unverified is neither true nor false")
    lines = tuple(_line(each, f"{place}, line {n}") for n, each in enumerate(_tables(table, "line", place), 1))
    _distinct((line.check for line in lines), f"{place}: check")
    return MappedControl(**given, lines=lines, unverified=unverified)


def _line(table: dict[str, Any], place: str) -> MappingLine:
    given = _texts(table, place, ("check", "strength", "because", "source"))
    if given["strength"] not in set(Strength):
        known = " or ".join(repr(str(each)) for each in Strength)
        raise MappingError(f"{place}: strength {given['strength']!r} is not {known}")
    return MappingLine(given["check"], Strength(given["strength"]), given["because"], given["source"])


def _texts(
    table: dict[str, Any],
    place: str,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
) -> dict[str, str]:
    """Return the texts of a table; an optional one that is absent is empty, one that is present never is."""
    _only(table, required + optional + others, place)
    texts = {}
    for key in required + optional:
        text = table.get(key, "" if key in optional else None)
        if text is None:
            raise MappingError(f"{place}: {key} is missing")
        if not isinstance(text, str) or text != text.strip() or (key in table and not text):
            raise MappingError(f"{place}: {key} is not a text, is empty, or has blanks around it")
        texts[key] = text
    return texts


def _tables(table: dict[str, Any], key: str, place: str) -> list[dict[str, Any]]:
    tables = table.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise MappingError(f"{place}: {key} is not a list of tables")
    return tables


def _only(table: dict[str, Any], known: tuple[str, ...], place: str) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise MappingError(f"{place}: unknown key {', '.join(unknown)}; known are {', '.join(known)}")


def _distinct(ids: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            raise MappingError(f"{what} {each!r} stands there twice")
        seen.add(each)
