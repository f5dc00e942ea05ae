"""Check a request against the limits of AWS's own service model.

botocore checks types, required members and minima on the client, but lets a value above `max`, outside `enum` or
against `pattern` travel to AWS, where it costs a call and an opaque error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Give every place where `value` breaks a max, min, pattern or enum of `shape`, in words.

    A value of another type than the shape's is left to botocore, which refuses it.
    """
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in value.items():
            if name in shape.members:
                yield from violations(shape.members[name], member, f"{path}.{name}" if path else name)
    elif isinstance(shape, ListShape) and isinstance(value, (list, tuple)):
        yield from _too_large(shape, len(value), path, "items")
        for index, member in enumerate(value):
            yield from violations(shape.member, member, f"{path}[{index}]")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for name, member in value.items():
            yield from violations(shape.value, member, f"{path}[{name!r}]")
    elif isinstance(shape, StringShape) and isinstance(value, str):
        yield from _text_violations(shape, value, path)
    elif shape.type_name in {"integer", "long"} and isinstance(value, int):
        yield from _too_large(shape, value, path, "")


def _text_violations(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is not one of {', '.join(shape.enum)}"
    yield from _too_large(shape, len(value), path, "characters")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield f"{path}: {value!r} does not match {pattern}"


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value, re.ASCII) is not None  # AWS holds the whole value to it
    except re.error:  # a few service models use \p{...}, which Python's re does not know
        return True


def _too_large(shape: Shape, size: int, path: str, unit: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if high is not None and size > high:
        yield f"{path}: {size} {unit} is more than {high}".replace("  ", " ")
    if low is not None and size < low:
        yield f"{path}: {size} {unit} is less than {low}".replace("  ", " ")
