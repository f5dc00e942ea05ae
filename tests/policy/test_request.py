"""Who may be a caller, and what a request carries under each condition key."""

from __future__ import annotations

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.policy import Caller, Request
from fluo_audit.policy.conditions import Unstated

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fluo/backend"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/backend/i-0abc"


@pytest.mark.parametrize("arn", ["", "arn:aws:iam", "arn:aws:s3:::bucket", KEY])
def test_a_caller_that_is_no_principal_is_refused(arn):
    with pytest.raises(UsageError):
        Caller(arn)


@pytest.mark.parametrize("arn", ["", "alias/fluo", "1234abcd", ROLE, KEY.replace("key/", "alias/")])
def test_a_request_needs_the_arn_of_a_key(arn):
    with pytest.raises(UsageError):
        Request(action="kms:Decrypt", caller=Caller(ROLE), key_arn=arn)


UNSTATED = "unstated"
CONTEXT = {"purpose": "a", "tenantId": "b"}
ROWS = [
    ("kms:Decrypt", Caller(ROLE), "kms:EncryptionContext:purpose", ("a",)),
    ("kms:Decrypt", Caller(ROLE), "KMS:encryptioncontext:TENANTID", ("b",)),
    ("kms:Decrypt", Caller(ROLE), "kms:EncryptionContext:colour", None),
    ("kms:Decrypt", Caller(ROLE), "kms:EncryptionContextKeys", ("purpose", "tenantId")),
    ("kms:DescribeKey", Caller(ROLE), "kms:EncryptionContext:purpose", None),
    ("kms:DescribeKey", Caller(ROLE), "kms:EncryptionContextKeys", None),
    ("kms:Reinvent", Caller(ROLE), "kms:EncryptionContext:purpose", UNSTATED),
    ("kms:Decrypt", Caller(ROLE), "kms:CallerAccount", (ACCOUNT,)),
    ("kms:Decrypt", Caller(ROLE), "aws:PrincipalAccount", (ACCOUNT,)),
    ("kms:Decrypt", Caller(ROLE), "aws:PrincipalArn", (ROLE,)),
    ("kms:Decrypt", Caller(SESSION, role_arn=ROLE), "aws:PrincipalArn", (ROLE,)),
    ("kms:Decrypt", Caller(SESSION), "aws:PrincipalArn", UNSTATED),
    ("kms:Decrypt", Caller(ROLE, organization="o-1"), "aws:PrincipalOrgID", ("o-1",)),
    ("kms:Decrypt", Caller(ROLE), "aws:PrincipalOrgID", UNSTATED),
    ("kms:Decrypt", Caller(ROLE), "aws:SourceArn", None),
    ("kms:Decrypt", Caller(ROLE), "aws:SourceVpce", UNSTATED),
    ("kms:Decrypt", Caller(ROLE), "kms:ViaService", None),
    ("kms:CreateGrant", Caller(ROLE), "kms:GrantIsForAWSResource", ("false",)),
    ("kms:Decrypt", Caller(ROLE), "kms:GrantIsForAWSResource", None),
    ("kms:Decrypt", Caller("logs.amazonaws.com"), "aws:PrincipalArn", None),
    ("kms:Decrypt", Caller("logs.amazonaws.com"), "kms:CallerAccount", UNSTATED),
    ("kms:Decrypt", Caller("logs.amazonaws.com"), "aws:SourceArn", UNSTATED),
    ("kms:Decrypt", Caller("logs.amazonaws.com"), "aws:PrincipalServiceName", ("logs.amazonaws.com",)),
]


@pytest.mark.parametrize(("action", "caller", "key", "expected"), ROWS)
def test_lookup(action, caller, key, expected):
    found = Request(action=action, caller=caller, key_arn=KEY, encryption_context=CONTEXT).lookup(key)
    if expected == UNSTATED:
        assert isinstance(found, Unstated)
    else:
        assert found == expected


def test_what_the_caller_of_the_evaluator_states_comes_first():
    stated = {"AWS:sourceip": ("192.0.2.1",), "kms:ViaService": ("s3.amazonaws.com",), "aws:SourceVpce": None}
    request = Request(action="kms:Decrypt", caller=Caller(ROLE), key_arn=KEY, context=stated)
    assert request.lookup("aws:SourceIp") == ("192.0.2.1",)
    assert request.lookup("kms:ViaService") == ("s3.amazonaws.com",)
    assert request.lookup("aws:SourceVpce") is None


def test_what_is_not_known_of_a_request_can_be_said():
    hidden = Unstated("redacted")
    request = Request(
        action="kms:Decrypt",
        caller=Caller(ROLE),
        key_arn=KEY,
        encryption_context=None,
        context={"kms:ViaService": hidden},
    )
    assert request.lookup("kms:viaservice") is hidden
    assert isinstance(request.lookup("kms:EncryptionContext:purpose"), Unstated)
    assert isinstance(request.lookup("kms:EncryptionContextKeys"), Unstated)
