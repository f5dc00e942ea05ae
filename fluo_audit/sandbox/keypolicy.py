"""Refuse the key policies that KMS refuses. moto takes any text."""

from __future__ import annotations

import json
import re
from typing import Any

from fluo_audit.sandbox.wire import AwsError

_LONGEST = 32 * 1024
_VERSIONS = {"2012-10-17", "2008-10-17"}
_PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+|A[A-Z]{3}[A-Z0-9]{12,}")


def check_key_policy(text: str) -> None:
    """Raise MalformedPolicyDocumentException for what is no key policy: bad JSON, no statement, an empty principal."""
    try:
        policy = json.loads(text)
    except ValueError:
        raise _malformed("The policy is not valid JSON") from None
    if not isinstance(policy, dict) or policy.get("Version", "2008-10-17") not in _VERSIONS or len(text) > _LONGEST:
        raise _malformed("The policy is not an object of a known version, or too long")
    statements = policy.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise _malformed("The policy has no statement")
    for statement in statements:
        _check_statement(statement)


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in {"Allow", "Deny"}:
        raise _malformed("A statement has no Effect")
    for element in ("Principal", "Action", "Resource"):
        if not statement.get(element) and not statement.get(f"Not{element}"):
            raise _malformed(f"A statement has no {element}")
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
            raise _malformed("Policy contains a statement with one or more invalid principals.")


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocumentException", message)
