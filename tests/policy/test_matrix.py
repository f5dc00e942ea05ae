"""The table of a policy, in words a reader of the report understands."""

from __future__ import annotations

import pytest

from fluo_audit.policy import access_rows, parse_policy


def test_the_corrected_policy_as_rows(load):
    rows = {row.sid: row for row in access_rows(load("draft_tenants_key"))}
    assert rows["EnableIAMUserPermissions"].condition_text == "always"
    assert rows["AllowFluoBackendKeyUsage"].actions == ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")
    assert rows["AllowFluoBackendKeyUsage"].condition_text == (
        "kms:EncryptionContext:purpose is compliance_evidence or pii_redaction"
        " and kms:EncryptionContext:tenantId is tenant-123 or tenant-456"
    )
    assert rows["DenyFluoBackendOtherPurpose"].condition_text == (
        "kms:EncryptionContext:purpose is not compliance_evidence or pii_redaction, or the key is absent"
    )
    assert rows["AllowCloudWatchLogs"].principal == "Service logs.eu-west-1.amazonaws.com"


CONDITIONS = [
    ("StringEqualsIgnoreCase", "a", "k is (ignoring case) a"),
    ("StringLike", "a*", "k is like a*"),
    ("StringEqualsIfExists", "a", "k is a, or the key is absent"),
    ("ForAllValues:StringEquals", "a", "every value of k is a, or no value"),
    ("ForAnyValue:StringNotLike", "a", "some value of k is not like a"),
    ("Null", "true", "k is absent"),
    ("Null", "false", "k is present"),
    ("NumericLessThanEquals", "7", "k is at most 7"),
    ("DateGreaterThan", "2026-01-01", "k is greater than 2026-01-01"),
    ("NotIpAddress", "192.0.2.0/24", "k is not in 192.0.2.0/24, or the key is absent"),
    ("Bool", "true", "k is true"),
    ("Odd", "a", "k Odd a (operator not known)"),
]


@pytest.mark.parametrize(("operator", "value", "words"), CONDITIONS)
def test_condition_in_words(operator, value, words):
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": {operator: {"k": value}},
    }
    (row,) = access_rows(parse_policy({"Statement": statement}))
    assert row.condition_text == words


def test_a_row_for_each_principal_and_words_for_exceptions():
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": ["*", "111122223333"]}, "NotAction": "kms:Decrypt", "Resource": "*"},
        {"Effect": "Deny", "NotPrincipal": {"Service": "s3.amazonaws.com"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": []}, "Action": "kms:*"},
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*"},
    ]
    rows = access_rows(parse_policy({"Statement": statements}))
    assert [(row.sid, row.principal, row.actions) for row in rows] == [
        ("statement 1", "everybody", ("all except kms:Decrypt",)),
        ("statement 1", "arn:aws:iam::111122223333:root", ("all except kms:Decrypt",)),
        ("statement 2", "all except Service s3.amazonaws.com", ("kms:*",)),
        ("statement 3", "nobody", ()),
        ("statement 4", "attached identity", ("kms:*",)),
    ]
