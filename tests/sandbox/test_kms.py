"""What the account corrects in moto's KMS."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

STATEMENT = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": "kms:*",
    "Resource": "*",
}
ADMINISTRATION = STATEMENT | {"Principal": {"AWS": "arn:aws:iam::123456789012:role/platform-admin"}}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def refused(error):
    return error.value.response["Error"]["Code"]


@pytest.fixture
def kms(account):
    return account.session_as("platform-admin").client("kms")


@pytest.fixture
def backend(account):
    return account.session_as("fluo-backend").client("kms")


@pytest.fixture
def shared_kms(shared_account):
    return shared_account.session.client("kms")


def test_the_key_can_be_named_by_id_arn_alias_and_alias_arn(shared_account, shared_kms):
    truth = shared_account.truth
    alias_arn = truth.key_arn.rpartition(":")[0] + ":" + truth.alias
    for name in (truth.key_id, truth.key_arn, truth.alias, alias_arn):
        assert shared_kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == truth.key_arn


def test_the_metadata_is_that_of_a_symmetric_single_region_key(shared_account, shared_kms):
    metadata = shared_kms.describe_key(KeyId=shared_account.truth.key_id)["KeyMetadata"]
    assert metadata["KeyUsage"] == "ENCRYPT_DECRYPT"
    assert metadata["MultiRegion"] is False
    assert metadata["Origin"] == "AWS_KMS"
    assert metadata["KeyManager"] == "CUSTOMER"
    assert metadata["CreationDate"] == shared_account.truth.created
    assert metadata["CurrentKeyMaterialId"] == shared_account.truth.rotations[-1].material_id


def test_the_tags_are_those_of_the_module(shared_account, shared_kms):
    tags = shared_kms.list_resource_tags(KeyId=shared_account.truth.key_id)["Tags"]
    assert {tag["TagKey"]: tag["TagValue"] for tag in tags} == {
        "Name": "fluo-kms-production",
        "Environment": "production",
        "ManagedBy": "terraform",
        "Purpose": "fluo-backend-encryption",
    }


def test_the_key_policy_needs_no_name_and_lets_the_backend_in_without_condition(shared_account, shared_kms):
    document = json.loads(shared_kms.get_key_policy(KeyId=shared_account.truth.key_id)["Policy"])
    statements = {statement["Sid"]: statement for statement in document["Statement"]}
    assert list(statements) == ["EnableIAMUserPermissions", "AllowKeyAdministration", "AllowFluoBackendKeyUsage"]
    assert "Condition" not in statements["AllowFluoBackendKeyUsage"]
    assert not [action for action in statements["AllowKeyAdministration"]["Action"] if action.endswith("crypt")]


@pytest.mark.parametrize(
    "name", ["get_key_policy", "get_key_rotation_status", "list_key_rotations", "get_key_last_usage"]
)
def test_operations_that_take_no_alias_refuse_one(shared_account, shared_kms, name):
    with pytest.raises(ClientError) as error:
        getattr(shared_kms, name)(KeyId=shared_account.truth.alias)
    assert refused(error) == "NotFoundException"


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        json.dumps({"Version": "2012-10-17", "Statement": []}),
        json.dumps({"Version": "2020-01-01", "Statement": [STATEMENT]}),
        policy(STATEMENT | {"Principal": {"AWS": []}}),
        policy(STATEMENT | {"Principal": {}}),
        policy(STATEMENT | {"Principal": {"AWS": "everybody"}}),
        policy(STATEMENT | {"Effect": "Maybe"}),
        policy({name: value for name, value in STATEMENT.items() if name != "Action"}),
        policy("statement"),
    ],
)
def test_malformed_key_policies_are_refused(account, kms, text):
    before = kms.get_key_policy(KeyId=account.truth.key_id)["Policy"]
    with pytest.raises(ClientError) as error:
        kms.put_key_policy(KeyId=account.truth.key_id, Policy=text)
    assert refused(error) == "MalformedPolicyDocumentException"
    assert kms.get_key_policy(KeyId=account.truth.key_id)["Policy"] == before


def test_a_key_cannot_be_created_with_an_empty_principal(kms):
    with pytest.raises(ClientError) as error:
        kms.create_key(Policy=policy(STATEMENT, STATEMENT | {"Principal": {"AWS": []}}))
    assert refused(error) == "MalformedPolicyDocumentException"


def test_a_well_formed_policy_is_stored(account, kms):
    text = policy(ADMINISTRATION, STATEMENT | {"Principal": "*", "Effect": "Deny", "Action": "kms:DeleteAlias"})
    kms.put_key_policy(KeyId=account.truth.key_id, Policy=text)
    assert kms.get_key_policy(KeyId=account.truth.key_id)["Policy"] == text


def test_lists_are_paged_by_limit_and_marker(kms, account):
    for number in range(3):
        kms.create_alias(AliasName=f"alias/extra-{number}", TargetKeyId=account.truth.key_id)
        kms.create_grant(
            KeyId=account.truth.key_id, GranteePrincipal="arn:aws:iam::123456789012:role/r", Operations=["Decrypt"]
        )
    calls = {
        "list_keys": ("Keys", {}),
        "list_aliases": ("Aliases", {}),
        "list_grants": ("Grants", {"KeyId": account.truth.key_id}),
        "list_resource_tags": ("Tags", {"KeyId": account.truth.key_id}),
    }
    for name, (items, parameters) in calls.items():
        whole = getattr(kms, name)(**parameters)[items]
        pages = kms.get_paginator(name).paginate(**parameters, PaginationConfig={"PageSize": 2})
        listed = [page[items] for page in pages]
        assert len(listed) == -(-len(whole) // 2)
        assert [one for page in listed for one in page] == whole


def test_a_marker_of_another_list_is_refused(kms, account):
    marker = kms.list_aliases(Limit=1)["NextMarker"]
    with pytest.raises(ClientError) as error:
        kms.list_keys(Limit=1, Marker=marker)
    assert refused(error) == "InvalidMarkerException"


def test_aliases_are_the_accounts_own_with_their_dates(shared_account, shared_kms):
    aliases = {alias["AliasName"]: alias for alias in shared_kms.list_aliases()["Aliases"]}
    assert set(aliases) == {"alias/fluo-production", "alias/fluo-staging"}
    assert aliases["alias/fluo-production"]["CreationDate"] == shared_account.truth.created


def test_the_key_has_no_grants_until_one_is_made(account, kms):
    key = account.truth.key_arn
    assert kms.list_grants(KeyId=key)["Grants"] == []
    principal = "arn:aws:iam::123456789012:role/fluo-batch"
    made = kms.create_grant(
        KeyId=key, GranteePrincipal=principal, Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": {"purpose": "pii_redaction"}},
    )  # fmt: skip
    (grant,) = kms.list_grants(KeyId=key)["Grants"]
    assert grant["GrantId"] == made["GrantId"]
    assert grant["KeyId"] == key
    assert grant["CreationDate"] == account.clock.now()
    assert grant["Constraints"] == {"EncryptionContextSubset": {"purpose": "pii_redaction"}}
    assert kms.list_grants(KeyId=key, GranteePrincipal="arn:aws:iam::123456789012:role/other")["Grants"] == []


@pytest.mark.parametrize("days", [6, 31])
def test_deletion_waits_seven_to_thirty_days(account, kms, days):
    with pytest.raises(ClientError) as error:
        kms.schedule_key_deletion(KeyId=account.truth.key_id, PendingWindowInDays=days)
    assert refused(error) == "ValidationException"


def test_deletion_is_dated_by_the_simulated_clock(account, kms):
    answer = kms.schedule_key_deletion(KeyId=account.truth.key_id, PendingWindowInDays=7)
    assert answer["KeyState"] == "PendingDeletion"
    assert answer["DeletionDate"] == account.clock.now() + timedelta(days=7)


def test_a_disabled_key_encrypts_nothing_and_decrypts_nothing(account, kms, backend):
    key = account.truth.key_id
    blob = backend.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    for call in (
        lambda: backend.encrypt(KeyId=key, Plaintext=b"secret"),
        lambda: backend.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: backend.decrypt(CiphertextBlob=blob),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert refused(error) == "DisabledException"


def test_a_key_pending_deletion_is_in_the_wrong_state(account, kms, backend):
    kms.schedule_key_deletion(KeyId=account.truth.key_id)
    with pytest.raises(ClientError) as error:
        backend.encrypt(KeyId=account.truth.key_id, Plaintext=b"secret")
    assert refused(error) == "KMSInvalidStateException"


def test_the_wrong_context_makes_a_ciphertext_invalid(account, backend):
    blob = backend.encrypt(KeyId=account.truth.alias, Plaintext=b"secret", EncryptionContext={"purpose": "a"})[
        "CiphertextBlob"
    ]
    assert backend.decrypt(CiphertextBlob=blob, EncryptionContext={"purpose": "a"})["Plaintext"] == b"secret"
    with pytest.raises(ClientError) as error:
        backend.decrypt(CiphertextBlob=blob, EncryptionContext={"purpose": "b"})
    assert refused(error) == "InvalidCiphertextException"


def test_the_last_usage_is_an_event_of_the_ledger(account, kms, backend):
    usage = kms.get_key_last_usage(KeyId=account.truth.key_arn)
    assert usage["KeyLastUsage"]["CloudTrailEventId"] in account.truth.visible_event_ids
    assert usage["KeyCreationDate"] == account.truth.created
    answer = backend.generate_data_key(KeyId=account.truth.key_id, KeySpec="AES_256")
    later = kms.get_key_last_usage(KeyId=account.truth.key_arn)["KeyLastUsage"]
    assert later["KmsRequestId"] == answer["ResponseMetadata"]["RequestId"]
    assert later["Operation"] == "GenerateDataKey"


def test_a_key_never_used_has_an_empty_last_usage(kms):
    created = kms.create_key()["KeyMetadata"]
    assert kms.get_key_last_usage(KeyId=created["KeyId"])["KeyLastUsage"] == {}


def test_a_symmetric_key_has_no_public_key(account, kms):
    with pytest.raises(ClientError) as error:
        kms.get_public_key(KeyId=account.truth.key_id)
    assert refused(error) == "UnsupportedOperationException"


def test_an_asymmetric_key_still_signs(kms):
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]
    assert "CurrentKeyMaterialId" not in key
    signed = kms.sign(KeyId=key["KeyId"], Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    assert kms.verify(
        KeyId=key["KeyId"], Message=b"m", Signature=signed["Signature"], SigningAlgorithm="ECDSA_SHA_256"
    )["SignatureValid"]


TAGS = [{"TagKey": "Environment", "TagValue": "test"}, {"TagKey": "ManagedBy", "TagValue": "fluo-audit"}]


def test_a_key_is_made_as_asked_for(blank, aws):
    made = aws("kms").create_key(Description="FLUO", Policy=policy(STATEMENT), Tags=TAGS)["KeyMetadata"]

    assert aws("kms").describe_key(KeyId=made["Arn"])["KeyMetadata"] == made
    assert (made["Description"], made["CreationDate"], made["MultiRegion"]) == ("FLUO", blank.clock.now(), False)
    assert (made["KeyUsage"], made["KeySpec"], made["Origin"]) == ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "AWS_KMS")
    assert aws("kms").get_key_policy(KeyId=made["KeyId"])["Policy"] == policy(STATEMENT)
    assert aws("kms").list_resource_tags(KeyId=made["KeyId"])["Tags"] == TAGS


@pytest.mark.parametrize("named", ["KeyId", "Arn"])
def test_a_key_is_changed_by_id_or_arn(aws, named):
    kms = aws("kms")
    name = kms.create_key(Tags=TAGS)["KeyMetadata"][named]
    kms.update_key_description(KeyId=name, Description="changed")
    kms.tag_resource(KeyId=name, Tags=[{"TagKey": "ManagedBy", "TagValue": "terraform"}])
    kms.untag_resource(KeyId=name, TagKeys=["Environment"])
    kms.disable_key(KeyId=name)
    kms.schedule_key_deletion(KeyId=name)
    kms.cancel_key_deletion(KeyId=name)
    kms.enable_key(KeyId=name)
    kms.create_alias(AliasName="alias/fluo-test", TargetKeyId=name)
    kms.enable_key_rotation(KeyId=name, RotationPeriodInDays=90)

    metadata = kms.describe_key(KeyId="alias/fluo-test")["KeyMetadata"]
    assert (metadata["Description"], metadata["KeyState"], metadata[named]) == ("changed", "Enabled", name)
    assert kms.list_resource_tags(KeyId=name)["Tags"] == [{"TagKey": "ManagedBy", "TagValue": "terraform"}]
    assert kms.get_key_rotation_status(KeyId=name)["RotationPeriodInDays"] == 90


def test_a_key_pending_deletion_takes_no_change(aws, refused):
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key)
    for call in (
        lambda: kms.create_alias(AliasName="alias/a", TargetKeyId=key),
        lambda: kms.tag_resource(KeyId=key, Tags=TAGS),
        lambda: kms.update_key_description(KeyId=key, Description="x"),
        lambda: kms.enable_key(KeyId=key),
        lambda: kms.enable_key_rotation(KeyId=key),
        lambda: kms.schedule_key_deletion(KeyId=key),
    ):
        with refused("KMSInvalidStateException", "is pending deletion"):
            call()
    kms.cancel_key_deletion(KeyId=key)
    with refused("KMSInvalidStateException", "is not pending deletion"):
        kms.cancel_key_deletion(KeyId=key)


def test_an_alias_is_unique_in_its_region(aws, refused):
    east, west = aws("kms"), aws("kms", region="us-west-2")
    for kms in (east, west):
        kms.create_alias(AliasName="alias/fluo-test", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    with refused("AlreadyExistsException"):
        east.create_alias(AliasName="alias/fluo-test", TargetKeyId=east.create_key()["KeyMetadata"]["KeyId"])
    with refused("NotFoundException"):
        east.create_alias(AliasName="alias/other", TargetKeyId=west.list_keys()["Keys"][0]["KeyId"])


def test_the_event_of_a_new_key_and_alias_names_both(blank, aws):
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    aws("kms").create_alias(AliasName="alias/fluo-test", TargetKeyId=key)
    blank.clock.sleep(600)

    alias, created = aws("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": key}]
    )["Events"]
    assert [one["ResourceName"] for one in created["Resources"]] == [key]
    assert [one["ResourceName"] for one in alias["Resources"]] == [
        "arn:aws:kms:us-east-1:123456789012:alias/fluo-test",
        key,
    ]
