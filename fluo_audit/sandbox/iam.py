"""IAM and STS: when a role was last used, and who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.identities import READER, READER_SESSION, session_arn
from fluo_audit.sandbox.ledger import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.identities import Roles
    from fluo_audit.sandbox.ledger import Ledger


class Iam:
    """Roles as moto keeps them; their last use as the ledger knows it."""

    def __init__(self, ledger: Ledger, roles: Roles) -> None:
        self._ledger = ledger
        self._roles = roles

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the IAM operations that stand before moto's."""
        return {"GetRole": self.get_role}

    def get_role(self, request: Request) -> dict[str, Any]:
        """Return a role with the date and Region of its last use."""
        role = request.moto()["Role"]
        last = next((event for event in reversed(self._ledger.all()) if event.identity.role == role["RoleName"]), None)
        role["RoleLastUsed"] = {"LastUsedDate": last.time, "Region": last.region} if last else {}
        return {"Role": role}

    def get_caller_identity(self, _request: Request) -> dict[str, Any]:
        """Return the identity of every caller of the simulated account: the session of the audit's role."""
        return {
            "UserId": f"{self._roles.ids[READER]}:{READER_SESSION}",
            "Account": ACCOUNT,
            "Arn": session_arn(READER, READER_SESSION),
        }
