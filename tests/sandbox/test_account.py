"""The account as a whole: repeatable, closed to the network, and the story it tells."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError

from fluo_audit.sandbox.account import SAMPLE_NOW, SimulatedAccount
from fluo_audit.sandbox.shapes import problems

ROLE = {"RoleName": "fluo-backend"}
TRAIL = {"Name": "main-trail"}
BUCKET = "fluo-cloudtrail-123456789012"
FOLDER = "AWSLogs/123456789012/CloudTrail-Digest"
FIRST_DIGEST = f"{FOLDER}/us-east-1/2026/08/15/123456789012_CloudTrail-Digest_us-east-1_main-trail_us-east-1_20260815T101407Z.json.gz"


def read_calls(account):
    """Return a broad list of calls that read: service, operation, method, parameters."""
    key = {"KeyId": account.truth.key_id}
    month = {"TimePeriod": {"Start": "2026-10-01", "End": "2026-11-24"}, "Metrics": ["UnblendedCost", "UsageQuantity"]}
    policy = {"PolicyArn": "arn:aws:iam::123456789012:policy/fluo/fluo-kms-access-production"}
    metric = {
        "Namespace": "AWS/KMS", "MetricName": "SuccessfulRequest",
        "Dimensions": [{"Name": "KeyArn", "Value": account.truth.key_arn}, {"Name": "Operation", "Value": "Encrypt"}],
    }  # fmt: skip
    window = {"StartTime": account.truth.now - timedelta(days=7), "EndTime": account.truth.now}
    return [
        ("kms", "DescribeKey", "describe_key", key),
        ("kms", "GetKeyPolicy", "get_key_policy", key),
        ("kms", "ListKeyPolicies", "list_key_policies", key),
        ("kms", "GetKeyRotationStatus", "get_key_rotation_status", key),
        ("kms", "ListKeyRotations", "list_key_rotations", key | {"IncludeKeyMaterial": "ALL_KEY_MATERIAL"}),
        ("kms", "GetKeyLastUsage", "get_key_last_usage", key),
        ("kms", "ListGrants", "list_grants", key),
        ("kms", "ListResourceTags", "list_resource_tags", key),
        ("kms", "ListAliases", "list_aliases", {}),
        ("kms", "ListKeys", "list_keys", {"Limit": 1}),
        ("cloudtrail", "LookupEvents", "lookup_events", window),
        ("cloudtrail", "DescribeTrails", "describe_trails", {}),
        ("cloudtrail", "GetTrail", "get_trail", TRAIL),
        ("cloudtrail", "ListTrails", "list_trails", {}),
        ("cloudtrail", "GetTrailStatus", "get_trail_status", TRAIL),
        ("cloudtrail", "GetEventSelectors", "get_event_selectors", {"TrailName": "main-trail"}),
        ("cloudtrail", "GetInsightSelectors", "get_insight_selectors", {"TrailName": "main-trail"}),
        ("cloudtrail", "ListPublicKeys", "list_public_keys", {}),
        ("cloudwatch", "ListMetrics", "list_metrics", {}),
        ("cloudwatch", "DescribeAlarms", "describe_alarms", {}),
        ("cloudwatch", "GetMetricStatistics", "get_metric_statistics", metric | window | {"Period": 86400, "Statistics": ["Sum"]}),
        ("cloudwatch", "GetMetricData", "get_metric_data", window | {
            "MetricDataQueries": [{"Id": "a", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}]}),
        ("ce", "GetCostAndUsage", "get_cost_and_usage", month | {"Granularity": "DAILY"}),
        ("ce", "GetCostAndUsage", "get_cost_and_usage", month | {
            "Granularity": "MONTHLY", "GroupBy": [{"Type": "DIMENSION", "Key": "USAGE_TYPE"}]}),
        ("iam", "GetRole", "get_role", ROLE),
        ("iam", "ListRoles", "list_roles", {}),
        ("iam", "ListAttachedRolePolicies", "list_attached_role_policies", ROLE),
        ("iam", "ListRolePolicies", "list_role_policies", ROLE),
        ("iam", "GetPolicy", "get_policy", policy),
        ("iam", "ListPolicies", "list_policies", {"Scope": "Local"}),
        ("iam", "GetPolicyVersion", "get_policy_version", policy | {"VersionId": "v1"}),
        ("iam", "ListPolicyVersions", "list_policy_versions", policy),
        ("iam", "ListEntitiesForPolicy", "list_entities_for_policy", policy),
        ("iam", "GetInstanceProfile", "get_instance_profile", {"InstanceProfileName": "fluo-backend"}),
        ("iam", "ListInstanceProfilesForRole", "list_instance_profiles_for_role", ROLE),
        ("sts", "GetCallerIdentity", "get_caller_identity", {}),
        ("s3", "ListBuckets", "list_buckets", {}),
        ("s3", "ListObjectsV2", "list_objects_v2", {"Bucket": BUCKET, "Prefix": "AWSLogs/", "MaxKeys": 3}),
        ("s3", "ListObjects", "list_objects", {"Bucket": BUCKET, "Prefix": f"{FOLDER}/us-east-1/2026/08/15/"}),
        ("s3", "GetObject", "get_object", {"Bucket": BUCKET, "Key": FIRST_DIGEST}),
        ("s3", "HeadObject", "head_object", {"Bucket": BUCKET, "Key": FIRST_DIGEST}),
        ("athena", "ListWorkGroups", "list_work_groups", {}),
        ("athena", "GetWorkGroup", "get_work_group", {"WorkGroup": "fluo-audit"}),
        ("cloudtrail", "ListEventDataStores", "list_event_data_stores", {}),
    ]  # fmt: skip


def wire_answers(account):
    """Return status, headers and body of every read call, in order, as they come over the wire."""
    seen, send = [], account.gateway.answer

    def remember(request):
        answer = send(request)
        seen.append((request.url, answer.status, sorted(answer.headers.items()), answer.body))
        return answer

    account.gateway.answer = remember
    for service, _, method, parameters in read_calls(account):
        account.clock.sleep(1)
        getattr(account.session.client(service), method)(**parameters)
    return seen


def test_the_same_seed_and_clock_give_the_same_bytes():
    with SimulatedAccount() as first:
        expected = wire_answers(first)
    with SimulatedAccount() as second:
        assert wire_answers(second) == expected
    assert len(expected) == len(read_calls(second))


def test_another_seed_is_another_account():
    with SimulatedAccount(seed=1) as first, SimulatedAccount(seed=2) as second:
        assert first.truth.key_id != second.truth.key_id
        assert not set(first.truth.event_ids) & set(second.truth.event_ids)


def test_every_answer_keeps_to_the_shape_of_the_service_model(shared_account):
    shared_account.clock.sleep(1)
    found = {}
    for service, operation, method, parameters in read_calls(shared_account):
        answer = getattr(shared_account.session.client(service), method)(**parameters)
        if wrong := problems(service, operation, answer):
            found[operation] = wrong
    assert found == {}


def test_every_answer_carries_a_request_id_and_the_simulated_date(shared_account):
    ids = []
    for service, _, method, parameters in read_calls(shared_account):
        shared_account.clock.sleep(1)
        metadata = getattr(shared_account.session.client(service), method)(**parameters)["ResponseMetadata"]
        ids.append(metadata["HTTPHeaders"]["x-amzn-requestid"])
        sent = datetime.strptime(metadata["HTTPHeaders"]["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
        assert sent == shared_account.clock.now().replace(microsecond=0)
    assert len(set(ids)) == len(ids)


def test_another_clock_shifts_the_whole_story():
    later = datetime(2027, 3, 2, 15, 30, tzinfo=UTC)
    with SimulatedAccount(now=later) as account:
        truth = account.truth
        status = account.session.client("kms").get_key_rotation_status(KeyId=truth.key_id)
        last = account.session.client("kms").get_key_last_usage(KeyId=truth.key_id)["KeyLastUsage"]
    assert (later.date() - truth.created.date()).days == 397
    assert [(later.date() - one.date.date()).days for one in truth.rotations] == [307, 217, 119, 29]
    assert status["NextRotationDate"] == truth.next_rotation
    assert timedelta(0) < later - last["Timestamp"] < timedelta(hours=6)


class NoNetwork(socket.socket):
    """A socket that connects nowhere."""

    def connect(self, address):
        raise AssertionError(f"a request left the process for {address}")


@pytest.fixture
def no_network():
    """Give no socket to anybody, for the length of a test."""
    real, socket.socket = socket.socket, NoNetwork
    yield
    socket.socket = real


@pytest.mark.parametrize(
    ("service", "method", "parameters"),
    [
        ("kms", "list_keys", {}),
        ("kms", "derive_shared_secret", {"KeyId": "k", "KeyAgreementAlgorithm": "ECDH", "PublicKey": b"1"}),
        ("health", "describe_events", {}),
        ("pricing", "get_products", {"ServiceCode": "awskms"}),
        ("ce", "get_cost_forecast", {
            "TimePeriod": {"Start": "2026-12-01", "End": "2026-12-02"}, "Metric": "UNBLENDED_COST", "Granularity": "DAILY"}),
        ("iam", "simulate_principal_policy", {"PolicySourceArn": "arn:aws:iam::123456789012:role/r", "ActionNames": ["kms:Encrypt"]}),
    ],
)  # fmt: skip
def test_no_request_leaves_the_process(account, no_network, service, method, parameters):
    call = getattr(account.session.client(service), method)
    if method == "list_keys":
        assert call(**parameters)["Keys"]
    else:
        with pytest.raises(ClientError) as error:
            call(**parameters)
        assert error.value.response["Error"]["Code"] == "NotSimulated"


def test_the_users_own_configuration_does_not_reach_the_session(account):
    variables = {"AWS_ENDPOINT_URL": "https://example.com", "AWS_PROFILE": "production", "AWS_REGION": "eu-west-1"}
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        client = account.session_in("us-east-1").client("kms")
        assert client.meta.endpoint_url == "https://kms.us-east-1.amazonaws.com"
        assert client.describe_key(KeyId="alias/fluo-production")
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_the_truth_is_there_once_the_account_is_entered():
    with pytest.raises(RuntimeError, match="enter"):
        _ = SimulatedAccount().truth


def test_the_sample_clock_is_the_one_the_documentation_shows(shared_account):
    assert shared_account.truth.now == SAMPLE_NOW == datetime(2026, 11, 23, 6, tzinfo=UTC)


def test_an_empty_account_has_roles_and_nothing_else(blank, aws):
    assert {role["RoleName"] for role in aws("iam").list_roles()["Roles"]} == {
        "fluo-backend", "platform-admin", "fluo-audit-reader", "developer",
    }  # fmt: skip
    for service, method, member in (
        ("kms", "list_keys", "Keys"),
        ("kms", "list_aliases", "Aliases"),
        ("iam", "list_instance_profiles", "InstanceProfiles"),
        ("cloudwatch", "describe_alarms", "MetricAlarms"),
        ("cloudtrail", "describe_trails", "trailList"),
        ("logs", "describe_log_groups", "logGroups"),
        ("s3", "list_buckets", "Buckets"),
        ("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList"),
    ):
        assert getattr(aws(service), method)()[member] == [], method
    assert aws("iam").list_policies(Scope="Local")["Policies"] == []
    days = aws("ce").get_cost_and_usage(
        TimePeriod={"Start": "2026-11-01", "End": "2026-11-03"}, Granularity="DAILY", Metrics=["UnblendedCost"]
    )["ResultsByTime"]
    assert [float(day["Total"]["UnblendedCost"]["Amount"]) for day in days] == [0, 0]


def test_an_empty_account_is_used_by_its_administrator(blank):
    identity = blank.session.client("sts").get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/platform-admin/provision"
    assert blank.clock.now() == SAMPLE_NOW
    assert blank.writes == ()
    with pytest.raises(RuntimeError, match="no production key"):
        _ = blank.truth


def test_calls_are_counted_and_writes_apart(blank, aws, refused):
    kms = aws("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    with refused("NotFoundException"):
        kms.enable_key_rotation(KeyId="none")
    aws("s3").create_bucket(Bucket="fluo-one")
    aws("s3").get_bucket_versioning(Bucket="fluo-one")
    aws("logs").describe_log_groups()

    assert blank.calls == (
        "kms:CreateKey", "kms:GenerateDataKey", "kms:EnableKeyRotation", "s3:CreateBucket", "s3:GetBucketVersioning",
        "logs:DescribeLogGroups",
    )  # fmt: skip
    assert blank.writes == ("kms:CreateKey", "kms:EnableKeyRotation", "s3:CreateBucket")


def test_calls_that_never_arrived_do_not_count(account):
    account.fail("kms:ListKeys", "timeout", times=1)
    kms = account.session.client("kms", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ConnectTimeoutError):
        kms.list_keys()
    kms.list_keys()
    assert account.calls == ("kms:ListKeys",)


def test_two_empty_accounts_of_one_seed_are_alike(aws):
    with SimulatedAccount(empty=True) as other:
        theirs = other.session.client("kms").create_key(MultiRegion=True)["KeyMetadata"]
    ours = aws("kms").create_key(MultiRegion=True)["KeyMetadata"]
    assert ours == theirs
