"""Policy documents as facts: one for each statement, in the one form that every order and spelling has in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fluo_audit.policy import PolicyDocument, parse_policy

PREFIX = "statement "


def statement_facts(source: str | Mapping[str, Any], name: str, partition: str) -> dict[str, Any]:
    """Return "statement SID" -> the statement in canonical form. Raises PolicySyntaxError."""
    return {
        f"{PREFIX}{label}": value for label, value in _by_label(parse_policy(source, name=name, partition=partition))
    }


def _by_label(policy: PolicyDocument) -> Iterable[tuple[str, Any]]:
    return ((statement.label, statement.canonical()) for statement in policy.statements)


def raw_statements(source: str | Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a document that `statement_facts` has read, as they are spelled there."""
    found = json.loads(source)["Statement"] if isinstance(source, str) else source["Statement"]
    return list(found) if isinstance(found, list) else [found]


def sid_of(statement: Mapping[str, Any], position: int) -> str:
    """Return how a raw statement is called: by its Sid, or its position counted from 1."""
    return str(statement.get("Sid") or f"statement {position}")
