"""Pages of a list, as AWS gives them: a limit, and a marker that belongs to the request it came from."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Item = TypeVar("Item")
_USUAL_KMS_PAGE = 100


class BadMarkerError(Exception):
    """The marker was not given out for this request."""


def write_marker(request: Mapping[str, Any], position: int) -> str:
    """Return an opaque marker for a position in the answer to a request."""
    return base64.urlsafe_b64encode(f"{_digest(request)}.{position}".encode()).decode().rstrip("=")


def read_marker(request: Mapping[str, Any], marker: str) -> int:
    """Return the position a marker stands for. Raises BadMarkerError for any other request's marker."""
    try:
        digest, _, position = base64.urlsafe_b64decode(marker + "=" * (-len(marker) % 4)).decode().partition(".")
        number = int(position)
    except ValueError as error:
        raise BadMarkerError(marker) from error
    if digest != _digest(request):
        raise BadMarkerError(marker)
    return number


def page_of(
    items: Sequence[Item], limit: int, marker: str | None, request: Mapping[str, Any]
) -> tuple[Sequence[Item], str | None]:
    """Return one page of a list and the marker of the next page, or None after the last."""
    start = read_marker(request, marker) if marker else 0
    end = start + limit
    return items[start:end], write_marker(request, end) if end < len(items) else None


def kms_page(parameters: Mapping[str, Any], name: str, items: Sequence[Any], *, most: int = 1000) -> dict[str, Any]:
    """Return one page of a KMS list: Limit and Marker in, NextMarker and Truncated out. Raises AwsError."""
    asked = {**parameters, "list": name}
    marker, limit = asked.pop("Marker", None), asked.get("Limit", min(_USUAL_KMS_PAGE, most))
    if not 1 <= limit <= most:
        raise AwsError("ValidationException", f"Value '{limit}' at 'limit' must be between 1 and {most}")
    try:
        page, following = page_of(items, limit, marker, asked)
    except BadMarkerError:
        raise AwsError("InvalidMarkerException", "The marker is not valid") from None
    return {name: page, "Truncated": following is not None} | ({"NextMarker": following} if following else {})


def _digest(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:16]
