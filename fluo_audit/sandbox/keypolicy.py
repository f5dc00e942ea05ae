"""Key policies: refuse those that KMS refuses, of which moto takes any, and tell them as KMS does.

https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fluo_audit.sandbox.authorization import Authorization
    from fluo_audit.sandbox.directory import Directory
    from fluo_audit.sandbox.gateway import Request

_LONGEST = 32 * 1024
_VERSIONS = {"2012-10-17", "2008-10-17"}
_PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+")
# A unique id, such as AROA..., stands in stored policies for a principal that was deleted, and is refused in new ones:
# https://repost.aws/knowledge-center/kms-policy-error-invalid-principals
_INVALID_PRINCIPALS = "Policy contains a statement with one or more invalid principals."
_LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."


class KeyPolicies:
    """What KMS asks of a new key policy: its form, that its principals exist, and that its author can change it."""

    def __init__(self, directory: Directory, authorization: Authorization) -> None:
        self._directory = directory
        self._authorization = authorization

    def require(self, request: Request, text: str, key_arn: str) -> None:
        """Raise AwsError unless KMS would take the policy for this key.

        BypassPolicyLockoutSafetyCheck lets a policy pass that locks its author out; the event of the call tells of it.
        """
        statements = check_key_policy(text)
        if request.inside:
            return
        for arn in _principal_arns(statements):
            if not self._directory.is_principal(arn):
                raise _malformed(_INVALID_PRINCIPALS)
        bypassed = request.parameters.get("BypassPolicyLockoutSafetyCheck", False)
        if not bypassed and not self._authorization.may_change_again(request, key_arn, text):
            raise _malformed(_LOCKED_OUT)


def check_key_policy(text: str) -> Sequence[Any]:
    """Return the statements of a key policy.

    Raises AwsError for what is none: MalformedPolicyDocumentException for bad JSON, no statement, an empty principal,
    a unique id as a principal or another Resource than *, LimitExceededException for more than 32 KiB.
    """
    if len(text) > _LONGEST:
        raise AwsError("LimitExceededException", f"The key policy is longer than {_LONGEST} bytes")
    try:
        policy = json.loads(text)
    except ValueError:
        raise _malformed("The policy is not valid JSON") from None
    if not isinstance(policy, dict) or policy.get("Version", "2008-10-17") not in _VERSIONS:
        raise _malformed("The policy is not an object of a known version")
    statements = policy.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise _malformed("The policy has no statement")
    for statement in statements:
        _check_statement(statement)
    return statements


def as_told(text: str) -> str:
    """Return a stored key policy as GetKeyPolicy tells it: principals, actions and values of conditions reordered.

    They are sets to KMS, which gives them back in an order of its own: here from last to first.
    https://github.com/hashicorp/terraform-provider-aws/issues/39788
    """
    stored = json.loads(text)
    told = _reordered(stored)
    return text if told == stored else json.dumps(told, indent=2, ensure_ascii=False)


def _reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reordered(one) for name, one in value.items()}
    if not isinstance(value, list):
        return value
    is_statements = any(isinstance(one, dict) for one in value)
    return [_reordered(one) for one in value] if is_statements else value[::-1]


def _principal_arns(statements: Sequence[Any]) -> Iterator[str]:
    for statement in statements:
        principal = statement.get("Principal") or statement["NotPrincipal"]
        names = principal.get("AWS", []) if isinstance(principal, dict) else []
        yield from (name for name in ([names] if isinstance(names, str) else names) if name.startswith("arn:"))


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in {"Allow", "Deny"}:
        raise _malformed("A statement has no Effect")
    # The API reference says of a statement without Action or Resource that KMS takes it and that it has no effect.
    # Nothing should be built on that: it is refused here.
    for element in ("Principal", "Action"):
        if not statement.get(element) and not statement.get(f"Not{element}"):
            raise _malformed(f"A statement has no {element}")
    if statement.get("Resource") not in ("*", ["*"]):
        raise _malformed("The Resource of a statement in a key policy must be *")
    _check_principal(statement.get("Principal") or statement["NotPrincipal"])


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict):
        raise _malformed("Principal must be an object or *")
    for kind, named in principal.items():
        names = [named] if isinstance(named, str) else named
        if not isinstance(names, list) or not names:
            raise _malformed("A statement must name at least one principal")
        if kind == "AWS" and not all(isinstance(name, str) and _PRINCIPAL.fullmatch(name) for name in names):
            raise _malformed(_INVALID_PRINCIPALS)


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocumentException", message)
