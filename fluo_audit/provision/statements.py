"""Policy documents as facts: one for each statement, in the one form that every order and spelling has in common."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fluo_audit.policy import parse_policy

PREFIX = "statement "


@dataclass(frozen=True, slots=True)
class Labelled:
    """One statement: its Sid or position, unique in the document; its canonical form; and its spelling there."""

    sid: str
    label: str
    canonical: Mapping[str, Any]
    raw: Mapping[str, Any]

    @property
    def fact(self) -> str:
        """Return the name of the fact."""
        return f"{PREFIX}{self.label}"

    @property
    def orphans(self) -> tuple[str, ...]:
        """Return the unique ids of deleted roles and users that it names.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
        """
        named = [name for names in self.canonical.get("Principal", {}).values() for name in names]
        return tuple(name for name in named if name.startswith(("AROA", "AIDA")))


def labelled_statements(source: str | Mapping[str, Any], name: str, partition: str) -> tuple[Labelled, ...]:
    """Return every statement of a document. Raises PolicySyntaxError.

    A Sid that is there twice is labelled "SID (again)": a second statement must not hide behind the first.
    """
    policy = parse_policy(source, name=name, partition=partition)
    document = json.loads(source) if isinstance(source, str) else source
    raw = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    seen: Counter[str] = Counter()
    found = []
    for statement, spelled in zip(policy.statements, raw, strict=True):
        times = seen[statement.label]
        seen[statement.label] += 1
        label = statement.label + " (again)" * times
        found.append(Labelled(statement.label, label, statement.canonical(), spelled))
    return tuple(found)


def facts_of(statements: Iterable[Labelled]) -> dict[str, Any]:
    """Return "statement LABEL" -> its canonical form."""
    return {statement.fact: statement.canonical for statement in statements}


def statement_facts(source: str | Mapping[str, Any], name: str, partition: str) -> dict[str, Any]:
    """Return the facts of a document. Raises PolicySyntaxError."""
    return facts_of(labelled_statements(source, name, partition))
