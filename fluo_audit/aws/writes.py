"""What provisioning may write, and the only way to send it. What is not on the closed list never leaves the machine.

Not on it, and never to be: ScheduleKeyDeletion, DisableKey, DisableKeyRotation, DeleteAlias, UpdateAlias,
DeleteImportedKeyMaterial, UpdatePrimaryRegion. The only deletion is the oldest of five versions of a managed policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluo_audit.aws.door import Request, Transport
from fluo_audit.errors import RefusedError

WRITES: frozenset[str] = frozenset(
    {
        "cloudtrail:CreateTrail",
        "cloudtrail:StartLogging",
        "cloudtrail:UpdateTrail",
        "cloudwatch:PutMetricAlarm",
        "iam:AddRoleToInstanceProfile",
        "iam:AttachRolePolicy",
        "iam:CreateInstanceProfile",
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:CreateRole",
        "iam:DeletePolicyVersion",
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "kms:CreateAlias",
        "kms:CreateKey",
        "kms:EnableKeyRotation",
        "kms:PutKeyPolicy",
        "kms:ReplicateKey",
        "kms:TagResource",
        "logs:CreateLogGroup",
        "logs:PutMetricFilter",
        "logs:PutRetentionPolicy",
        "s3:CreateBucket",
        "s3:PutBucketEncryption",
        "s3:PutBucketPolicy",
        "s3:PutBucketVersioning",
        "s3:PutPublicAccessBlock",
    }
)
"""service:operation of every write."""
FORBIDDEN_PARAMETERS = frozenset({"BypassPolicyLockoutSafetyCheck", "ConfirmRemoveSelfBucketAccess"})


class WriteError(Exception):
    """A write that AWS did not confirm."""

    def __init__(self, code: str, message: str, *, lost: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.lost = lost
        """True when the write may have been carried out: no answer arrived, or AWS failed on its side."""


class WriteDoor:
    """Sends listed writes, each once: a creation that is repeated blindly may create twice."""

    def __init__(self, transport: Transport, region: str) -> None:
        self._transport = transport
        self._region = region

    def write(self, service: str, operation: str, region: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return AWS's answer. Raises RefusedError for what is not listed, WriteError for what AWS did not confirm."""
        request = Request("provision", service, operation, region or self._region, parameters, once=True)
        if request.api not in WRITES or FORBIDDEN_PARAMETERS & set(parameters):
            raise RefusedError(f"{request.api} is not a write that this tool makes; nothing was sent")
        exchange = self._transport.send(request)
        failure = exchange.failure
        if failure is not None or exchange.answer is None:
            code, message = (failure.code, failure.message) if failure else ("no answer", "")
            unsure = failure is None or failure.lost or exchange.call.status >= 500  # noqa: PLR2004, HTTP's server errors
            raise WriteError(code, message, lost=unsure)
        return exchange.answer
