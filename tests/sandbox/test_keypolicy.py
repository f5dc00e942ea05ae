"""Which key policies KMS takes: their principals exist and are visible, and their author can change them again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from fluo_audit.sandbox.account import SimulatedAccount

ACCOUNT = "arn:aws:iam::123456789012"
INVALID = "Policy contains a statement with one or more invalid principals."
LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def naming(principal, **extra):
    return ROOT | {"Principal": {"AWS": principal}, "Action": "kms:Decrypt"} | extra


@pytest.fixture
def kms(aws):
    return aws("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


@pytest.mark.parametrize(
    "principal",
    [
        f"{ACCOUNT}:role/nobody",
        f"{ACCOUNT}:user/nobody",
        f"{ACCOUNT}:group/admins",
        f"{ACCOUNT}:role/fluo/fluo-backend",
        [f"{ACCOUNT}:role/fluo-backend", f"{ACCOUNT}:role/nobody"],
    ],
    ids=str,
)
def test_a_principal_that_does_not_exist_is_invalid(kms, key, refused, principal):
    for call in (lambda text: kms.put_key_policy(KeyId=key, Policy=text), lambda text: kms.create_key(Policy=text)):
        with refused("MalformedPolicyDocumentException", INVALID):
            call(policy(ROOT, naming(principal)))
    assert len(kms.list_keys()["Keys"]) == 1


@pytest.mark.parametrize(
    "principal",
    [
        f"{ACCOUNT}:role/fluo-backend",
        "arn:aws:iam::999999999999:role/of-another-account",
        "999999999999",
        "*",
        "arn:aws:sts::123456789012:assumed-role/fluo-backend/i-1",
    ],
)
def test_a_principal_that_exists_or_cannot_be_known_is_taken(kms, key, principal):
    text = policy(ROOT, naming(principal))
    kms.put_key_policy(KeyId=key, Policy=text)
    assert kms.get_key_policy(KeyId=key)["Policy"] == text


@pytest.mark.parametrize(
    "principal", ["AROAEXAMPLEEXAMPLE12", "AIDAEXAMPLEEXAMPLE12", [f"{ACCOUNT}:root", "AROAEXAMPLEEXAMPLE12"]], ids=str
)
def test_a_unique_id_is_no_principal_of_a_new_policy(kms, key, refused, principal):
    for call in (lambda text: kms.put_key_policy(KeyId=key, Policy=text), lambda text: kms.create_key(Policy=text)):
        with refused("MalformedPolicyDocumentException", INVALID):
            call(policy(ROOT, naming(principal)))


@pytest.mark.parametrize(
    "changed",
    [{"Action": None}, {"Resource": None}, {"Resource": []}, {"Resource": "{key}"}, {"Resource": ["*", "{key}"]}],
    ids=str,
)
def test_a_statement_has_an_action_and_speaks_of_this_key(kms, key, refused, changed):
    statement = {name: value for name, value in (naming(f"{ACCOUNT}:root") | changed).items() if value is not None}
    text = policy(ROOT, statement).replace("{key}", kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"])
    for call in (lambda: kms.put_key_policy(KeyId=key, Policy=text), lambda: kms.create_key(Policy=text)):
        with refused("MalformedPolicyDocumentException", "Action" if "Action" in changed else "Resource"):
            call()


def test_the_resource_may_be_a_list(kms, key):
    assert kms.put_key_policy(KeyId=key, Policy=policy(ROOT | {"Resource": ["*"]}))


def test_the_lists_in_a_policy_come_back_in_another_order(kms, key):
    condition = {"StringEquals": {"kms:EncryptionContext:purpose": ["a", "b", "ü"]}}
    named, actions = [f"{ACCOUNT}:role/fluo-backend", f"{ACCOUNT}:role/developer"], ["kms:Decrypt", "kms:Encrypt"]
    put = [ROOT, naming(named, Sid="Use", Action=actions, Condition=condition)]
    kms.put_key_policy(KeyId=key, Policy=policy(*put))

    first, second = (json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Statement"] for _ in range(2))
    root, use = first
    assert first == second
    assert root == ROOT
    lists = {
        "Principal": (use["Principal"]["AWS"], named),
        "Action": (use["Action"], actions),
        "Condition": (use["Condition"]["StringEquals"]["kms:EncryptionContext:purpose"], ["a", "b", "ü"]),
    }
    for element, (told, stored) in lists.items():
        assert told != stored, element
        assert sorted(told) == sorted(stored), element


@pytest.mark.parametrize("statement", [naming([]), ROOT | {"Principal": {}}])
def test_an_empty_list_of_principals_is_malformed(kms, key, refused, statement):
    with refused("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key, Policy=policy(ROOT, statement))


def test_a_policy_has_at_most_32_kib(kms, key, refused):
    with refused("LimitExceededException"):
        kms.put_key_policy(KeyId=key, Policy=policy(ROOT | {"Sid": "x" * 32768}))


def test_a_new_role_or_user_becomes_visible_after_a_while(blank, aws, kms, refused, trust):
    role = aws("iam").create_role(RoleName="new", Path="/fluo/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    text = policy(ROOT, naming([role, aws("iam").create_user(UserName="new")["User"]["Arn"]]))
    with refused("MalformedPolicyDocumentException", INVALID):
        kms.create_key(Policy=text)
    blank.clock.sleep(9)
    with refused("MalformedPolicyDocumentException", INVALID):
        kms.create_key(Policy=text)
    blank.clock.sleep(1)
    assert kms.create_key(Policy=text)


def test_the_wait_for_a_new_role_can_be_chosen(trust):
    with SimulatedAccount(empty=True, iam_propagation=timedelta(0)) as account:
        role = account.session.client("iam").create_role(RoleName="new", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        assert account.session.client("kms").create_key(Policy=policy(ROOT, naming(role)))


@pytest.mark.parametrize(
    "statements",
    [
        [naming(f"{ACCOUNT}:role/platform-admin")],
        [naming(f"{ACCOUNT}:role/developer", Action="kms:*")],
        [ROOT, naming(f"{ACCOUNT}:role/platform-admin", Effect="Deny", Action="kms:Put*")],
        [ROOT | {"Condition": {"StringNotEquals": {"kms:PolicyName": "default"}}}],
    ],
    ids=["not the action", "somebody else", "denied", "another policy name"],
)
def test_a_policy_that_locks_its_author_out_is_refused(kms, key, refused, statements):
    with refused("MalformedPolicyDocumentException", LOCKED_OUT):
        kms.put_key_policy(KeyId=key, Policy=policy(*statements))
    with refused("MalformedPolicyDocumentException", LOCKED_OUT):
        kms.create_key(Policy=policy(*statements))


def test_delegation_helps_only_who_may_change_policies_by_iam(aws, refused):
    assert aws("kms").create_key(Policy=policy(ROOT))
    with refused("MalformedPolicyDocumentException", LOCKED_OUT):
        aws("kms", "developer").create_key(Policy=policy(ROOT))
    named = naming(f"{ACCOUNT}:role/developer", Action="kms:PutKeyPolicy")
    assert aws("kms", "developer").create_key(Policy=policy(named))


def test_the_check_can_be_bypassed_and_the_event_tells(blank, aws, kms, key):
    text = policy(naming(f"{ACCOUNT}:role/developer", Action="kms:*"))
    kms.put_key_policy(KeyId=key, Policy=text, BypassPolicyLockoutSafetyCheck=True)
    blank.clock.sleep(600)
    (event,) = aws("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "PutKeyPolicy"}]
    )["Events"]

    assert kms.get_key_policy(KeyId=key)["Policy"] == text
    assert json.loads(event["CloudTrailEvent"])["requestParameters"]["bypassPolicyLockoutSafetyCheck"] is True
