"""S3 objects: those CloudTrail delivered, and over them what was put into a bucket or deleted from it.

Once a key was written or deleted through S3, moto keeps the truth about it, and nothing derived shows under that key.
Versions, ranges and conditions of delivered objects are not simulated.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.listing import PAGE, TOLD, Entry, Page, Query, encoder, page_of
from fluo_audit.sandbox.wire import AwsError, HttpAnswer, read_answer, write_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fluo_audit.sandbox.delivery import Delivery
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.ledger import Ledger
    from fluo_audit.sandbox.stored_object import StoredObject

_FOUND = 300  # HTTP statuses below this
_WRITES = ("PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "DeleteObjects")
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


class S3Objects:
    """Objects of the buckets that trails deliver to; those of other buckets are moto's."""

    def __init__(self, delivery: Delivery, ledger: Ledger) -> None:
        self._delivery = delivery
        self._ledger = ledger
        self._encrypted: tuple[int, Mapping[str, str | None]] = (-1, {})
        self._written: dict[str, set[str]] = {}
        self._deleted: set[str] = set()

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "ListObjects": self.list_objects,
            "ListObjectsV2": self.list_objects_v2,
            "GetObject": self.get_object,
            "HeadObject": self.head_object,
            "DeleteBucket": self.delete_bucket,
            **dict.fromkeys(_WRITES, self.write),
        }

    def get_object(self, request: Request) -> HttpAnswer:
        """Return an object. Who may not decrypt what CloudTrail encrypted may not read it."""
        found = self._delivered(request)
        if found is None:
            return request.forward()
        key = self.key_of(request, request.parameters["Bucket"])
        if key:
            try:
                request.require("kms", "Decrypt", KeyId=key)
            except AwsError as error:
                raise AwsError("AccessDenied", error.message, 403) from error
        return HttpAnswer(200, _headers(found, key), found.body)

    def head_object(self, request: Request) -> HttpAnswer:
        """Return what is known of an object."""
        found = self._delivered(request)
        if found is None:
            return request.forward()
        return HttpAnswer(200, _headers(found, self.key_of(request, request.parameters["Bucket"])), b"")

    def write(self, request: Request) -> HttpAnswer:
        """Write or delete objects. What CloudTrail delivered under their keys is gone for good."""
        answer = request.forward()
        if answer.status < _FOUND:
            keys = {request.parameters["Key"]} if "Key" in request.parameters else _deleted(request, answer)
            self._written.setdefault(request.parameters["Bucket"], set()).update(keys)
        return answer

    def delete_bucket(self, request: Request) -> HttpAnswer:
        """Delete a bucket, also with delivered objects: those go with it. AWS would have them deleted first."""
        answer = request.forward()
        if answer.status < _FOUND:
            self._deleted.add(request.parameters["Bucket"])
        return answer

    def list_objects_v2(self, request: Request) -> HttpAnswer:
        """Return one page of a listing."""
        asked = request.parameters
        if not self._has(asked["Bucket"]):
            return request.forward()
        token, start = asked.get("ContinuationToken"), asked.get("StartAfter", "")
        query = _query(asked, _read_token(token) if token else start)
        page = self._page(request, query)
        return page.answer(
            asked,
            query,
            KeyCount=len(page.entries),
            StartAfter=encoder(asked)(start) or None,
            ContinuationToken=token,
            NextContinuationToken=_write_token(page.end) if page.end else None,
        )

    def list_objects(self, request: Request) -> HttpAnswer:
        """Return one page of a listing, as the older operation does: the last key is the marker of the next page."""
        asked = request.parameters
        if not self._has(asked["Bucket"]):
            return request.forward()
        query = _query(asked, asked.get("Marker", ""))
        page, write = self._page(request, query), encoder(asked)
        following = write(page.end) if page.end and query.delimiter else None
        return page.answer(asked, query, Marker=write(query.after), NextMarker=following)

    def _page(self, request: Request, query: Query) -> Page:
        written = self._written.get(query.bucket, set())
        return page_of(query, self._delivery, written, _kept_by_moto(request, query) if written else ())

    def key_of(self, request: Request, bucket: str) -> str | None:
        """Return the ARN of the KMS key that encrypts what CloudTrail delivers into a bucket."""
        if self._encrypted[0] != len(self._ledger.all()):
            trails = request.ask("DescribeTrails", service="cloudtrail")["trailList"]
            keys = {trail["S3BucketName"]: trail.get("KmsKeyId") for trail in trails}
            self._encrypted = len(self._ledger.all()), keys
        return self._encrypted[1].get(bucket)

    def folders(self, bucket: str) -> list[str]:
        """Return the folders of a bucket that a trail delivers to, in order."""
        written = {key[: key.rfind("/") + 1] for key in self._written.get(bucket, ())}
        return sorted(written.union(self._delivery.folders(bucket))) if self._has(bucket) else []

    def bodies(self, request: Request, bucket: str, folder: str) -> Iterator[tuple[str, bytes]]:
        """Yield the entity tags and the bytes of the objects of such a folder, for another service that reads them."""
        written = self._written.get(bucket, set())
        for key, found in self._delivery.objects(bucket, folder).items():
            if key not in written:
                yield found.etag, found.body
        if any(key.startswith(folder) for key in written):
            for entry in _kept_by_moto(request, Query(bucket, folder, delimiter="/")):
                if entry.told:
                    named = {"Bucket": bucket, "Key": entry.name}
                    call = replace(request.call, service="s3", operation="GetObject", parameters=named)
                    yield entry.told["ETag"], request.gateway.forward(write_request(call)).body

    def _has(self, bucket: str) -> bool:
        """Return whether a trail delivered into a bucket that is still there."""
        return bucket not in self._deleted and bool(self._delivery.folders(bucket))

    def _delivered(self, request: Request) -> StoredObject | None:
        bucket, key = request.parameters["Bucket"], request.parameters["Key"]
        if key in self._written.get(bucket, ()) or not self._has(bucket):
            return None
        return self._delivery.objects(bucket, key[: key.rfind("/") + 1]).get(key)


def _query(asked: Mapping[str, Any], after: str) -> Query:
    most = min(asked.get("MaxKeys", PAGE), PAGE)
    return Query(asked["Bucket"], asked.get("Prefix", ""), asked.get("Delimiter", ""), after, most)


def _kept_by_moto(request: Request, query: Query) -> Iterator[Entry]:
    """Yield the entries for objects that were put into the bucket, in order of their keys."""
    more = {"Prefix": query.prefix} if query.prefix else {}
    while True:
        answer = request.ask("ListObjectsV2", service="s3", Bucket=query.bucket, **more)
        for one in answer.get("Contents", ()):
            if entry := query.entry(one["Key"], {name: one[name] for name in TOLD}):
                yield entry
        if not answer.get("NextContinuationToken"):
            return
        more |= {"ContinuationToken": answer["NextContinuationToken"]}


def _deleted(request: Request, answer: HttpAnswer) -> set[str]:
    """Return the keys that DeleteObjects deleted."""
    return {one["Key"] for one in read_answer(request.call, answer).get("Deleted", ())}


def _headers(found: StoredObject, encrypted_with: str | None) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "content-length": str(len(found.body)),
        "ETag": found.etag,
        "Last-Modified": found.modified.strftime(_HTTP_DATE),
        **{f"x-amz-meta-{name}": value for name, value in found.metadata.items()},
    }
    if encrypted_with:
        headers["x-amz-server-side-encryption"] = "aws:kms"
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = encrypted_with
    return headers


def _write_token(end: str) -> str:
    return base64.urlsafe_b64encode(end.encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError:
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from None
