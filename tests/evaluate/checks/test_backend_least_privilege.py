"""A backend role has its four actions and no other; each further one is named with its statement."""

from __future__ import annotations

import json

import pytest

from fluo_audit.evaluate.checks.backend_least_privilege import backend_least_privilege

ACCOUNT = "arn:aws:iam::111122223333:"
BACKEND = ACCOUNT + "role/fluo/backend"
PURPOSE, TENANT = "kms:EncryptionContext:purpose", "kms:EncryptionContext:tenantId"
USE = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
FOUR = ["kms:DescribeKey", *USE]
OF_THE_MODULE = [*FOUR, "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*", "kms:CreateGrant", "kms:RevokeGrant"]
DECLARED = {"backend_roles": (BACKEND,)}


def statement(
    sid: str, action: object, principal: str = BACKEND, effect: str = "Allow", **condition: object
) -> dict[str, object]:
    found = {"Sid": sid, "Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


def role_policy(action: object, resource: str = "*") -> dict[str, object]:
    document = {"Statement": {"Sid": "Kms", "Effect": "Allow", "Action": action, "Resource": resource}}
    return {"role_arn": BACKEND, "policy_name": "p", "document": json.dumps(document)}


ROOT = statement("Root", "kms:*", ACCOUNT + "root")
DESCRIBE = statement("Describe", "kms:DescribeKey")
USE_FOR_TENANTS = statement("Use", USE, StringEquals={PURPOSE: ["a", "b"], TENANT: "tenant-1"})
DENY_OTHER_TENANT = statement("DenyTenant", "kms:*crypt*", effect="Deny", StringNotEquals={TENANT: "tenant-1"})

CASES = [
    ("the four", [ROOT, statement("Use", FOUR)], [], DECLARED, "pass",
     ["role/fluo/backend may do Decrypt, DescribeKey, Encrypt, GenerateDataKey and nothing else on the key", "1 backend role, "]),
    ("the four through the role policy", [ROOT], [role_policy(FOUR)], DECLARED, "pass", []),
    ("under a context", [ROOT, DESCRIBE, USE_FOR_TENANTS, DENY_OTHER_TENANT], [], DECLARED, "pass", []),
    ("under a context of which a Deny asks more", [ROOT, DESCRIBE, statement("Use", USE, StringEquals={PURPOSE: "a"}), DENY_OTHER_TENANT], [], DECLARED, "pass", []),
    ("the twelve of the module", [ROOT, statement("AllowFluo", OF_THE_MODULE)], [], DECLARED, "fail",
     ["may also do kms:CreateGrant, kms:GenerateDataKeyWithoutPlaintext, kms:ReEncryptFrom, kms:ReEncryptTo, kms:RevokeGrant",
      f"key policy, AllowFluo: also allows kms:CreateGrant, kms:GenerateDataKeyWithoutPlaintext, kms:ReEncryptFrom, kms:ReEncryptTo, kms:RevokeGrant by {BACKEND}"]),
    ("further actions through the role policy", [ROOT, statement("Use", FOUR)], [role_policy("kms:Schedule*")], DECLARED, "fail",
     ["key policy, Root with role policy p, Kms: also allows kms:ScheduleKeyDeletion"]),
    ("a Deny takes them back", [ROOT, statement("Use", FOUR), statement("No", "kms:Schedule*", effect="Deny")], [role_policy("kms:Schedule*")], DECLARED, "pass", []),
    ("on another key", [ROOT, statement("Use", FOUR)], [role_policy("kms:*", "arn:aws:kms:us-east-1:111122223333:key/other")], DECLARED, "pass", []),
    ("without the account root", [statement("Use", FOUR)], [role_policy("kms:*")], DECLARED, "pass", []),
    ("actions that are on no key", [ROOT, statement("Use", FOUR)], [role_policy(["kms:ListKeys", "kms:CreateKey"])], DECLARED, "pass", []),
    ("a further action in one context only", [ROOT, statement("Use", FOUR), statement("More", "kms:ReEncryptTo", StringEquals={PURPOSE: "x"})], [], DECLARED, "fail",
     ["key policy, More: also allows kms:ReEncryptTo"]),
    ("allowed in one context, open in another", [statement("Use", FOUR), statement("More", "kms:ReEncryptTo", StringEquals={PURPOSE: "x"}),
      statement("Office", "kms:ReEncryptTo", IpAddress={"aws:SourceIp": "10.0.0.0/8"})], [], DECLARED, "fail", ["key policy, More: also allows kms:ReEncryptTo"]),
    ("grants for AWS resources only", [statement("Use", FOUR), statement("Grant", "kms:CreateGrant", Bool={"kms:GrantIsForAWSResource": "true"})], [], DECLARED, "pass", []),
    ("one of the four is missing", [ROOT, statement("Use", USE)], [], DECLARED, "fail",
     ["may not do all of what it needs", "no statement allows kms:DescribeKey, which the backend needs"]),
    ("a context on DescribeKey never holds", [statement("Use", FOUR, StringEquals={PURPOSE: "a"})], [], DECLARED, "fail", ["no statement allows kms:DescribeKey"]),
    ("one of the four from an address", [DESCRIBE, statement("Use", USE, IpAddress={"aws:SourceIp": "10.0.0.0/8"})], [], DECLARED, "pass", []),
    ("a further one from an address", [statement("Use", FOUR), statement("Sign", "kms:Sign", IpAddress={"aws:SourceIp": "10.0.0.0/8"})], [], DECLARED, "not_assessed",
     ["the policies leave it open: kms:Sign by role/fluo/backend", "aws:SourceIp"]),
    ("no roles declared", [ROOT], [], {}, "not_assessed", ["set backend_roles"]),
    ("a malformed policy", [{"Effect": "Maybe"}], [], DECLARED, "not_assessed", ["Statement[0].Effect"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_backend_least_privilege(confirm, case):
    _, statements, role_policies, settings, result, texts = case
    key_policy = {"text": json.dumps({"Version": "2012-10-17", "Statement": statements})}
    confirm(backend_least_privilege, [key_policy, role_policies], settings, result, *texts)
