"""Read a bucket: list and get, checked, repeated when S3 is busy, counted. Nothing else can be sent."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from fluo_audit.aws.clock import Clock
from fluo_audit.aws.door import MALFORMED, Failure, Request
from fluo_audit.aws.live import RETRIED, THROTTLED, ask, open_client
from fluo_audit.aws.objects import LARGEST, TOO_LARGE, FetchedObject, ObjectError, ObjectInfo
from fluo_audit.aws.permissions import OBJECT_READS, iam_action
from fluo_audit.aws.quick_get import QuickGet
from fluo_audit.errors import RefusedError

Taken = TypeVar("Taken")

WORKERS = 32
ATTEMPTS = 8
FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0
"""Seconds. The waits double, and each is a random part of its full length, so that threads do not come back together:
https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/"""
SERVER_ERRORS, BUSY = 500, 503
"""HTTP statuses: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
_DENIED_ACTION = re.compile(r"is not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)")


@dataclass(frozen=True, slots=True)
class ObjectStats:
    """What was asked of a bucket so far."""

    requests: Mapping[str, int]
    """Operation -> requests that were sent, repeated and redirected ones included."""
    retries: int
    throttled: int
    """Answers that said to slow down."""
    bytes: int
    """Of the objects that were read whole."""


class S3Objects:
    """A bucket of AWS, as `fluo_audit.aws.objects.Objects`. Up to `workers` threads may use it at once.

    `region` is where the bucket is looked for, the session's if empty. A bucket that lies elsewhere is asked there, as
    S3 says where that is. `draw` gives random numbers from 0 to 1.
    """

    def __init__(
        self,
        session: boto3.Session,
        bucket: str,
        clock: Clock,
        *,
        region: str = "",
        endpoint_url: str | None = None,
        workers: int = WORKERS,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._bucket = bucket
        self._clock = clock
        self._draw = draw
        self._region = region or session.region_name
        self._client = open_client(session, "s3", self._region, endpoint_url, Config(max_pool_connections=workers))
        # What botocore sends of its own accord, to find the Region of the bucket, is held to the list and counted too.
        self._client.meta.events.register("before-call.s3", _refuse_others)
        self._client.meta.events.register("before-send.s3", self._count)
        self._quick = QuickGet(session, self._client)
        self._lock = Lock()
        self._requests: Counter[str] = Counter()
        self._retries = self._throttled = self._bytes = 0

    @property
    def bucket(self) -> str:
        """Return the name of the bucket."""
        return self._bucket

    @property
    def stats(self) -> ObjectStats:
        """Return what was asked so far."""
        with self._lock:
            return ObjectStats(dict(self._requests), self._retries, self._throttled, self._bytes)

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Give the objects below a prefix in order of their keys (s3:ListObjectsV2).

        Raises ObjectError, also for a page that is cut, out of order, or names itself as the next one.
        """
        for item in self._listed("Contents", "Key", prefix, start_after):
            if not {"Size", "ETag"} <= item.keys():
                raise _malformed(f"{item['Key']!r} is listed without size or ETag")
            yield ObjectInfo(item["Key"], item["Size"], item["ETag"].strip('"'))

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Return the names of the folders directly below a prefix that ends with /. Raises ObjectError as `list`."""
        found = self._listed("CommonPrefixes", "Prefix", prefix, "", Delimiter="/")
        return tuple(item["Prefix"].removeprefix(prefix).removesuffix("/") for item in found)

    def get(self, key: str) -> FetchedObject:
        """Return an object whole (s3:GetObject): one whose body breaks off is fetched again.

        Raises ObjectError, for an object of more than `LARGEST` bytes without reading it.
        """
        fetched = self._quick.get(key)
        if fetched is None:
            fetched = self._send("GetObject", _fetched, Key=key)
            self._quick.learn(key)
        with self._lock:
            self._bytes += len(fetched.body)
        return fetched

    def _listed(self, member: str, name: str, prefix: str, last: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
        """Give the items of every page, each behind the one before it: a listing that turned back might never end."""
        if last:
            parameters["StartAfter"] = last
        cursor: dict[str, str] = {}
        while True:
            page = self._send("ListObjectsV2", _page, Prefix=prefix, **parameters, **cursor)
            for item in page.get(member, ()):
                at = item.get(name, "")
                if not at.startswith(prefix) or at <= last:
                    raise _malformed(f"{at!r} is listed behind {last!r}, for the prefix {prefix!r}")
                last = at
                yield item
            if not page["IsTruncated"]:
                return
            following = {"ContinuationToken": page["NextContinuationToken"]}
            if following == cursor:
                raise _malformed("a page named itself as the next one")
            cursor = following

    def _send(self, operation: str, take: Callable[[Mapping[str, Any]], Taken], **parameters: Any) -> Taken:
        """Return what `take` makes of the answer, which is asked for again while that may help. Raises ObjectError."""
        request = Request("", "s3", operation, self._region, {"Bucket": self._bucket, **parameters})
        attempt = 1
        while True:
            result = self._attempt(request, take)
            if not isinstance(result, Failure):
                return result
            with self._lock:
                self._throttled += _is_throttle(result)
            if not _may_pass(result):
                raise ObjectError(_failed_api(request.api, result), result.code, result.message)
            if attempt == ATTEMPTS:
                raise ObjectError(request.api, result.code, f"{result.message} ({attempt} attempts)")
            self._wait(attempt)
            attempt += 1

    def _attempt(self, request: Request, take: Callable[[Mapping[str, Any]], Taken]) -> Taken | Failure:
        answer, failure = ask(self._client, request)
        if answer is None:
            return failure or Failure("no answer", "")
        try:
            return take(answer)
        except (BotoCoreError, HTTPError) as error:
            return Failure(type(error).__name__.removesuffix("Error"), str(error), lost=True)

    def _wait(self, attempt: int) -> None:
        with self._lock:
            self._retries += 1
        self._clock.sleep(self._draw() * min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)))

    def _count(self, event_name: str, **_: Any) -> None:
        with self._lock:
            self._requests[event_name.rpartition(".")[2]] += 1


def _refuse_others(model: Any, **_: Any) -> None:
    if f"s3:{model.name}" not in OBJECT_READS:
        raise RefusedError(f"s3:{model.name} is not a read of a bucket that this tool makes; nothing was sent")


def _fetched(answer: Mapping[str, Any]) -> FetchedObject:
    """Return the object of an answer. Raises ObjectError, and BotoCoreError or HTTPError when its body breaks off."""
    with closing(answer["Body"]) as body:
        size = answer.get("ContentLength")
        if size is None:
            raise _malformed("an object came without its length", "GetObject")
        if size > LARGEST:
            raise ObjectError("s3:GetObject", TOO_LARGE, f"{size:,} bytes: no log file has more than {LARGEST:,}")
        metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
        # botocore holds what it reads to the length, and to the checksum where the object has one.
        return FetchedObject(body.read(), metadata)


def _page(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an answer that says whether more follows. Raises ObjectError for one that does not: it was cut."""
    if "IsTruncated" not in answer or (answer["IsTruncated"] and not answer.get("NextContinuationToken")):
        raise _malformed("a page does not say what comes after it")
    return answer


def _malformed(what: str, operation: str = "ListObjectsV2") -> ObjectError:
    return ObjectError(f"s3:{operation}", MALFORMED, what)


def _may_pass(failure: Failure) -> bool:
    """Return whether the same request may succeed a little later.

    botocore takes a page that is not XML, because it was cut on its way, for an error of the server.
    """
    return failure.lost or failure.code in RETRIED or failure.status >= SERVER_ERRORS


def _is_throttle(failure: Failure) -> bool:
    return failure.code in THROTTLED or failure.status == BUSY


def _failed_api(api: str, failure: Failure) -> str:
    """Return what failed: AWS may refuse an action beneath the operation, such as kms:Decrypt for an object's key."""
    found = _DENIED_ACTION.search(failure.message)
    return found[1] if found and found[1] != iam_action(api) else api
