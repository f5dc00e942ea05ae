"""Who is who: compare the ARNs of principals, which AWS writes in more than one form."""

from __future__ import annotations

from collections.abc import Iterable

from fluo_audit.policy.wildcard import arn_parts, matches_arn

_MADE_BY_AWS = ("role/aws-service-role/", "assumed-role/aws:")


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


def is_iam_arn(text: str) -> bool:
    """Say whether a text is the ARN of a principal: an account root, a user, a role or a session."""
    parts = arn_parts(text)
    return parts is not None and parts[0] == "arn" and parts[2] in {"iam", "sts"}


def is_service_role(arn: str, account: str) -> bool:
    """Say whether an ARN is a role of the account, or a session of one, that only AWS can make.

    IAM reserves the path, and refuses customers a role name with a colon.
    """
    parts = arn_parts(arn)
    return parts is not None and parts[4] == account and parts[5].startswith(_MADE_BY_AWS)


def short_name(arn: str) -> str:
    """Return what people call a principal by, such as role/fluo-backend."""
    parts = arn_parts(arn)
    return arn if parts is None else parts[5]
