"""A policy as frozen values, equal whatever order its lists and statements came in.

KMS returns the lists of a key policy in changing order, so policies are compared, and hashed, in a canonical form:
https://github.com/hashicorp/terraform-provider-aws/issues/39788
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

from fluo_audit.policy.wildcard import lower, matches_action

T = TypeVar("T")


class Effect(StrEnum):
    """What a statement does with the requests it applies to."""

    ALLOW = "Allow"
    DENY = "Deny"


class PrincipalName(NamedTuple):
    """One principal that a statement names: `kind` AWS, Service, Federated or CanonicalUser, and its name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Selection(Generic[T]):
    """The values of Action, Resource or Principal; `excluded` when it was NotAction, NotResource or NotPrincipal."""

    values: tuple[T, ...]
    excluded: bool = False

    def element(self, name: str) -> str:
        """Return the policy element it was, such as "Action" or "NotAction" for `name` "Action"."""
        return f"Not{name}" if self.excluded else name


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator, such as StringEquals, kms:ViaService, (s3.eu-west-1.amazonaws.com,)."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. A part that is absent from the policy is None: then the statement applies to nothing."""

    effect: Effect
    sid: str = ""
    principals: Selection[PrincipalName] | None = None
    actions: Selection[str] | None = None
    resources: Selection[str] | None = None
    conditions: tuple[Condition, ...] = ()
    position: int = field(default=1, compare=False)

    @property
    def label(self) -> str:
        """The Sid, or "statement N" counted from 1."""
        return self.sid or f"statement {self.position}"

    def covers_action(self, action: str) -> bool:
        """Return whether the statement speaks of `action`, such as `kms:Decrypt`."""
        if self.actions is None:
            return False
        named = any(matches_action(pattern, action) for pattern in self.actions.values)
        return named is not self.actions.excluded

    def canonical(self) -> dict[str, Any]:
        """Return the statement as a policy would spell it, whatever the order and the case that IAM ignores."""
        parts: dict[str, Any] = {"Effect": self.effect.value}
        if self.sid:
            parts["Sid"] = self.sid
        if self.principals is not None:
            parts[self.principals.element("Principal")] = _grouped(self.principals.values)
        if self.actions is not None:
            parts[self.actions.element("Action")] = sorted({lower(action) for action in self.actions.values})
        if self.resources is not None:
            parts[self.resources.element("Resource")] = sorted(self.resources.values)
        if self.conditions:
            blocks: dict[str, dict[str, list[str]]] = {}
            for condition in self.conditions:
                blocks.setdefault(condition.operator, {})[lower(condition.key)] = sorted(condition.values)
            parts["Condition"] = blocks
        return parts


def _grouped(principals: tuple[PrincipalName, ...]) -> dict[str, list[str]]:
    """Return principals as a policy lists them: the names under each kind."""
    kinds: dict[str, list[str]] = {}
    for kind, name in sorted(principals):
        kinds.setdefault(kind, []).append(name)
    return kinds


@dataclass(frozen=True, slots=True, eq=False)
class PolicyDocument:
    """A key policy or an identity policy. `name` says which, in reasons and reports; it plays no part in equality.

    Two documents are equal when their version and statements are; `policy_id`, the order of statements and of lists,
    and the case of action and condition key names make no difference.
    """

    statements: tuple[Statement, ...]
    version: str = "2008-10-17"  # what IAM assumes when a policy does not say
    policy_id: str = ""
    name: str = "policy"

    @property
    def resolves_variables(self) -> bool:
        """Whether `${...}` is a policy variable here; in the older version it is plain text."""
        return self.version == "2012-10-17"

    def canonical(self) -> str:
        """Return the policy to compare and to hash: one line of JSON, the same for every order of the same policy.

        It is itself a policy that means the same; only names in reports (Id, spelling of actions) are lost.
        """
        statements = sorted({json.dumps(s.canonical(), sort_keys=True) for s in self.statements})
        return json.dumps({"Version": self.version, "Statement": [json.loads(s) for s in statements]}, sort_keys=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PolicyDocument):
            return NotImplemented
        return self.canonical() == other.canonical()

    def __hash__(self) -> int:
        return hash(self.canonical())
