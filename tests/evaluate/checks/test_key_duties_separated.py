"""Who may both administer and use the key is named; what IAM decides for the account root is not claimed."""

from __future__ import annotations

import json

import pytest

from fluo_audit.evaluate.checks.key_duties_separated import key_duties_separated

ACCOUNT = "arn:aws:iam::111122223333:"
BACKEND, ADMIN, OTHER = (ACCOUNT + name for name in ("role/fluo/backend", "role/admin", "user/other"))
DECLARED = {"backend_roles": (BACKEND,), "key_administrators": (ADMIN,)}
USE = ["kms:DescribeKey", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
ADMINISTER = ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]


def allow(sid: str, principal: object, action: object, effect: str = "Allow", **condition: object) -> dict[str, object]:
    names = {"AWS": principal} if isinstance(principal, str) and principal != "*" else principal
    found = {"Sid": sid, "Effect": effect, "Principal": names, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


def role_policy(action: object, role: str = BACKEND) -> dict[str, object]:
    document = {"Statement": {"Sid": "Kms", "Effect": "Allow", "Action": action, "Resource": "*"}}
    return {"role_arn": role, "policy_name": "p", "document": json.dumps(document)}


ROOT = allow("Root", ACCOUNT + "root", "kms:*")
SEPARATE = [ROOT, allow("Use", BACKEND, USE), allow("Administer", ADMIN, ADMINISTER)]
LOGS = allow("Logs", {"Service": "logs.us-east-1.amazonaws.com"}, ["kms:Encrypt*", "kms:Decrypt*"])
IN_ACCOUNT = {"StringEquals": {"kms:CallerAccount": "111122223333"}}

CASES = [
    ("separate", [*SEPARATE, LOGS], [], DECLARED, "pass", ["none of 4 principals may both administer and use the key"]),
    ("an administrator of everything", [ROOT, allow("All", ADMIN, "kms:*")], [], DECLARED, "fail",
     ["duties are not separated for role/admin", "may administer the key (CancelKeyDeletion, CreateAlias, CreateGrant and ",
      " more) and use it (Decapsulate, Decrypt, DeriveSharedSecret and ", f"by key policy, All by {ADMIN}"]),
    ("in two statements", [*SEPARATE, allow("More", ADMIN, "kms:Decrypt")], [], DECLARED, "fail",
     [f"may administer the key (PutKeyPolicy, ScheduleKeyDeletion) and use it (Decrypt), by key policy, More, key policy, Administer by {ADMIN}"]),
    ("somebody nobody declared", [*SEPARATE, allow("All", OTHER, "kms:*")], [], DECLARED, "fail", [f"by {OTHER}"]),
    ("named in a condition", [*SEPARATE, allow("All", "*", "kms:*", ArnEquals={"aws:PrincipalArn": OTHER})], [], DECLARED, "fail", [f"key policy, All by {OTHER}"]),
    ("any principal of the account", [*SEPARATE, allow("All", "*", "kms:*", **IN_ACCOUNT)], [], DECLARED, "fail", ["by any principal of the account"]),
    ("another account", [*SEPARATE, allow("All", "arn:aws:iam::444455556666:root", "kms:*")], [], DECLARED, "fail", ["by arn:aws:iam::444455556666:root"]),
    ("a service", [*SEPARATE, allow("All", {"Service": "backup.amazonaws.com"}, "kms:*")], [], DECLARED, "fail", ["by backup.amazonaws.com"]),
    ("the id of a deleted role", [*SEPARATE, allow("All", "AROAEXAMPLEEXAMPLE123", "kms:*")], [], DECLARED, "pass", []),
    ("something that cannot act", [*SEPARATE, allow("All", "arn:aws:s3:::bucket", "kms:*")], [], DECLARED, "pass", []),
    ("a Deny takes it back", [*SEPARATE, allow("All", OTHER, "kms:*"), allow("No", OTHER, ["kms:PutKeyPolicy", "kms:*Key*", "kms:*Grant", "kms:*Alias", "kms:*Resource", "kms:UpdatePrimaryRegion"], "Deny")], [], DECLARED, "pass", []),
    ("the account root delegates", [ROOT], [], DECLARED, "pass", []),
    ("the backend administers by its own policy", SEPARATE, [role_policy("kms:DisableKey")], DECLARED, "fail",
     ["may administer the key (DisableKey) and use it (Decrypt, Encrypt, GenerateDataKey), by", "key policy, Root with role policy p, Kms", f"by {BACKEND}"]),
    ("the backend administers and does nothing else", [ROOT], [role_policy("kms:DisableKey")], DECLARED, "fail", ["may administer the key (DisableKey), by"]),
    ("declared as both", SEPARATE[:2], [], {"backend_roles": (BACKEND,), "key_administrators": (BACKEND,)}, "fail",
     [f"is declared both a backend role and a key administrator by {BACKEND}"]),
    ("administers with a second factor", [*SEPARATE, allow("Use2", OTHER, USE), allow("Mfa", OTHER, ADMINISTER, Bool={"aws:MultiFactorAuthPresent": "true"})], [], DECLARED, "not_assessed",
     [f"the policies leave it open: {OTHER}: ", "aws:MultiFactorAuthPresent"]),
    ("grants for AWS resources are no administration", [*SEPARATE, allow("Grant", BACKEND, "kms:CreateGrant", Bool={"kms:GrantIsForAWSResource": "true"})], [], DECLARED, "pass", []),
    ("no backend declared", SEPARATE, [], {"key_administrators": (ADMIN,)}, "not_assessed", ["set backend_roles"]),
    ("no backend declared, but an exception", [allow("All", OTHER, "kms:*")], [], {}, "fail", [f"by {OTHER}"]),
    ("a malformed policy", [{"Effect": "Maybe"}], [], DECLARED, "not_assessed", ["Statement[0].Effect"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_key_duties_separated(confirm, case):
    _, statements, role_policies, settings, result, texts = case
    key_policy = {"text": json.dumps({"Version": "2012-10-17", "Statement": statements})}
    confirm(key_duties_separated, [key_policy, role_policies], settings, result, *texts)
