"""S3 and CloudTrail for a generated folder, on 127.0.0.1, with the same latency in every answer.

python -m bench.latency_server FOLDER [MILLISECONDS]      prints its URL, and serves until its input ends

Answers what reading a trail needs: GetBucketLocation, ListObjects (both versions), GetObject, DescribeTrails, GetTrail,
GetTrailStatus, GetEventSelectors, ListPublicKeys, LookupEvents (there are none). It costs little: requests wait in one
event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_PAGE = 1000
_END_OF_HEAD = b"\r\n\r\n"
_AMZ_JSON = {"content-type": "application/x-amz-json-1.1"}


class Bucket:
    """A generated folder, as S3 and CloudTrail see it."""

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "bucket"
        self._metadata: dict[str, dict[str, str]] = json.loads((folder / "metadata.json").read_bytes())
        self._about: dict[str, Any] = json.loads((folder / "trail.json").read_bytes())
        self._sizes = {
            path.relative_to(self._objects).as_posix(): path.stat().st_size
            for path in self._objects.rglob("*")
            if path.is_file()
        }
        self._keys = sorted(self._sizes)

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        if method == "POST":
            return self._cloudtrail(headers.get("x-amz-target", ""), json.loads(body or b"{}"))
        url = urlsplit(target)
        _, _, key = unquote(url.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if key:
            return self._object(key)
        if "location" in query:
            return 200, {}, f'{_XML}<LocationConstraint xmlns="{_NAMESPACE}"/>'.encode()
        return 200, {"content-type": "application/xml"}, self._listing(query).encode()

    def _object(self, key: str) -> tuple[int, dict[str, str], bytes]:
        if key not in self._sizes:
            return 404, {}, f"{_XML}<Error><Code>NoSuchKey</Code><Message>No such key</Message></Error>".encode()
        meta = {f"x-amz-meta-{name}": value for name, value in self._metadata.get(key, {}).items()}
        kind = {"content-type": "application/json", "content-encoding": "gzip"}
        tags = {"etag": self._etag(key), "last-modified": "Mon, 23 Nov 2026 00:00:00 GMT"}
        return 200, kind | tags | meta, (self._objects / key).read_bytes()

    def _etag(self, key: str) -> str:
        return f'"{hashlib.md5(f"{key} {self._sizes[key]}".encode(), usedforsecurity=False).hexdigest()}"'

    def _listing(self, query: dict[str, str]) -> str:
        """Return a page of ListObjects or ListObjectsV2."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after") or query.get("marker") or ""
        limit = min(int(query.get("max-keys", _PAGE)), _PAGE)
        contents: list[str] = []
        folders: list[str] = []
        last = ""
        is_cut = False
        for key, is_folder in self._below(prefix, delimiter, after):
            if len(contents) + len(folders) == limit:
                is_cut = True
                break
            (folders if is_folder else contents).append(key)
            last = key
        encode = quote if query.get("encoding-type") == "url" else escape
        parts = [
            f"<Name>bucket</Name><Prefix>{encode(prefix)}</Prefix><MaxKeys>{limit}</MaxKeys>",
            f"<KeyCount>{len(contents) + len(folders)}</KeyCount><IsTruncated>{str(is_cut).lower()}</IsTruncated>",
            "<EncodingType>url</EncodingType>" if encode is quote else "",
            f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if is_cut else "",
            f"<NextMarker>{encode(last)}</NextMarker>" if is_cut else "",
            *(
                f"<Contents><Key>{encode(key)}</Key><LastModified>2026-11-23T00:00:00.000Z</LastModified>"
                f"<ETag>{escape(self._etag(key))}</ETag><Size>{self._sizes[key]}</Size>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
                for key in contents
            ),
            *(f"<CommonPrefixes><Prefix>{encode(folder)}</Prefix></CommonPrefixes>" for folder in folders),
        ]
        return f'{_XML}<ListBucketResult xmlns="{_NAMESPACE}">{"".join(parts)}</ListBucketResult>'

    def _below(self, prefix: str, delimiter: str, after: str) -> Iterator[tuple[str, bool]]:
        """Yield keys, and common prefixes with True, behind `after`."""
        at = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        while at < len(self._keys) and (key := self._keys[at]).startswith(prefix):
            rest, found, _ = key[len(prefix) :].partition(delimiter or "\0")
            if not found:
                yield key, False
                at += 1
                continue
            folder = prefix + rest + delimiter
            if folder > after:
                yield folder, True
            at = bisect_left(self._keys, folder + chr(0x10FFFF))

    def _cloudtrail(self, target: str, asked: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        trail = self._about["trail"]
        answers: dict[str, Any] = {
            "DescribeTrails": {"trailList": [trail]},
            "GetTrail": {"Trail": trail},
            "GetTrailStatus": {"IsLogging": True},
            "GetEventSelectors": {
                "TrailARN": trail["TrailARN"],
                "EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}],
            },
            "LookupEvents": {"Events": []},
            "ListPublicKeys": {"PublicKeyList": self._about["public_keys"]},
        }
        operation = target.rpartition(".")[2]
        if operation not in answers:
            error = {"__type": "UnsupportedOperationException", "message": f"{operation} of {sorted(asked)}"}
            return 400, _AMZ_JSON, json.dumps(error).encode()
        return 200, _AMZ_JSON, json.dumps(answers[operation]).encode()


class _Connection(asyncio.Protocol):
    """One connection that is kept alive; its requests come one after the other."""

    def __init__(self, bucket: Bucket, latency: float) -> None:
        self._bucket = bucket
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(_END_OF_HEAD)
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if "100-continue" in headers.get("expect", "") and not rest:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(rest) < length:
            return
        self._received = rest[length:]
        method, target, _ = first.split(" ", 2)
        due = asyncio.get_running_loop().time() + self._latency
        status, more, body = self._bucket.answer(method, target, headers, rest[:length])
        more = {"content-length": str(len(body)), "x-amz-request-id": "BENCH"} | more
        head = "".join((f"HTTP/1.1 {status} x\r\n", *(f"{n}: {v}\r\n" for n, v in more.items()), "\r\n")).encode()
        asyncio.get_running_loop().call_at(due, self._write, head + body)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)  # type: ignore[attr-defined]


async def serve(folder: Path, latency: float) -> None:
    """Serve until standard input ends."""
    bucket = Bucket(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(bucket, latency), "127.0.0.1", 0, backlog=128)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main(arguments: list[str]) -> int:
    folder, *rest = arguments
    asyncio.run(serve(Path(folder), float(rest[0]) / 1000 if rest else 0.010))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
