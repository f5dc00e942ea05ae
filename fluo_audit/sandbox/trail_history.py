"""How the trails of the account delivered in the course of time, read from the calls in the ledger that changed them.

Event selectors are not heeded: every trail takes all management events, of all services.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fluo_audit.sandbox.ledger import Event, Ledger

_SWITCHES = {"StartLogging", "StopLogging", "DeleteTrail"}
_CHANGES = {"CreateTrail", "UpdateTrail", *_SWITCHES}
_MEMBERS = {"s3BucketName": "bucket", "s3KeyPrefix": "prefix", "isMultiRegionTrail": "every_region"}
_VALIDATION = "enableLogFileValidation"
_LEAST = timedelta(seconds=1)  # the call that stops a trail is the last event it logs


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail and where it delivers."""

    name: str
    home: str
    bucket: str = ""
    prefix: str = ""
    every_region: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a trail delivered in one and the same way: start <= time < end."""

    trail: Trail
    start: datetime
    end: datetime | None = None
    """None while it lasts."""

    @property
    def root(self) -> str:
        """Return the folder of the accounts."""
        return f"{self.trail.prefix}/AWSLogs/".removeprefix("/")

    def holds(self, moment: datetime) -> bool:
        """Return whether a moment lies in it."""
        return self.start <= moment and (self.end is None or moment < self.end)


def stretches(ledger: Ledger, *, validated: bool) -> tuple[Stretch, ...]:
    """Return the times in which trails delivered log files, or only those with digests, in order of their starts."""
    known: dict[tuple[str, str], _State] = {}
    done: list[Stretch] = []
    for event in ledger.having("EventSource", "cloudtrail.amazonaws.com"):
        if event.name in _CHANGES and not event.error_code and event.parameters:
            name = str(event.parameters["name"]).rpartition("/")[2]
            new = _State(Trail(name, event.region), needs_validation=validated)
            done.extend(known.setdefault((event.region, name), new).change(event))
    lasting = (state.lasting for state in known.values() if state.lasting)
    return tuple(sorted((*done, *lasting), key=lambda one: one.start))


@dataclass(slots=True)
class _State:
    """A trail while its history is read."""

    trail: Trail
    needs_validation: bool
    logging: bool = False
    validated: bool = False
    lasting: Stretch | None = None
    ended: datetime | None = None

    def change(self, event: Event) -> Iterator[Stretch]:
        """Take one change in. Yields the stretch that it ended, if it did."""
        asked = {name: value for name, value in (event.parameters or {}).items() if value is not None}
        self.trail = replace(self.trail, **{_MEMBERS[name]: asked[name] for name in _MEMBERS.keys() & asked.keys()})
        self.validated = asked.get(_VALIDATION, self.validated)
        self.logging = event.name == "StartLogging" if event.name in _SWITCHES else self.logging
        active = self.logging and (self.validated or not self.needs_validation)
        if self.lasting:
            if active and self.lasting.trail == self.trail:
                return
            self.ended = event.time + _LEAST
            yield replace(self.lasting, end=self.ended)
        self.lasting = Stretch(self.trail, max(event.time, self.ended or event.time)) if active else None
