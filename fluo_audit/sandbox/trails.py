"""Create and change trails: CloudTrail refuses those it could not deliver for. moto takes any.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.authorization import parsed
from fluo_audit.sandbox.directory import document_text
from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.services import allows, may_assume, may_use_key
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.directory import Directory
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.keys import Keys

_CLOUDTRAIL = "cloudtrail.amazonaws.com"
_WRITING = ("logs:CreateLogStream", "logs:PutLogEvents")


class Trails:
    """CreateTrail and UpdateTrail, which look at bucket policy, key policy, log group and role first."""

    def __init__(self, directory: Directory, keys: Keys) -> None:
        self._directory = directory
        self._keys = keys

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {"CreateTrail": self.create_trail, "UpdateTrail": self.update_trail}

    def create_trail(self, request: Request) -> dict[str, Any]:
        """Create a trail that can deliver. Raises AwsError."""
        asked = request.parameters
        if any(trail["Name"] == asked["Name"] for trail in request.ask("DescribeTrails")["trailList"]):
            message = f"Trail {asked['Name']} already exists for customer: {ACCOUNT}"
            raise AwsError("TrailAlreadyExistsException", message)
        return request.moto(**self._accepted(request, asked))

    def update_trail(self, request: Request) -> dict[str, Any]:
        """Change a trail to one that can deliver; what is not named stays. Raises AwsError."""
        known = request.ask("GetTrail", Name=request.parameters["Name"])["Trail"]
        return request.moto(**self._accepted(request, {**known, **request.parameters, "Name": known["Name"]}))

    def _accepted(self, request: Request, trail: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that CloudTrail words in its own way, once it accepts the trail."""
        if request.inside:
            return {}
        arn = f"arn:aws:cloudtrail:{request.call.region}:{ACCOUNT}:trail/{trail['Name']}"
        self._require_bucket(request, trail, arn)
        if trail.get("CloudWatchLogsLogGroupArn") or trail.get("CloudWatchLogsRoleArn"):
            self._require_log_group(request, trail, arn)
        return {"KmsKeyId": self._require_key(request, trail, arn)} if trail.get("KmsKeyId") else {}

    def _require_bucket(self, request: Request, trail: Mapping[str, Any], arn: str) -> None:
        bucket, prefix = trail["S3BucketName"], trail.get("S3KeyPrefix") or ""
        try:
            text = request.ask("GetBucketPolicy", service="s3", Bucket=bucket)["Policy"]
        except AwsError as error:
            if error.code == "NoSuchBucket":
                raise AwsError("S3BucketDoesNotExistException", f"S3 bucket {bucket} does not exist!") from error
            text = '{"Statement": []}'
        policy = parsed(text, f"policy of bucket {bucket}")
        context = {
            "aws:SourceArn": arn,
            "aws:SourceAccount": ACCOUNT,
            "aws:SecureTransport": "true",
            "s3:x-amz-acl": "bucket-owner-full-control",
        }
        folder = f"{prefix}/AWSLogs/{ACCOUNT}/CloudTrail/".removeprefix("/")
        needed = {"s3:GetBucketAcl": f"arn:aws:s3:::{bucket}", "s3:PutObject": f"arn:aws:s3:::{bucket}/{folder}"}
        for action, resource in needed.items():
            if not allows(policy, action, resource=resource, service=_CLOUDTRAIL, context=context):
                message = f"Incorrect S3 bucket policy is detected for bucket: {bucket}"
                raise AwsError("InsufficientS3BucketPolicyException", message)

    def _require_key(self, request: Request, trail: Mapping[str, Any], arn: str) -> str:
        """Return the ARN of the key that encrypts the log files."""
        try:
            key = self._keys.find(request, trail["KmsKeyId"])
        except AwsError as error:
            raise AwsError("KmsKeyNotFoundException", f"KMS key {trail['KmsKeyId']} was not found") from error
        policy = request.ask("GetKeyPolicy", service="kms", KeyId=key["KeyId"], PolicyName="default")["Policy"]
        needed: dict[str, dict[str, str]] = {"kms:GenerateDataKey": {"aws:cloudtrail:arn": arn}, "kms:DescribeKey": {}}
        if _has_bucket_key(request, trail["S3BucketName"]):
            # Which encryption context CloudTrail gives is not documented: the strictest is none.
            # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
            needed["kms:Decrypt"] = {}
        for action, context in needed.items():
            if not may_use_key(_CLOUDTRAIL, action, key["Arn"], policy, context=context, source=arn):
                where = f"S3 bucket {trail['S3BucketName']} or KMS key {key['Arn']}"
                raise AwsError("InsufficientEncryptionPolicyException", f"Insufficient permissions to access {where}")
        return str(key["Arn"])

    def _require_log_group(self, request: Request, trail: Mapping[str, Any], arn: str) -> None:
        group, role_arn = trail.get("CloudWatchLogsLogGroupArn") or "", trail.get("CloudWatchLogsRoleArn") or ""
        role = self._directory.known(role_arn) if role_arn.startswith(f"arn:aws:iam::{ACCOUNT}:role/") else None
        if role is None or not may_assume(_CLOUDTRAIL, document_text(role["AssumeRolePolicyDocument"]), arn):
            message = "Access denied. Check the trust relationships for your role."
            raise AwsError("InvalidCloudWatchLogsRoleArnException", message)
        name = group.removeprefix(f"arn:aws:logs:{request.call.region}:{ACCOUNT}:log-group:").removesuffix(":*")
        found = request.ask("DescribeLogGroups", service="logs", logGroupNamePrefix=name)["logGroups"]
        if not any(one["arn"] == group for one in found):
            message = "CloudTrail cannot validate the specified log group ARN."
            raise AwsError("InvalidCloudWatchLogsLogGroupArnException", message)
        stream = f"{group.removesuffix(':*')}:log-stream:{ACCOUNT}_CloudTrail_{request.call.region}"
        policies = [parsed(text, title) for title, text in self._directory.policies_of(role["RoleName"])]
        for action in _WRITING:
            if not any(allows(one, action, resource=stream, context={}) for one in policies):
                message = "Access denied. Check the permissions for your role."
                raise AwsError("InvalidCloudWatchLogsLogGroupArnException", message)


def _has_bucket_key(request: Request, bucket: str) -> bool:
    """Return whether the default encryption of a bucket saves KMS calls by a key of the bucket's own."""
    try:
        found = request.ask("GetBucketEncryption", service="s3", Bucket=bucket)
    except AwsError:
        return False  # no setting: S3 encrypts with its own keys
    rules = found["ServerSideEncryptionConfiguration"]["Rules"]
    return any(rule.get("BucketKeyEnabled", False) for rule in rules)
