"""Read the policies that were collected, and ask them what a principal may do with the key."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

from fluo_audit.evaluate.rows import rows
from fluo_audit.model.baseline import Criteria
from fluo_audit.model.facts import KeyPolicy
from fluo_audit.model.finding import Result, Verdict
from fluo_audit.policy import PolicyDocument, PolicySyntaxError, parse_policy

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

P = ParamSpec("P")


def judged_when_parsed(function: Callable[P, Verdict]) -> Callable[P, Verdict]:
    """Answer "not assessed" for a check whose policies are not documents that IAM would accept."""

    @wraps(function)
    def judge(*args: P.args, **kwargs: P.kwargs) -> Verdict:
        try:
            return function(*args, **kwargs)
        except PolicySyntaxError as error:
            return Verdict(Result.NOT_ASSESSED, error.message)

    return judge


def key_policy_document(key_policy: KeyPolicy, criteria: Criteria) -> PolicyDocument:
    """Parse the key policy; raise PolicySyntaxError when it is malformed."""
    return parse_policy(key_policy.text, name="key policy", partition=criteria.scope.partition)


def role_policy_documents(role_policies: Frame, role: str, criteria: Criteria) -> tuple[PolicyDocument, ...]:
    """Parse the policies of a backend role; raise PolicySyntaxError when one is malformed."""
    return tuple(
        parse_policy(
            row["document"] or "", name=f"role policy {row['policy_name']}", partition=criteria.scope.partition
        )
        for row in rows(role_policies)
        if row["role_arn"] == role
    )
