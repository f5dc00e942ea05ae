"""What stands in the simulated account: the key and its policy, roles, trail and alarms. Built through the AWS API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox import story
from fluo_audit.sandbox.identities import ADMIN, BACKEND, BATCH, DEVELOPER, READER, role_arn
from fluo_audit.sandbox.ledger import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Api(Protocol):
        """Calls an operation of AWS and returns its answer."""

        def __call__(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
            """Return the answer. Raises AwsError."""


USE = ("kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt")
CRYPTOGRAPHIC = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
ADMINISTER = (
    "kms:Describe*", "kms:Get*", "kms:List*", "kms:Enable*", "kms:Disable*", "kms:Put*", "kms:Update*", "kms:Revoke*",
    "kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "kms:RotateKeyOnDemand",
)  # fmt: skip
READ = (
    "kms:Describe*", "kms:Get*", "kms:List*", "cloudtrail:Get*", "cloudtrail:Describe*", "cloudtrail:List*",
    "cloudtrail:LookupEvents", "cloudtrail:StartQuery", "cloudtrail:CancelQuery", "cloudwatch:Describe*",
    "cloudwatch:Get*", "cloudwatch:List*", "ce:GetCostAndUsage", "iam:Get*", "iam:List*", "s3:GetObject",
    "s3:ListBucket", "s3:GetBucketLocation", "athena:StartQueryExecution", "athena:StopQueryExecution", "athena:Get*",
    "athena:List*", "glue:GetDatabase*", "glue:GetTable*", "glue:GetPartition*",
)  # fmt: skip
ALARMS = {"fluo-kms-throttle-production": "UserErrorCount", "fluo-kms-errors-production": "SystemErrorCount"}
ACCESS_POLICY = "fluo-kms-access-production"

# The flaw of this policy is on purpose: the role may use the key with any encryption context, or none, because the key
# policy says so without a condition. The condition in the role's own policy then restricts nothing.
KEY_POLICY: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "EnableIAMUserPermissions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "AllowKeyAdministration",
            "Effect": "Allow",
            "Principal": {"AWS": role_arn(ADMIN)},
            "Action": list(ADMINISTER),
            "Resource": "*",
        },
        {
            "Sid": "AllowFluoBackendKeyUsage",
            "Effect": "Allow",
            "Principal": {"AWS": role_arn(BACKEND)},
            "Action": ["kms:DescribeKey", *USE],
            "Resource": "*",
        },
    ],
}


def policy_text(policy: Mapping[str, Any]) -> str:
    """Return a policy document as the indented JSON text KMS stores."""
    return json.dumps(policy, indent=2)


def build_key(api: Api, alias: str, tags: Mapping[str, str]) -> str:
    """Create a key with its policy, 90-day rotation, tags and alias; return its id."""
    listed = [{"TagKey": name, "TagValue": value} for name, value in tags.items()]
    created = api(
        "kms", "CreateKey", Policy=policy_text(KEY_POLICY), Tags=listed, Description="FLUO backend encryption"
    )
    key_id = str(created["KeyMetadata"]["KeyId"])
    api("kms", "EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=story.PERIOD_DAYS)
    api("kms", "CreateAlias", AliasName=alias, TargetKeyId=key_id)
    return key_id


def build_blank(api: Api) -> None:
    """Create the roles of an account that holds nothing else. The administrator may do everything."""
    for role in (BACKEND, ADMIN, DEVELOPER, READER):
        _build_role(api, role)
    everything = _document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    api("iam", "PutRolePolicy", RoleName=ADMIN, PolicyName="administration", PolicyDocument=everything)


def build_roles(api: Api, key_arn: str) -> None:
    """Create the roles, the backend's instance profile and the policies."""
    for role in (BACKEND, BATCH, ADMIN, DEVELOPER, READER):
        _build_role(api, role)
    # Duties are separated: who administers keys, and everything else, does not use them.
    administer = {"Effect": "Allow", "NotAction": list(CRYPTOGRAPHIC), "Resource": "*"}
    api("iam", "PutRolePolicy", RoleName=ADMIN, PolicyName="administration", PolicyDocument=_document(administer))
    api("iam", "CreateInstanceProfile", InstanceProfileName=BACKEND)
    api("iam", "AddRoleToInstanceProfile", InstanceProfileName=BACKEND, RoleName=BACKEND)
    describe = {"Sid": "FluoKmsDescribe", "Effect": "Allow", "Action": "kms:DescribeKey", "Resource": key_arn}
    use = {
        "Sid": "FluoKmsKeyOperations",
        "Effect": "Allow",
        "Action": list(USE),
        "Resource": key_arn,
        "Condition": {"StringEquals": {"kms:EncryptionContext:purpose": list(story.PURPOSES)}},
    }
    _attach(api, BACKEND, ACCESS_POLICY, _document(describe, use), path="/fluo/")
    _attach(api, READER, "fluo-audit-read", _document({"Effect": "Allow", "Action": list(READ), "Resource": "*"}))
    logs = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": f"arn:aws:logs:*:{ACCOUNT}:*"}
    _attach(api, BATCH, "fluo-batch-logs", _document(logs))


def build_trail(api: Api) -> None:
    """Create the bucket and the trail with a key of its own, and start its logging."""
    key_arn = api("kms", "CreateKey", Description="CloudTrail log files")["KeyMetadata"]["Arn"]
    api("s3", "CreateBucket", Bucket=story.BUCKET)
    api(
        "cloudtrail", "CreateTrail", Name=story.TRAIL, S3BucketName=story.BUCKET, IsMultiRegionTrail=True,
        EnableLogFileValidation=True, IncludeGlobalServiceEvents=True, KmsKeyId=key_arn,
    )  # fmt: skip
    api("cloudtrail", "StartLogging", Name=story.TRAIL)
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn}
    _attach(api, READER, "fluo-audit-trail", _document(decrypt))


def build_alarms(api: Api, key_id: str) -> None:
    """Create the two alarms of the original set-up. AWS/KMS has no such metrics: they stay in INSUFFICIENT_DATA."""
    for name, metric in ALARMS.items():
        api(
            "cloudwatch", "PutMetricAlarm", AlarmName=name, Namespace="AWS/KMS", MetricName=metric, Statistic="Sum",
            Dimensions=[{"Name": "KeyId", "Value": key_id}], Period=300, EvaluationPeriods=2, Threshold=10.0,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[f"arn:aws:sns:{story.REGION}:{ACCOUNT}:fluo-alerts"],
        )  # fmt: skip


def build_workgroup(api: Api) -> None:
    """Create a workgroup of Athena that keeps the results itself, and cancels a query that scans over 1 GB."""
    api(
        "athena", "CreateWorkGroup", Name=story.WORKGROUP, Description="Queries of the audit",
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ManagedQueryResultsConfiguration": {"Enabled": True},
            "BytesScannedCutoffPerQuery": 1_000_000_000,
        },
    )  # fmt: skip


def _build_role(api: Api, role: str) -> None:
    on_ec2 = role in {BACKEND, BATCH}
    principal = {"Service": "ec2.amazonaws.com"} if on_ec2 else {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    trust = _document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    api("iam", "CreateRole", RoleName=role, AssumeRolePolicyDocument=trust, MaxSessionDuration=3600)


def _attach(api: Api, role: str, name: str, document: str, path: str = "/") -> None:
    created = api("iam", "CreatePolicy", PolicyName=name, Path=path, PolicyDocument=document)
    api("iam", "AttachRolePolicy", RoleName=role, PolicyArn=created["Policy"]["Arn"])


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
