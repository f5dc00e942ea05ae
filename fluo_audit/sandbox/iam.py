"""IAM and STS: trust policies, policy versions, when a role was last used, and who asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.directory import Directory
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.identities import Roles
    from fluo_audit.sandbox.ledger import Ledger


class Iam:
    """Roles and policies as moto keeps them; the last use of roles as the ledger knows it."""

    def __init__(self, ledger: Ledger, roles: Roles, directory: Directory) -> None:
        self._directory = directory
        self._ledger = ledger
        self._roles = roles

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the IAM operations that stand before moto's."""
        return {
            "CreateRole": self.create_role,
            "GetRole": self.get_role,
            "UpdateRole": self.update_role,
            "UpdateAssumeRolePolicy": self.update_assume_role_policy,
            "CreatePolicy": self.create_policy,
            "CreatePolicyVersion": self.create_policy_version,
            "ListPolicyVersions": self.list_policy_versions,
        }

    def create_role(self, request: Request) -> dict[str, Any]:
        """Create a role, and remember the id and the ARN that records repeat."""
        self._check_trust(request.parameters["AssumeRolePolicyDocument"])
        role = request.moto()["Role"]
        self._roles.ids[role["RoleName"]] = role["RoleId"]
        self._roles.arns[role["RoleName"]] = role["Arn"]
        return {"Role": role}

    def get_role(self, request: Request) -> dict[str, Any]:
        """Return a role with the date and Region of its last use."""
        role = request.moto()["Role"]
        last = next((event for event in reversed(self._ledger.all()) if event.identity.role == role["RoleName"]), None)
        role["RoleLastUsed"] = {"LastUsedDate": last.time, "Region": last.region} if last else {}
        return {"Role": role}

    def update_role(self, request: Request) -> dict[str, Any]:
        """Change a role. A description that is not named stays; moto drops it."""
        known = request.ask("GetRole", RoleName=request.parameters["RoleName"])["Role"]
        kept = {"Description": known["Description"]} if "Description" in known else {}
        return request.moto(**(kept | dict(request.parameters)))

    def update_assume_role_policy(self, request: Request) -> dict[str, Any]:
        """Replace the trust policy of a role."""
        self._check_trust(request.parameters["PolicyDocument"])
        return request.moto()

    def _check_trust(self, text: str) -> None:
        """Raise MalformedPolicyDocument for a trust policy that is none, or names a principal that does not exist."""
        try:
            statements = json.loads(text)["Statement"]
            principals = [one["Principal"] for one in ([statements] if isinstance(statements, dict) else statements)]
        except (ValueError, TypeError, KeyError):
            raise AwsError("MalformedPolicyDocument", "This policy contains invalid Json") from None
        for principal in principals:
            names = principal.get("AWS", []) if isinstance(principal, dict) else []
            for name in [names] if isinstance(names, str) else names:
                if name.startswith("arn:") and not self._directory.is_principal(name):
                    raise AwsError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{name}"')

    def create_policy(self, request: Request) -> dict[str, Any]:
        """Create a managed policy. Its name is unique in the account, whatever its path."""
        name = request.parameters["PolicyName"]
        if any(one["PolicyName"] == name for one in request.ask("ListPolicies", Scope="Local")["Policies"]):
            message = f"A policy called {name} already exists. Duplicate names are not allowed."
            raise AwsError("EntityAlreadyExists", message, 409)
        return request.moto()

    def create_policy_version(self, request: Request) -> dict[str, Any]:
        """Create a version of a managed policy, which has at most five. The answer leaves the document out."""
        return {"PolicyVersion": _without_document(request.moto()["PolicyVersion"])}

    def list_policy_versions(self, request: Request) -> dict[str, Any]:
        """Return the versions of a managed policy, newest first, without their documents."""
        versions = [_without_document(one) for one in request.moto()["Versions"]]
        return {"Versions": versions[::-1], "IsTruncated": False}

    def get_caller_identity(self, request: Request) -> dict[str, Any]:
        """Return who asks: a session of a role."""
        session = request.session
        return {"UserId": f"{self._roles.ids[session.role]}:{session.name}", "Account": ACCOUNT, "Arn": session.arn}


def _without_document(version: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in version.items() if name != "Document"}
