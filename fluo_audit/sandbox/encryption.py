"""Use a key: encrypt and decrypt, once the policies allow it. https://docs.aws.amazon.com/kms/latest/developerguide/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.keys import require_usable, stop_dry_run
from fluo_audit.sandbox.ledger import Resource
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.authorization import Authorization
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.keys import Keys

_ENCRYPTING = ("Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext")
_UNDECIDED = ("Sign", "Verify", "GenerateMac", "VerifyMac")
CRYPTOGRAPHIC = frozenset({*_ENCRYPTING, *_UNDECIDED, "Decrypt", "ReEncrypt"})
_ALGORITHM = "SYMMETRIC_DEFAULT"
_KEY_ID_BYTES = 36  # moto's ciphertexts begin with the id of their key
_NOT_YOURS = (
    "The ciphertext refers to a customer master key that does not exist, "
    "does not exist in this region, or you are not allowed to access."
)


class Encryption:
    """The cryptographic operations of KMS. Signatures and MACs need an enabled key, and no permission."""

    def __init__(self, keys: Keys, authorization: Authorization) -> None:
        self._keys = keys
        self._authorization = authorization

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            **dict.fromkeys(_ENCRYPTING, self.encrypt),
            **dict.fromkeys(_UNDECIDED, self.sign),
            "Decrypt": self.decrypt,
            "ReEncrypt": self.re_encrypt,
        }

    def encrypt(self, request: Request) -> dict[str, Any]:
        """Encrypt, or make a data key, with an enabled key that the caller may use so."""
        asked = request.parameters
        key = self._usable(request, request.call.operation, asked["KeyId"], asked.get("EncryptionContext", {}))
        stop_dry_run(request)
        algorithm = {"EncryptionAlgorithm": _ALGORITHM} if request.call.operation == "Encrypt" else {}
        return request.moto(KeyId=key["KeyId"]) | algorithm

    def decrypt(self, request: Request) -> dict[str, Any]:
        """Decrypt. A wrong encryption context makes the ciphertext invalid."""
        asked = request.parameters
        source = self._source(request, asked.get("KeyId", ""))
        self._usable(request, "Decrypt", source, asked.get("EncryptionContext", {}), asked.get("KeyId", ""))
        answer = _opened(request)
        stop_dry_run(request)
        return answer | {"EncryptionAlgorithm": _ALGORITHM}

    def re_encrypt(self, request: Request) -> dict[str, Any]:
        """Decrypt with one key and encrypt with another; each has its own permission and encryption context."""
        asked = request.parameters
        source = self._source(request, asked.get("SourceKeyId", ""))
        self._usable(request, "ReEncryptFrom", source, asked.get("SourceEncryptionContext", {}))
        destination = self._usable(
            request, "ReEncryptTo", asked["DestinationKeyId"], asked.get("DestinationEncryptionContext", {})
        )
        answer = _opened(request, DestinationKeyId=destination["KeyId"])
        stop_dry_run(request)
        return answer | {"SourceEncryptionAlgorithm": _ALGORITHM, "DestinationEncryptionAlgorithm": _ALGORITHM}

    def sign(self, request: Request) -> dict[str, Any]:
        """Sign, verify or make a MAC with an enabled key, whoever asks."""
        key = self._keys.find(request, request.parameters["KeyId"])
        require_usable(key)
        stop_dry_run(request)
        return request.moto()

    def _source(self, request: Request, named: str) -> str:
        """Return the id of the key that a ciphertext was made with. It must be the one that is named, if one is."""
        ciphertext: bytes = request.parameters["CiphertextBlob"]
        key_id = ciphertext[:_KEY_ID_BYTES].decode(errors="replace")
        try:
            self._keys.find_by_id(request, key_id)
        except AwsError:
            malformed = len(key_id) < _KEY_ID_BYTES or not key_id.isascii()
            raise (
                AwsError("InvalidCiphertextException", "")
                if malformed
                else AwsError("AccessDeniedException", _NOT_YOURS)
            ) from None
        if named and self._keys.find(request, named)["KeyId"] != key_id:
            message = "The key ID in the request does not identify a CMK that can perform this operation."
            raise AwsError("IncorrectKeyException", message)
        return key_id

    def _usable(
        self, request: Request, operation: str, name: str, context: Mapping[str, str], alias: str = ""
    ) -> dict[str, Any]:
        """Return the metadata of a key that the caller may use and that is enabled. Raises AwsError otherwise."""
        key = self._keys.find(request, name)
        request.touched.append(Resource(key["Arn"], "AWS::KMS::Key"))
        self._authorization.require(request, f"kms:{operation}", key, context, alias or name)
        require_usable(key)
        if key["KeyUsage"] != "ENCRYPT_DECRYPT":
            raise AwsError("InvalidKeyUsageException", f"{key['Arn']} key usage is {key['KeyUsage']}")
        return key


def _opened(request: Request, **changes: Any) -> dict[str, Any]:
    try:
        return request.moto(**changes)
    except AwsError as error:
        # moto's code for a context that does not fit. The message of the real exception is empty.
        if error.code == "AccessDeniedException":
            raise AwsError("InvalidCiphertextException", "") from error
        raise
