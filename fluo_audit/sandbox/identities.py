"""Who acts in the simulated account: assumed-role sessions, AWS services, and KMS itself."""

from __future__ import annotations

import base64
import hashlib
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
# What sessions are called; those of other roles are called like the account.
_SESSION_NAMES = {READER: "export", ADMIN: "provision"}
_USUAL_SESSION_NAME = "simulated"
KMS_ITSELF = Identity({"accountId": ACCOUNT, "invokedBy": "AWS Internal"})
_KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def role_arn(role: str) -> str:
    """Return the ARN of a role of the account that has no path."""
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


@dataclass(frozen=True, slots=True)
class RoleSession:
    """A session of a role: who makes the calls that carry one access key."""

    role: str
    name: str
    access_key: str

    @property
    def arn(self) -> str:
        """Return the ARN of the session."""
        return session_arn(self.role, self.name)


class Callers:
    """Who makes a call, by its access key. A key that was not given out stands for the account's usual role."""

    def __init__(self, usual_role: str) -> None:
        self._sessions: dict[str, RoleSession] = {}
        self.usual = self.session_of(usual_role)

    def session_of(self, role: str) -> RoleSession:
        """Return a session of a role, with an access key that is known from now on."""
        name = _SESSION_NAMES.get(role, _USUAL_SESSION_NAME)
        letters = base64.b32encode(hashlib.sha256(f"{role}/{name}".encode()).digest()).decode()
        session = RoleSession(role, name, READER_KEY if role == READER else f"ASIA{letters[:16]}")
        self._sessions[session.access_key] = session
        return session

    def of(self, access_key: str) -> RoleSession:
        """Return the session behind an access key."""
        return self._sessions.get(access_key, self.usual)


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of the account: IAM gives each a unique id, which records repeat. An ARN tells the path, if any."""

    ids: dict[str, str] = field(default_factory=dict)
    arns: dict[str, str] = field(default_factory=dict)

    def arn(self, role: str) -> str:
        """Return the ARN of a role."""
        return self.arns.get(role) or role_arn(role)

    def session(self, role: str, name: str, access_key: str, created: datetime, *, on_ec2: bool = False) -> Identity:
        """Return the identity of an assumed-role session."""
        context: dict[str, object] = {
            "sessionIssuer": {
                "type": "Role",
                "principalId": self.ids[role],
                "arn": self.arn(role),
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
