"""What every kind of resource can do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from fluo_audit.provision.look import Look
from fluo_audit.provision.resource import Resource, Seen, Step


class Kind(Protocol):
    """How one kind of resource is read and written."""

    def observe(self, look: Look, wanted: Resource) -> Seen | None:
        """Return the resource as AWS has it, or None when there is none. Raises ReadError."""
        ...

    def steps(self, wanted: Resource, seen: Seen | None, changed: Collection[str]) -> Iterator[Step]:
        """Give the writes that create it (`seen` is None), or that mend the facts named in `changed`."""
        ...
