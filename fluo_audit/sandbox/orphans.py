"""Delete a role that key policies name: KMS then shows its unique id, which nobody can put there any more.

https://repost.aws/knowledge-center/kms-policy-error-invalid-principals
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.resources import policy_text
from fluo_audit.sandbox.wire import Call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fluo_audit.sandbox.gateway import Gateway


def orphan(gateway: Gateway, role: str, regions: Iterable[str]) -> str:
    """Delete a role with all it holds, put its unique id in its place in the key policies, and return the id.

    The account's own doing: no event tells of it. Raises AwsError when there is no such role.
    """
    known = gateway.call("iam", "GetRole", RoleName=role)["Role"]
    _delete(gateway, role)
    for region in regions:

        def kms(operation: str, region: str = region, **parameters: Any) -> dict[str, Any]:
            # Below the operations of the account, which refuse such a policy.
            return gateway.ask_moto(Call("kms", operation, region, "orphans", parameters))

        for key in kms("ListKeys")["Keys"]:
            named = {"KeyId": key["KeyId"], "PolicyName": "default"}
            policy = json.loads(kms("GetKeyPolicy", **named)["Policy"])
            if _replace(policy["Statement"], known["Arn"], known["RoleId"]):
                kms("PutKeyPolicy", **named, Policy=policy_text(policy))
    return str(known["RoleId"])


def _delete(gateway: Gateway, role: str) -> None:
    named = {"RoleName": role}
    for profile in gateway.call("iam", "ListInstanceProfilesForRole", **named)["InstanceProfiles"]:
        name = profile["InstanceProfileName"]
        gateway.call("iam", "RemoveRoleFromInstanceProfile", **named, InstanceProfileName=name)
    for policy in gateway.call("iam", "ListAttachedRolePolicies", **named)["AttachedPolicies"]:
        gateway.call("iam", "DetachRolePolicy", **named, PolicyArn=policy["PolicyArn"])
    for name in gateway.call("iam", "ListRolePolicies", **named)["PolicyNames"]:
        gateway.call("iam", "DeleteRolePolicy", **named, PolicyName=name)
    gateway.call("iam", "DeleteRole", **named)


def _replace(statements: Any, arn: str, unique_id: str) -> bool:
    """Replace a principal in the statements of a key policy, and return whether it was there."""
    replaced = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        for element in ("Principal", "NotPrincipal"):
            named: Any = statement.get(element)
            names = named.get("AWS") if isinstance(named, dict) else None
            if names == arn:
                named["AWS"], replaced = unique_id, True
            elif isinstance(names, list) and arn in names:
                named["AWS"], replaced = [unique_id if name == arn else name for name in names], True
    return replaced
