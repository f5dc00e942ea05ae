"""What AWS services may do in the account, as they check it themselves before they accept a bucket, key or role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.policy import Caller, Effect, Request, decide
from fluo_audit.policy.conditions import holds
from fluo_audit.policy.wildcard import matches
from fluo_audit.sandbox.authorization import KEY_POLICY, parsed, settled
from fluo_audit.sandbox.ledger import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.policy import PolicyDocument, Statement


def may_use_key(
    service: str, action: str, key_arn: str, policy: str, *, context: Mapping[str, str], source: str = ""
) -> bool:
    """Return whether a key policy lets a service use the key for `source`, the ARN of one of its resources."""
    facts: dict[str, tuple[str, ...] | None] = {
        "aws:SourceArn": (source,) if source else None,
        "aws:SourceAccount": (ACCOUNT,),
        "aws:SecureTransport": ("true",),
    }
    question = Request(
        action=action, caller=Caller(service), key_arn=key_arn, encryption_context=context, context=facts
    )
    return settled(decide(question, parsed(policy, KEY_POLICY))).is_allowed


def may_assume(service: str, trust: str, source: str) -> bool:
    """Return whether a trust policy lets a service assume the role for `source`, the ARN of one of its resources."""
    context = {"aws:SourceArn": source, "aws:SourceAccount": ACCOUNT}
    return allows(parsed(trust, "trust policy"), "sts:AssumeRole", service=service, context=context)


def allows(
    policy: PolicyDocument, action: str, *, resource: str = "", service: str = "", context: Mapping[str, str]
) -> bool:
    """Return whether a policy allows an action: to a service if one is named, on a resource if one is.

    `context` has the condition keys of the call. A condition that is not certain to hold does not hold.
    """
    stated = {key.lower(): (value,) for key, value in context.items()}

    def applies(statement: Statement) -> bool:
        conditions = (
            holds(one, lambda key: stated.get(key.lower()), resolves_variables=policy.resolves_variables).value
            for one in statement.conditions
        )
        return (
            statement.covers_action(action)
            and (not service or _names(statement, service))
            and (not resource or _covers(statement, resource))
            and all(conditions)
        )

    effects = {statement.effect for statement in policy.statements if applies(statement)}
    return effects == {Effect.ALLOW}


def _names(statement: Statement, service: str) -> bool:
    principals = statement.principals
    return principals is not None and any(name in {("Service", service), ("AWS", "*")} for name in principals.values)


def _covers(statement: Statement, resource: str) -> bool:
    return statement.resources is not None and any(matches(one, resource) for one in statement.resources.values)
