"""KMS: what moto answers wrongly or not at all about keys, policies, aliases and grants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.encryption import CRYPTOGRAPHIC
from fluo_audit.sandbox.keypolicy import as_told
from fluo_audit.sandbox.keys import require_kept, stop_dry_run
from fluo_audit.sandbox.ledger import ACCOUNT, Resource
from fluo_audit.sandbox.paging import kms_page
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.keypolicy import KeyPolicies
    from fluo_audit.sandbox.keys import Keys
    from fluo_audit.sandbox.ledger import Ledger
    from fluo_audit.sandbox.rotation import KeyRotation

_WAITING_DAYS = range(7, 31)
_UNBORN = "00000000-0000-0000-0000-000000000000"  # stands for the id that a key is about to get
# Operations that moto knows well enough, once the key is named by its id and is not about to be deleted.
_OF_KEPT_KEYS = ("EnableKey", "DisableKey", "TagResource", "UntagResource", "UpdateKeyDescription")


@dataclass(slots=True)
class Dates:
    """When aliases and grants were made: moto does not keep it."""

    aliases: dict[str, datetime] = field(default_factory=dict)
    grants: dict[str, datetime] = field(default_factory=dict)


class Kms:
    """Keys as moto keeps them, with the answers AWS gives."""

    def __init__(
        self, clock: SimulatedClock, ledger: Ledger, keys: Keys, policies: KeyPolicies, rotation: KeyRotation
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._keys = keys
        self._policies = policies
        self._rotation = rotation
        self._dates = Dates()

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "CreateKey": self.create_key,
            "DescribeKey": self.describe_key,
            "GetKeyPolicy": self.get_key_policy,
            "PutKeyPolicy": self.put_key_policy,
            "ScheduleKeyDeletion": self.schedule_key_deletion,
            "CancelKeyDeletion": self.cancel_key_deletion,
            **dict.fromkeys(_OF_KEPT_KEYS, self.change_key),
            "GetKeyLastUsage": self.get_key_last_usage,
            "CreateAlias": self.create_alias,
            "CreateGrant": self.create_grant,
            **dict.fromkeys(("RevokeGrant", "RetireGrant"), self.end_grant),
            "ListGrants": self.list_grants,
            "ListAliases": self.list_aliases,
            "ListKeys": lambda request: kms_page(request.parameters, "Keys", request.moto()["Keys"]),
            "ListResourceTags": lambda request: kms_page(request.parameters, "Tags", request.moto()["Tags"], most=50),
            "ListKeyPolicies": lambda request: kms_page(
                request.parameters, "PolicyNames", request.moto()["PolicyNames"]
            ),
            "GetPublicKey": self.get_public_key,
        }

    def create_key(self, request: Request) -> dict[str, Any]:
        """Create a key; the policy must be one that KMS takes."""
        if policy := request.parameters.get("Policy"):
            self._policies.require(request, policy, f"arn:aws:kms:{request.call.region}:{ACCOUNT}:key/{_UNBORN}")
        usage = request.parameters.get("KeyUsage", "ENCRYPT_DECRYPT")
        metadata = self._with_material(self._keys.told(request.moto(KeyUsage=usage)["KeyMetadata"]))
        request.touched.append(Resource(metadata["Arn"], "AWS::KMS::Key"))
        return {"KeyMetadata": metadata}

    def describe_key(self, request: Request) -> dict[str, Any]:
        """Return the metadata of a key, with the id of its current material."""
        return {"KeyMetadata": self._with_material(self._keys.find(request, request.parameters["KeyId"]))}

    def _with_material(self, metadata: dict[str, Any]) -> dict[str, Any]:
        if metadata["KeySpec"] == "SYMMETRIC_DEFAULT" and metadata["Origin"] == "AWS_KMS":
            metadata["CurrentKeyMaterialId"] = self._rotation.of(metadata).material_at(self._clock.now())
        return metadata

    def get_key_policy(self, request: Request) -> dict[str, Any]:
        """Return the key policy, its lists in another order than they were put."""
        answer = request.moto(PolicyName=request.parameters.get("PolicyName", "default"))
        return answer | {"Policy": as_told(answer["Policy"])}

    def put_key_policy(self, request: Request) -> dict[str, Any]:
        """Replace the key policy by one that KMS takes."""
        key = self._keys.find_by_id(request, request.parameters["KeyId"])
        self._policies.require(request, request.parameters.get("Policy", ""), key["Arn"])
        return request.moto(PolicyName=request.parameters.get("PolicyName", "default"))

    def change_key(self, request: Request) -> dict[str, Any]:
        """Change a key that is not about to be deleted."""
        key = self._keys.find_by_id(request, request.parameters["KeyId"])
        require_kept(key)
        return request.moto(KeyId=key["KeyId"])

    def schedule_key_deletion(self, request: Request) -> dict[str, Any]:
        """Schedule the deletion in 7 to 30 days, and say so."""
        days = request.parameters.get("PendingWindowInDays", 30)
        if days not in _WAITING_DAYS:
            raise AwsError("ValidationException", f"Value '{days}' at 'pendingWindowInDays' must be between 7 and 30")
        key = self._keys.find_by_id(request, request.parameters["KeyId"])
        require_kept(key)
        told = {"KeyId": key["Arn"], "KeyState": "PendingDeletion", "PendingWindowInDays": days}
        return request.moto(KeyId=key["KeyId"]) | told

    def cancel_key_deletion(self, request: Request) -> dict[str, Any]:
        """Keep a key that was to be deleted. It stays disabled."""
        key = self._keys.find_by_id(request, request.parameters["KeyId"])
        if key["KeyState"] != "PendingDeletion":
            raise AwsError("KMSInvalidStateException", f"{key['Arn']} is not pending deletion.")
        return request.moto(KeyId=key["KeyId"]) | {"KeyId": key["Arn"]}

    def get_public_key(self, request: Request) -> dict[str, Any]:
        """Return the public key of an asymmetric key; a symmetric key has none."""
        metadata = self._keys.find(request, request.parameters["KeyId"])
        if metadata["KeySpec"] == "SYMMETRIC_DEFAULT":
            raise AwsError("UnsupportedOperationException", f"{metadata['Arn']} is not an asymmetric key")
        return request.moto()

    def get_key_last_usage(self, request: Request) -> dict[str, Any]:
        """Return the last successful cryptographic use of a key. Takes a key id or ARN, no alias."""
        metadata = self._keys.find_by_id(request, request.parameters["KeyId"])
        answer: dict[str, Any] = {
            "KeyId": metadata["Arn"],
            "KeyLastUsage": {},
            "TrackingStartDate": metadata["CreationDate"],
            "KeyCreationDate": metadata["CreationDate"],
        }
        for event in reversed(self._ledger.having("ResourceName", metadata["Arn"])):
            if event.name in CRYPTOGRAPHIC and not event.error_code:
                answer["KeyLastUsage"] = {
                    "Operation": event.name,
                    "Timestamp": event.time,
                    "CloudTrailEventId": event.id,
                    "KmsRequestId": event.request_id,
                }
                break
        return answer

    def create_alias(self, request: Request) -> dict[str, Any]:
        """Create an alias and remember when."""
        key = self._keys.find_by_id(request, request.parameters["TargetKeyId"])
        require_kept(key)
        answer = request.moto(TargetKeyId=key["KeyId"])
        self._dates.aliases[f"{request.call.region}/{request.parameters['AliasName']}"] = self._clock.now()
        return answer

    def list_aliases(self, request: Request) -> dict[str, Any]:
        """Return the account's own aliases. moto's list of AWS managed aliases is left out: their keys do not exist."""
        aliases = [one for one in request.moto()["Aliases"] if not one["AliasName"].startswith("alias/aws/")]
        for alias in aliases:
            if made := self._dates.aliases.get(f"{request.call.region}/{alias['AliasName']}"):
                alias |= {"CreationDate": made, "LastUpdatedDate": made}
        return kms_page(request.parameters, "Aliases", aliases)

    def create_grant(self, request: Request) -> dict[str, Any]:
        """Create a grant and remember when. KMS takes key ids and ARNs here, no alias."""
        metadata = self._keys.find_by_id(request, request.parameters["KeyId"])
        stop_dry_run(request)
        answer = request.moto(KeyId=metadata["KeyId"])
        self._dates.grants[answer["GrantId"]] = self._clock.now()
        return answer

    def end_grant(self, request: Request) -> dict[str, Any]:
        """Revoke or retire a grant."""
        stop_dry_run(request)
        return request.moto()

    def list_grants(self, request: Request) -> dict[str, Any]:
        """Return the grants of a key, oldest first, with who issued them and when."""
        metadata = self._keys.find_by_id(request, request.parameters["KeyId"])
        grantee = request.parameters.get("GranteePrincipal")
        grants = [
            {name: value for name, value in grant.items() if value}
            | {
                "KeyId": metadata["Arn"],
                "CreationDate": self._dates.grants.get(grant["GrantId"], self._clock.now()),
                "IssuingAccount": f"arn:aws:iam::{metadata['AWSAccountId']}:root",
            }
            for grant in request.moto(KeyId=metadata["KeyId"])["Grants"]
            if grantee in {None, grant["GranteePrincipal"]}
        ]
        return kms_page(request.parameters, "Grants", grants)
