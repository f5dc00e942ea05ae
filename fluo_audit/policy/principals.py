"""Whether a statement of a key policy names the caller: itself, or through its account.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluo_audit.policy.truth import NO, YES, Truth, any_of, truth, unknown
from fluo_audit.policy.wildcard import arn_parts

if TYPE_CHECKING:
    from fluo_audit.policy.document import PrincipalName, Selection
    from fluo_audit.policy.request import Caller


def names_caller(principals: Selection[PrincipalName] | None, caller: Caller) -> Truth:
    """Return whether the statement names the caller itself, or everybody ("*", or NotPrincipal without the caller)."""
    if principals is None:
        return NO
    if principals.excluded:
        return _not_excluded(principals.values, caller)
    return any_of(_is_caller(principal, caller) for principal in principals.values)


def names_account(principals: Selection[PrincipalName] | None, caller: Caller) -> Truth:
    """Return whether the statement names the caller's account, which leaves the decision to its identity policies."""
    if principals is None or principals.excluded or caller.is_service:
        return NO
    return truth(any(is_account(p, caller.account) for p in principals.values))


def account_of(principal: PrincipalName) -> str:
    """Return the account id in a principal's ARN, or an empty text when it has none."""
    parts = arn_parts(principal.name) if principal.kind == "AWS" else None
    return parts[4] if parts else ""


def is_account(principal: PrincipalName, account: str) -> bool:
    """Return whether the principal is the account as a whole (its root ARN)."""
    return principal.name.endswith(":root") and account_of(principal) == account


def is_everybody(principal: PrincipalName) -> bool:
    """Return whether the principal is "*". IAM knows no other wildcard in a Principal."""
    return principal == ("AWS", "*")


def _is_caller(principal: PrincipalName, caller: Caller) -> Truth:
    if is_everybody(principal):
        return YES
    if caller.is_service:
        if principal == ("Service", "*"):
            return unknown("AWS does not say which services a Service principal of * means")
        return truth(principal == ("Service", caller.arn))
    if principal.kind != "AWS" or account_of(principal) != caller.account:
        return NO
    if principal.name == caller.arn:
        return YES
    return _is_role_or_session(principal.name, caller)


def _is_role_or_session(arn: str, caller: Caller) -> Truth:
    """A session matches its role's ARN. A role's name is unique in its account, so its path need not be known."""
    kind, _, path = arn.split(":", 5)[5].partition("/")
    if caller.is_session and kind == "role":
        if caller.role_arn:
            return truth(arn == caller.role_arn)
        return truth(path.rsplit("/", 1)[-1] == caller.role_name)
    if caller.is_role and kind == "assumed-role" and path.split("/")[0] == caller.role_name:
        return unknown(f"{arn} is one session of the role")
    return NO


def _not_excluded(names: tuple[PrincipalName, ...], caller: Caller) -> Truth:
    """NotPrincipal spares a caller for certain when it lists both the caller (or its role) and its account.

    AWS may check the account first, then the role, then the session, and does not say when it does:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if any(is_everybody(name) for name in names):
        return NO
    levels = [any_of(_is_spared(name, caller) for name in names).value]
    if not caller.is_service and not caller.is_root:
        levels.append(any(is_account(name, caller.account) for name in names))
    if all(level is True for level in levels):
        return NO
    if all(level is False for level in levels):
        return YES
    return unknown("NotPrincipal lists the caller, its role or its account, but not all of them")


def _is_spared(name: PrincipalName, caller: Caller) -> Truth:
    if caller.is_session and name.name == caller.arn:
        return unknown(f"{name.name} is listed without its role")
    return _is_caller(name, caller)
