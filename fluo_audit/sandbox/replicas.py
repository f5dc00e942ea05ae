"""Replicas of multi-Region keys. moto copies policy, aliases and grants, takes no ARN, and calls the primary a replica.

Not simulated: UpdatePrimaryRegion, and that a primary waits with its deletion for its replicas.
https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.keypolicy import as_told
from fluo_audit.sandbox.keys import is_replica, require_usable
from fluo_audit.sandbox.ledger import Resource
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.keypolicy import KeyPolicies
    from fluo_audit.sandbox.keys import Keys


class Replicas:
    """ReplicateKey."""

    def __init__(self, keys: Keys, policies: KeyPolicies) -> None:
        self._keys = keys
        self._policies = policies

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {"ReplicateKey": self.replicate_key}

    def replicate_key(self, request: Request) -> dict[str, Any]:
        """Create a replica with a policy (the default one unless given), tags and a description of its own.

        The request goes to the Region of the primary key. CloudTrail shows it there, and a CreateKey in the other one.
        """
        asked = request.parameters
        key, region = self._keys.find_by_id(request, asked["KeyId"]), asked["ReplicaRegion"]
        self._require_replicable(key, region)
        arn = key["Arn"].replace(f":{request.call.region}:", f":{region}:", 1)
        if policy := asked.get("Policy"):
            self._policies.require(request, policy, arn)
        request.moto(KeyId=key["KeyId"])
        request.touched.append(Resource(key["Arn"], "AWS::KMS::Key"))
        created = replace(request.call, operation="CreateKey", region=region)
        request.also.append((created, Resource(arn, "AWS::KMS::Key")))
        mine = {"region": region, "KeyId": key["KeyId"]}
        if policy:
            request.ask("PutKeyPolicy", PolicyName="default", Policy=policy, **mine)
        if tags := asked.get("Tags"):
            request.ask("TagResource", Tags=tags, **mine)
        if description := asked.get("Description"):
            request.ask("UpdateKeyDescription", Description=description, **mine)
        return {
            "ReplicaKeyMetadata": self._keys.find(request, key["KeyId"], region),
            "ReplicaPolicy": as_told(request.ask("GetKeyPolicy", PolicyName="default", **mine)["Policy"]),
            "ReplicaTags": asked.get("Tags", []),
        }

    def _require_replicable(self, key: Mapping[str, Any], region: str) -> None:
        if not key["MultiRegion"] or is_replica(key):
            raise AwsError("UnsupportedOperationException", f"{key['Arn']} is not a multi-Region primary key.")
        require_usable(key)
        family = key["MultiRegionConfiguration"]
        if region in {one["Region"] for one in (family["PrimaryKey"], *family["ReplicaKeys"])}:
            raise AwsError("AlreadyExistsException", f"A key related to {key['Arn']} already exists in {region}.")
