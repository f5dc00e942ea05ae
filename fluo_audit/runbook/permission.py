"""May a role do one thing with the key? Asked of the key policy, the role's policies and the grants that were read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fluo_audit.errors import FluoAuditError, UsageError
from fluo_audit.evaluate.rows import rows
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.evidence import Fact, Missing
from fluo_audit.model.scope import Scope
from fluo_audit.policy import Caller, Decision, Outcome, PolicyDocument, PolicySyntaxError, StatementRef
from fluo_audit.policy.matrix import condition_words
from fluo_audit.policy.wildcard import arn_parts
from fluo_audit.runbook.rules import READS, Facts, Rules, rules_of

__all__ = ["NOT_CONSIDERED", "READS", "Permission", "named_role", "permission", "real_role"]

NOT_CONSIDERED = (
    "permissions boundaries", "session policies", "service and resource control policies", "VPC endpoint policies",
)  # fmt: skip
"""What may deny a call that is allowed here: none of it is read."""
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer. `statements` are the deciding ones, or the nearest of what nothing allows, each with what it asks."""

    decision: Decision
    statements: tuple[tuple[StatementRef, str], ...] = ()
    missing: tuple[Missing, ...] = ()
    """What could not be read; an answer that is not unknown holds in spite of it."""


def named_role(text: str, scope: Scope) -> str:
    """Return the ARN that a role's name, ARN or session ARN stands for, as far as the text tells. Raises UsageError.

    Only an ARN of a role tells its path; see `real_role`.
    """
    parts = arn_parts(text)
    if parts is not None and parts[2] in {"iam", "sts"} and (name := Caller(text).role_name):
        return text if Caller(text).is_role else f"arn:{parts[1]}:iam::{parts[4]}:role/{name}"
    name = text.rpartition("/")[2]
    if parts is None and ":" not in text and _ROLE_NAME.fullmatch(name):
        return f"arn:{scope.partition}:iam::{scope.account}:role/{name}"
    raise UsageError(f"{text}: not a role", "give its name, such as fluo-backend, or its ARN")


def real_role(text: str, role: str, roles: Fact[Any]) -> str | Missing:
    """Return the ARN of the role as IAM (source "roles") has it; Missing when only IAM could tell and did not.

    Raises FluoAuditError when there is no such role, UsageError when there is one under another ARN.
    """
    if isinstance(roles, Missing):
        if roles.reason.startswith("NoSuchEntity"):
            raise FluoAuditError(f"there is no role {role}", "list them: aws iam list-roles --query Roles[].Arn")
        return role if text == role else roles
    real = str(rows(roles.value)[0]["role_arn"])
    if text == role and real != role:
        raise UsageError(f"there is no role {role}: the one of that name is {real}", f"ask about {real}")
    return real


def permission(facts: Facts, criteria: Criteria, role: str, action: str, context: Mapping[str, str]) -> Permission:
    """Return whether `role`, a backend role in the criteria, may do `action`, such as kms:Decrypt."""
    try:
        rules = rules_of(facts, criteria)
    except PolicySyntaxError as error:
        return Permission(Decision(Outcome.UNKNOWN, (), error.message))
    decision = rules.decide(role, action, context)
    told = tuple((ref, _told(ref, rules, role)) for ref in decision.statements)
    return Permission(decision, told, tuple(rules.missing.values()))


def _told(ref: StatementRef, rules: Rules, role: str) -> str:
    """Return when the statement behind a reference applies, in words; empty for a grant, which has no statement."""
    found = (
        f"{statement.effect.value}, {condition_words(statement)}"
        for policy in _policies(rules, role)
        for statement in policy.statements
        if (policy.name, statement.label) == (ref.policy, ref.statement)
    )
    return next(found, "")


def _policies(rules: Rules, role: str) -> Iterator[PolicyDocument]:
    if rules.key_policy is not None:
        yield rules.key_policy
    yield from rules.of(role) or ()
