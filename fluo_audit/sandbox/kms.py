"""KMS: what moto answers wrongly or not at all about keys, policies, aliases, grants and their use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.keypolicy import check_key_policy
from fluo_audit.sandbox.paging import kms_page
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.ledger import Ledger
    from fluo_audit.sandbox.rotation import KeyRotation

_WAITING_DAYS = range(7, 31)
_CRYPTOGRAPHIC = (
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncrypt",
    "Sign",
    "Verify",
    "GenerateMac",
    "VerifyMac",
)


@dataclass(slots=True)
class Dates:
    """When aliases and grants were made: moto does not keep it."""

    aliases: dict[str, datetime] = field(default_factory=dict)
    grants: dict[str, datetime] = field(default_factory=dict)


class Kms:
    """Keys as moto keeps them, with the answers AWS gives."""

    def __init__(self, clock: SimulatedClock, ledger: Ledger, rotation: KeyRotation) -> None:
        self._clock = clock
        self._ledger = ledger
        self._rotation = rotation
        self._dates = Dates()

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "CreateKey": self.create_key,
            "DescribeKey": self.describe_key,
            "GetKeyPolicy": lambda request: request.moto(PolicyName=request.parameters.get("PolicyName", "default")),
            "PutKeyPolicy": self.put_key_policy,
            "ScheduleKeyDeletion": self.schedule_key_deletion,
            "GetKeyLastUsage": self.get_key_last_usage,
            "CreateAlias": self.create_alias,
            "CreateGrant": self.create_grant,
            "ListGrants": self.list_grants,
            "ListAliases": self.list_aliases,
            "ListKeys": lambda request: kms_page(request.parameters, "Keys", request.moto()["Keys"]),
            "ListResourceTags": lambda request: kms_page(request.parameters, "Tags", request.moto()["Tags"], most=50),
            "ListKeyPolicies": lambda request: kms_page(
                request.parameters, "PolicyNames", request.moto()["PolicyNames"]
            ),
            "GetPublicKey": self.get_public_key,
            "Decrypt": self.decrypt,
            **dict.fromkeys(_CRYPTOGRAPHIC, self.use_key),
            **self._rotation.operations,
        }

    def create_key(self, request: Request) -> dict[str, Any]:
        """Create a key; the policy must be one that KMS takes."""
        if policy := request.parameters.get("Policy"):
            check_key_policy(policy)
        usage = request.parameters.get("KeyUsage", "ENCRYPT_DECRYPT")
        return {"KeyMetadata": self._metadata(request.moto(KeyUsage=usage)["KeyMetadata"])}

    def describe_key(self, request: Request) -> dict[str, Any]:
        """Return the metadata of a key, with the id of its current material."""
        return {"KeyMetadata": self._metadata(request.moto()["KeyMetadata"])}

    def _metadata(self, known: Mapping[str, Any]) -> dict[str, Any]:
        metadata = {"MultiRegion": False} | {name: value for name, value in known.items() if value is not None}
        if metadata["KeySpec"] == "SYMMETRIC_DEFAULT" and metadata["Origin"] == "AWS_KMS":
            metadata["CurrentKeyMaterialId"] = self._rotation.of(metadata).material_at(self._clock.now())
        return metadata

    def put_key_policy(self, request: Request) -> dict[str, Any]:
        """Replace the key policy by one that KMS takes."""
        check_key_policy(request.parameters.get("Policy", ""))
        return request.moto(PolicyName=request.parameters.get("PolicyName", "default"))

    def schedule_key_deletion(self, request: Request) -> dict[str, Any]:
        """Schedule the deletion in 7 to 30 days, and say so."""
        days = request.parameters.get("PendingWindowInDays", 30)
        if days not in _WAITING_DAYS:
            raise AwsError("ValidationException", f"Value '{days}' at 'pendingWindowInDays' must be between 7 and 30")
        return request.moto() | {"KeyState": "PendingDeletion", "PendingWindowInDays": days}

    def use_key(self, request: Request) -> dict[str, Any]:
        """Use a key, unless it is disabled or about to be deleted."""
        key = request.parameters.get("KeyId") or request.parameters.get("DestinationKeyId")
        require_usable(request.ask("DescribeKey", KeyId=key)["KeyMetadata"])
        return request.moto()

    def decrypt(self, request: Request) -> dict[str, Any]:
        """Decrypt; a wrong encryption context makes the ciphertext invalid."""
        try:
            answer = request.moto()
        except AwsError as error:
            # moto answers AccessDeniedException. The message of the real exception is empty.
            if error.code == "AccessDeniedException":
                raise AwsError("InvalidCiphertextException", "") from error
            raise
        require_usable(request.ask("DescribeKey", KeyId=answer["KeyId"])["KeyMetadata"])
        return answer | {"EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    def get_public_key(self, request: Request) -> dict[str, Any]:
        """Return the public key of an asymmetric key; a symmetric key has none."""
        metadata = request.ask("DescribeKey", KeyId=request.parameters["KeyId"])["KeyMetadata"]
        if metadata["KeySpec"] == "SYMMETRIC_DEFAULT":
            raise AwsError("UnsupportedOperationException", f"{metadata['Arn']} is not an asymmetric key")
        return request.moto()

    def get_key_last_usage(self, request: Request) -> dict[str, Any]:
        """Return the last successful cryptographic use of a key. Takes a key id or ARN, no alias."""
        key = request.parameters["KeyId"]
        if "alias/" in key:
            raise AwsError("NotFoundException", f"Invalid keyId '{key}'")
        metadata = request.ask("DescribeKey", KeyId=key)["KeyMetadata"]
        answer: dict[str, Any] = {
            "KeyId": metadata["Arn"],
            "KeyLastUsage": {},
            "TrackingStartDate": metadata["CreationDate"],
            "KeyCreationDate": metadata["CreationDate"],
        }
        for event in reversed(self._ledger.having("ResourceName", metadata["Arn"])):
            if event.name in {*_CRYPTOGRAPHIC, "Decrypt"} and not event.error_code:
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
        answer = request.moto()
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
        metadata = request.ask("DescribeKey", KeyId=request.parameters["KeyId"])["KeyMetadata"]
        answer = request.moto(KeyId=metadata["KeyId"])
        self._dates.grants[answer["GrantId"]] = self._clock.now()
        return answer

    def list_grants(self, request: Request) -> dict[str, Any]:
        """Return the grants of a key, oldest first, with who issued them and when."""
        metadata = request.ask("DescribeKey", KeyId=request.parameters["KeyId"])["KeyMetadata"]
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


def require_usable(metadata: Mapping[str, Any]) -> None:
    """Raise the error KMS gives for a key that is not enabled."""
    state = metadata["KeyState"]
    if state == "Disabled":
        raise AwsError("DisabledException", f"{metadata['Arn']} is disabled.")
    if state != "Enabled":
        raise AwsError("KMSInvalidStateException", f"{metadata['Arn']} is pending deletion.")
