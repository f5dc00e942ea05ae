"""The account over HTTP, for real AWS clients."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from fluo_audit.sandbox.account import SAMPLE_NOW, SimulatedAccount
from fluo_audit.sandbox.clock import RunningClock
from fluo_audit.sandbox.server import SandboxServer, account_that_runs

BUCKET = "fluo-cloudtrail-123456789012"
ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)


@contextmanager
def serving(account):
    with SandboxServer(0, account.gateway) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server(account):
    with serving(account) as server:
        yield server


@contextmanager
def clients_of(server):
    clients = []

    def make(service, access_key="any", region="us-east-1"):
        made = boto3.client(
            service,
            region,
            endpoint_url=server.endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key="any",
            config=ONCE,
        )
        clients.append(made)
        return made

    yield make
    for made in clients:
        made.close()


@pytest.fixture
def client(server):
    with clients_of(server) as client:
        yield client


@pytest.fixture
def served(blank):
    """Give a function that makes clients of an empty account over HTTP."""
    with serving(blank) as server, clients_of(server) as client:
        yield client


def test_the_server_binds_the_loopback_address_only(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"
    elsewhere = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in elsewhere:
        with socket.socket() as probe:
            probe.settimeout(1)
            assert probe.connect_ex((address, server.server_port)) != 0


def test_a_real_client_reads_over_each_protocol(account, client):
    assert client("kms").describe_key(KeyId="alias/fluo-production")["KeyMetadata"]["Arn"] == account.truth.key_arn
    assert client("iam").get_role(RoleName="fluo-backend")["Role"]["RoleName"] == "fluo-backend"
    assert client("sts").get_caller_identity()["Arn"].endswith("fluo-audit-reader/export")
    assert len(client("cloudwatch").describe_alarms()["MetricAlarms"]) == 2
    assert client("s3").list_buckets()["Buckets"][0]["Name"] == "fluo-cloudtrail-123456789012"
    month = {"Start": "2026-10-01", "End": "2026-11-01"}
    assert client("ce").get_cost_and_usage(TimePeriod=month, Granularity="MONTHLY", Metrics=["UnblendedCost"])[
        "ResultsByTime"
    ]


def test_answers_over_http_are_those_in_process(account, client):
    parameters = {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": account.truth.key_arn}]}
    over_http = client("cloudtrail").lookup_events(**parameters)
    in_process = account.session.client("cloudtrail").lookup_events(**parameters)
    assert over_http["Events"] == in_process["Events"]
    assert over_http["NextToken"] == in_process["NextToken"]


def test_objects_can_be_written_and_read(client):
    s3 = client("s3")
    s3.put_object(Bucket="fluo-cloudtrail-123456789012", Key="a folder/an object", Body=b"content")
    assert s3.get_object(Bucket="fluo-cloudtrail-123456789012", Key="a folder/an object")["Body"].read() == b"content"
    assert s3.head_object(Bucket="fluo-cloudtrail-123456789012", Key="a folder/an object")["ContentLength"] == 7


def test_errors_and_unknown_operations_are_answers(account, client):
    account.deny("kms:GetKeyPolicy")
    for call, code in (
        (lambda: client("kms").get_key_policy(KeyId="k"), "AccessDeniedException"),
        (lambda: client("health").describe_events(), "NotSimulated"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == code


def test_a_timeout_fault_closes_the_connection(account, client):
    account.fail("kms:ListKeys", "timeout")
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        client("kms").list_keys()


def test_a_request_without_signature_is_refused(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request("GET", "/")
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert (answer.status, body["__type"]) == (403, "MissingAuthenticationToken")


def test_time_runs_in_a_served_account():
    with SimulatedAccount(clock=RunningClock(SAMPLE_NOW)) as account, serving(account):
        first = account.clock.now()
        assert account.clock.now() > first >= SAMPLE_NOW


def test_a_served_trail_delivered_minutes_ago_by_the_clock_of_its_client_too():
    with account_that_runs() as account, serving(account) as server, clients_of(server) as client:
        status = client("cloudtrail").get_trail_status(Name="main-trail")
    age = datetime.now(UTC) - status["LatestDeliveryTime"]
    assert timedelta(0) < age < timedelta(minutes=10)


ACCOUNT = "123456789012"
ROOT = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
CLOUDTRAIL = {"Service": "cloudtrail.amazonaws.com"}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def test_a_key_and_its_role_are_provisioned_over_http(blank, served, trust):
    kms, iam, replica = served("kms"), served("iam"), served("kms", region="eu-west-1")
    role = iam.create_role(RoleName="fluo-backend-test", Path="/fluo/", AssumeRolePolicyDocument=trust)["Role"]
    iam.create_instance_profile(InstanceProfileName="fluo-backend-test", Path="/fluo/")
    iam.add_role_to_instance_profile(InstanceProfileName="fluo-backend-test", RoleName="fluo-backend-test")
    blank.clock.sleep(10)
    use = {"Principal": {"AWS": role["Arn"]}, "Action": "kms:GenerateDataKey", "Resource": "*"}
    key = kms.create_key(MultiRegion=True, Policy=document(ROOT, use))["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    kms.create_alias(AliasName="alias/fluo-test", TargetKeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "Environment", "TagValue": "test"}])
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1", Policy=document(ROOT))
    policy = iam.create_policy(PolicyName="access", PolicyDocument=document({"Action": "kms:Decrypt", "Resource": "*"}))
    iam.attach_role_policy(RoleName="fluo-backend-test", PolicyArn=policy["Policy"]["Arn"])

    assert kms.describe_key(KeyId="alias/fluo-test")["KeyMetadata"]["MultiRegionConfiguration"]["ReplicaKeys"] == [
        {"Arn": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{key}", "Region": "eu-west-1"}
    ]
    assert replica.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 90
    assert replica.get_key_policy(KeyId=key)["Policy"] == document(ROOT)
    blank.clock.sleep(30)
    tagged = served("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "Environment", "Values": ["test"]}])
    assert [one["ResourceARN"][-36:] for one in tagged["ResourceTagMappingList"]] == [key]
    profile = iam.get_instance_profile(InstanceProfileName="fluo-backend-test")["InstanceProfile"]
    assert [one["Arn"] for one in profile["Roles"]] == [role["Arn"]]
    attached = iam.list_attached_role_policies(RoleName="fluo-backend-test")["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["access"]


def test_a_trail_and_its_alarm_are_provisioned_over_http(blank, served, trust):
    iam, s3, logs, cloudtrail = (served(service) for service in ("iam", "s3", "logs", "cloudtrail"))
    deliver = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    iam.create_role(RoleName="deliver", AssumeRolePolicyDocument=trust.replace("ec2.", "cloudtrail."))
    iam.put_role_policy(RoleName="deliver", PolicyName="deliver", PolicyDocument=document(deliver))
    encrypt = {"Principal": CLOUDTRAIL, "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"], "Resource": "*"}
    log = {"Principal": {"Service": "logs.us-east-1.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}
    key = served("kms").create_key(Policy=document(ROOT, encrypt, log))["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="fluo-trail")
    s3.put_bucket_versioning(Bucket="fluo-trail", VersioningConfiguration={"Status": "Enabled"})
    check = {"Principal": CLOUDTRAIL, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::fluo-trail"}
    write = {"Principal": CLOUDTRAIL, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::fluo-trail/*"}
    s3.put_bucket_policy(Bucket="fluo-trail", Policy=document(check, write))
    logs.create_log_group(logGroupName="/fluo/test", kmsKeyId=key)
    logs.put_retention_policy(logGroupName="/fluo/test", retentionInDays=400)
    metric = [{"metricName": "m", "metricNamespace": "FLUO/KMS", "metricValue": "1"}]
    logs.put_metric_filter(logGroupName="/fluo/test", filterName="f", filterPattern="x", metricTransformations=metric)
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/fluo/test")["logGroups"]
    blank.clock.sleep(10)
    cloudtrail.create_trail(
        Name="fluo-audit-test", S3BucketName="fluo-trail", KmsKeyId=key, IsMultiRegionTrail=True,
        CloudWatchLogsLogGroupArn=group["arn"], CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/deliver",
    )  # fmt: skip
    cloudtrail.start_logging(Name="fluo-audit-test")
    served("cloudwatch").put_metric_alarm(
        AlarmName="a", Namespace="FLUO/KMS", MetricName="m", Statistic="Sum", Period=300, EvaluationPeriods=2,
        Threshold=10.0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip

    assert s3.get_bucket_policy(Bucket="fluo-trail")["Policy"] == document(check, write)
    assert s3.get_bucket_versioning(Bucket="fluo-trail")["Status"] == "Enabled"
    assert (
        s3.get_public_access_block(Bucket="fluo-trail")["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] is True
    )
    (found,) = logs.describe_metric_filters(logGroupName="/fluo/test")["metricFilters"]
    assert (found["filterName"], group["kmsKeyId"], group["retentionInDays"]) == ("f", key, 400)
    (trail,) = cloudtrail.describe_trails()["trailList"]
    assert cloudtrail.get_trail_status(Name=trail["TrailARN"])["IsLogging"] is True
    (alarm,) = served("cloudwatch").describe_alarms(AlarmNames=["a"])["MetricAlarms"]
    assert alarm["StateValue"] == "INSUFFICIENT_DATA"


def test_over_http_the_access_key_says_who_calls(blank, served):
    developer = blank.session_as("developer").get_credentials().access_key
    assert served("sts").get_caller_identity()["Arn"].endswith("assumed-role/platform-admin/provision")
    assert "/developer/" in served("sts", developer).get_caller_identity()["Arn"]

    key = served("kms").create_key()["KeyMetadata"]["KeyId"]
    assert served("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(ClientError, match="/developer/simulated is not authorized to perform: kms:Encrypt"):
        served("kms", developer).encrypt(KeyId=key, Plaintext=b"x")


def test_over_http_a_lost_answer_and_a_lost_connection_are_closed_connections(blank, served):
    blank.lose_answer("kms:CreateKey")
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        served("kms").create_key()
    assert len(served("kms").list_keys()["Keys"]) == 1

    blank.stop_after_writes(0)
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        served("kms").list_keys()
    assert blank.writes == ("kms:CreateKey",)


TRAIL = "arn:aws:cloudtrail:us-east-1:123456789012:trail/main-trail"


@pytest.fixture
def aws_cli(server, tmp_path):
    """Give a function that runs the AWS CLI against a served account: (status, lines)."""
    program = shutil.which("aws")
    if program is None:
        pytest.skip("the AWS CLI is not installed")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def run(*arguments):
        command = [program, "--endpoint-url", server.endpoint, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, (done.stdout + done.stderr).splitlines()

    return run


def test_the_aws_cli_lists_the_bucket(aws_cli):
    status, lines = aws_cli("s3", "ls", "s3://fluo-cloudtrail-123456789012/AWSLogs/123456789012/CloudTrail-Digest/")
    assert (status, [line.split() for line in lines]) == (
        0, [["PRE", "eu-west-1/"], ["PRE", "us-east-1/"], ["PRE", "us-west-2/"]],
    )  # fmt: skip


def validate(aws_cli, *more):
    period = "--start-time", "2026-09-23T12:00:00Z", "--end-time", "2026-09-24T12:00:00Z"
    return aws_cli("cloudtrail", "validate-logs", "--trail-arn", TRAIL, *period, "--verbose", *more)


def test_the_aws_cli_finds_every_digest_and_log_file_valid_over_a_change_of_keys(aws_cli):
    status, lines = validate(aws_cli)
    assert (status, lines[-2]) == (0, "25/25 digest files valid")
    assert re.fullmatch(r"(\d\d)/\1 log files valid", lines[-1])
    assert all(line.endswith("valid") for line in lines if line.startswith(("Digest file", "Log file")))

    assert validate(aws_cli, "--region", "eu-west-1")[1][-1] == "25/25 digest files valid"


def test_the_aws_cli_finds_what_was_tampered_with(account, aws_cli):
    folder = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/09/23/"
    s3 = account.session.client("s3")
    afternoon = [
        one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=folder)["Contents"] if "T15" in one["Key"]
    ]
    s3.put_object(Bucket=BUCKET, Key=afternoon[0], Body=gzip.compress(b'{"Records":[]}'))
    s3.delete_object(Bucket=BUCKET, Key=afternoon[1])

    status, lines = validate(aws_cli)
    assert status == 1
    assert any(afternoon[0] in line and "INVALID: hash value doesn't match" in line for line in lines)
    assert any(afternoon[1] in line and "INVALID: not found" in line for line in lines)
