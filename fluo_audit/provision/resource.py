"""The vocabulary of planning: what is wanted, what is there, and the writes between them. Plain frozen values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEY_ARN, KEY_ID = "${fluo.key_arn}", "${fluo.key_id}"
TRAIL_KEY_ARN, TRAIL_KEY_ID = "${fluo.trail_key_arn}", "${fluo.trail_key_id}"
"""Stand for what is known only once the key exists. IAM's policy variables hold a colon: none reads like these."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and by whom: the account, its partition, the primary Region, and the role or user that acts."""

    account: str
    partition: str
    region: str
    caller: str
    """ARN of the principal: for a session of a role the session's ARN."""

    @property
    def dns_suffix(self) -> str:
        """Return the end of service names in this partition."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def iam(self, resource: str) -> str:
        """Return the ARN of an IAM resource such as role/NAME."""
        return f"arn:{self.partition}:iam::{self.account}:{resource}"

    def arn(self, service: str, resource: str, region: str = "") -> str:
        """Return the ARN of a resource of a service in a Region (the primary one by default)."""
        return f"arn:{self.partition}:{service}:{region or self.region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that should exist. `facts` are compared with AWS; `details` are what creating it also needs."""

    kind: str
    name: str
    facts: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Fact (or the first word of its name) -> variable of the spec that decides it."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """Fact (or the first word of its name) that nothing here changes once it exists -> what to do instead."""

    @property
    def label(self) -> str:
        """Return how the resource is called in plans and messages."""
        return f"{self.kind} {self.name}" + (f" in {self.region}" if self.region else "")

    def variable(self, fact: str) -> str:
        """Return the variable that decides a fact, or empty text."""
        return _by_first_word(self.variables, fact)

    def instead(self, fact: str) -> str:
        """Return what to do about a fact that nothing here changes, or empty text."""
        return _by_first_word(self.fixed, fact)


def _by_first_word(texts: Mapping[str, str], fact: str) -> str:
    return texts.get(fact) or texts.get(fact.split(" ", 1)[0], "")


@dataclass(frozen=True, slots=True)
class Seen:
    """A resource as AWS has it. `raw` is what changes are built on; `notes` is what should be known about it."""

    facts: Mapping[str, Any]
    raw: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One write, as data: shown before it is done."""

    label: str
    done: str
    """What to say when it is done, such as "created"."""
    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any]
    gives: Mapping[str, str] = field(default_factory=dict)
    """Placeholder -> member of the answer that fills it: {"${fluo.key_id}": "KeyMetadata.KeyId"}."""
    waits_for: tuple[str, ...] = ()
    """Error codes that mean "not visible yet": repeated for up to a minute."""

    @property
    def api(self) -> str:
        """Return service:operation."""
        return f"{self.service}:{self.operation}"


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """Return a value with the placeholders in its texts filled."""
    if isinstance(value, str):
        for placeholder, text in known.items():
            value = value.replace(placeholder, text)
        return value
    if isinstance(value, Mapping):
        return {filled(key, known): filled(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, known) for item in value]
    return value


def pretty(document: Mapping[str, Any]) -> str:
    """Return a policy document as it is sent and stored."""
    return json.dumps(document, indent=2)
