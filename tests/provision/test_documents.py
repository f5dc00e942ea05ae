"""The policies do what the contract says, judged by the policy engine from the written documents alone."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from fluo_audit.policy import Caller, Outcome, Request, decide, enforces_context, parse_policy
from fluo_audit.policy.validate import problems
from fluo_audit.provision import documents
from fluo_audit.provision.resource import KEY_ARN, KEY_ID, Place, filled
from fluo_audit.provision.spec import Spec, spec_of

ROLE = "arn:aws:iam::123456789012:role/fluo-backend"
ADMIN = "arn:aws:iam::123456789012:role/platform-admin"
AUDITOR = "arn:aws:iam::123456789012:role/auditor"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PLACE = Place("123456789012", "aws", "us-east-1", "arn:aws:sts::123456789012:assumed-role/platform-admin/me")
KMS_ALL = parse_policy(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}},
    name="administrator",
)
SEED = {"environment": "production", "fluo_role_arns": [ROLE], "allowed_tenant_ids": ["tenant-456", "tenant-123"]}
ALL = {
    **SEED,
    "enable_cloudwatch_logs": True,
    "key_admin_arns": [ADMIN],
    "auditor_role_arns": [AUDITOR],
    "extra_context_purposes": ["health_check"],
}


def key_policy(variables: dict[str, Any], region: str = "us-east-1", place: Place = PLACE) -> dict[str, Any]:
    spec = spec_of(variables)
    return documents.document(documents.key_statements(spec, place, spec.fluo_role_arns, region), "fluo-production")


def access_policy(variables: dict[str, Any]) -> dict[str, Any]:
    spec = spec_of(variables)
    statements = documents.access_statements(spec, spec.replica_regions, PLACE)
    return filled(documents.document(statements), {KEY_ARN: KEY, KEY_ID: KEY.rsplit("/", 1)[-1]})


def outcome(action: str, caller: str = ROLE, identity: tuple[Any, ...] = (), **context: str) -> Outcome:
    request = Request(action=action, caller=Caller(caller), key_arn=KEY, encryption_context=context)
    return decide(request, parse_policy(key_policy(ALL)), identity).outcome


def test_the_key_policy_has_the_statements_of_the_contract_in_its_order():
    assert [statement["Sid"] for statement in key_policy(ALL)["Statement"]] == [
        "EnableIAMUserPermissions",
        "AllowFluoBackendDescribe",
        "AllowFluoBackendKeyUsage",
        "DenyFluoBackendOtherPurpose",
        "DenyFluoBackendOtherTenant",
        "DenyFluoBackendKeyAdministration",
        "AllowKeyAdministration",
        "AllowAuditorRead",
        "AllowCloudWatchLogs",
    ]


def test_what_is_not_asked_for_is_not_stated():
    variables = {"environment": "dev", "fluo_role_arns": [ROLE], "enforce_encryption_context": False}
    policy = key_policy({**variables, "deny_key_administration": False})

    assert [statement["Sid"] for statement in policy["Statement"]] == [
        "EnableIAMUserPermissions",
        "AllowFluoBackendDescribe",
        "AllowFluoBackendKeyUsage",
    ]
    assert not any("Condition" in statement for statement in policy["Statement"])


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"])
@pytest.mark.parametrize(
    "identity", [(), (parse_policy(access_policy(ALL)),), (KMS_ALL,)], ids=["none", "least", "all"]
)
def test_no_way_leads_round_the_encryption_context(action, identity):
    """Not without a context, not with a foreign one, not with one key of two, not even with kms:* in the role."""
    gaps = enforces_context(
        Caller(ROLE),
        action,
        KEY,
        {"purpose": spec_of(ALL).purposes, "tenantId": ("tenant-123", "tenant-456")},
        key_policy=parse_policy(key_policy(ALL)),
        identity_policies=identity,
    )

    assert gaps == ()


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"])
@pytest.mark.parametrize("purpose", ["pii_redaction", "compliance_evidence", "health_check"])
def test_the_backend_works_with_every_allowed_context(action, purpose):
    assert outcome(action, purpose=purpose, tenantId="tenant-123") is Outcome.ALLOW


@pytest.mark.parametrize("action", documents.ADMINISTRATION)
def test_the_backend_cannot_administer_the_key_even_with_kms_all(action):
    assert outcome(action, identity=(KMS_ALL,)) is Outcome.EXPLICIT_DENY


@pytest.mark.parametrize("action", documents.ADMINISTER)
def test_administrators_administer_without_identity_policies(action):
    assert outcome(action, ADMIN) is Outcome.ALLOW


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:CreateGrant"])
def test_administrators_neither_use_nor_delete_the_key(action):
    assert outcome(action, ADMIN, purpose="pii_redaction", tenantId="tenant-123") is Outcome.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("action", "expected"),
    [(each, Outcome.ALLOW) for each in documents.READ] + [("kms:Decrypt", Outcome.IMPLICIT_DENY)],
)
def test_auditors_read_and_do_nothing_else(action, expected):
    assert outcome(action, AUDITOR) is expected


@pytest.mark.parametrize(
    ("group", "expected"),
    [("/aws/fluo/backend", Outcome.ALLOW), ("/aws/other/backend", Outcome.IMPLICIT_DENY)],
)
def test_cloudwatch_logs_use_the_key_for_the_named_log_groups(group, expected):
    context = {"aws:logs:arn": f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"}

    assert outcome("kms:GenerateDataKey", "logs.us-east-1.amazonaws.com", **context) is expected


def test_the_access_policy_grants_four_actions_and_describe_has_no_condition():
    """A condition on the encryption context next to DescribeKey never matches: the call carries no context."""
    describe, use = access_policy(ALL)["Statement"]

    assert describe == {"Sid": "FluoKmsDescribe", "Effect": "Allow", "Action": "kms:DescribeKey", "Resource": KEY}
    assert use["Action"] == ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
    assert use["Condition"]["StringEquals"]["kms:EncryptionContext:purpose"] == list(spec_of(ALL).purposes)


def test_the_access_policy_names_every_replica():
    replicas = {"multi_region_enabled": True, "replica_regions": ["eu-west-1", "us-west-2"]}

    assert access_policy({**ALL, **replicas})["Statement"][0]["Resource"] == [
        KEY,
        KEY.replace("us-east-1", "eu-west-1"),
        KEY.replace("us-east-1", "us-west-2"),
    ]


def test_services_are_not_asked_for_the_external_id_that_they_never_send():
    created = {"environment": "production", "create_iam_role": True, "external_id": "fluo-prod-12345"}
    services, accounts = documents.trust_statements(spec_of({**created, "trusted_principals": ["111122223333"]}), PLACE)

    assert services["Principal"] == {"Service": ["ec2.amazonaws.com"]}
    assert "Condition" not in services
    assert accounts["Principal"] == {"AWS": ["arn:aws:iam::111122223333:root"]}
    assert accounts["Condition"] == {"StringEquals": {"sts:ExternalId": "fluo-prod-12345"}}
    assert len(documents.trust_statements(spec_of(created), PLACE)) == 1


@pytest.mark.parametrize(
    ("partition", "region", "root", "logs"),
    [
        ("aws-cn", "cn-north-1", "arn:aws-cn:iam::123456789012:root", "logs.cn-north-1.amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "arn:aws-us-gov:iam::123456789012:root", "logs.us-gov-west-1.amazonaws.com"),
    ],
)
def test_other_partitions_have_their_own_names(partition, region, root, logs):
    place = Place("123456789012", partition, region, "")
    statements = key_policy({**ALL, "fluo_role_arns": [ROLE.replace("arn:aws:", f"arn:{partition}:")]}, region, place)[
        "Statement"
    ]

    assert statements[0]["Principal"] == {"AWS": root}
    assert statements[-1]["Principal"] == {"Service": logs}


def test_every_combination_of_options_makes_policies_without_a_problem():
    options = (
        {"enforce_encryption_context": False, "allowed_tenant_ids": []},
        {"enable_cloudwatch_logs": True},
        {"key_admin_arns": [ADMIN]},
        {"auditor_role_arns": [AUDITOR]},
        {"deny_key_administration": False},
    )
    found = []
    for size in range(len(options) + 1):
        for chosen in itertools.combinations(options, size):
            variables = dict(SEED)
            for option in chosen:
                variables |= option
            found += problems(json.dumps(key_policy(variables)), kind="key", account="123456789012")
            found += problems(json.dumps(access_policy(variables)), kind="identity", account="123456789012")

    assert found == []


def test_the_trail_policies_let_one_trail_in_and_nobody_else():
    spec: Spec = spec_of({**SEED, "enable_audit_trail": True})
    bucket = documents.trail_bucket_statements(spec, PLACE, "logs")
    trail = "arn:aws:cloudtrail:us-east-1:123456789012:trail/fluo-audit-production"

    assert [one["Condition"]["StringEquals"]["aws:SourceArn"] for one in bucket[:2]] == [trail, trail]
    assert bucket[2]["Effect"] == "Deny"
    key = documents.document(documents.trail_key_statements(spec, PLACE))
    assert problems(json.dumps(key), kind="key", account="123456789012") == ()
