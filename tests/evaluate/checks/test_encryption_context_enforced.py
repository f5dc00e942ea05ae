"""A policy that looks as if it enforced the purpose, and does not, is found with the statement that voids it."""

from __future__ import annotations

import json

import pytest

from fluo_audit.evaluate.checks.encryption_context_enforced import encryption_context_enforced

ACCOUNT = "arn:aws:iam::111122223333:"
BACKEND, SECOND = ACCOUNT + "role/fluo/backend", ACCOUNT + "role/second"
PURPOSE = "kms:EncryptionContext:purpose"
PURPOSES = ["compliance_evidence", "pii_redaction"]
USE = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
DECLARED = {"backend_roles": (BACKEND,)}


def statement(
    sid: str, effect: str = "Allow", principal: str = BACKEND, action: object = USE, **condition: object
) -> dict[str, object]:
    found = {"Sid": sid, "Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}
    return found | ({"Condition": condition} if condition else {})


ROOT = statement("Root", principal=ACCOUNT + "root", action="kms:*")
UNCONDITIONAL = statement("AllowFluoBackendKeyUsage")
CONDITIONAL = statement("AllowUse", StringEquals={PURPOSE: PURPOSES})
DENY_OTHERS = statement("DenyOthers", "Deny", StringNotEquals={PURPOSE: PURPOSES})
HEALTH_TOO = statement("AllowUse", StringEquals={PURPOSE: [*PURPOSES, "health_check"]})
FROM_OFFICE = statement("FromOffice", IpAddress={"aws:SourceIp": "203.0.113.0/24"})


def role_policy(role: str = BACKEND, name: str = "fluo-kms-access", **condition: object) -> dict[str, object]:
    found = {"Sid": "Use", "Effect": "Allow", "Action": USE, "Resource": "*"} | (
        {"Condition": condition} if condition else {}
    )
    return {
        "role_arn": role,
        "policy_name": name,
        "document": json.dumps({"Version": "2012-10-17", "Statement": found}),
    }


CAREFUL = role_policy(StringEquals={PURPOSE: PURPOSES})

CASES = [
    ("the module of the readme", [ROOT, UNCONDITIONAL], [CAREFUL], DECLARED, "fail",
     ["without a declared purpose the key can be used through key policy, AllowFluoBackendKeyUsage",
      "key policy, AllowFluoBackendKeyUsage: allows kms:Decrypt, kms:Encrypt, kms:GenerateDataKey (tried: no encryption context; only a foreign key; purpose is ",
      f"by {BACKEND}", "1 backend role, 3 actions"]),
    ("Allow and Deny with the purpose", [ROOT, CONDITIONAL, DENY_OTHERS], [CAREFUL], DECLARED, "pass",
     ["kms:Decrypt, kms:Encrypt, kms:GenerateDataKey are denied to 1 backend role without a declared purpose (compliance_evidence, pii_redaction)"]),
    ("without the Deny, a wide role policy gets round it", [ROOT, CONDITIONAL], [role_policy()], DECLARED, "fail",
     ["key policy, Root with role policy fluo-kms-access, Use"]),
    ("the Deny binds a wide role policy", [ROOT, CONDITIONAL, DENY_OTHERS], [role_policy()], DECLARED, "pass", []),
    ("without the account root, the role policy adds nothing", [CONDITIONAL], [role_policy()], DECLARED, "pass", []),
    ("one purpose too many", [ROOT, HEALTH_TOO], [CAREFUL], DECLARED, "fail", ["purpose is 'health_check'"]),
    ("the purpose is declared", [ROOT, HEALTH_TOO], [CAREFUL], DECLARED | {"encryption_context_purposes": (*PURPOSES, "health_check")}, "pass", []),
    ("a role without policies", [ROOT, CONDITIONAL], [], DECLARED, "pass", []),
    ("policies of another role", [ROOT, CONDITIONAL], [role_policy(SECOND)], DECLARED, "pass", []),
    ("only the second role gets round it", [ROOT, CONDITIONAL], [CAREFUL, role_policy(SECOND)], {"backend_roles": (BACKEND, SECOND)}, "fail",
     [f"by {SECOND}", "2 backend roles"]),
    ("an address decides", [CONDITIONAL, FROM_OFFICE], [], DECLARED, "not_assessed", ["the policies leave it open: kms:Decrypt by role/fluo/backend with no encryption context", "aws:SourceIp"]),
    ("a malformed role policy", [ROOT, CONDITIONAL], [CAREFUL | {"document": "{}"}], DECLARED, "not_assessed", ["role policy fluo-kms-access: Statement: missing"]),
    ("a role policy without document", [ROOT, CONDITIONAL], [CAREFUL | {"document": None}], DECLARED, "not_assessed", ["role policy fluo-kms-access"]),
    ("no roles declared", [UNCONDITIONAL], [], {}, "not_assessed", ["set backend_roles"]),
    ("no purposes declared", [UNCONDITIONAL], [], DECLARED | {"encryption_context_purposes": ()}, "not_assessed", ["set encryption_context_purposes"]),
    ("role policies read in part", [ROOT, UNCONDITIONAL], [], DECLARED | {"partial": ["role_policies"]}, "not_assessed", ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_encryption_context_enforced(confirm, case):
    _, statements, role_policies, settings, result, texts = case
    key_policy = {"text": json.dumps({"Version": "2012-10-17", "Statement": statements})}
    confirm(encryption_context_enforced, [key_policy, role_policies], settings, result, *texts)
