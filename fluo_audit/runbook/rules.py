"""What decides whether a role may use the key, put together from the facts that were collected, and asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fluo_audit.evaluate.policies import key_policy_document, role_policy_documents
from fluo_audit.evaluate.rows import rows
from fluo_audit.model import sources
from fluo_audit.model.baseline import Baseline, Criteria
from fluo_audit.model.evidence import Fact, Have, Missing, Source
from fluo_audit.policy import Caller, Decision, Effect, Grant, PolicyDocument, Request, Statement, decide
from fluo_audit.policy.conditions import Family, parse_operator
from fluo_audit.policy.principals import names_account, names_caller
from fluo_audit.policy.wildcard import lower

DESCRIBE, USE = "kms:DescribeKey", ("kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt")
NEEDED = (DESCRIBE, *USE)
"""What the backend does with the key."""
PURPOSE = "pii_redaction"
"""What the backend encrypts for in daily work."""
FOREIGN = "fluo-audit-undeclared"
"""A purpose that no policy has reason to allow."""
READS: tuple[Source[Any], ...] = (sources.KEY_POLICY, sources.ROLE_POLICIES, sources.GRANTS)
_CONTEXT = "kms:encryptioncontext:"

Facts = Mapping[str, Fact[Any]]


@dataclass(frozen=True, slots=True)
class Rules:
    """The policies and grants on a key; None is what could not be read, and `missing` says why."""

    key_arn: str
    key_policy: PolicyDocument | None
    identity: Mapping[str, tuple[PolicyDocument, ...]] | None
    """Policies of each backend role."""
    grants: tuple[Grant, ...] | None
    missing: Mapping[str, Missing] = field(default_factory=dict)
    """By name of the source."""

    def of(self, role: str) -> tuple[PolicyDocument, ...] | None:
        """Return the policies of a role."""
        return None if self.identity is None else self.identity.get(role, ())

    def request(self, role: str, action: str, context: Mapping[str, str]) -> Request:
        """Return the call of an action by a role; of an action that takes no encryption context it is not part."""
        return Request(action=action, caller=Caller(role), key_arn=self.key_arn, encryption_context=context)

    def decide(self, role: str, action: str, context: Mapping[str, str]) -> Decision:
        """Return what the policies and grants together say."""
        return decide(self.request(role, action, context), self.key_policy, self.of(role), self.grants)

    def context(self, role: str, purpose: str) -> dict[str, str]:
        """Return the encryption context of a call for a purpose, with what statements ask beside it (tenantId)."""
        beside = dict(self._asked_beside(Caller(role)))
        return {"purpose": purpose, **beside}

    def _asked_beside(self, caller: Caller) -> Iterator[tuple[str, str]]:
        if self.key_policy is not None:
            for statement in self.key_policy.statements:
                named = (names_caller(statement.principals, caller), names_account(statement.principals, caller))
                if any(each.value is not False for each in named):
                    yield from _asked(statement)
        for policy in self.of(caller.arn) or ():
            for statement in policy.statements:
                yield from _asked(statement)


def rules_of(facts: Facts, criteria: Criteria) -> Rules:
    """Return the rules in the facts. Raises PolicySyntaxError for a document that IAM would not accept."""
    policy, roles, grants = (facts.get(source.name) or _not_asked(source) for source in READS)
    return Rules(
        key_arn=criteria.scope.key_arn,
        key_policy=key_policy_document(policy.value, criteria) if isinstance(policy, Have) else None,
        identity={role: role_policy_documents(roles.value, role, criteria) for role in criteria.baseline.backend_roles}
        if isinstance(roles, Have)
        else None,
        grants=tuple(map(_grant, rows(grants.value))) if isinstance(grants, Have) else None,
        missing={s.name: f for s, f in zip(READS, (policy, roles, grants), strict=True) if isinstance(f, Missing)},
    )


def main_purpose(baseline: Baseline) -> str:
    """Return the purpose to try first: pii_redaction, unless others are declared."""
    declared = baseline.encryption_context_purposes
    return PURPOSE if PURPOSE in declared or not declared else min(declared)


def context_words(context: Mapping[str, str]) -> str:
    """Return an encryption context as people write it: purpose=pii_redaction, tenantId=tenant-123."""
    return ", ".join(f"{name}={value}" for name, value in context.items()) or "no encryption context"


def asks_context(statement: Statement) -> bool:
    """Say whether the conditions of a statement look at the encryption context."""
    return any(lower(condition.key).startswith(_CONTEXT) for condition in statement.conditions)


def allows_alone(policies: Sequence[PolicyDocument]) -> tuple[PolicyDocument, ...]:
    """Return the policies without what they deny."""
    return tuple(
        PolicyDocument(
            tuple(each for each in policy.statements if each.effect is Effect.ALLOW),
            policy.version,
            policy.policy_id,
            policy.name,
        )
        for policy in policies
    )


def _asked(statement: Statement) -> Iterator[tuple[str, str]]:
    """Give a value for each context key, other than purpose, that a statement wants to hold one of its values."""
    for condition in statement.conditions:
        name, operator = condition.key[len(_CONTEXT) :], parse_operator(condition.operator)
        if not lower(condition.key).startswith(_CONTEXT) or lower(name) == "purpose" or not condition.values:
            continue
        if operator is None or operator == "Null" or operator.family not in {Family.EQUAL, Family.LIKE}:
            continue
        if operator.negated is (statement.effect is Effect.DENY):
            yield name, condition.values[0].replace("*", "x").replace("?", "x")


def _grant(row: Mapping[str, Any]) -> Grant:
    constraints = json.loads(row["constraints"] or "{}")
    return Grant(
        grant_id=row["grant_id"] or "",
        grantee=row["grantee"] or "",
        operations=tuple(json.loads(row["operations"] or "[]")),
        context_equals=constraints.get("EncryptionContextEquals", {}),
        context_subset=constraints.get("EncryptionContextSubset", {}),
        source_arn=constraints.get("SourceArn", ""),
        name=row["name"] or "",
    )


def _not_asked(source: Source[Any]) -> Missing:
    return Missing(source.name, "not collected")
