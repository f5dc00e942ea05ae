"""Grants: permissions on a key that stand in no policy.

Sources: https://docs.aws.amazon.com/kms/latest/developerguide/grants.html and
https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fluo_audit.policy.actions import kms_action
from fluo_audit.policy.conditions import CONTEXT_NOT_KNOWN, Unstated
from fluo_audit.policy.document import PrincipalName, Selection
from fluo_audit.policy.principals import names_account, names_caller
from fluo_audit.policy.truth import NO, YES, Truth, all_of, any_of, truth, unknown
from fluo_audit.policy.wildcard import lower, matches_arn

if TYPE_CHECKING:
    from fluo_audit.policy.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant as ListGrants shows it: `operations` without the kms: prefix; constraints empty when there are none."""

    grant_id: str
    grantee: str  # the ARN of a principal or the name of a service
    operations: tuple[str, ...]
    context_equals: Mapping[str, str] = field(default_factory=dict)
    context_subset: Mapping[str, str] = field(default_factory=dict)
    source_arn: str = ""
    name: str = ""

    @property
    def label(self) -> str:
        """The grant's name, or its id."""
        return self.name or self.grant_id


def grant_allows(grant: Grant, request: Request) -> Truth:
    """Return whether `grant` allows `request`; a Deny in a policy still wins."""
    if lower(request.action).removeprefix("kms:") not in {lower(operation) for operation in grant.operations}:
        return NO
    return all_of([_is_grantee(grant.grantee, request), _context_fits(grant, request), _source_fits(grant, request)])


def _is_grantee(grantee: str, request: Request) -> Truth:
    kind = "AWS" if grantee.startswith("arn:") else "Service"
    named = Selection((PrincipalName(kind, grantee),))
    through_account = names_account(named, request.caller)
    if through_account.value and not request.caller.is_root:
        through_account = unknown("what a grant to a whole account allows its principals is not documented")
    return any_of([names_caller(named, request.caller), through_account])


def _context_fits(grant: Grant, request: Request) -> Truth:
    """Constraints bind only operations that carry an encryption context; names ignore case, values do not."""
    action = kms_action(request.action)
    if action is None or not action.encryption_context or action.name == "RetireGrant":
        return YES
    if request.encryption_context is None:
        return unknown(CONTEXT_NOT_KNOWN.reason) if grant.context_equals or grant.context_subset else YES
    given = {(lower(key), value) for key, value in request.encryption_context.items()}
    equals = {(lower(key), value) for key, value in grant.context_equals.items()}
    subset = {(lower(key), value) for key, value in grant.context_subset.items()}
    fits = (not equals or given == equals) and subset <= given
    return truth(fits, f"the encryption context {'fits' if fits else 'does not fit'} the grant's constraint")


def _source_fits(grant: Grant, request: Request) -> Truth:
    if not grant.source_arn:
        return YES
    found = request.lookup("aws:SourceArn")
    if isinstance(found, Unstated):
        return unknown(found.reason)
    return any_of(_fits(grant.source_arn, value) for value in found or ())


def _fits(wanted: str, found: str) -> Truth:
    answer = matches_arn(wanted, found)
    return unknown(f"{wanted!r} is not an ARN") if answer is None else truth(answer)
