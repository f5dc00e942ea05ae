"""What the new policy would break, told before it is written, without naming a tenant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from fluo_audit.frames import frame
from fluo_audit.model.sources import EVENTS
from fluo_audit.policy import Grant, Outcome, PolicyDocument, parse_policy
from fluo_audit.provision.documents import access_statements, document, key_statements
from fluo_audit.provision.preflight import DeniedCall, would_be_denied
from fluo_audit.provision.resource import KEY_ARN, Place
from fluo_audit.provision.spec import Spec

ACCOUNT = "111122223333"
PLACE = Place(ACCOUNT, "aws", "eu-west-1", f"arn:aws:iam::{ACCOUNT}:role/platform-admin")
KEY = PLACE.arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
ROLE = PLACE.iam("role/fluo/fluo-backend")
BATCH = PLACE.iam("role/fluo/fluo-batch")
START = datetime(2026, 10, 1, tzinfo=UTC)
DENY, NOTHING, UNKNOWN = Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY, Outcome.UNKNOWN

# What the backend sends: redaction, its health check, /validate, and tenant keys, which carry no purpose.
REDACTION = {"purpose": "pii_redaction", "tenantId": "tenant-0815"}
HEALTH = {"purpose": "health_check"}
TENANT_KEY = {"tenantId": "tenant-0815", "keyType": "signing"}


def event(name: str, context: Mapping[str, str] | None = None, hours: int = 0, **columns: Any) -> dict[str, Any]:
    """Return one row of the frame: a call of the backend's role that succeeded."""
    row = dict.fromkeys(EVENTS.columns or {})
    at = START + timedelta(hours=hours)
    row |= {"event_id": f"e{hours}", "event_time": at, "last_time": at, "calls": 1, "event_name": name}
    row |= {"principal_type": "AssumedRole", "issuer_arn": ROLE, "principal_arn": f"{ROLE}/i-0abc"}
    return row | {"encryption_context": None if context is None else json.dumps(context, sort_keys=True)} | columns


def events(*rows: dict[str, Any]) -> pd.DataFrame:
    return frame(EVENTS, rows)


def policies(**variables: Any) -> tuple[PolicyDocument, PolicyDocument]:
    """Return the key policy and the access policy of a spec for the two roles."""
    spec = Spec(environment="production", fluo_role_arns=(ROLE, BATCH), **variables)
    key = parse_policy(document(key_statements(spec, PLACE, (ROLE, BATCH), PLACE.region)), name="new key policy")
    access = json.dumps(document(access_statements(spec, (), PLACE))).replace(KEY_ARN, KEY)
    return key, parse_policy(access, name="new access policy")


def denied(*rows: dict[str, Any], roles: tuple[str, ...] = (ROLE, BATCH), **variables: Any) -> tuple[DeniedCall, ...]:
    key, access = policies(**variables)
    return would_be_denied(events(*rows), roles, KEY, key, dict.fromkeys(roles, (access,)))


def test_declared_purposes_go_on():
    used = [event(name, REDACTION) for name in ("GenerateDataKey", "Encrypt", "Decrypt")]
    assert denied(*used, event("DescribeKey")) == ()


# name of the call | its context | outcome, deciding statement, names shown, purpose shown
BACKEND = [
    ("GenerateDataKey", HEALTH, DENY, "DenyFluoBackendOtherPurpose", (("purpose",), "health_check")),
    ("Decrypt", {"purpose": "validation_decrypt"}, DENY, "DenyFluoBackendOtherPurpose", (("purpose",), "validation_decrypt")),
    ("GenerateDataKey", TENANT_KEY, DENY, "DenyFluoBackendOtherPurpose", (("keyType", "tenantId"), "")),
    ("GenerateDataKey", None, DENY, "DenyFluoBackendOtherPurpose", ((), "")),
    ("Decrypt", {"Purpose": "PII_REDACTION"}, DENY, "DenyFluoBackendOtherPurpose", (("Purpose",), "PII_REDACTION")),
    ("ReEncrypt", {"purpose": "pii_redaction"}, NOTHING, None, (("purpose",), "pii_redaction")),
    ("ReEncrypt", None, DENY, "DenyFluoBackendOtherPurpose", ((), "")),
    ("CreateGrant", None, DENY, "DenyFluoBackendKeyAdministration", ((), "")),
    ("ScheduleKeyDeletion", None, DENY, "DenyFluoBackendKeyAdministration", ((), "")),
    ("ListGrants", None, NOTHING, None, ((), "")),
    ("OperationOfTomorrow", None, NOTHING, None, ((), "")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "context", "outcome", "statement", "shown"), BACKEND)
def test_what_the_backend_sends_beside_the_declared_purposes(name, context, outcome, statement, shown):
    (row,) = denied(event(name, context))
    assert (row.role, row.action, row.outcome) == (ROLE, f"kms:{name}", outcome)
    assert (row.context_names, row.purpose) == shown
    assert [ref.statement for ref in row.statements] == ([statement] if statement else [])
    assert row.reason


def test_extra_purposes_take_the_calls_out_of_the_table():
    calls = [event("GenerateDataKey", HEALTH), event("Encrypt", {"purpose": "validation"})]
    assert len(denied(*calls)) == 2
    assert denied(*calls, extra_context_purposes=("health_check", "validation")) == ()
    assert denied(*calls, event("Decrypt", TENANT_KEY), enforce_encryption_context=False) == ()


def test_calls_of_one_kind_are_one_row_and_the_most_frequent_come_first():
    health = [event("GenerateDataKey", HEALTH, hours) for hours in (5, 2, 9)]
    tenants = [event("GenerateDataKey", {"tenantId": f"tenant-{n}", "keyType": "kek"}, n) for n in range(4)]
    first, second = denied(*health, *tenants)
    assert (first.count, first.context_names, first.purpose) == (4, ("keyType", "tenantId"), "")
    assert (first.first, first.last) == (START, START + timedelta(hours=3))
    assert (second.count, second.purpose) == (3, "health_check")
    assert (second.first, second.last) == (START + timedelta(hours=2), START + timedelta(hours=9))


def test_only_calls_of_the_roles_that_succeeded_count():
    other = PLACE.iam("role/fluo/other")
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/fluo-backend/i-0abc"
    rows = [
        event("Decrypt", None, error_code="AccessDenied"),
        event("Decrypt", None, issuer_arn=other),
        event("Decrypt", None, issuer_arn=ROLE.replace(ACCOUNT, "444455556666")),
        event("RotateKey", None, issuer_arn=None, event_type="AwsServiceEvent"),
        event("Decrypt", None, issuer_arn="s3.amazonaws.com"),
        event("ListAliases"),
        event("ListKeys"),
    ]
    assert denied(*rows) == ()
    assert [row.count for row in denied(*rows, event("Decrypt", None, issuer_arn=session))] == [1]
    assert denied() == ()


def test_each_role_has_its_own_rows():
    found = denied(event("Decrypt"), event("Decrypt", issuer_arn=BATCH), event("Decrypt", issuer_arn=BATCH))
    assert [(row.role, row.count) for row in found] == [(BATCH, 2), (ROLE, 1)]


def test_no_value_of_the_context_but_the_purpose_is_shown():
    """The tenant is in the condition that decides, in the reason of what is left open, and nowhere in a row."""
    contexts = [REDACTION, TENANT_KEY, {"purpose": "health_check", "tenantId": "tenant-'\"quoted"}]
    rows = [event(name, context) for name in ("Decrypt", "GenerateDataKey") for context in contexts]
    tenants = denied(*rows, allowed_tenant_ids=("tenant-1",))
    open_key = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*"}
    conditions = [
        {"StringEquals": {"kms:EncryptionContext:tenantId": "tenant-1"}},
        {"NumericEquals": {"kms:EncryptionContext:tenantId": "1"}},
        {"StringEquals": {"kms:EncryptionContext:tenantId": "${aws:PrincipalTag/tenant}"}},
    ]
    for condition in conditions:
        key = parse_policy({"Version": "2012-10-17", "Statement": open_key | {"Condition": condition}})
        tenants += would_be_denied(events(*rows), (ROLE,), KEY, key, {ROLE: ()})
    assert {row.outcome for row in tenants} == {DENY, NOTHING, UNKNOWN}
    assert any("another value" in row.reason for row in tenants)
    shown = json.dumps([asdict(row) for row in tenants], default=str) + " ".join(row.reason for row in tenants)
    assert not any(secret in shown for secret in ("0815", "quoted", "signing"))


def test_what_is_not_known_is_a_row_of_its_own():
    key = parse_policy(document([{"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}]))  # fmt: skip
    for missing in ({}, {ROLE: None}):
        (row,) = would_be_denied(events(event("Decrypt", REDACTION)), (ROLE,), KEY, key, missing)
        assert row.outcome is UNKNOWN
        assert "identity policies could not be read" in row.reason
    decrypt = event("Decrypt", HEALTH)
    (row,) = would_be_denied(events(decrypt), (ROLE,), KEY, key, {ROLE: ()}, grants=None)
    assert row.outcome is UNKNOWN


def test_a_denied_and_an_unknown_call_do_not_share_a_row():
    from_office = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    allow = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}
    deny = allow | {
        "Effect": "Deny",
        "Sid": "D",
        "Condition": {"StringEquals": {"kms:EncryptionContext:tenantId": "a"}},
    }
    key = parse_policy(document([allow | from_office, deny]))
    calls = [event("Decrypt", {"tenantId": tenant}) for tenant in ("a", "b", "c")]
    found = would_be_denied(events(*calls), (ROLE,), KEY, key, {ROLE: ()})
    assert [(row.outcome, row.count) for row in found] == [(UNKNOWN, 2), (DENY, 1)]


def test_a_grant_keeps_a_call_alive_unless_a_deny_takes_it():
    grant = Grant(grant_id="g", grantee=ROLE, operations=("ReEncryptFrom", "ReEncryptTo", "Decrypt"))
    key, access = policies()
    calls = events(event("ReEncrypt", {"purpose": "pii_redaction"}), event("Decrypt", HEALTH))
    (row,) = would_be_denied(calls, (ROLE,), KEY, key, {ROLE: (access,)}, grants=(grant,))
    assert row.action == "kms:Decrypt"


def test_half_a_re_encryption_is_not_known():
    allow = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:ReEncryptFrom", "Resource": "*"}
    key = parse_policy(document([allow]))
    (row,) = would_be_denied(events(event("ReEncrypt")), (ROLE,), KEY, key, {ROLE: ()})
    assert row.outcome is UNKNOWN
    assert row.reason.startswith("kms:ReEncryptFrom or kms:ReEncryptTo would be denied")


@pytest.mark.parametrize("name", ["CreateGrant", "RetireGrant"])
def test_the_context_of_a_grants_constraints_is_not_in_the_record(name):
    allow = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": f"kms:{name}", "Resource": "*"}
    when = {"Condition": {"StringEquals": {"kms:EncryptionContext:purpose": "a"}}}
    calls = events(event(name))
    (row,) = would_be_denied(calls, (ROLE,), KEY, parse_policy(document([allow | when])), {ROLE: ()})
    assert (row.outcome, row.context_names) == (UNKNOWN, ())
    assert would_be_denied(calls, (ROLE,), KEY, parse_policy(document([allow])), {ROLE: ()}) == ()


def test_a_call_through_a_service_is_judged_as_one():
    allow = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}
    through = {"Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}
    key = parse_policy(document([allow | through]))
    calls = [event("Decrypt"), event("Decrypt", invoked_by="s3.amazonaws.com")]
    direct, service = sorted(would_be_denied(events(*calls), (ROLE,), KEY, key, {ROLE: ()}), key=lambda r: r.outcome)
    assert (direct.outcome, direct.count) == (NOTHING, 1)
    assert (service.outcome, service.count) == (UNKNOWN, 1)


def test_a_row_of_many_calls_counts_them_all_and_ends_with_the_last():
    last = START + timedelta(hours=30)
    rows = [event("GenerateDataKey", HEALTH, 9, calls=500, last_time=last), event("GenerateDataKey", HEALTH, 2)]

    (row,) = denied(*rows)

    assert (row.count, row.outcome, row.purpose) == (501, DENY, "health_check")
    assert (row.first, row.last) == (START + timedelta(hours=2), last)
    assert denied(event("Decrypt", REDACTION, calls=500, last_time=last)) == ()


def test_of_many_calls_in_one_row_only_the_purpose_is_known():
    (row,) = denied(event("Decrypt", REDACTION, calls=500), allowed_tenant_ids=("tenant-0815",))
    assert (row.count, row.outcome, row.context_names) == (500, UNKNOWN, ("purpose",))
    assert denied(event("Decrypt", REDACTION), allowed_tenant_ids=("tenant-0815",)) == ()
    (without,) = denied(event("Decrypt", None, calls=500))
    assert (without.count, without.outcome) == (500, DENY)
