"""Find keys: their metadata as moto has it, told as AWS tells it, and what their state allows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Request

REPLICATION = timedelta(seconds=5)
"""How long a new replica is in the state Creating. AWS says "a few seconds"."""


class Keys:
    """The keys of every Region."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock

    def find(self, request: Request, name: str, region: str | None = None) -> dict[str, Any]:
        """Return the metadata of a key by id, ARN, alias or alias ARN. Raises AwsError when there is none."""
        return self.told(request.ask("DescribeKey", service="kms", region=region, KeyId=name)["KeyMetadata"])

    def find_by_id(self, request: Request, name: str) -> dict[str, Any]:
        """Return the metadata of a key by id or ARN, for the operations that take no alias."""
        if "alias/" in name:
            raise AwsError("NotFoundException", f"Invalid keyId '{name}'")
        return self.find(request, name)

    def told(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return metadata as AWS words it."""
        metadata = {"MultiRegion": False} | {name: value for name, value in known.items() if value is not None}
        if is_replica(metadata) and self._clock.now() < metadata["CreationDate"] + REPLICATION:
            metadata |= {"KeyState": "Creating", "Enabled": False}
        return metadata


def is_replica(metadata: Mapping[str, Any]) -> bool:
    """Return whether a key is a replica of a multi-Region key."""
    return bool(metadata.get("MultiRegionConfiguration", {}).get("MultiRegionKeyType") == "REPLICA")


def require_usable(metadata: Mapping[str, Any]) -> None:
    """Raise the error KMS gives for a key that is not enabled."""
    if metadata["KeyState"] == "Disabled":
        raise AwsError("DisabledException", f"{metadata['Arn']} is disabled.")
    if metadata["KeyState"] == "Creating":
        raise AwsError("KMSInvalidStateException", f"{metadata['Arn']} is creating.")
    require_kept(metadata)


def require_kept(metadata: Mapping[str, Any]) -> None:
    """Raise the error KMS gives for a key that is about to be deleted."""
    if metadata["KeyState"] == "PendingDeletion":
        raise AwsError("KMSInvalidStateException", f"{metadata['Arn']} is pending deletion.")


def stop_dry_run(request: Request) -> None:
    """Raise the error that stands for success when the caller only wants to know whether the call would succeed."""
    if request.parameters.get("DryRun"):
        raise AwsError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
