"""The Resource Groups Tagging API: an index of tags, which learns of a new key only after a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.keys import Keys


class TagIndex:
    """Tagged resources as moto finds them, new keys only once they are `delay` old."""

    def __init__(self, clock: SimulatedClock, keys: Keys, delay: timedelta) -> None:
        self._clock = clock
        self._keys = keys
        self._delay = delay

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {"GetResources": self.get_resources}

    def get_resources(self, request: Request) -> dict[str, Any]:
        """Return the tagged resources that the index knows."""
        found = request.moto()
        known = [one for one in found["ResourceTagMappingList"] if self._knows(request, one["ResourceARN"])]
        return {"PaginationToken": ""} | found | {"ResourceTagMappingList": known}

    def _knows(self, request: Request, arn: str) -> bool:
        if not arn.startswith("arn:aws:kms:"):
            return True
        return bool(self._clock.now() >= self._keys.find(request, arn)["CreationDate"] + self._delay)
