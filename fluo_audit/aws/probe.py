"""Try whether the caller may use the key, and keep nothing of what comes back.

A data key is no evidence: this door has a list of its own, writes no record, and gives only whether KMS allowed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fluo_audit.aws.door import DENIED, MALFORMED, Failure, Request, Transport
from fluo_audit.errors import RefusedError

PROBES: frozenset[str] = frozenset({"kms:GenerateDataKey"})
"""service:operation of everything that may be tried."""
CIPHERTEXT = "CiphertextBlob"
"""What shows that a data key was made."""
DRY_RUN = "DryRunOperationException"
"""What KMS answers to a dry run that would have succeeded: https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html"""


@dataclass(frozen=True, slots=True)
class Tried:
    """Whether the caller may; `failure` says why not, or why nobody knows."""

    allowed: bool
    failure: Failure | None = None

    @property
    def denied(self) -> bool:
        """Whether a policy is why not: any other failure says nothing about permissions."""
        return self.failure is not None and self.failure.code in DENIED


class ProbeDoor:
    """Sends listed uses of a key. The answer, which may hold a key in plaintext, never leaves this class."""

    def __init__(self, transport: Transport, region: str) -> None:
        self._transport = transport
        self._region = region

    def data_key(self, key_arn: str, context: Mapping[str, str], *, dry_run: bool) -> Tried:
        """Have KMS check (`dry_run`) or really generate a 256-bit data key under an encryption context."""
        parameters = {"KeyId": key_arn, "KeySpec": "AES_256", "EncryptionContext": dict(context)}
        return self.send("kms", "GenerateDataKey", **parameters, **({"DryRun": True} if dry_run else {}))

    def send(self, service: str, operation: str, **parameters: object) -> Tried:
        """Send a listed use. Raises RefusedError for any other."""
        request = Request("probe", service, operation, self._region, parameters)
        if request.api not in PROBES:
            raise RefusedError(f"{request.api} is not a use of the key that this tool tries; nothing was sent")
        exchange = self._transport.send(request)
        if exchange.failure is None and CIPHERTEXT not in (exchange.answer or {}):
            return Tried(allowed=False, failure=Failure(MALFORMED, f"{request.api} answered without {CIPHERTEXT}"))
        if exchange.failure is None or exchange.failure.code == DRY_RUN:
            return Tried(allowed=True)
        return Tried(allowed=False, failure=exchange.failure)
