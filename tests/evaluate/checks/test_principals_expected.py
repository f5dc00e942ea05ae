"""Whoever called KMS with success was expected, or is named."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.checks.principals_expected import principals_expected

ROLE = "arn:aws:iam::111122223333:role/"
BACKEND, ADMIN, BATCH, AUDITOR = (ROLE + name for name in ("fluo/backend", "platform-admin", "batch", "auditor"))
COLLECTOR = {"arn": "arn:aws:sts::111122223333:assumed-role/auditor/export"}
DECLARED = {"backend_roles": (BACKEND,), "key_administrators": (ADMIN,)}


def call(issuer: str | None, name: str = "Decrypt", **more: object) -> dict[str, object]:
    event = {"event_id": "e1", "event_time": "2026-03-01T10:00", "event_name": name, "event_type": "AwsApiCall"}
    return event | {"principal_type": "AssumedRole", "principal_arn": issuer, "issuer_arn": issuer} | more


SESSION = "arn:aws:sts::111122223333:assumed-role/batch/nightly"
BY_LOGS = call("logs.us-east-1.amazonaws.com", principal_type="AWSService", invoked_by="logs.us-east-1.amazonaws.com")
ROTATED = call(
    "AWS Internal", "RotateKey", event_type="AwsServiceEvent", principal_type=None, invoked_by="AWS Internal"
)
OTHER_ACCOUNT = call(None, principal_type="AWSAccount")
LINKED = call(ROLE + "aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS")
FOREIGN_LINKED = call("arn:aws:iam::444455556666:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS")

CASES = [
    ("declared roles", [call(BACKEND), call(ADMIN, "TagResource")], DECLARED, "pass", ["role/fluo/backend 1", "2 successful calls by 2 principals"]),
    ("declared without its path", [call(BACKEND)], {"backend_roles": (ROLE + "backend",)}, "pass", []),
    ("a pattern", [call(BATCH)], {"expected_principals": (ROLE + "b*",)}, "pass", []),
    ("a pattern stops at a colon", [call(BATCH)], {"expected_principals": ("arn:aws:iam::*:role/other",)}, "fail", ["role/batch"]),
    ("a stranger", [call(BACKEND), call(BATCH, principal_arn=SESSION, event_id="e7")], DECLARED, "fail",
     ["1 successful call by 1 principal that nobody declared: role/batch 1", f"2026-03-01T10:00:00Z Decrypt by a principal that nobody declared by {SESSION} ref e7"]),
    ("a denied stranger did nothing", [call(BACKEND), call(BATCH, error_code="AccessDenied")], DECLARED, "pass", ["1 successful call"]),
    ("the account root", [call("arn:aws:iam::111122223333:root", principal_type="Root")], DECLARED, "fail", ["root 1"]),
    ("the collector looks", [call(AUDITOR, "DescribeKey"), call(AUDITOR, "ListGrants")], DECLARED, "pass", []),
    ("the collector decrypts", [call(AUDITOR, "Decrypt")], DECLARED, "fail", ["role/auditor 1"]),
    ("AWS itself", [call(BACKEND), BY_LOGS, ROTATED, LINKED], DECLARED, "pass",
     ["AWS itself made 3 more: ", "logs.us-east-1.amazonaws.com 1", "AWSServiceRoleForRDS 1"]),
    ("a service of another account", [FOREIGN_LINKED], DECLARED, "fail", ["AWSServiceRoleForRDS"]),
    ("through a service", [call(BATCH, invoked_by="s3.amazonaws.com")], DECLARED, "fail", ["role/batch"]),
    ("a caller without ARN", [call(BACKEND), OTHER_ACCOUNT], DECLARED, "not_assessed", ["the ARN of the caller in 1 of 2 calls"]),
    ("a stranger beside one without ARN", [call(BATCH), OTHER_ACCOUNT], DECLARED, "fail", ["role/batch 1"]),
    ("only AWS", [ROTATED], DECLARED, "not_applicable", ["AWS itself made 1"]),
    ("rows of many calls", [call(BACKEND, calls=4000), {**BY_LOGS, "calls": 70}], DECLARED, "pass", ["role/fluo/backend 4,000; AWS itself made 70 more", "4,000 successful calls by 1 principal"]),
    ("a row of a stranger's calls", [call(BACKEND, calls=4000), call(BATCH, calls=30)], DECLARED, "fail",
     ["30 successful calls by 1 principal that nobody declared: role/batch 30", "declared, 30 calls that day, of which this is the first by", "4,030 successful calls"]),
    ("a row of calls without ARN", [call(BACKEND, calls=9), {**OTHER_ACCOUNT, "calls": 2}], DECLARED, "not_assessed", ["in 2 of 11 calls"]),
    ("no calls", [], DECLARED, "not_applicable", []),
    ("nothing declared", [call(BATCH)], {}, "not_assessed", ["set backend_roles, key_administrators or expected_principals"]),
    ("a stranger in a partial log", [call(BATCH)], DECLARED | {"partial": ["events"]}, "fail", ["role/batch 1"]),
    ("nothing bad in a partial log", [call(BACKEND)], DECLARED | {"partial": ["events"]}, "not_assessed", ["in the part that was read"]),
]  # fmt: skip


@pytest.mark.parametrize(("events", "settings", "result", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_principals_expected(confirm, events, settings, result, texts):
    confirm(principals_expected, [events, COLLECTOR], settings, result, *texts)
