"""What a principal may do with a key at all: every action, in whichever encryption context the policies ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fluo_audit.policy.actions import KMS_ACTIONS, KmsAction
from fluo_audit.policy.document import Effect, PolicyDocument, Statement
from fluo_audit.policy.evaluate import Decision, Outcome, decide
from fluo_audit.policy.request import Caller, Request
from fluo_audit.policy.wildcard import lower

_CONTEXT = "kms:encryptioncontext:"
_CERTAIN_FIRST = (Outcome.ALLOW, Outcome.UNKNOWN, Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY)
# The question is what a principal may ask KMS itself, so a grant it makes is not one for a resource of a service.
_ASKED_DIRECTLY = {"kms:GrantIsForAWSResource": ("false",)}


@dataclass(frozen=True, slots=True)
class Powers:
    """What a principal may do with the key, in some encryption context; what is in neither mapping is denied."""

    allowed: Mapping[KmsAction, Decision]
    unsettled: Mapping[KmsAction, Decision]
    """Actions that the policies leave open, because they ask what is not known here, such as an address."""


def powers(
    principal: str, key_arn: str, key_policy: PolicyDocument, identity_policies: Sequence[PolicyDocument] | None = ()
) -> Powers:
    """Ask for every action on the key, in each encryption context that a statement could want.

    Calls are made by the principal itself, not through an AWS service. Identity policies that could not be read are
    None.
    """
    caller = Caller(principal)
    contexts = _contexts((key_policy, *(identity_policies or ())))
    best: dict[Outcome, dict[KmsAction, Decision]] = {outcome: {} for outcome in Outcome}
    for action in KMS_ACTIONS:
        if not action.on_key:
            continue
        requests = (
            Request(
                action=f"kms:{action.name}",
                caller=caller,
                key_arn=key_arn,
                encryption_context=context,
                context=_ASKED_DIRECTLY,
            )
            for context in (contexts if action.encryption_context else [{}])
        )
        decisions = [decide(request, key_policy, identity_policies) for request in requests]
        decision = min(decisions, key=lambda each: _CERTAIN_FIRST.index(each.outcome))
        best[decision.outcome][action] = decision
    return Powers(best[Outcome.ALLOW], best[Outcome.UNKNOWN])


def by_statements(decisions: Mapping[KmsAction, Decision]) -> dict[str, list[str]]:
    """Group actions by the statements that decided them: "key policy, AllowUse" to ["kms:Decrypt", "kms:Encrypt"]."""
    found: dict[str, list[str]] = {}
    for action, decision in decisions.items():
        found.setdefault(" with ".join(map(str, decision.statements)), []).append(f"kms:{action.name}")
    return found


def _contexts(policies: Sequence[PolicyDocument]) -> list[Mapping[str, str]]:
    """Return no encryption context, and one for each Allow statement that meets its conditions.

    A Deny of all other values (StringNotEquals) wants its own keys met as well, so they come with each.
    """
    statements = [statement for policy in policies for statement in policy.statements]
    wanted = {name: value for statement in statements for name, value in _wanted(statement)}
    found: list[Mapping[str, str]] = [{}]
    for statement in statements:
        context = wanted | dict(_wanted(statement))
        if statement.effect is Effect.ALLOW and context not in found:
            found.append(context)
    return found


def _wanted(statement: Statement) -> Iterator[tuple[str, str]]:
    """Give a value for each encryption context key of a statement's conditions, wildcards filled in."""
    for condition in statement.conditions:
        if lower(condition.key).startswith(_CONTEXT) and condition.values:
            value = condition.values[0].replace("*", "x").replace("?", "x")
            yield condition.key[len(_CONTEXT) :], value
