"""Roles, users and their policies as IAM (moto) has them, and since when the other services know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.story import REGION
from fluo_audit.sandbox.wire import AwsError, Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Gateway

_ASKED = {"role": ("GetRole", "RoleName", "Role"), "user": ("GetUser", "UserName", "User")}


class Directory:
    """The account's principals. What is new in IAM reaches other services after `propagation`."""

    def __init__(self, gateway: Gateway, clock: SimulatedClock, propagation: timedelta) -> None:
        self._gateway = gateway
        self._clock = clock
        self._propagation = propagation

    def known(self, arn: str) -> Mapping[str, Any] | None:
        """Return the role or user with this very ARN, path included, once other services know it."""
        kind, _, path = arn.split(":", 5)[5].partition("/")
        if kind not in _ASKED:
            return None
        operation, named, member = _ASKED[kind]
        found = self._get(operation, **{named: path.rsplit("/", 1)[-1]})
        if found is None or found[member]["Arn"] != arn:
            return None
        principal: Mapping[str, Any] = found[member]
        return principal if self._clock.now() >= principal["CreateDate"] + self._propagation else None

    def is_principal(self, arn: str) -> bool:
        """Return whether a policy may name the ARN: of this account, only the root and what exists."""
        service, account, resource = (arn.split(":", 5)[part] for part in (2, 4, 5))
        if service != "iam" or account != ACCOUNT or resource == "root":
            return True
        return self.known(arn) is not None

    def policies_of(self, role: str) -> Iterator[tuple[str, str]]:
        """Yield name and JSON text of the managed and inline policies of a role. A role that is gone has none."""
        attached = self._get("ListAttachedRolePolicies", RoleName=role) or {"AttachedPolicies": []}
        for policy in attached["AttachedPolicies"]:
            arn = policy["PolicyArn"]
            version = self._ask("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found = self._ask("GetPolicyVersion", PolicyArn=arn, VersionId=version)["PolicyVersion"]
            yield arn, document_text(found["Document"])
        inline = self._get("ListRolePolicies", RoleName=role) or {"PolicyNames": []}
        for name in inline["PolicyNames"]:
            found = self._ask("GetRolePolicy", RoleName=role, PolicyName=name)
            yield f"{role}/{name}", document_text(found["PolicyDocument"])

    def _get(self, operation: str, **parameters: Any) -> dict[str, Any] | None:
        try:
            return self._ask(operation, **parameters)
        except AwsError as error:
            if error.code == "NoSuchEntity":
                return None
            raise

    def _ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._gateway.ask_moto(Call("iam", operation, REGION, "directory", parameters))


def document_text(document: str) -> str:
    """Return a policy document as JSON text: IAM gives some of them in the encoding of URLs."""
    return unquote(document) if document.startswith("%7B") else document
