"""Calls fail on demand, in each protocol as AWS fails."""

from __future__ import annotations

import json

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.parsers import ResponseParserError

ONCE = Config(retries={"total_max_attempts": 1})
CALLER = "arn:aws:sts::123456789012:assumed-role/fluo-audit-reader/export"
# action, call: one for each protocol: JSON, query, JSON that once was query, REST with XML
CALLS = {
    "kms:GetKeyPolicy": lambda client, key: client("kms").get_key_policy(KeyId=key),
    "iam:GetRole": lambda client, _: client("iam").get_role(RoleName="fluo-backend"),
    "cloudwatch:DescribeAlarms": lambda client, _: client("cloudwatch").describe_alarms(),
    "s3:ListBuckets": lambda client, _: client("s3").list_buckets(),
}


@pytest.fixture
def call(account):
    def make(action):
        return CALLS[action](lambda name: account.session.client(name, config=ONCE), account.truth.key_id)

    return make


def refused(error):
    return error.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("action", "code", "resource"),
    [
        ("kms:GetKeyPolicy", "AccessDeniedException", "key"),
        ("iam:GetRole", "AccessDenied", "arn:aws:iam::123456789012:role/fluo-backend"),
        ("cloudwatch:DescribeAlarms", "AccessDenied", "*"),
        ("s3:ListBuckets", "AccessDenied", "*"),
    ],
)
def test_a_denied_call_names_the_caller_the_action_and_the_resource(account, call, action, code, resource):
    account.deny(action)
    with pytest.raises(ClientError) as error:
        call(action)
    assert refused(error) == code
    expected = account.truth.key_arn if resource == "key" else resource
    message = error.value.response["Error"]["Message"]
    assert message.startswith(f"User: {CALLER} is not authorized to perform: {action} on resource: {expected} ")


def test_only_the_denied_action_is_denied(account, call):
    account.deny("kms:GetKeyPolicy")
    assert account.session.client("kms").describe_key(KeyId=account.truth.key_id)
    assert call("iam:GetRole")


def test_a_whole_service_can_be_denied_with_another_code_and_message(account, call):
    account.deny("iam:*", "AccountProblem", "No.")
    with pytest.raises(ClientError) as error:
        call("iam:GetRole")
    assert error.value.response["Error"] == {"Type": "Sender", "Code": "AccountProblem", "Message": "No."}


def test_a_denied_call_is_recorded_with_its_error(account, call):
    account.deny("kms:GetKeyPolicy")
    with pytest.raises(ClientError):
        call("kms:GetKeyPolicy")
    account.clock.sleep(600)
    found = account.session.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetKeyPolicy"}]
    )["Events"]
    record = json.loads(found[0]["CloudTrailEvent"])
    assert record["errorCode"] == "AccessDenied"
    assert account.truth.key_arn in record["errorMessage"]


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("throttle", {"ThrottlingException", "Throttling", "SlowDown"}),
        ("5xx", {"KMSInternalException", "InternalFailure", "InternalError"}),
        ("expired", {"ExpiredTokenException", "ExpiredToken"}),
    ],
)
def test_errors_have_the_codes_of_the_protocol(account, call, action, fault, codes):
    account.fail(action, fault)
    with pytest.raises(ClientError) as error:
        call(action)
    assert refused(error) in codes
    assert (error.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500) == (
        fault == "5xx" or refused(error) == "SlowDown"
    )


@pytest.mark.parametrize("action", CALLS)
def test_a_timeout_is_a_lost_connection(account, call, action):
    account.fail(action, "timeout")
    with pytest.raises(ConnectTimeoutError):
        call(action)


@pytest.mark.parametrize("action", ["iam:GetRole", "s3:ListBuckets"])
def test_a_malformed_answer_in_xml_is_an_error(account, call, action):
    account.fail(action, "malformed")
    with pytest.raises((ResponseParserError, ClientError)):  # for S3, botocore makes it an error 500
        call(action)


@pytest.mark.parametrize("action", ["kms:GetKeyPolicy", "cloudwatch:DescribeAlarms"])
def test_a_malformed_answer_in_json_is_an_empty_success_to_boto3(account, call, action):
    """botocore swallows what is not JSON: callers must not take a missing member for an empty one."""
    account.fail(action, "malformed")
    assert set(call(action)) == {"ResponseMetadata"}


def test_a_fault_can_pass(account, call):
    account.fail("kms:GetKeyPolicy", "throttle", times=2)
    for _ in range(2):
        with pytest.raises(ClientError):
            call("kms:GetKeyPolicy")
    assert call("kms:GetKeyPolicy")["Policy"]


def test_an_unknown_fault_is_refused(account):
    with pytest.raises(ValueError, match="throttle, timeout, 5xx, expired, malformed"):
        account.fail("kms:*", "gremlins")


def test_the_connection_is_lost_after_so_many_writes(blank, aws):
    kms = aws("kms")
    kms.create_key()
    blank.stop_after_writes(2)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert kms.describe_key(KeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    for call in (
        lambda: kms.describe_key(KeyId=key),
        lambda: kms.create_alias(AliasName="alias/a", TargetKeyId=key),
        lambda: aws("s3").list_buckets(),
    ):
        with pytest.raises(ConnectTimeoutError):
            call()

    blank.repair()
    assert blank.writes == ("kms:CreateKey", "kms:CreateKey", "kms:TagResource")
    assert kms.list_aliases()["Aliases"] == []


def test_a_refused_write_was_answered_too(blank, aws, refused):
    blank.stop_after_writes(1)
    with refused("MalformedPolicyDocumentException"):
        aws("kms").create_key(Policy="{}")
    with pytest.raises(ConnectTimeoutError):
        aws("kms").list_keys()


def test_after_no_write_nothing_is_answered(blank, aws):
    blank.stop_after_writes(0)
    with pytest.raises(ConnectTimeoutError):
        aws("kms").list_keys()
    with pytest.raises(ValueError, match="0 or more"):
        blank.stop_after_writes(-1)


def test_an_answer_can_get_lost_after_the_call_was_carried_out(blank, aws):
    blank.lose_answer("kms:CreateKey")
    with pytest.raises(ReadTimeoutError):
        aws("kms").create_key(Description="lost")

    assert len(aws("kms").list_keys()["Keys"]) == 1
    assert aws("kms").create_key()
    assert blank.writes == ("kms:CreateKey", "kms:CreateKey")


def test_several_answers_of_many_operations_can_get_lost(blank, aws):
    blank.lose_answer("iam:*", times=2)
    for _ in range(2):
        with pytest.raises(ReadTimeoutError):
            aws("iam").list_roles()
    assert aws("iam").list_roles()["Roles"]

    blank.lose_answer("iam:*")
    blank.repair()
    assert aws("iam").list_roles()["Roles"]


def test_botocore_tries_again_after_a_lost_answer_and_makes_a_second_key(blank):
    """CreateKey is not idempotent: whoever sends it must not leave retries to botocore."""
    blank.lose_answer("kms:CreateKey")
    client = blank.session.client("kms", config=Config(retries={"total_max_attempts": 2}))
    client.create_key()
    assert len(client.list_keys()["Keys"]) == 2


def test_a_fault_can_be_that_of_one_region(account):
    account.deny("cloudtrail:ListPublicKeys", region="eu-*")
    account.fail("cloudtrail:DescribeTrails", "throttle", times=1, region="eu-west-1")
    here, there = (
        account.session_in(region).client("cloudtrail", config=ONCE) for region in ("us-east-1", "eu-west-1")
    )
    assert here.list_public_keys()["PublicKeyList"]
    assert here.describe_trails()["trailList"]
    for call, code in (
        (there.list_public_keys, "AccessDeniedException"),
        (there.describe_trails, "ThrottlingException"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert refused(error) == code
    assert there.describe_trails()["trailList"]


def test_a_fault_can_be_that_of_one_resource(account, call):
    account.deny("kms:*", resource=f"*:key/{account.truth.key_id}")
    with pytest.raises(ClientError):
        call("kms:GetKeyPolicy")
    assert account.session.client("kms").describe_key(KeyId="alias/fluo-staging")
