"""Compare an answer of the simulated account with the shape botocore's model of AWS declares for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fluo_audit.sandbox.wire import operation_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape


def problems(service: str, operation: str, answer: Mapping[str, Any]) -> list[str]:
    """Return what in a parsed answer breaks the model: unknown or missing members, values out of bounds or enum."""
    shape = operation_model(service, operation).output_shape
    content = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    if shape is None:
        return [f"{name}: not declared" for name in content]
    return list(_structure(shape, content, operation))


def _check(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        yield from _bounds(shape, len(value), path)
        for number, one in enumerate(value):
            yield from _check(shape.member, one, f"{path}[{number}]")
    elif kind == "map":
        for name, one in value.items():
            yield from _check(shape.value, one, f"{path}.{name}")
    elif kind == "string":
        yield from _string(shape, value, path)
    elif kind in {"integer", "long"}:
        yield from _bounds(shape, value, path)


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    # IAM gives policy documents as JSON in a string, which boto3 unpacks.
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name}: missing"
    for name, one in value.items():
        if name not in shape.members:
            yield f"{path}.{name}: not declared"
        else:
            yield from _check(shape.members[name], one, f"{path}.{name}")


def _string(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        if shape.name != "policyDocumentType":
            yield f"{path}: {type(value).__name__} instead of a string"
        return
    yield from _bounds(shape, len(value), path)
    if shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is not one of {shape.enum}"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.search(pattern, value):
        yield f"{path}: {value!r} does not match {pattern}"


def _bounds(shape: Any, size: int, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min", size), shape.metadata.get("max", size)
    if not low <= size <= high:
        yield f"{path}: {size} is not between {low} and {high}"
