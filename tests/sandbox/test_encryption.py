"""Encrypting and decrypting: with the key of the ciphertext, its context, and DryRun that does nothing."""

from __future__ import annotations

import json

import pytest

CONTEXT = {"purpose": "pii_redaction"}
OTHER = {"purpose": "other"}


@pytest.fixture
def keys(aws):
    """Give the ids of two keys that the administrator may use."""
    return [aws("kms").create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]


@pytest.fixture
def blob(aws, keys):
    return aws("kms").encrypt(KeyId=keys[0], Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]


def test_what_is_encrypted_is_decrypted_again(aws, keys):
    kms = aws("kms")
    encrypted = kms.encrypt(KeyId=keys[0], Plaintext=b"secret", EncryptionContext=CONTEXT)
    decrypted = kms.decrypt(CiphertextBlob=encrypted["CiphertextBlob"], EncryptionContext=CONTEXT)
    data = kms.generate_data_key(KeyId=keys[0], KeySpec="AES_256", EncryptionContext=CONTEXT)
    sealed = kms.generate_data_key_without_plaintext(KeyId=keys[0], KeySpec="AES_128")

    assert decrypted["Plaintext"] == b"secret"
    assert encrypted["KeyId"] == decrypted["KeyId"] == f"arn:aws:kms:us-east-1:123456789012:key/{keys[0]}"
    assert encrypted["EncryptionAlgorithm"] == decrypted["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert (
        kms.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"] == data["Plaintext"]
    )
    assert (len(data["Plaintext"]), "Plaintext" in sealed) == (32, False)
    assert len(kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"]) == 16


def test_reencryption_changes_key_and_context(aws, keys, blob):
    kms = aws("kms")
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=keys[1],
        DestinationEncryptionContext=OTHER,
    )
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext=OTHER)

    assert (moved["SourceKeyId"][-36:], moved["KeyId"][-36:]) == tuple(keys)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", moved["KeyId"])


def test_a_reader_of_one_key_cannot_move_data_to_another(aws, keys, blob, refused):
    one = {"Effect": "Allow", "Action": "kms:*", "Resource": f"arn:aws:kms:us-east-1:123456789012:key/{keys[0]}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": one})
    aws("iam").put_role_policy(RoleName="developer", PolicyName="one", PolicyDocument=policy)
    kms = aws("kms", "developer")

    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    with refused(
        "AccessDeniedException", f"kms:ReEncryptTo on resource: arn:aws:kms:us-east-1:123456789012:key/{keys[1]}"
    ):
        kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=keys[1])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"EncryptionContext": OTHER}, "InvalidCiphertextException"),
        ({"EncryptionContext": {}}, "InvalidCiphertextException"),
        ({"CiphertextBlob": b"no ciphertext"}, "InvalidCiphertextException"),
        ({"CiphertextBlob": b"00000000-0000-0000-0000-000000000000" + b"x" * 60}, "AccessDeniedException"),
    ],
)
def test_what_cannot_be_decrypted_is_refused(aws, blob, refused, changed, code):
    with refused(code):
        aws("kms").decrypt(**({"CiphertextBlob": blob, "EncryptionContext": CONTEXT} | changed))


def test_the_named_key_must_be_that_of_the_ciphertext(aws, keys, blob, refused):
    kms = aws("kms")
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=keys[0])["Plaintext"] == b"secret"
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=keys[1])


def test_a_signing_key_encrypts_nothing(aws, refused):
    key = aws("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    with refused("InvalidKeyUsageException"):
        aws("kms").encrypt(KeyId=key, Plaintext=b"x")


def calls(kms, key, blob):
    """Return a call of every operation that is decided."""
    encrypt = {"KeyId": key, "EncryptionContext": CONTEXT, "DryRun": True}
    decrypt = {"CiphertextBlob": blob, "DryRun": True}
    return [
        lambda: kms.encrypt(Plaintext=b"x", **encrypt),
        lambda: kms.generate_data_key(KeySpec="AES_256", **encrypt),
        lambda: kms.generate_data_key_without_plaintext(KeySpec="AES_256", **encrypt),
        lambda: kms.decrypt(EncryptionContext=CONTEXT, **decrypt),
        lambda: kms.re_encrypt(SourceEncryptionContext=CONTEXT, DestinationKeyId=key, **decrypt),
    ]


def test_a_dry_run_of_what_would_succeed_says_so_and_does_nothing(blank, aws, keys, blob, refused):
    for call in calls(aws("kms"), keys[0], blob):
        with refused("DryRunOperationException", "The request would have succeeded, but the DryRun option is set."):
            call()
    last = aws("kms").get_key_last_usage(KeyId=keys[0])["KeyLastUsage"]
    assert last["Operation"] == "Encrypt"
    assert blank.calls.count("kms:Encrypt") == 2


def test_a_dry_run_of_what_is_refused_is_refused(aws, keys, blob, refused):
    for call in calls(aws("kms", "developer"), keys[0], blob):
        with refused("AccessDeniedException"):
            call()
    aws("kms").disable_key(KeyId=keys[0])
    for call in calls(aws("kms"), keys[0], blob):
        with refused("DisabledException"):
            call()


def test_a_dry_run_makes_and_ends_no_grant(aws, keys, refused):
    kms = aws("kms")
    grant = {
        "KeyId": keys[0],
        "GranteePrincipal": "arn:aws:iam::123456789012:role/developer",
        "Operations": ["Decrypt"],
    }
    with refused("DryRunOperationException"):
        kms.create_grant(**grant, DryRun=True)
    made = kms.create_grant(**grant)["GrantId"]
    with refused("DryRunOperationException"):
        kms.revoke_grant(KeyId=keys[0], GrantId=made, DryRun=True)
    assert [one["GrantId"] for one in kms.list_grants(KeyId=keys[0])["Grants"]] == [made]
    kms.revoke_grant(KeyId=keys[0], GrantId=made)
    assert kms.list_grants(KeyId=keys[0])["Grants"] == []
