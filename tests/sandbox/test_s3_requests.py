"""What a request to S3 asks for, read from its URL."""

from __future__ import annotations

import pytest
from moto.core.request import Request
from moto.core.routing import get_service_router

from fluo_audit.sandbox.s3_requests import common_operation, parameters_of, place_of
from fluo_audit.sandbox.wire import operation_model


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://a.bucket.s3.amazonaws.com/?policy", ("a.bucket", "")),
        ("https://a.bucket.s3.eu-west-1.amazonaws.com/key", ("a.bucket", "key")),
        ("https://s3.eu-west-1.amazonaws.com/a.bucket?policy", ("a.bucket", "")),
        ("https://s3.amazonaws.com/a%2Ebucket/a%20folder/a+key", ("a.bucket", "a folder/a+key")),
        ("https://a.bucket.s3.amazonaws.com/folder/", ("a.bucket", "folder/")),
        ("https://s3.amazonaws.com/", ("", "")),
    ],
)
def test_bucket_and_key_are_named_in_host_or_path(url, place):
    assert place_of(url) == place


@pytest.mark.parametrize("base", ["https://a-bucket.s3.amazonaws.com", "https://s3.us-east-1.amazonaws.com/a-bucket"])
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
@pytest.mark.parametrize(
    "rest",
    [
        "/a/key",
        "/a/key?x-id=GetObject",
        "/a/key?acl",
        "/a/key?tagging",
        "/a/key?uploadId=1",
        "/?list-type=2&prefix=a",
        "/?prefix=a",
        "/?policy",
        "/?versions",
    ],
)
def test_the_short_cut_finds_the_operation_that_the_router_finds(base, method, rest):
    url = base + rest
    operation = common_operation(method, url)
    if operation is not None:
        routed, _ = get_service_router("s3").match(Request.from_primitives(method, url, {}, b""))
        assert operation == routed.name
    assert (operation is not None) == (
        method == "GET" and rest in {"/a/key", "/a/key?x-id=GetObject", "/?list-type=2&prefix=a"}
    )


def test_the_parameters_of_the_query_have_their_types():
    url = "https://b.s3.amazonaws.com/?list-type=2&max-keys=7&fetch-owner=true&prefix=a%2Fb%20c&start-after="
    assert parameters_of(operation_model("s3", "ListObjectsV2"), url) == {
        "Bucket": "b", "MaxKeys": 7, "FetchOwner": True, "Prefix": "a/b c", "StartAfter": "",
    }  # fmt: skip
    assert parameters_of(operation_model("s3", "ListBuckets"), "https://s3.amazonaws.com/") == {}
