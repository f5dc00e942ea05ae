"""What a request to S3 asks for: bucket and key stand in its host or path, the other parameters in its query.

Who fetches log files by the thousand waits for this module, so the two operations that does need no router of paths.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import OperationModel

_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-]")
# A query of these names still asks for the object itself. All others name something that belongs to it, such as ?acl.
_OF_OBJECT = {"x-id", "versionId", "partNumber"}
_CASTS: Mapping[str, Callable[[str], Any]] = {"integer": int, "boolean": lambda text: text == "true"}


def place_of(url: str) -> tuple[str, str]:
    """Return the bucket and the key that a URL names, in its host or its path; empty where there is none."""
    parts = urlsplit(url)
    host = _HOST.match(parts.netloc)
    path = unquote(parts.path).removeprefix("/")
    if host:
        return host["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


def common_operation(method: str, url: str) -> str | None:
    """Return "GetObject" or "ListObjectsV2" if a request is one of them, None for all others."""
    if method != "GET":
        return None
    bucket, key = place_of(url)
    query = _query(url)
    if key:
        return "GetObject" if query.keys() <= _OF_OBJECT else None
    return "ListObjectsV2" if bucket and query.get("list-type") == "2" else None


def parameters_of(model: OperationModel, url: str) -> dict[str, Any]:
    """Return the parameters that a URL holds. Those in headers and bodies stay unread: nobody needs them."""
    members = model.input_shape.members if model.input_shape else {}
    bucket, key = place_of(url)
    query = _query(url)
    found: dict[str, Any] = {
        name: value for name, value in (("Bucket", bucket), ("Key", key)) if value and name in members
    }
    for name, member in members.items():
        if member.serialization.get("location") == "querystring" and member.serialization["name"] in query:
            found[name] = _CASTS.get(member.type_name, str)(query[member.serialization["name"]])
    return found


@lru_cache(maxsize=1)
def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
