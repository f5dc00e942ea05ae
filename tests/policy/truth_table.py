"""Read data/truth_table.toml: each case as a question to `decide`, and as one to another evaluator."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluo_audit.policy import (
    Caller,
    Decision,
    Grant,
    Outcome,
    PolicyDocument,
    Request,
    decide,
    kms_action,
    parse_policy,
)

DATA = Path(__file__).parent / "data"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
GRANTEE = "arn:aws:iam::111122223333:role/fluo/fluo-backend-production"
_BASE = {"Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}
_SHARED = ("key", "allow", "deny", "identity", "grants", "caller", "action", "why")
_OWN = ("name", "context", "given", "via", "unread", "outcome", "by")
# What a request carries under these keys follows from the rest of it; another evaluator has to be told.
_CARRIED = (
    "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID",
    "aws:PrincipalServiceName", "aws:ResourceAccount", "aws:ViaAWSService", "kms:CallerAccount",
    "kms:GrantIsForAWSResource", "kms:ViaService",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One row of the table. The policies are as AWS would hold them; None: it could not be read."""

    name: str
    why: str
    request: Request
    key_policy: dict[str, Any] | None
    identity_policies: dict[str, dict[str, Any]] | None
    grants: tuple[Grant, ...] | None
    outcome: Outcome
    by: tuple[str, ...]

    def decision(self) -> Decision:
        """Return what the evaluator says."""
        identity = self.identity_policies
        policies = None if identity is None else [_parsed(policy, name) for name, policy in identity.items()]
        return decide(self.request, self.key_policy and _parsed(self.key_policy, "key policy"), policies, self.grants)

    def simulation(self) -> dict[str, Any] | None:
        """Return the case as iam-simulate wants it, or None when that tool has no answer to it.

        It knows no grants, no encryption context, no missing policies and no answer but yes or no.
        """
        request = self.request
        action = kms_action(request.action)
        has_context = bool(request.encryption_context) and action is not None and action.encryption_context
        is_partial = self.key_policy is None or self.identity_policies is None or self.grants is None
        if self.outcome is Outcome.UNKNOWN or has_context or is_partial or self.grants:
            return None
        carried = {key: request.lookup(key) for key in {*_CARRIED, *request.context}}
        context = {key: _one_or_all(values) for key, values in sorted(carried.items()) if isinstance(values, tuple)}
        return {
            "request": {
                "principal": request.caller.arn,
                "action": request.action,
                "resource": {"resource": request.key_arn, "accountId": request.key_account},
                "contextVariables": context,
            },
            "identityPolicies": [{"name": name, "policy": each} for name, each in self.identity_policies.items()],
            "resourcePolicy": self.key_policy,
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }

    @property
    def fingerprint(self) -> str:
        """The hash of what the other evaluator is asked, so that an old answer is not taken for a new question."""
        return hashlib.sha256(json.dumps(self.simulation(), sort_keys=True).encode()).hexdigest()[:16]


def _one_or_all(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _parsed(policy: dict[str, Any], name: str) -> PolicyDocument:
    return parse_policy(policy, name=name)


def cases() -> list[Case]:
    """Return every case of the table."""
    table = _table()
    callers = {name: Caller(**parts) for name, parts in table["callers"].items()}
    return [_case(merged, callers) for group in table["group"] for merged in _merged(group)]


def differences() -> dict[str, str]:
    """Return the cases where iam-simulate answers otherwise, and why its answer is not taken."""
    found: dict[str, str] = _table()["differs"]
    return found


def _table() -> dict[str, Any]:
    return tomllib.loads((DATA / "truth_table.toml").read_text(encoding="utf-8"))


def _merged(group: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give each case with what it takes over from its group: a written out policy replaces a named one."""
    shared = {name: value for name, value in group.items() if name not in {"title", "cases"}}
    for case in group["cases"]:
        if strange := (set(shared) - set(_SHARED)) | (set(case) - {*_SHARED, *_OWN}):
            raise ValueError(f"{case.get('name')}: {', '.join(sorted(strange))} is no part of a case")
        written = {"allow", "deny"} & set(case)
        named = {name: value for name, value in shared.items() if not (written and name == "key")}
        if "key" in case:
            named = {name: value for name, value in named.items() if name not in {"allow", "deny"}}
        yield named | case


def _case(parts: Mapping[str, Any], callers: Mapping[str, Caller]) -> Case:
    unread = parts.get("unread", ())
    return Case(
        name=parts["name"],
        why=parts["why"],
        request=Request(
            action=f"kms:{parts.get('action', 'Decrypt')}",
            caller=callers[parts.get("caller", "role")],
            key_arn=KEY,
            encryption_context=parts.get("context", {}),
            via_service=parts.get("via", ""),
            context={key: tuple(values) or None for key, values in parts.get("given", {}).items()},
        ),
        key_policy=None if "key" in unread else _key_policy(parts),
        identity_policies=None if "identity" in unread else {name: _stored(name) for name in parts.get("identity", ())},
        grants=None if "grants" in unread else tuple(map(_grant, enumerate(parts.get("grants", ()), 1))),
        outcome=Outcome(parts["outcome"]),
        by=tuple(parts["by"]),
    )


def _stored(name: str) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return policy


def _key_policy(parts: Mapping[str, Any]) -> dict[str, Any]:
    if "key" in parts:
        return _stored(parts["key"])
    effects = [effect for effect in ("Allow", "Deny") if effect.lower() in parts]
    statements = [_completed(parts[effect.lower()]) | {"Sid": effect, "Effect": effect} for effect in effects]
    return {"Version": "2012-10-17", "Statement": statements}


def _completed(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in _BASE.items() if f"Not{name}" not in statement} | dict(statement)


def _grant(numbered: tuple[int, Mapping[str, Any]]) -> Grant:
    number, parts = numbered
    return Grant(
        grant_id=f"g{number}",
        name=f"grant {number}",
        grantee=GRANTEE,
        operations=tuple(parts["operations"]),
        context_equals=parts.get("equals", {}),
        context_subset=parts.get("subset", {}),
    )
