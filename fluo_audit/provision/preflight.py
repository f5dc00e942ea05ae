"""Which calls that succeed today a new key policy would deny: CloudTrail's record of the past, asked of the future.

Tenants stay unnamed: of an encryption context the rows show the names of its keys and the value of `purpose`, and every
other value is left out of the reasons too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from fluo_audit.policy import (
    Caller,
    Decision,
    Grant,
    Outcome,
    PolicyDocument,
    Request,
    StatementRef,
    decide,
    kms_action,
)
from fluo_audit.policy.conditions import ContextValue, Unstated
from fluo_audit.policy.wildcard import arn_parts, lower

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

PURPOSE = "purpose"
_KIND = ["issuer_arn", "event_name", "encryption_context", "invoked_by", "shared"]
_PURPOSE_KEY = "kms:EncryptionContext:purpose"
# One record stands for two permissions, on the key that was read with and the key that was written with.
_RE_ENCRYPT = ("kms:ReEncryptFrom", "kms:ReEncryptTo")
# The context of these is in the grant's constraints, which the frame does not hold.
_CONTEXT_ELSEWHERE = frozenset({"kms:CreateGrant", "kms:RetireGrant"})
_BY_SERVICE = Unstated("the call was made through an AWS service")
_THROUGH_SERVICE: Mapping[str, ContextValue] = {
    "kms:ViaService": _BY_SERVICE,
    "kms:GrantIsForAWSResource": _BY_SERVICE,
    "aws:ViaAWSService": ("true",),
}


@dataclass(frozen=True, slots=True)
class DeniedCall:
    """Calls of one kind that succeeded, and that the new policies deny or leave open (`outcome` unknown)."""

    role: str
    action: str
    """Such as kms:Decrypt; kms:ReEncrypt for a call that needs both its permissions."""
    context_names: tuple[str, ...]
    """Names in the encryption context, sorted; empty for none."""
    purpose: str
    """Value of `purpose` in the encryption context; empty for none."""
    outcome: Outcome
    statements: tuple[StatementRef, ...]
    reason: str
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class _Calls:
    """The records that differ in nothing a policy could see, except the session."""

    role: str
    action: str
    context: Mapping[str, str]
    """What is known of the encryption context."""
    is_whole: bool
    """Whether that is all of it."""
    through_service: bool
    count: int
    first: datetime
    last: datetime


def would_be_denied(
    events: Frame,
    roles: tuple[str, ...],
    key_arn: str,
    key_policy: PolicyDocument,
    identity_policies: Mapping[str, tuple[PolicyDocument, ...] | None],
    *,
    grants: Sequence[Grant] | None = (),
) -> tuple[DeniedCall, ...]:
    """Return the calls of `roles` among `events` (columns of `model.sources.EVENTS`) that would no longer succeed.

    A row for each role, action, names in the context, purpose, outcome and deciding statements, most frequent first.
    Only calls that succeeded count, and only on the key itself: no key policy decides about ListAliases or ListKeys.
    None for policies or grants stands for what could not be read. Of a re-encryption, CloudTrail's row holds one of two
    contexts, and not which of the two permissions was asked of this key: both must be allowed. A row of many calls
    shows the context of the first: of the others only the purpose is known.
    """
    rows: dict[tuple[object, ...], DeniedCall] = {}
    for calls in _calls(events, roles):
        decision = _decision(calls, key_arn, key_policy, identity_policies.get(calls.role), grants)
        if decision.outcome is Outcome.ALLOW:
            continue
        row = _row(calls, decision)
        kind = (row.role, row.action, row.context_names, row.purpose, row.outcome, row.statements)
        rows[kind] = _together(rows[kind], row) if kind in rows else row
    return tuple(
        sorted(rows.values(), key=lambda row: (-row.count, row.role, row.action, row.context_names, row.purpose))
    )


def _calls(events: Frame, roles: tuple[str, ...]) -> Iterator[_Calls]:
    """Give the successful calls of the roles on the key, those alike together."""
    known = {_identity(role): role for role in roles}
    callers = {str(arn): known.get(_identity(str(arn))) for arn in events["issuer_arn"].dropna().unique()}
    ours = events[events["error_code"].isna() & events["issuer_arn"].isin([a for a, role in callers.items() if role])]
    alike = ours.assign(shared=ours["calls"] > 1).groupby(_KIND, dropna=False, sort=True)
    counted = alike.agg(count=("calls", "sum"), first=("event_time", "min"), last=("last_time", "max"))
    for (*kind, shared), count, first, last in counted.itertuples():
        issuer, name, text, service = (value if isinstance(value, str) else "" for value in kind)
        action = f"kms:{name}"
        known_action = kms_action(action)
        if known_action is None or known_action.on_key:
            context, is_whole = _context(action, text, shared=bool(shared))
            yield _Calls(
                role=callers[issuer] or "",
                action=action,
                context=context,
                is_whole=is_whole,
                through_service=bool(service),
                count=int(count),
                first=first.to_pydatetime(),
                last=last.to_pydatetime(),
            )


def _identity(arn: str) -> tuple[str, str]:
    """Return the account and the name of a role, which a session's ARN has too; the ARN itself of anything else."""
    parts = arn_parts(arn)
    if parts is None or parts[2] not in {"iam", "sts"}:
        return ("", arn)
    caller = Caller(arn)
    return (caller.account, caller.role_name or arn)


def _context(action: str, text: str, *, shared: bool) -> tuple[Mapping[str, str], bool]:
    """Return what is known of the encryption context, and whether that is all of it."""
    context = json.loads(text) if text else {}
    if action in _CONTEXT_ELSEWHERE or not all(isinstance(value, str) for value in context.values()):
        return {}, False
    if shared and context:
        return {name: value for name, value in context.items() if name == PURPOSE}, False
    return context, True


def _decision(
    calls: _Calls,
    key_arn: str,
    key_policy: PolicyDocument,
    identity_policies: tuple[PolicyDocument, ...] | None,
    grants: Sequence[Grant] | None,
) -> Decision:
    actions = _RE_ENCRYPT if calls.action == "kms:ReEncrypt" else (calls.action,)
    stated = dict(_THROUGH_SERVICE) if calls.through_service else {}
    if not calls.is_whole and PURPOSE in calls.context:
        stated[_PURPOSE_KEY] = (calls.context[PURPOSE],)
    decisions = []
    for action in actions:
        request = Request(
            action=action,
            caller=Caller(calls.role),
            key_arn=key_arn,
            encryption_context=calls.context if calls.is_whole else None,
            context=stated,
        )
        decisions.append(decide(request, key_policy, identity_policies, grants))
    settled = {decision.outcome in {Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY} for decision in decisions}
    doubt = next((decision for decision in decisions if not decision.is_allowed), decisions[0])
    if len(settled) > 1:
        reason = f"{' or '.join(actions)} would be denied, and which of them was asked of this key is not known"
        return replace(doubt, outcome=Outcome.UNKNOWN, reason=f"{reason}: {doubt.reason}")
    return doubt


def _row(calls: _Calls, decision: Decision) -> DeniedCall:
    purpose = next((value for name, value in calls.context.items() if lower(name) == PURPOSE), "")
    reason = decision.reason
    for value in sorted({*calls.context.values()} - {purpose}, key=len, reverse=True):
        reason = reason.replace(repr(value), "another value")  # reasons quote what they name
    return DeniedCall(
        role=calls.role,
        action=calls.action,
        context_names=tuple(sorted(calls.context)),
        purpose=purpose,
        outcome=decision.outcome,
        statements=decision.statements,
        reason=reason,
        count=calls.count,
        first=calls.first,
        last=calls.last,
    )


def _together(one: DeniedCall, other: DeniedCall) -> DeniedCall:
    return replace(
        one, count=one.count + other.count, first=min(one.first, other.first), last=max(one.last, other.last)
    )
