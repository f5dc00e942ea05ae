"""The commands that put things right: a plan of this tool, or a variable of the Terraform module that has the key."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fluo_audit.evaluate.rows import rows
from fluo_audit.model import sources
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import Fact, Have, Source

READS: tuple[Source[Any], ...] = (sources.ALIASES, sources.TAGS)
SHORTEST_PERIOD, LONGEST_PERIOD = 90, 2560
"""Days between rotations that KMS takes."""
MANAGED_BY, TERRAFORM = "ManagedBy", "terraform"
_ALIAS = "alias/fluo-"


@dataclass(frozen=True, slots=True)
class Remedies:
    """What commands need to know: the environment, the key, its FLUO roles, and whether Terraform manages it."""

    environment: str
    key_arn: str
    roles: tuple[str, ...] = ()
    terraform: bool = False

    def plan(self, **variables: str | int | bool | tuple[str, ...]) -> str:
        """Return how to change variables of the desired state, named as the module names them.

        A key that Terraform manages is changed there, or taken over: then the tool no longer refuses to write.
        """
        named: dict[str, Any] = {"environment": self.environment, "fluo_role_arns": self.roles, **variables}
        command = shlex.join(["fluo-audit", "provision", "plan", *_options(named)])
        if not self.terraform:
            return command
        wanted = ", ".join(f"{name} = {json.dumps(value)}" for name, value in variables.items())
        there = f"set {wanted} in the Terraform module and apply it" if wanted else "apply the Terraform module again"
        return f"{there}; or take over: {command} --take-ownership"

    def rotation(self, days: int) -> str:
        """Return how to have KMS rotate the key every so many days, or as often as KMS does."""
        days = min(max(days, SHORTEST_PERIOD), LONGEST_PERIOD)
        if self.terraform:
            return self.plan(key_rotation_period_days=days)
        return self.kms("enable-key-rotation", "--rotation-period-in-days", str(days))

    def kms(self, operation: str, *arguments: str) -> str:
        """Return a command of the AWS CLI on the key."""
        return shlex.join(["aws", "kms", operation, "--key-id", self.key_arn, *arguments])


def remedies_of(facts: Mapping[str, Fact[Any]], criteria: Criteria) -> Remedies:
    """Return the remedies for the key that was looked at."""
    scope, tags = criteria.scope, dict(_pairs(facts, sources.TAGS, "tag_key", "tag_value"))
    aliases = dict(_pairs(facts, sources.ALIASES, "alias_name", "target_key_id"))
    named = sorted(name.removeprefix(_ALIAS) for name in aliases if name.startswith(_ALIAS))
    return Remedies(
        environment=scope.environment or (named[0] if named else "ENV"),
        key_arn=scope.key_arn,
        roles=criteria.baseline.backend_roles,
        terraform=tags.get(MANAGED_BY) == TERRAFORM,
    )


def enable_key(facts: Mapping[str, Fact[Any]], fixes: Remedies) -> str:
    """Return the command that makes a key usable again, or empty text for a state that no command ends."""
    fact = facts.get(sources.KEY.name)
    state = fact.value.state if isinstance(fact, Have) else ""
    commands = {
        "Disabled": fixes.kms("enable-key"),
        "PendingDeletion": f"{fixes.kms('cancel-key-deletion')} && {fixes.kms('enable-key')}",
    }
    return commands.get(state, "")


def _pairs(facts: Mapping[str, Fact[Any]], source: Source[Any], key: str, value: str) -> Iterator[tuple[str, str]]:
    fact = facts.get(source.name)
    if isinstance(fact, Have):
        yield from ((row[key] or "", row[value] or "") for row in rows(fact.value))


def _options(variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            yield flag if value else f"--no-{flag.removeprefix('--')}"
        elif isinstance(value, tuple):
            for each in value:
                yield from (flag.removesuffix("s"), each)
        else:
            yield from (flag, str(value))
