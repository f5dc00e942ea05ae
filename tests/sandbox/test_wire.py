"""Requests and answers in the protocols of AWS."""

from __future__ import annotations

import pytest

from fluo_audit.sandbox.wire import (
    AwsError,
    Call,
    HttpRequest,
    aws_url,
    protocol_of,
    read_answer,
    read_call,
    write_answer,
    write_error,
    write_request,
)

CALLS = [
    Call("kms", "DescribeKey", "us-east-1", "AKIA", {"KeyId": "k"}),
    Call("iam", "GetRole", "us-east-1", "AKIA", {"RoleName": "r"}),
    Call("cloudwatch", "DescribeAlarms", "eu-west-1", "AKIA", {"AlarmNames": ["a", "b"]}),
    Call(
        "s3", "ListObjectsV2", "us-east-1", "AKIA", {"Bucket": "b", "Prefix": "a b/+", "MaxKeys": 7, "FetchOwner": True}
    ),
    Call("s3", "GetObject", "us-east-1", "AKIA", {"Bucket": "b", "Key": "a b/ü+1"}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.action)
def test_a_call_survives_being_written_and_read(call):
    assert read_call(write_request(call)) == call


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.action)
def test_an_error_survives_being_written_and_read(call):
    written = write_error(protocol_of(call.service), AwsError("SomeCode", "a <message> & more", 418), "id")
    with pytest.raises(AwsError) as error:
        read_answer(call, written)
    assert (error.value.code, error.value.message, error.value.status) == ("SomeCode", "a <message> & more", 418)


def test_an_answer_survives_being_written_and_read():
    result = {"KeyRotationEnabled": True, "RotationPeriodInDays": 90}
    call = Call("kms", "GetKeyRotationStatus", "us-east-1", "AKIA")
    assert read_answer(call, write_answer(call, result, "id")) == result


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "MissingAuthenticationToken"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=AKIA/2026"}, "MissingAuthenticationToken"),
        (
            {
                "authorization": "AWS4-HMAC-SHA256 Credential=A/d/us-east-1/kms/aws4_request",
                "x-amz-target": "TrentService.Nothing",
            },
            "UnknownOperationException",
        ),
    ],
)
def test_a_request_that_asks_for_nothing_known_is_refused(headers, code):
    with pytest.raises(AwsError) as error:
        read_call(HttpRequest("POST", "https://kms.us-east-1.amazonaws.com/", headers, b"{}"))
    assert error.value.code == code


def test_the_url_at_aws_follows_from_the_signature():
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=A/20261123/eu-west-1/monitoring/aws4_request, Signature=0"}
    assert aws_url(headers, "/x") == "https://monitoring.eu-west-1.amazonaws.com/x"


def test_a_number_in_a_url_that_is_none_is_refused():
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/s3/aws4_request, Signature=0"}
    with pytest.raises(AwsError) as error:
        read_call(HttpRequest("GET", "https://b.s3.amazonaws.com/?list-type=2&max-keys=many", headers, b""))
    assert error.value.code == "InvalidArgument"
