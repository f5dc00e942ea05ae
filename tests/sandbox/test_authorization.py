"""Who may use a key: key policy, the caller's own policies and grants decide, and AWS's words say which refused."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "arn:aws:iam::123456789012"
BACKEND = f"{ACCOUNT}:role/fluo-backend"
PURPOSE = "kms:EncryptionContext:purpose"
ROOT = {"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": f"{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
ADMIN = ROOT | {"Sid": "Admin", "Principal": {"AWS": f"{ACCOUNT}:role/platform-admin"}, "Action": "kms:PutKeyPolicy"}
USE = ROOT | {
    "Sid": "Use",
    "Principal": {"AWS": BACKEND},
    "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"],
}
FOR_PURPOSE = USE | {"Condition": {"StringEquals": {PURPOSE: ["pii_redaction"]}}}
DENY_OTHER = USE | {"Sid": "Deny", "Effect": "Deny", "Condition": {"StringNotEquals": {PURPOSE: ["pii_redaction"]}}}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def key(aws):
    """Give a function that makes a key with a policy, and returns its ARN."""

    def make(*statements, **parameters):
        made = (
            aws("kms").create_key(Policy=document(*statements), **parameters) if statements else aws("kms").create_key()
        )
        return made["KeyMetadata"]["Arn"]

    return make


@pytest.fixture
def let(aws):
    """Give a function that puts a policy on the backend's role."""

    def put(effect="Allow", action="kms:*", **extra):
        statement = {"Effect": effect, "Action": action, "Resource": "*"} | extra
        aws("iam").put_role_policy(RoleName="fluo-backend", PolicyName=effect, PolicyDocument=document(statement))

    return put


@pytest.fixture
def use(aws):
    """Give a function by which the backend asks for a data key."""

    def ask(arn, context=None, **parameters):
        extra = {"EncryptionContext": context} if context else {}
        return aws("kms", "fluo-backend").generate_data_key(KeyId=arn, KeySpec="AES_256", **extra, **parameters)

    return ask


def test_a_statement_that_names_the_role_suffices(key, use):
    assert use(key(ROOT, USE))["Plaintext"]


def test_delegation_needs_a_policy_of_the_role(key, use, let, refused):
    arn = key(ROOT)
    with refused("AccessDeniedException", "because no identity-based policy allows the kms:GenerateDataKey action"):
        use(arn)
    let()
    assert use(arn)


def test_a_managed_policy_counts_in_its_default_version(aws, key, use, refused):
    iam, arn = aws("iam"), key(ROOT)
    allow = {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": arn}
    policy = iam.create_policy(PolicyName="use", Path="/fluo/", PolicyDocument=document(allow))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="fluo-backend", PolicyArn=policy)
    assert use(arn)

    other = document(allow | {"Action": "kms:Decrypt"})
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=other, SetAsDefault=True)
    with refused("AccessDeniedException"):
        use(arn)


def test_without_delegation_the_role_s_own_policy_is_not_asked(key, use, let, refused):
    let()
    with refused("AccessDeniedException", "because no resource-based policy allows the kms:GenerateDataKey action"):
        use(key(ADMIN))


def test_the_encryption_context_decides(key, use, refused):
    arn = key(ROOT, FOR_PURPOSE)
    assert use(arn, {"purpose": "pii_redaction", "tenantId": "acme"})
    for context in ({"purpose": "other"}, None):
        with refused("AccessDeniedException", "no identity-based policy"):
            use(arn, context)


def test_a_deny_in_the_key_policy_wins_and_is_named(key, use, let, refused):
    let()
    arn = key(ROOT, FOR_PURPOSE, DENY_OTHER)
    with refused("AccessDeniedException", f"on resource: {arn} with an explicit deny in a resource-based policy"):
        use(arn, {"purpose": "other"})
    assert use(arn, {"purpose": "pii_redaction"})


def test_a_deny_in_the_role_s_policy_wins_and_is_named(key, use, let, refused):
    let("Deny")
    with refused("AccessDeniedException", "with an explicit deny in an identity-based policy"):
        use(key(ROOT, USE))


def test_a_grant_allows_its_operations_under_its_constraint(aws, key, use, refused):
    arn = key(ROOT)
    aws("kms").create_grant(
        KeyId=arn, GranteePrincipal=BACKEND, Operations=["GenerateDataKey"],
        Constraints={"EncryptionContextSubset": {"purpose": "pii_redaction"}},
    )  # fmt: skip
    assert use(arn, {"purpose": "pii_redaction"})
    with refused("AccessDeniedException"):
        use(arn, {"purpose": "other"})


def test_a_condition_on_the_alias_sees_how_the_key_was_named(aws, key, use, refused):
    arn = key(ROOT, USE | {"Condition": {"StringEquals": {"kms:RequestAlias": "alias/fluo-test"}}})
    aws("kms").create_alias(AliasName="alias/fluo-test", TargetKeyId=arn)

    assert use("alias/fluo-test")
    assert use(arn.rpartition(":")[0] + ":alias/fluo-test")
    with refused("AccessDeniedException"):
        use(arn)


def test_the_refusal_says_who_what_and_which_key_and_is_an_event(blank, aws, key, use):
    arn = key(ROOT)
    aws("kms").create_alias(AliasName="alias/fluo-test", TargetKeyId=arn)
    with pytest.raises(ClientError) as error:
        use("alias/fluo-test")
    blank.clock.sleep(600)
    (event,) = aws("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GenerateDataKey"}]
    )["Events"]
    record = json.loads(event["CloudTrailEvent"])

    message = error.value.response["Error"]["Message"]
    who = "User: arn:aws:sts::123456789012:assumed-role/fluo-backend/simulated is not authorized to perform: "
    assert message.startswith(f"{who}kms:GenerateDataKey on resource: {arn} ")
    assert (record["errorCode"], record["errorMessage"]) == ("AccessDenied", message)
    assert record["resources"][0]["ARN"] == arn
    assert record["userIdentity"]["arn"].endswith("assumed-role/fluo-backend/simulated")


def test_what_a_policy_asks_beyond_the_simulation_is_said_and_not_guessed(key, use, refused):
    arn = key(ROOT, USE | {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "fluo"}}})
    with refused("NotSimulated", "aws:PrincipalTag/team"):
        use(arn)


def test_other_operations_are_carried_out_for_everybody(aws, key):
    assert aws("kms", "developer").describe_key(KeyId=key(ADMIN))["KeyMetadata"]["Enabled"]


def test_the_sample_administrator_makes_keys_and_does_not_use_them(account, refused):
    kms = account.session_as("platform-admin").client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.put_key_policy(KeyId=key, Policy=kms.get_key_policy(KeyId=key)["Policy"])
    for use in (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
    ):
        with refused("AccessDeniedException", "no identity-based policy"):
            use()


def test_in_the_sample_the_backend_may_use_the_key_and_nobody_else(account, refused):
    key = account.truth.key_id
    assert account.session_as("fluo-backend").client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for role in ("fluo-batch", "developer", "fluo-audit-reader", "platform-admin"):
        with refused("AccessDeniedException", f"assumed-role/{role}/"):
            account.session_as(role).client("kms").encrypt(KeyId=key, Plaintext=b"x")
