"""Get objects of a bucket without most of what boto3 does for each: a report reads thousands of them.

boto3 spends more time on every GetObject than the request itself takes. So one request of boto3's own is looked at for
where it goes, and the others are signed and sent there by the same parts of botocore. Whatever does not end in a plain,
whole object is asked for again through boto3, which knows about redirects, errors and credentials that ran out.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any
from urllib.parse import quote

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from fluo_audit.aws.objects import LARGEST, FetchedObject

OK = 200
METADATA = "x-amz-meta-"
SENDS = "before-send.s3.GetObject"
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[a-z0-9-]+)/s3/")


class QuickGet:
    """Gets objects of the bucket that a client of boto3 asks, and over its connections."""

    def __init__(self, session: boto3.Session, client: Any) -> None:
        self._session = session
        self._events = client.meta.events
        self._http = client._endpoint.http_session  # noqa: SLF001, it has the proxies and certificates of the client
        self._last: AWSPreparedRequest | None = None
        self._place: tuple[str, str] | None = None
        self._events.register(SENDS, self._see)

    def learn(self, key: str) -> None:
        """Take the address of the bucket from the request for `key`, which succeeded."""
        request, path = self._last, quote(key, safe="/~")
        if self._place is None and request is not None and request.url.endswith(f"/{path}"):
            signed = request.headers.get("Authorization", b"")
            scope = _SCOPE.search(signed.decode() if isinstance(signed, bytes) else signed)
            self._place = (request.url.removesuffix(path), scope["region"]) if scope else None

    def _see(self, request: AWSPreparedRequest, **_: Any) -> None:
        if self._place is None:
            self._last = request

    def get(self, key: str) -> FetchedObject | None:
        """Return an object, or None when it did not come whole and plain, or nobody knows yet where to ask."""
        credentials = self._session.get_credentials()
        if self._place is None or credentials is None:
            return None
        base, region = self._place
        request = AWSRequest("GET", base + quote(key, safe="/~"), stream_output=True)
        try:
            S3SigV4Auth(credentials.get_frozen_credentials(), "s3", region).add_auth(request)
            prepared = request.prepare()
            # A simulated account answers here, and what is sent is counted here, as for requests of boto3.
            _, answer = self._events.emit_until_response(SENDS, request=prepared)
            answer = answer or self._http.send(prepared)
            with closing(answer.raw):
                return _object(answer)
        except (BotoCoreError, HTTPError):
            return None


def _object(answer: AWSResponse) -> FetchedObject | None:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    size = int(headers.get("content-length", LARGEST + 1))
    if answer.status_code != OK or size > LARGEST:
        return None
    body = answer.raw.read()
    metadata = {name.removeprefix(METADATA): value for name, value in headers.items() if name.startswith(METADATA)}
    return FetchedObject(body, metadata) if len(body) == size else None
