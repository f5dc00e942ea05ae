"""Who is who: compare the ARNs of principals, which AWS writes in more than one form."""

from __future__ import annotations

from collections.abc import Iterable

from fluo_audit.policy.wildcard import arn_parts, matches_arn


def matches_any(arn: str, patterns: Iterable[str]) -> bool:
    """Say whether an ARN fits one of the ARN patterns, part by part, with the wildcards of IAM."""
    return any(matches_arn(pattern, arn) is True for pattern in patterns)


def is_one_of(arn: str, principals: Iterable[str]) -> bool:
    """Say whether an ARN names one of the principals. A session of a role is the role."""
    same = _identity(arn)
    return any(_identity(principal) == same for principal in principals)


def _identity(arn: str) -> tuple[str, ...]:
    """Return what tells a principal from others. For a role: account and name.

    The ARN of a session leaves out the path of its role, and names of roles are unique in an account without it.
    """
    parts = arn_parts(arn)
    if parts is None:
        return (arn,)
    account, (kind, *rest) = parts[4], parts[5].split("/")
    if kind == "assumed-role" and rest:
        return account, "role", rest[0]
    if kind == "role" and rest:
        return account, "role", rest[-1]
    return (arn,)


def short_name(arn: str) -> str:
    """Return what people call a principal by, such as role/fluo-backend."""
    parts = arn_parts(arn)
    return arn if parts is None else parts[5]
