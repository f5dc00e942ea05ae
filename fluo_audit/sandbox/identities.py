"""Who acts in the simulated account: assumed-role sessions, AWS services, and KMS itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fluo_audit.sandbox.ledger import ACCOUNT, Identity

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

BACKEND, BATCH, ADMIN, READER, DEVELOPER = (
    "fluo-backend",
    "fluo-batch",
    "platform-admin",
    "fluo-audit-reader",
    "developer",
)
# The access key of the audit's own session. Not a secret: nothing checks it.
READER_KEY = "ASIAFLUOAUDITREADER1"
READER_SESSION = "export"
KMS_ITSELF = Identity({"accountId": ACCOUNT, "invokedBy": "AWS Internal"})
_KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def role_arn(role: str) -> str:
    """Return the ARN of a role of the account."""
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of the account: IAM gives each a unique id, which records repeat."""

    ids: dict[str, str] = field(default_factory=dict)

    def session(self, role: str, name: str, access_key: str, created: datetime, *, on_ec2: bool = False) -> Identity:
        """Return the identity of an assumed-role session."""
        context: dict[str, object] = {
            "sessionIssuer": {
                "type": "Role",
                "principalId": self.ids[role],
                "arn": role_arn(role),
                "accountId": ACCOUNT,
                "userName": role,
            },
            "attributes": {"creationDate": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "mfaAuthenticated": "false"},
        }
        if on_ec2:
            context["ec2RoleDelivery"] = "2.0"
        element = {
            "type": "AssumedRole",
            "principalId": f"{self.ids[role]}:{name}",
            "arn": session_arn(role, name),
            "accountId": ACCOUNT,
            "accessKeyId": access_key,
            "sessionContext": context,
        }
        return Identity(element, name, access_key, role)


def session_arn(role: str, name: str) -> str:
    """Return the ARN of an assumed-role session."""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"


def service(name: str) -> Identity:
    """Return the identity of an AWS service that acts by itself."""
    return Identity({"type": "AWSService", "invokedBy": name})


def session_key(random: Random) -> str:
    """Return the id of a temporary access key."""
    return "ASIA" + "".join(random.choices(_KEY_LETTERS, k=16))
