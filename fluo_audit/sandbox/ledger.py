"""The ledger: every event of the simulated account, once. All other answers about the past are derived from it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

ACCOUNT = "123456789012"
_TIME = attrgetter("time")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who made a call: the `userIdentity` of a record, and what LookupEvents shows of it."""

    element: Mapping[str, Any]
    username: str | None = None
    access_key: str | None = None
    role: str | None = None

    @property
    def arn(self) -> str:
        """Return the ARN that an access-denied message names."""
        return str(self.element.get("arn", self.element.get("invokedBy", "")))


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource an event touched. CloudTrail leaves the type out of some records."""

    arn: str
    type: str | None = None


class Event(NamedTuple):
    """One event, before it is written as a CloudTrail record (see `fluo_audit.sandbox.records`).

    A named tuple: the account makes twenty thousand of them before it answers.
    """

    time: datetime
    id: str
    source: str
    name: str
    region: str
    identity: Identity
    read_only: bool
    request_id: str | None = None
    source_ip: str = "AWS Internal"
    user_agent: str = "AWS Internal"
    parameters: Mapping[str, Any] | None = None
    response: Mapping[str, Any] | None = None
    resources: tuple[Resource, ...] = ()
    error_code: str | None = None
    error_message: str | None = None
    type: str = "AwsApiCall"
    extra: Mapping[str, Any] = MappingProxyType({})


# The lookup attributes of CloudTrail, and the values of an event for each.
ATTRIBUTES: Mapping[str, Callable[[Event], Sequence[str | None]]] = {
    "EventId": lambda event: (event.id,),
    "EventName": lambda event: (event.name,),
    "EventSource": lambda event: (event.source,),
    "ReadOnly": lambda event: ("true" if event.read_only else "false",),
    "Username": lambda event: (event.identity.username,),
    "AccessKeyId": lambda event: (event.identity.access_key,),
    "ResourceName": lambda event: tuple({resource.arn: None for resource in event.resources}),
    "ResourceType": lambda event: tuple({resource.type: None for resource in event.resources}),
}


class Ledger:
    """Events in order of time, with indexes. Grows at its end only: calls made now come after everything before."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._indexes: dict[str, dict[str, list[Event]]] = {}

    def load(self, past: Iterable[Event]) -> None:
        """Put a past, oldest first, in place of the present content."""
        self._events = list(past)
        self._indexes.clear()

    def add(self, event: Event) -> None:
        """Append an event that happens now."""
        self._events.append(event)
        for attribute, index in self._indexes.items():
            for value in ATTRIBUTES[attribute](event):
                if value is not None:
                    index[value].append(event)

    def having(self, attribute: str, value: str) -> Sequence[Event]:
        """Return the events with this value of a lookup attribute, oldest first."""
        if attribute not in self._indexes:
            index: dict[str, list[Event]] = defaultdict(list)
            for event in self._events:
                for one in ATTRIBUTES[attribute](event):
                    if one is not None:
                        index[one].append(event)
            self._indexes[attribute] = index
        return self._indexes[attribute].get(value, ())

    def all(self) -> Sequence[Event]:
        """Return every event, oldest first."""
        return self._events

    def between(self, start: datetime, end: datetime) -> Sequence[Event]:
        """Return the events with start <= time < end, oldest first."""
        return self._events[bisect_left(self._events, start, key=_TIME) : bisect_left(self._events, end, key=_TIME)]


def span(events: Sequence[Event], start: datetime, end: datetime) -> tuple[int, int]:
    """Return the positions [low, high) of the events with start <= time <= end."""
    return bisect_left(events, start, key=_TIME), bisect_right(events, end, key=_TIME)
