"""Key policies labelled public or not, by one rule: can an unbounded set of AWS principals use the key?

Fixed accounts, organizations, principals, sources and networks bound it, after the convention of AWS Config:
https://docs.aws.amazon.com/config/latest/developerguide/kms-key-policy-no-public-access.html
"""

from __future__ import annotations

import pytest

from fluo_audit.policy import KMS_ACTIONS, expand, external_accounts, parse_policy, public_access

ACCOUNT = "111122223333"
OTHER = "444455556666"
PUBLIC, BOUNDED, UNSURE = "public", "bounded", "unsure"

ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
OPEN = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
DENY = OPEN | {"Effect": "Deny"}
IN_ORG = {"aws:PrincipalOrgID": "o-abc123"}


def when(operator: str, key: str, value: str | list[str]) -> dict:
    return {"Condition": {operator: {key: value}}}


CONDITIONS = [
    (PUBLIC, "StringEquals", "kms:ViaService", "s3.eu-west-1.amazonaws.com"),
    (PUBLIC, "StringLike", "kms:CallerAccount", "*"),
    (PUBLIC, "StringLike", "kms:CallerAccount", "1111*"),
    (PUBLIC, "StringLike", "aws:PrincipalOrgID", "o-*"),
    (PUBLIC, "StringLike", "aws:SourceAccount", "*"),
    (PUBLIC, "StringNotEquals", "kms:CallerAccount", OTHER),
    (PUBLIC, "StringNotEquals", "aws:PrincipalOrgID", "o-abc123"),
    (PUBLIC, "ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x"),
    (PUBLIC, "ArnLike", "aws:PrincipalArn", "*"),
    (PUBLIC, "ArnLike", "aws:SourceArn", "arn:aws:s3:::*"),
    (PUBLIC, "StringLike", "aws:PrincipalArn", f"arn:*:iam::{ACCOUNT}:role/x"),
    (PUBLIC, "StringLike", "aws:PrincipalOrgPaths", "*/r-1/*"),
    (PUBLIC, "ForAllValues:StringEquals", "aws:PrincipalOrgID", "o-abc123"),
    (PUBLIC, "ForAllValues:StringLike", "aws:PrincipalOrgPaths", "o-abc123/*"),
    (PUBLIC, "StringEqualsIfExists", "aws:SourceAccount", ACCOUNT),
    (PUBLIC, "StringEqualsIfExists", "aws:PrincipalOrgID", "o-abc123"),
    (PUBLIC, "ArnLikeIfExists", "aws:SourceArn", f"arn:aws:s3:eu-west-1:{ACCOUNT}:*"),
    (PUBLIC, "IpAddressIfExists", "aws:SourceIp", "192.0.2.0/24"),
    (PUBLIC, "NotIpAddress", "aws:SourceIp", "192.0.2.0/24"),
    (PUBLIC, "IpAddress", "aws:SourceIp", "0.0.0.0/0"),
    (PUBLIC, "IpAddress", "aws:SourceIp", "0.0.0.0/1"),
    (PUBLIC, "IpAddress", "aws:VpcSourceIp", "10.0.0.0/8"),
    (PUBLIC, "Bool", "aws:SecureTransport", "true"),
    (PUBLIC, "Bool", "kms:GrantIsForAWSResource", "true"),
    (PUBLIC, "Null", "aws:PrincipalOrgID", "false"),
    (PUBLIC, "StringEquals", "aws:PrincipalTag/team", "fluo"),
    (PUBLIC, "StringEquals", "kms:EncryptionContext:purpose", "pii_redaction"),
    (BOUNDED, "StringEquals", "kms:CallerAccount", ACCOUNT),
    (BOUNDED, "StringEquals", "aws:PrincipalAccount", OTHER),
    (BOUNDED, "StringEquals", "AWS:principalaccount", ACCOUNT),
    (BOUNDED, "StringEquals", "aws:PrincipalOrgID", "o-abc123"),
    (BOUNDED, "StringEquals", "aws:PrincipalOrgID", "${aws:ResourceOrgID}"),
    (BOUNDED, "StringEquals", "aws:SourceAccount", ACCOUNT),
    (BOUNDED, "StringEquals", "aws:SourceVpce", "vpce-0abc"),
    (BOUNDED, "StringEquals", "aws:SourceVpc", "vpc-0abc"),
    (BOUNDED, "StringLike", "aws:userid", "AROAEXAMPLE:*"),
    (BOUNDED, "StringLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/*"),
    (BOUNDED, "ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/x"),
    (BOUNDED, "ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/*"),
    (BOUNDED, "ArnLike", "aws:SourceArn", "arn:aws:s3:::fluo-evidence"),
    (BOUNDED, "ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-abc123/r-1/*"),
    (BOUNDED, "ForAnyValue:StringEquals", "aws:PrincipalOrgPaths", "o-abc123/r-1/ou-1/"),
    (BOUNDED, "IpAddress", "aws:SourceIp", "192.0.2.0/24"),
    (BOUNDED, "Bool", "aws:PrincipalIsAWSService", "true"),
    (UNSURE, "StringSoundsLike", "aws:PrincipalAccount", ACCOUNT),
    (UNSURE, "NumericEquals", "aws:PrincipalAccount", ACCOUNT),
    (UNSURE, "DateEquals", "aws:PrincipalArn", "2026-01-01"),
    (UNSURE, "IpAddress", "aws:SourceIp", "office"),
    (UNSURE, "Bool", "aws:PrincipalIsAWSService", "perhaps"),
    (BOUNDED, "StringEquals", "aws:SourceIp", "192.0.2.1"),
    (BOUNDED, "StringEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/*"),
    (PUBLIC, "Bool", "aws:PrincipalIsAWSService", "false"),
    (PUBLIC, "IpAddress", "aws:SourceIp", "2001::/16"),
    (BOUNDED, "IpAddress", "aws:SourceIp", "2001:db8::/32"),
    (UNSURE, "StringEquals", "aws:SourceAccount", "${aws:PrincipalAccount}"),
    (UNSURE, "ArnLike", "aws:PrincipalArn", "arn:aws:iam::"),
]


def verdict(*statements: dict) -> str:
    found = public_access(parse_policy({"Version": "2012-10-17", "Statement": list(statements)}))
    if not found:
        return BOUNDED
    return PUBLIC if any(exposure.certain for exposure in found) else UNSURE


@pytest.mark.parametrize(("label", "operator", "key", "value"), CONDITIONS)
def test_allow_for_everybody_under_one_condition(label, operator, key, value):
    assert verdict(ROOT, OPEN | when(operator, key, value)) == label


NOT_ORG = {"StringNotEquals": IN_ORG}
POLICIES = {
    "AWS's default key policy": (BOUNDED, [ROOT]),
    "one Statement object, not a list": (PUBLIC, OPEN),
    "everybody": (PUBLIC, [OPEN]),
    "everybody, the other spelling": (PUBLIC, [OPEN | {"Principal": {"AWS": "*"}}]),
    "everybody in a list with the root": (PUBLIC, [OPEN | {"Principal": {"AWS": [ROOT["Principal"]["AWS"], "*"]}}]),
    "another account": (BOUNDED, [ROOT | {"Principal": {"AWS": OTHER}}]),
    "a service": (BOUNDED, [OPEN | {"Principal": {"Service": "logs.amazonaws.com"}}]),
    "Allow with NotPrincipal": (PUBLIC, [{**{k: v for k, v in OPEN.items() if k != "Principal"}, "NotPrincipal": {"AWS": OTHER}}]),
    "DescribeKey alone": (PUBLIC, [OPEN | {"Action": "kms:DescribeKey"}]),
    "an operation KMS does not offer across accounts": (BOUNDED, [OPEN | {"Action": "kms:ScheduleKeyDeletion"}]),
    "an action of another service": (BOUNDED, [OPEN | {"Action": "s3:*"}]),
    "Deny for everybody": (BOUNDED, [DENY]),
    "no Resource, so no effect": (BOUNDED, [{k: v for k, v in OPEN.items() if k != "Resource"}]),
    "two conditions, one bounds": (BOUNDED, [OPEN | {"Condition": {"StringEquals": {"kms:ViaService": "s3.amazonaws.com", "kms:CallerAccount": ACCOUNT}}}]),
    "IfExists made firm by Null": (BOUNDED, [OPEN | {"Condition": {"StringEqualsIfExists": IN_ORG, "Null": {"aws:PrincipalOrgID": "false"}}}]),
    "ForAllValues made firm by Null": (BOUNDED, [OPEN | {"Condition": {"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-abc123/*"}, "Null": {"aws:PrincipalOrgPaths": "false"}}}]),
    "IfExists on a key that every principal carries": (BOUNDED, [OPEN | when("StringEqualsIfExists", "kms:CallerAccount", ACCOUNT)]),
    "two halves of the internet": (PUBLIC, [OPEN | when("IpAddress", "aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"])]),
    "one fixed value beside an open one": (PUBLIC, [OPEN | when("StringLike", "kms:CallerAccount", [ACCOUNT, "*"])]),
    "Deny outside the organization": (BOUNDED, [OPEN, DENY | {"Condition": NOT_ORG}]),
    "Deny outside the organization, but for services": (BOUNDED, [OPEN, DENY | {"Condition": NOT_ORG | {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}}]),
    "Deny outside the account": (BOUNDED, [OPEN, DENY | when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT)]),
    "Deny outside a role": (BOUNDED, [OPEN, DENY | when("ArnNotLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/*")]),
    "Deny outside a network": (BOUNDED, [OPEN, DENY | when("NotIpAddress", "aws:SourceIp", "192.0.2.0/24")]),
    "Deny outside an endpoint": (BOUNDED, [OPEN, DENY | when("StringNotEquals", "aws:SourceVpce", "vpce-0abc")]),
    "Deny with NotPrincipal": (BOUNDED, [OPEN, {**{k: v for k, v in DENY.items() if k != "Principal"}, "NotPrincipal": {"AWS": ROOT["Principal"]["AWS"]}}]),
    "Deny outside the organization, Decrypt only": (PUBLIC, [OPEN, DENY | {"Action": "kms:Decrypt", "Condition": NOT_ORG}]),
    "Deny of some other organization": (PUBLIC, [OPEN, DENY | when("StringEquals", "aws:PrincipalOrgID", "o-xyz")]),
    "Deny of a wrong purpose": (PUBLIC, [OPEN, DENY | when("StringNotEquals", "kms:EncryptionContext:purpose", "a")]),
    "Deny that callers without an organization pass": (PUBLIC, [OPEN, DENY | when("ForAnyValue:StringNotLike", "aws:PrincipalOrgPaths", "o-abc123/*")]),
    "Deny that callers with an organization pass": (PUBLIC, [OPEN, DENY | when("Null", "aws:PrincipalOrgID", "true")]),
    "both of these together": (BOUNDED, [OPEN, DENY | when("ForAnyValue:StringNotLike", "aws:PrincipalOrgPaths", "o-abc123/*"), DENY | when("Null", "aws:PrincipalOrgPaths", "true")]),
    "Deny that names one account": (PUBLIC, [OPEN, DENY | {"Principal": {"AWS": OTHER}}]),
    "Deny without https": (PUBLIC, [OPEN, DENY | when("Bool", "aws:SecureTransport", "false")]),
    "Deny under an operator nobody knows": (UNSURE, [OPEN, DENY | when("StringSoundsLike", "aws:PrincipalAccount", ACCOUNT)]),
    "Deny on one key's ARN": (UNSURE, [OPEN, DENY | {"Resource": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/x", "Condition": NOT_ORG}]),
}  # fmt: skip


@pytest.mark.parametrize(("label", "statements"), POLICIES.values(), ids=POLICIES.keys())
def test_policy(label, statements):
    assert verdict(*(statements if isinstance(statements, list) else [statements])) == label


@pytest.mark.parametrize("name", ["default_key", "seed_key", "draft_key", "draft_tenants_key", "partner_key"])
def test_no_policy_of_this_product_is_public(load, name):
    assert public_access(load(name)) == ()


def test_an_exposure_names_statement_actions_and_reason():
    statement = (
        OPEN | {"Sid": "Oops", "Action": "kms:Generate*"} | when("StringEquals", "kms:ViaService", "s3.amazonaws.com")
    )
    deny = DENY | {"Action": "kms:GenerateDataKeyPair*", "Condition": NOT_ORG}
    (exposure,) = public_access(parse_policy({"Version": "2012-10-17", "Statement": [ROOT, statement, deny]}))
    assert exposure.statement == "Oops"
    assert exposure.actions == ("kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateMac")
    assert exposure.reason == "names everybody, and a stranger can satisfy StringEquals kms:ViaService"


def test_external_accounts_in_principals_and_conditions(load):
    found = external_accounts(load("partner_key"), ACCOUNT)
    assert [(one.account, one.statement) for one in found] == [
        ("444455556666", "AllowPartnerRole"),
        ("777788889999", "AllowPartnerAccount"),
    ]
    for key, value in [
        ("kms:CallerAccount", OTHER),
        ("aws:PrincipalArn", f"arn:aws:iam::{OTHER}:role/*"),
        ("aws:SourceAccount", OTHER),
    ]:
        policy = parse_policy({"Version": "2012-10-17", "Statement": OPEN | when("StringLike", key, [value, ACCOUNT])})
        assert [one.account for one in external_accounts(policy, ACCOUNT)] == [OTHER]


@pytest.mark.parametrize(
    "statement",
    [ROOT, DENY | {"Principal": {"AWS": OTHER}}, OPEN | when("StringNotEquals", "kms:CallerAccount", OTHER)],
)
def test_no_external_account(statement):
    assert external_accounts(parse_policy({"Version": "2012-10-17", "Statement": statement}), ACCOUNT) == ()


def test_action_patterns_expand_to_known_actions():
    assert [action.name for action in expand("kms:generatedatakey")] == ["GenerateDataKey"]
    assert [action.name for action in expand("kms:ReEncrypt*")] == ["ReEncryptFrom", "ReEncryptTo"]
    assert expand("*") == expand("kms:*") == KMS_ACTIONS
    assert expand("s3:*") == ()


def test_the_ten_actions_that_carry_an_encryption_context_and_two_that_do_not():
    carrying = {action.name for action in KMS_ACTIONS if action.encryption_context}
    assert len(carrying) == 10
    assert carrying >= {"Decrypt", "Encrypt", "CreateGrant", "RetireGrant", "ReEncryptTo"}
    assert not carrying & {"DescribeKey", "Sign"}
    assert not {a.name for a in KMS_ACTIONS if a.is_cryptographic and a.is_administrative}


def test_actions_agree_with_the_operations_that_boto3_knows(kms_operations):
    named = {action.name for action in KMS_ACTIONS}
    only_permissions = {"ReEncryptFrom", "ReEncryptTo", "SynchronizeMultiRegionKey"}
    assert named - kms_operations == only_permissions
    assert kms_operations - named == {"ReEncrypt"}
