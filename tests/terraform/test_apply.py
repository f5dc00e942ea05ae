"""The module, applied by Terraform to a simulated account: the seed's two options, and everything at once.

Each test takes the way a user takes: init, validate, plan, apply, outputs (the fixture `applied`); what came of it; plan
again, which must find nothing; then changes by hand, which the next plan must find.
"""

from __future__ import annotations

import json
import shlex
from urllib.parse import unquote

import javaproperties
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from fluo_audit.aws.door import Door
from fluo_audit.aws.live import LiveTransport
from fluo_audit.aws.permissions import PROVISION_READS
from fluo_audit.provision.desired import Choice
from fluo_audit.provision.plan import make_plan
from fluo_audit.provision.spec import spec_of

ACCOUNT = "123456789012"
BACKEND = f"arn:aws:iam::{ACCOUNT}:role/fluo-backend"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/platform-admin"
AUDITOR = f"arn:aws:iam::{ACCOUNT}:role/fluo-audit-reader"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:on-call"
TAGS = {"Project": "FLUO", "Owner": "Platform Team"}

EXISTING_ROLE = {
    "environment": "production",
    "fluo_role_arns": [BACKEND],
    "attach_to_role": True,
    "fluo_iam_role_name": "fluo-backend",
    "tags": TAGS,
}
CREATED_ROLE = {
    "environment": "production",
    "create_iam_role": True,
    "fluo_service_principals": ["ec2.amazonaws.com"],
    "external_id": "fluo-prod-12345",
    "tags": TAGS,
}
EVERYTHING = {
    "environment": "staging",
    "create_iam_role": True,
    "trusted_principals": ["210987654321"],
    "external_id": "fluo-prod-12345",
    "multi_region_enabled": True,
    "replica_regions": ["us-west-2"],
    "extra_context_purposes": ["health_check"],
    "allowed_tenant_ids": ["tenant-456", "tenant-123"],
    "enable_cloudwatch_logs": True,
    "key_rotation_period_days": 120,
    "key_admin_arns": [ADMIN],
    "auditor_role_arns": [AUDITOR],
    "enable_alarms": True,
    "alarm_actions": [TOPIC],
    "enable_audit_trail": True,
}
BACKEND_STATEMENTS = [
    "EnableIAMUserPermissions",
    "AllowFluoBackendDescribe",
    "AllowFluoBackendKeyUsage",
    "DenyFluoBackendOtherPurpose",
    "DenyFluoBackendKeyAdministration",
]


def test_an_existing_role(applied):
    """Option 1 of the seed."""
    module = applied(EXISTING_ROLE)

    assert engine_finds(module, EXISTING_ROLE) == {}
    assert list(module.key_policy()) == BACKEND_STATEMENTS
    assert attached_policies(module, "fluo-backend") == [module.outputs["iam_policy_arn"]]
    absent = {"iam_role_arn", "iam_role_name", "instance_profile_name"}
    assert absent.isdisjoint(module.outputs), "Terraform leaves out what is null"
    key = module.client("kms").describe_key(KeyId="alias/fluo-production")["KeyMetadata"]
    assert (key["Arn"], key["MultiRegion"]) == (module.outputs["kms_key_arn"], False)
    assert rotation_days(module) == 90
    assert_context_is_enforced(module)
    assert_access_policy_is_least_privilege(module)
    assert_backend_reads_its_configuration(module)
    assert_validation_commands_can_be_run(module)
    assert_plan_finds_nothing_to_do(module)

    module.client("iam").detach_role_policy(RoleName="fluo-backend", PolicyArn=module.outputs["iam_policy_arn"])
    weaken_key_policy(module, "DenyFluoBackendOtherPurpose")

    assert module.workspace.plan("-out=plan", code=2) == {
        "aws_iam_role_policy_attachment.fluo_kms_access[0]": "create",
        "aws_kms_key.fluo_master_key": "update",
    }
    assert engine_finds(module, EXISTING_ROLE) == {
        "KMS key alias/fluo-production": ["statement DenyFluoBackendOtherPurpose"],
        "policy attachment fluo-kms-access-production on fluo-backend": [],
    }
    module.workspace.apply()
    assert list(module.key_policy()) == BACKEND_STATEMENTS
    assert attached_policies(module, "fluo-backend") == [module.outputs["iam_policy_arn"]]


def test_a_created_role(applied):
    """Option 2 of the seed: the role enters the key policy, EC2 can assume it, and the profile has its name."""
    module = applied(CREATED_ROLE)
    assert engine_finds(module, CREATED_ROLE) == {}
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/fluo/fluo-backend-production"

    statements = module.key_policy()
    assert list(statements) == BACKEND_STATEMENTS
    assert [statements[sid]["Principal"] for sid in BACKEND_STATEMENTS[1:]] == [{"AWS": [role_arn]}] * 4
    assert module.outputs["iam_role_arn"] == role_arn
    assert module.outputs["instance_profile_name"] == module.outputs["iam_role_name"] == "fluo-backend-production"
    iam = module.client("iam")
    profile = iam.get_instance_profile(InstanceProfileName="fluo-backend-production")["InstanceProfile"]
    assert [role["Arn"] for role in profile["Roles"]] == [role_arn]
    role = iam.get_role(RoleName="fluo-backend-production")["Role"]
    assert role["MaxSessionDuration"] == 3600
    (services,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (services["Sid"], services["Principal"]) == ("AllowServices", {"Service": ["ec2.amazonaws.com"]})
    assert "Condition" not in services, "services send no external id"
    assert attached_policies(module, "fluo-backend-production") == [module.outputs["iam_policy_arn"]]
    assert_plan_finds_nothing_to_do(module)
    assert_the_key_cannot_be_destroyed(module)

    module.client("kms").disable_key_rotation(KeyId=module.outputs["kms_key_id"])
    iam.remove_role_from_instance_profile(
        InstanceProfileName="fluo-backend-production", RoleName="fluo-backend-production"
    )

    assert module.workspace.plan(code=2) == {
        "aws_iam_instance_profile.fluo_backend[0]": "update",
        "aws_kms_key.fluo_master_key": "update",
    }
    assert engine_finds(module, CREATED_ROLE) == {
        "KMS key alias/fluo-production": ["rotation"],
        "instance profile fluo-backend-production": ["role"],
    }


def test_everything_at_once(applied):
    module = applied(EVERYTHING)

    assert engine_finds(module, EVERYTHING) == {}
    assert list(module.key_policy()) == [
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
    assert module.key_policy()["AllowFluoBackendKeyUsage"]["Condition"]["StringEquals"] == {
        "kms:EncryptionContext:purpose": ["compliance_evidence", "health_check", "pii_redaction"],
        "kms:EncryptionContext:tenantId": ["tenant-123", "tenant-456"],
    }
    assert rotation_days(module) == 120
    assert module.outputs["estimated_monthly_cost_usd"] == 9, "key, replica and the trail's key, rotated twice"
    assert_trusted_accounts_send_the_external_id(module)
    assert_the_replica_is_as_guarded_as_the_key(module)
    assert_alarms_count_what_the_trail_delivers(module)
    assert_the_audit_trail_is_complete(module)
    assert_plan_finds_nothing_to_do(module)

    module.client("cloudwatch").delete_alarms(AlarmNames=["fluo-kms-errors-staging"])
    module.client("cloudtrail").stop_logging(Name="fluo-audit-staging")
    module.client("s3").delete_bucket_policy(Bucket=f"fluo-cloudtrail-staging-{ACCOUNT}")
    module.client("kms", "us-west-2").delete_alias(AliasName="alias/fluo-staging")

    assert module.workspace.plan(code=2) == {
        'aws_cloudwatch_metric_alarm.kms["errors"]': "create",
        "aws_cloudtrail.trail[0]": "update",
        "aws_s3_bucket_policy.trail[0]": "create",
        "module.replica_us-west-2.aws_kms_alias.fluo_master_key_alias": "create",
    }


def assert_the_key_cannot_be_destroyed(module):
    (refused,) = module.workspace.problems("-destroy")
    assert "aws_kms_key.fluo_master_key has lifecycle.prevent_destroy" in refused["detail"]


def assert_plan_finds_nothing_to_do(module):
    assert module.workspace.plan(code=0) == {}


def assert_context_is_enforced(module):
    """What the FLUO role asks for decides, whatever IAM allows it besides."""
    kms, key = module.backend(), module.outputs["kms_key_id"]
    kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"purpose": "pii_redaction"})
    everything = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    module.client("iam").put_role_policy(
        RoleName="fluo-backend",
        PolicyName="too-much",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    for context in ({}, {"purpose": "x"}, {"tenantId": "tenant-123"}):
        with pytest.raises(ClientError, match=r"AccessDeniedException.*explicit deny"):
            kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    module.client("iam").delete_role_policy(RoleName="fluo-backend", PolicyName="too-much")


def assert_access_policy_is_least_privilege(module):
    """Four actions on one key, and no condition where it could never match: DescribeKey has no encryption context."""
    describe, use = access_statements(module)
    assert describe == {
        "Sid": "FluoKmsDescribe",
        "Effect": "Allow",
        "Action": "kms:DescribeKey",
        "Resource": [module.outputs["kms_key_arn"]],
    }
    assert (use["Sid"], use["Action"]) == ("FluoKmsUse", ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"])
    assert use["Condition"] == module.key_policy()["AllowFluoBackendKeyUsage"]["Condition"]


def assert_backend_reads_its_configuration(module):
    """`terraform output -raw fluo_backend_config >> application.properties` gives lines that Quarkus reads."""
    raw = module.workspace.run("output", "-raw", "fluo_backend_config")
    properties = javaproperties.loads(f"before=1\n{raw}after=2\n")
    arn = module.outputs["kms_key_arn"]
    assert properties == {
        "before": "1",
        "fluo.kms.provider": "aws",
        "aws.kms.master-key-id": arn,
        "aws.kms.region": "us-east-1",
        "kms.cache.private-key-ttl-minutes": "60",
        "kms.cache.public-key-ttl-hours": "24",
        "kms.cache.max-size": "1000",
        "kms.rotation.enabled": "true",
        "kms.rotation.max-age-days": "90",
        "after": "2",
    }
    variables = module.outputs["fluo_backend_env_vars"]
    seed = {"FLUO_KMS_PROVIDER": "aws", "AWS_KMS_MASTER_KEY_ID": arn, "AWS_KMS_REGION": "us-east-1"}
    assert seed.items() <= variables.items()
    assert variables["KMS_CACHE_PUBLIC_KEY_TTL_HOURS"] == "24"
    assert len(variables) == len(properties) - 2


def assert_validation_commands_can_be_run(module):
    """A shell reads each command as one call that the account answers, or refuses to carry out for being a trial."""
    continued = module.outputs["validation_commands"].replace("\\\n", "")  # as a shell does
    assert "\\" not in continued
    commands = [shlex.split(command, comments=True) for command in continued.split("\n\n")]
    assert [command[:3] for command in commands] == [
        ["aws", "kms", "describe-key"],
        ["aws", "kms", "get-key-rotation-status"],
        ["aws", "kms", "generate-data-key"],
    ]
    for command in commands:
        answer = call(module, command[2:])
        assert answer.get("KeyMetadata", answer)["KeyId"] in {
            module.outputs["kms_key_arn"],
            module.outputs["kms_key_id"],
        }


def call(module, command):
    """Do what the AWS CLI does with an operation and its options."""
    kms = module.backend()
    operation, *options = command
    named = {xform_name(member): member for member in members(kms, operation)}
    words = iter(options)
    given = {word.removeprefix("--").replace("-", "_"): next(words) for word in words if word != "--dry-run"}
    assert given.pop("region") == "us-east-1"
    parameters = {named[name]: json.loads(text) if text.startswith("{") else text for name, text in given.items()}
    return getattr(kms, operation.replace("-", "_"))(**parameters)


def members(client, operation):
    name = client.meta.method_to_api_mapping[operation.replace("-", "_")]
    return client.meta.service_model.operation_model(name).input_shape.members


def assert_trusted_accounts_send_the_external_id(module):
    role = module.client("iam").get_role(RoleName="fluo-backend-staging")["Role"]
    services, accounts = role["AssumeRolePolicyDocument"]["Statement"]
    assert "Condition" not in services
    assert accounts == {
        "Sid": "AllowTrustedAccounts",
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::210987654321:root"]},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "fluo-prod-12345"}},
    }


def assert_the_replica_is_as_guarded_as_the_key(module):
    """Without a policy of its own a replica would let the whole account use it."""
    (arn,) = module.outputs["replica_key_arns"]
    replica = module.client("kms", "us-west-2").describe_key(KeyId="alias/fluo-staging")["KeyMetadata"]
    assert replica["Arn"] == arn
    assert replica["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"
    here, there = module.key_policy(), module.key_policy("us-west-2")
    assert there.pop("AllowCloudWatchLogs")["Principal"] == {"Service": "logs.us-west-2.amazonaws.com"}
    assert here.pop("AllowCloudWatchLogs")["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    assert there == here
    assert {tuple(statement["Resource"]) for statement in access_statements(module)} == {
        (module.outputs["kms_key_arn"], arn)
    }


def assert_alarms_count_what_the_trail_delivers(module):
    """The alarms watch metrics that something writes."""
    logs, group = module.client("logs"), "/fluo/cloudtrail-staging"
    filters = {one["filterName"]: one for one in logs.describe_metric_filters(logGroupName=group)["metricFilters"]}
    alarms = {one["AlarmName"]: one for one in module.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert set(alarms) == set(filters) == {"fluo-kms-throttle-staging", "fluo-kms-errors-staging"}
    for name, alarm in alarms.items():
        (written,) = filters[name]["metricTransformations"]
        assert (alarm["Namespace"], alarm["MetricName"]) == (written["metricNamespace"], written["metricName"])
        assert (written["metricValue"], written["defaultValue"]) == ("1", 0)
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmActions"] == [TOPIC]
        assert alarm["Statistic"] == "Sum"
        assert "Dimensions" not in alarm or alarm["Dimensions"] == []
    when = {name: (one["Threshold"], one["EvaluationPeriods"], one["Period"]) for name, one in alarms.items()}
    assert when == {"fluo-kms-throttle-staging": (10, 2, 300), "fluo-kms-errors-staging": (5, 1, 60)}
    arn, key = module.outputs["kms_key_arn"], module.outputs["kms_key_id"]
    about = (
        f'(($.resources[0].ARN = "{arn}") || ($.requestParameters.keyId = "*{key}*")'
        f' || ($.requestParameters.keyId = "*alias/fluo-staging") || ($.errorMessage = "*{key}*"))'
    )
    throttled = '($.errorCode = "ThrottlingException")'
    failed = '($.errorCode = "*") && ($.errorCode != "ThrottlingException")'
    kms = '($.eventSource = "kms.amazonaws.com")'
    assert filters["fluo-kms-throttle-staging"]["filterPattern"] == f"{{ {kms} && {throttled} && {about} }}"
    assert filters["fluo-kms-errors-staging"]["filterPattern"] == f"{{ {kms} && {failed} && {about} }}"


def assert_the_audit_trail_is_complete(module):
    """All Regions, signed, encrypted by a key of its own, in a bucket that is closed, and delivered to the log group."""
    cloudtrail, s3 = module.client("cloudtrail"), module.client("s3")
    (trail,) = cloudtrail.describe_trails()["trailList"]
    bucket = f"fluo-cloudtrail-staging-{ACCOUNT}"
    assert (trail["Name"], trail["S3BucketName"]) == ("fluo-audit-staging", bucket)
    assert trail["IsMultiRegionTrail"]
    assert trail["IncludeGlobalServiceEvents"]
    assert trail["LogFileValidationEnabled"]
    assert cloudtrail.get_trail_status(Name="fluo-audit-staging")["IsLogging"]
    key = module.client("kms").describe_key(KeyId="alias/fluo-cloudtrail-staging")["KeyMetadata"]["Arn"]
    assert trail["KmsKeyId"] == key != module.outputs["kms_key_arn"]
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == [
        "AllowCloudTrailAcl",
        "AllowCloudTrailWrite",
        "DenyWithoutTls",
    ]
    (group,) = module.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == ("/fluo/cloudtrail-staging", 365)
    assert group["kmsKeyId"] == key
    assert trail["CloudWatchLogsLogGroupArn"] == f"{group['arn'].removesuffix(':*')}:*"
    assert trail["CloudWatchLogsRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/fluo/fluo-cloudtrail-staging"


def attached_policies(module, role):
    listed = module.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return [policy["PolicyArn"] for policy in listed]


def access_statements(module):
    iam, arn = module.client("iam"), module.outputs["iam_policy_arn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return (json.loads(unquote(document)) if isinstance(document, str) else document)["Statement"]


def rotation_days(module):
    status = module.client("kms").get_key_rotation_status(KeyId=module.outputs["kms_key_id"])
    return status["KeyRotationEnabled"] and status["RotationPeriodInDays"]


def weaken_key_policy(module, sid):
    """Take a statement out of the key policy, by hand."""
    kept = [statement for name, statement in module.key_policy().items() if name != sid]
    policy = json.dumps({"Version": "2012-10-17", "Statement": kept})
    module.client("kms").put_key_policy(KeyId=module.outputs["kms_key_id"], PolicyName="default", Policy=policy)


def engine_finds(module, variables):
    """Return what `fluo-audit provision plan` finds for the same variables: {resource: facts that differ}."""
    account = module.account
    door = Door(LiveTransport(account.session, account.clock), "us-east-1", PROVISION_READS)
    plan = make_plan(door.reader("provision"), "us-east-1", spec_of(variables), Choice())
    assert plan.complete
    return {change.resource.label: [each.fact for each in change.differences] for change in plan.pending}
