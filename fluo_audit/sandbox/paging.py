"""Pages of a list, as AWS gives them: a limit, and a marker that belongs to the request it came from."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Item = TypeVar("Item")


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


def _digest(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:16]
