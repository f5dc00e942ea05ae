"""Only declared administrators, or AWS itself, changed the key; failed attempts are named."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.checks.key_changes_by_administrators import key_changes_by_administrators

ROLE = "arn:aws:iam::111122223333:role/"
ADMIN, DEVELOPER = ROLE + "platform-admin", ROLE + "developer"
DECLARED = {"key_administrators": (ADMIN,)}


def change(name: str, issuer: str | None = ADMIN, **more: object) -> dict[str, object]:
    event = {"event_id": "e1", "event_time": "2026-03-01T10:00", "event_name": name, "event_type": "AwsApiCall"}
    return event | {"principal_type": "AssumedRole", "principal_arn": issuer, "issuer_arn": issuer} | more


ROTATED = change("RotateKey", "AWS Internal", event_type="AwsServiceEvent", principal_type=None)
RETIRED = change("RetireGrant", "ebs.amazonaws.com", principal_type="AWSService")
CHANGES = [
    "PutKeyPolicy",
    "CreateGrant",
    "RetireGrant",
    "RevokeGrant",
    "DisableKey",
    "EnableKey",
    "EnableKeyRotation",
    "DisableKeyRotation",
    "ScheduleKeyDeletion",
    "CancelKeyDeletion",
    "CreateAlias",
    "UpdateAlias",
    "DeleteAlias",
    "ImportKeyMaterial",
    "DeleteImportedKeyMaterial",
    "ReplicateKey",
    "UpdatePrimaryRegion",
    "TagResource",
    "UntagResource",
    "UpdateKeyDescription",
    "RotateKeyOnDemand",
    "CreateKey",
    "AnOperationOfTomorrow",
]

CASES = [
    ("by an administrator", [change("PutKeyPolicy"), ROTATED], DECLARED, "pass",
     ["1 change by declared administrators, 1 by AWS itself: PutKeyPolicy 1, RotateKey 1", "2 changes, 0 failed attempts"]),
    ("by an AWS service", [RETIRED], DECLARED, "pass", ["0 changes by declared administrators, 1 by AWS itself"]),
    ("by somebody else", [change("PutKeyPolicy"), change("UpdateAlias", DEVELOPER, event_id="e7")], DECLARED, "fail",
     ["1 of 2 changes by principals that are not declared administrators: UpdateAlias by role/developer 1",
      f"2026-03-01T10:00:00Z UpdateAlias by a principal that is not a declared administrator by {DEVELOPER} ref e7"]),
    ("through a service", [change("CreateGrant", DEVELOPER, invoked_by="rds.amazonaws.com")], DECLARED, "fail", ["role/developer"]),
    ("a denied attempt", [change("TagResource"), change("DisableKey", DEVELOPER, error_code="AccessDenied", event_id="e7")], DECLARED, "pass",
     ["attempts that failed: DisableKey by role/developer (AccessDenied) 1; first on 2026-03-01, event e7", "1 change, 1 failed attempt"]),
    ("only denied attempts", [change("DisableKey", DEVELOPER, error_code="AccessDenied")], DECLARED, "not_applicable", ["DisableKey by role/developer"]),
    ("use and look are no change", [change(name, DEVELOPER) for name in ("Decrypt", "ReEncrypt", "Sign", "DescribeKey", "ListGrants")], DECLARED, "not_applicable", ["nobody changed the key"]),
    ("beside many looks", [change("DescribeKey", DEVELOPER, calls=900), change("PutKeyPolicy")], DECLARED, "pass", ["1 change by declared administrators"]),
    ("rows of many changes", [change("CreateGrant", calls=40), {**RETIRED, "calls": 30}], DECLARED, "pass", ["40 changes by declared administrators, 30 by AWS itself: CreateGrant 40, RetireGrant 30"]),
    ("no events", [], DECLARED, "not_applicable", []),
    ("without ARN", [change("CreateGrant", None, principal_type="AWSAccount")], DECLARED, "not_assessed", ["in 1 of 1 calls"]),
    ("nobody declared", [change("PutKeyPolicy")], {}, "not_assessed", ["set key_administrators"]),
    ("somebody else in a partial log", [change("PutKeyPolicy", DEVELOPER)], DECLARED | {"partial": ["events"]}, "fail", []),
    ("an administrator in a partial log", [change("PutKeyPolicy")], DECLARED | {"partial": ["events"]}, "not_assessed", []),
    *((name, [change(name, DEVELOPER)], DECLARED, "fail", [f"{name} by role/developer 1"]) for name in CHANGES),
]  # fmt: skip


@pytest.mark.parametrize(("events", "settings", "result", "texts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_key_changes_by_administrators(confirm, events, settings, result, texts):
    confirm(key_changes_by_administrators, [events], settings, result, *texts)
