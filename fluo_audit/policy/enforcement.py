"""Whether policies force an encryption context on a principal, answered by trying requests that should fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluo_audit.errors import UsageError
from fluo_audit.policy.actions import kms_action
from fluo_audit.policy.evaluate import Decision, Outcome, decide
from fluo_audit.policy.request import Caller, Request
from fluo_audit.policy.wildcard import lower

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fluo_audit.policy.document import PolicyDocument
    from fluo_audit.policy.grants import Grant

_FOREIGN = "fluo-audit-undeclared"  # a name and a value that no policy has reason to allow


@dataclass(frozen=True, slots=True)
class Gap:
    """A request that enforcement should stop and the policies do not: `decision` is allow, or unknown."""

    attempt: str
    encryption_context: tuple[tuple[str, str], ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class _Attempt:
    words: str
    context: dict[str, str]


def enforces_context(
    caller: Caller,
    action: str,
    key_arn: str,
    allowed: Mapping[str, Collection[str]],
    *,
    key_policy: PolicyDocument | None,
    identity_policies: Sequence[PolicyDocument] | None = (),
    grants: Sequence[Grant] | None = (),
) -> tuple[Gap, ...]:
    """Return the ways `caller` could do `action` outside the `allowed` context, such as {"purpose": {"pii_redaction"}}.

    Tried are: no context; only a foreign key; and for each key of `allowed` with the others right: the key missing, a
    foreign value, and every other value that a policy or grant names for it. No gap means that each was denied for
    certain. Raises UsageError for an action that carries no encryption context.
    """
    known = kms_action(action)
    if known is None or not known.encryption_context:
        raise UsageError(f"{action} carries no encryption context that a policy could require")
    if not allowed or not all(allowed.values()):
        raise UsageError("name at least one encryption context key, each with at least one allowed value")
    policies = [policy for policy in (key_policy, *(identity_policies or ())) if policy is not None]
    gaps = []
    for attempt in _attempts(allowed, policies, grants or ()):
        request = Request(action=action, caller=caller, key_arn=key_arn, encryption_context=attempt.context)
        decision = decide(request, key_policy, identity_policies, grants)
        if decision.outcome in {Outcome.ALLOW, Outcome.UNKNOWN}:
            gaps.append(Gap(attempt.words, tuple(sorted(attempt.context.items())), decision))
    return tuple(gaps)


def _attempts(
    allowed: Mapping[str, Collection[str]], policies: Sequence[PolicyDocument], grants: Sequence[Grant]
) -> Iterator[_Attempt]:
    right = {key: min(values) for key, values in sorted(allowed.items())}
    yield _Attempt("no encryption context", {})
    yield _Attempt("only a foreign key", {_FOREIGN: _FOREIGN})
    for key, values in sorted(allowed.items()):
        others = {other: value for other, value in right.items() if other != key}
        if others:
            yield _Attempt(f"{key} missing, the rest right", others)
        for value in sorted({_FOREIGN, *_named_values(key, policies, grants)} - set(values)):
            yield _Attempt(f"{key} is {value!r}", {**others, key: value})


def _named_values(key: str, policies: Sequence[PolicyDocument], grants: Sequence[Grant]) -> Iterator[str]:
    """Give the values that policies and grants name for a context key, wildcards filled in."""
    condition_key = lower(f"kms:EncryptionContext:{key}")
    for policy in policies:
        for statement in policy.statements:
            for condition in statement.conditions:
                if lower(condition.key) == condition_key:
                    yield from (value.replace("*", "x").replace("?", "x") for value in condition.values)
    for grant in grants:
        for constraint in (grant.context_equals, grant.context_subset):
            yield from (value for name, value in constraint.items() if lower(name) == lower(key))
