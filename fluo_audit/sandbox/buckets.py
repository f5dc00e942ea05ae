"""S3: what every new bucket has nowadays and moto's have not, and bucket policies that S3 refuses.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox import wire
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.wire import HttpAnswer

_CLOSED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
_AES256 = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
_OWNED = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
_FOUND = 300  # HTTP statuses below this


class Buckets:
    """Buckets as moto keeps them."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        encrypted = {"ServerSideEncryptionConfiguration": {"Rules": [_AES256]}}
        return {
            "CreateBucket": self.create_bucket,
            "PutBucketPolicy": self.put_bucket_policy,
            "GetBucketEncryption": _or_else("ServerSideEncryptionConfigurationNotFoundError", encrypted),
            "GetBucketOwnershipControls": _or_else("OwnershipControlsNotFoundError", _OWNED),
        }

    def create_bucket(self, request: Request) -> HttpAnswer:
        """Create a bucket that is closed to the public, as all are since April 2023."""
        bucket = request.parameters["Bucket"]
        is_new = not _exists(request, bucket)
        answer = request.forward()
        if is_new and answer.status < _FOUND:
            request.ask("PutPublicAccessBlock", Bucket=bucket, PublicAccessBlockConfiguration=_CLOSED)
        return answer

    def put_bucket_policy(self, request: Request) -> HttpAnswer:
        """Set a bucket policy that is JSON and speaks of this bucket only."""
        bucket = request.parameters["Bucket"]
        try:
            statements = json.loads(request.http.body)["Statement"]
            resources = [name for one in statements for name in _listed(one["Resource"])]
        except (ValueError, TypeError, KeyError):
            raise AwsError("MalformedPolicy", "This policy contains invalid Json") from None
        arn = f"arn:aws:s3:::{bucket}"
        if not all(name == arn or name.startswith(f"{arn}/") for name in resources):
            raise AwsError("MalformedPolicy", "Policy has invalid resource")
        return request.forward()


def _exists(request: Request, bucket: str) -> bool:
    try:
        request.ask("HeadBucket", Bucket=bucket)
    except AwsError:
        return False
    return True


def _or_else(code: str, usual: Mapping[str, Any]) -> Operation:
    """Return an operation that gives moto's answer, and the usual setting in place of the error `code`."""

    def operation(request: Request) -> HttpAnswer | Mapping[str, Any]:
        answer = request.forward()
        if answer.status >= _FOUND:
            try:
                wire.read_answer(request.call, answer)
            except AwsError as error:
                if error.code == code:
                    return usual
        return answer

    return operation


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
