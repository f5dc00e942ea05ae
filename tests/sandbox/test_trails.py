"""CloudTrail refuses a trail that it could not deliver for: bucket, key, log group and role must let it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

ACCOUNT = "123456789012"
TRAIL, BUCKET, GROUP = "fluo-audit-test", "fluo-cloudtrail-test", "/fluo/cloudtrail-test"
ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{TRAIL}"
GROUP_ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}:*"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fluo/fluo-cloudtrail-test"
SERVICE = {"Service": "cloudtrail.amazonaws.com"}
SOURCE = {"aws:SourceArn": ARN}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal, action, resource="*", **conditions):
    given = {"Condition": {"StringEquals": conditions}} if conditions else {}
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource} | given


ROOT = allow({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "kms:*")
ENCRYPT = allow(SERVICE, "kms:GenerateDataKey*", **SOURCE, **{"kms:EncryptionContext:aws:cloudtrail:arn": ARN})
DESCRIBE = allow(SERVICE, "kms:DescribeKey", **SOURCE)
CHECK = allow(SERVICE, "s3:GetBucketAcl", f"arn:aws:s3:::{BUCKET}", **SOURCE)
WRITE = allow(
    SERVICE, "s3:PutObject", f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/*",
    **SOURCE, **{"s3:x-amz-acl": "bucket-owner-full-control"},
)  # fmt: skip
TLS = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*",
       "Condition": {"Bool": {"aws:SecureTransport": "false"}}}  # fmt: skip
TRUST = {"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}
DELIVER = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
           "Resource": f"{GROUP_ARN.removesuffix('*')}log-stream:*"}  # fmt: skip


@pytest.fixture
def place(blank, aws):
    """Give a function that changes one of the policies around the trail; all of them fit to begin with."""
    aws("s3").create_bucket(Bucket=BUCKET)
    aws("logs").create_log_group(logGroupName=GROUP)
    iam, name = aws("iam"), ROLE.rpartition("/")[2]
    iam.create_role(RoleName=name, Path="/fluo/", AssumeRolePolicyDocument=document(TRUST))
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    aws("kms").create_alias(AliasName="alias/fluo-cloudtrail-test", TargetKeyId=key)
    change = {
        "bucket": lambda *statements: aws("s3").put_bucket_policy(Bucket=BUCKET, Policy=document(*statements)),
        "key": lambda *statements: aws("kms").put_key_policy(KeyId=key, Policy=document(*statements)),
        "trust": lambda *statements: iam.update_assume_role_policy(RoleName=name, PolicyDocument=document(*statements)),
        "role": lambda *statements: iam.put_role_policy(
            RoleName=name, PolicyName="deliver", PolicyDocument=document(*statements)
        ),
    }
    change["bucket"](CHECK, WRITE, TLS)
    change["key"](ROOT, ENCRYPT, DESCRIBE)
    change["role"](DELIVER)
    blank.clock.sleep(10)
    return lambda what, *statements: change[what](*statements)


@pytest.fixture
def create(aws):
    """Give a function that creates the trail."""

    def make(**changed):
        parameters = {
            "Name": TRAIL, "S3BucketName": BUCKET, "KmsKeyId": "alias/fluo-cloudtrail-test", "IsMultiRegionTrail": True,
            "IncludeGlobalServiceEvents": True, "EnableLogFileValidation": True,
            "CloudWatchLogsLogGroupArn": GROUP_ARN, "CloudWatchLogsRoleArn": ROLE,
        }  # fmt: skip
        return aws("cloudtrail").create_trail(**(parameters | changed))

    return make


def test_a_trail_that_can_deliver_is_created_and_logs_once_started(blank, aws, place, create):
    cloudtrail = aws("cloudtrail")
    created = create(TagsList=[{"Key": "Environment", "Value": "test"}])
    (trail,) = cloudtrail.describe_trails(trailNameList=[TRAIL], includeShadowTrails=False)["trailList"]

    assert created["TrailARN"] == trail["TrailARN"] == ARN
    assert trail["KmsKeyId"] == aws("kms").describe_key(KeyId="alias/fluo-cloudtrail-test")["KeyMetadata"]["Arn"]
    assert (trail["CloudWatchLogsLogGroupArn"], trail["CloudWatchLogsRoleArn"]) == (GROUP_ARN, ROLE)
    assert all(trail[name] for name in ("IsMultiRegionTrail", "LogFileValidationEnabled", "IncludeGlobalServiceEvents"))
    assert cloudtrail.get_trail_status(Name=TRAIL)["IsLogging"] is False
    cloudtrail.start_logging(Name=TRAIL)
    status = cloudtrail.get_trail_status(Name=ARN)
    assert (status["IsLogging"], status["StartLoggingTime"]) == (True, blank.clock.now())
    (selector,) = cloudtrail.get_event_selectors(TrailName=TRAIL)["EventSelectors"]
    assert (selector["ReadWriteType"], selector["IncludeManagementEvents"]) == ("All", True)
    elsewhere = aws("cloudtrail", region="eu-west-1")
    assert elsewhere.get_trail_status(Name=ARN)["IsLogging"] is True
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("bucket", CHECK), "InsufficientS3BucketPolicyException"),
        (("bucket", WRITE), "InsufficientS3BucketPolicyException"),
        (("bucket", CHECK, WRITE | {"Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/999999999999/*"}), "InsufficientS3BucketPolicyException"),
        (("bucket", CHECK, WRITE | {"Condition": {"StringEquals": {"aws:SourceArn": f"{ARN}-2"}}}), "InsufficientS3BucketPolicyException"),
        (("bucket", CHECK, WRITE, TLS | {"Condition": {}}), "InsufficientS3BucketPolicyException"),
        (("key", ROOT), "InsufficientEncryptionPolicyException"),
        (("key", ROOT, DESCRIBE), "InsufficientEncryptionPolicyException"),
        (("key", ROOT, ENCRYPT), "InsufficientEncryptionPolicyException"),
        (("trust", TRUST | {"Principal": {"Service": "ec2.amazonaws.com"}}), "InvalidCloudWatchLogsRoleArnException"),
        (("trust", TRUST | {"Condition": {"StringEquals": {"aws:SourceArn": f"{ARN}-2"}}}), "InvalidCloudWatchLogsRoleArnException"),
        (("role", DELIVER | {"Action": "logs:PutLogEvents"}), "InvalidCloudWatchLogsLogGroupArnException"),
        (("role", DELIVER | {"Resource": DELIVER["Resource"].replace(GROUP, "/other")}), "InvalidCloudWatchLogsLogGroupArnException"),
    ],
)  # fmt: skip
def test_a_policy_that_does_not_let_it_deliver_is_refused(place, create, refused, change, code):
    place(*change)
    with refused(code):
        create()


def test_a_trail_delivers_only_after_it_was_started(blank, aws, place, create):
    create()
    aws("cloudtrail").start_logging(Name=TRAIL)
    started = blank.clock.now()

    def delivered():
        status = aws("cloudtrail").get_trail_status(Name=TRAIL)
        return {name: at - started for name, at in status.items() if name.endswith("DeliveryTime")}

    assert delivered() == {}
    blank.clock.sleep(600)
    logs = delivered()
    assert set(logs) == {"LatestDeliveryTime", "LatestCloudWatchLogsDeliveryTime"}
    assert all(timedelta(0) <= after < timedelta(minutes=10) for after in logs.values())
    blank.clock.sleep(3600)
    assert timedelta(0) <= delivered()["LatestDigestDeliveryTime"] < timedelta(minutes=70)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"S3BucketName": "fluo-none"}, "S3BucketDoesNotExistException"),
        ({"KmsKeyId": "alias/none"}, "KmsKeyNotFoundException"),
        ({"CloudWatchLogsLogGroupArn": GROUP_ARN.replace(GROUP, "/none")}, "InvalidCloudWatchLogsLogGroupArnException"),
        ({"CloudWatchLogsLogGroupArn": GROUP_ARN.removesuffix(":*")}, "InvalidCloudWatchLogsLogGroupArnException"),
        ({"CloudWatchLogsRoleArn": f"{ROLE}-none"}, "InvalidCloudWatchLogsRoleArnException"),
    ],
)
def test_what_does_not_exist_is_refused(place, create, refused, changed, code):
    with refused(code):
        create(**changed)


def test_a_new_role_is_not_trusted_at_once(blank, aws, place, create, refused):
    aws("iam").create_role(RoleName="new", AssumeRolePolicyDocument=document(TRUST))
    aws("iam").put_role_policy(RoleName="new", PolicyName="deliver", PolicyDocument=document(DELIVER))
    arn = f"arn:aws:iam::{ACCOUNT}:role/new"
    with refused("InvalidCloudWatchLogsRoleArnException", "Check the trust relationships for your role"):
        create(CloudWatchLogsRoleArn=arn)
    blank.clock.sleep(10)
    assert create(CloudWatchLogsRoleArn=arn)


def test_a_trail_is_changed_in_part_and_judged_as_a_whole(aws, place, create, refused):
    create(EnableLogFileValidation=False)
    cloudtrail = aws("cloudtrail")
    changed = cloudtrail.update_trail(Name=ARN, EnableLogFileValidation=True)
    assert (changed["LogFileValidationEnabled"], changed["CloudWatchLogsRoleArn"]) == (True, ROLE)
    assert cloudtrail.get_trail(Name=TRAIL)["Trail"]["KmsKeyId"].startswith("arn:aws:kms:")

    place("bucket", CHECK)
    with refused("InsufficientS3BucketPolicyException"):
        cloudtrail.update_trail(Name=TRAIL, IsMultiRegionTrail=False)
    with refused("TrailAlreadyExistsException"):
        create()
    with refused("TrailNotFoundException"):
        cloudtrail.update_trail(Name="fluo-none", IsMultiRegionTrail=False)


@pytest.mark.parametrize("bucket_key", [True, False])
def test_with_a_bucket_key_the_trail_needs_to_decrypt(aws, place, create, refused, bucket_key):
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/fluo-cloudtrail-test"}
    rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bucket_key}]
    aws("s3").put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})
    if not bucket_key:
        assert create()
        return
    with refused("InsufficientEncryptionPolicyException"):
        create()

    place("key", ROOT, ENCRYPT, DESCRIBE, allow(SERVICE, "kms:Decrypt", **SOURCE))
    assert create()
    place("key", ROOT, ENCRYPT, DESCRIBE)
    with refused("InsufficientEncryptionPolicyException"):
        aws("cloudtrail").update_trail(Name=TRAIL, IsMultiRegionTrail=False)


def test_a_trail_needs_neither_key_nor_log_group(aws, place):
    aws("cloudtrail").create_trail(Name=TRAIL, S3BucketName=BUCKET)
    assert "KmsKeyId" not in aws("cloudtrail").get_trail(Name=TRAIL)["Trail"]
