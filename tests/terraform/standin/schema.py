"""Attributes and blocks of resources, in words shorter than the library's."""

from __future__ import annotations

import json
from typing import Any

from tf.blocks import SetNestedBlock
from tf.gen import tfplugin_pb2
from tf.schema import Attribute, Block, NestedBlock
from tf.types import Bool, List, Map, Number, Set, String, TfType

TEXT, NUMBER, FLAG = String(), Number(), Bool()
TEXTS, TEXT_SET, TEXT_MAP = List(TEXT), Set(TEXT), Map(TEXT)
_NESTING = tfplugin_pb2.Schema.NestedBlock.NestingMode


class JsonText(String):
    """JSON, which stays as it was written while it means the same."""

    def semantically_equal(self, a_decoded: Any, b_decoded: Any) -> bool:
        """Compare two texts by what they mean."""
        if not isinstance(a_decoded, str) or not isinstance(b_decoded, str):
            return bool(a_decoded == b_decoded)
        return bool(_in_one_order(json.loads(a_decoded)) == _in_one_order(json.loads(b_decoded)))


def _in_one_order(value: Any) -> Any:
    """Return JSON with its lists sorted: AWS returns those of a policy in any order, and the provider takes no note.

    https://github.com/hashicorp/awspolicyequivalence
    """
    if isinstance(value, dict):
        return {name: _in_one_order(item) for name, item in value.items()}
    if isinstance(value, list):
        return sorted((_in_one_order(item) for item in value), key=json.dumps)
    return value


class _WholeBlock(SetNestedBlock):
    """A block of which every part counts when two are compared; the library leaves out blocks within blocks."""

    def semantically_equal(self, a_decoded: Any, b_decoded: Any) -> bool:
        return bool(a_decoded == b_decoded)


class _ListBlock(_WholeBlock):
    """A block whose repetitions have an order; the library has none."""

    _mode_map = dict.fromkeys(NestedBlock._mode_map, _NESTING.LIST)


def required(name: str, of: TfType = TEXT, *, fixed: bool = False) -> Attribute:
    """Return an argument that must be given. `fixed`: another value needs another resource."""
    return Attribute(name, of, required=True, requires_replace=fixed)


def optional(name: str, of: TfType = TEXT, *, fixed: bool = False) -> Attribute:
    """Return an argument that may be left out, and is null then."""
    return Attribute(name, of, optional=True, requires_replace=fixed)


def defaulted(name: str, default: Any, of: TfType = TEXT, *, fixed: bool = False) -> Attribute:
    """Return an argument that has a default."""
    return Attribute(name, of, optional=True, computed=True, default=default, requires_replace=fixed)


def computed(name: str, of: TfType = TEXT) -> Attribute:
    """Return an attribute that the provider alone sets."""
    return Attribute(name, of, computed=True)


def policy() -> Attribute:
    """Return the argument `policy`, which is JSON."""
    return Attribute("policy", JsonText(), required=True)


def list_block(name: str, *attributes: Attribute, within: tuple[NestedBlock, ...] = ()) -> NestedBlock:
    """Return a block that is kept as a list."""
    return _ListBlock(name, Block(list(attributes), block_types=list(within)))


def set_block(name: str, *attributes: Attribute, within: tuple[NestedBlock, ...] = ()) -> NestedBlock:
    """Return a block that is kept as a set."""
    return _WholeBlock(name, Block(list(attributes), block_types=list(within)))
