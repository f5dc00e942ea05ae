"""Log files: named, grouped and packed as CloudTrail delivers them."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from fluo_audit.sandbox import story
from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.records import record_of
from fluo_audit.sandbox.stored_object import StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from fluo_audit.sandbox.ledger import Event, Ledger
    from fluo_audit.sandbox.trail_history import Stretch

KIND = "CloudTrail"
EVERY = timedelta(minutes=5)
"""How much time the events of one file span."""
ROOT = "AWSLogs/"
"""The folder of the accounts, in the bucket of a trail without a prefix."""
_LEVEL, _INSTANT = 6, timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log file, and what a digest says about it."""

    at: datetime
    """The end of its five minutes, as its name tells."""
    key: str
    body: bytes
    """As stored: gzip."""
    sha256: str
    """The hash of the content, in hexadecimal digits."""
    oldest: datetime
    newest: datetime


def log_files(events: Iterable[Event]) -> Iterator[LogFile]:
    """Yield the log files of the sample's trail for events given in order of time.

    One file holds the events of one Region and five minutes; each Region has its own files.
    """
    for at, group in groupby(events, key=lambda event: mark_after(event.time)):
        batch = list(group)
        for region in sorted({event.region for event in batch}):
            yield packed(at, [event for event in batch if event.region == region], ROOT, story.TRAIL)


def mark_after(moment: datetime) -> datetime:
    """Return the end of the five minutes that a moment lies in."""
    return moment.replace(minute=moment.minute - moment.minute % 5, second=0, microsecond=0) + EVERY


def packed(at: datetime, events: Sequence[Event], root: str, trail: str) -> LogFile:
    """Return the log file of one Region's events of the five minutes that end at a moment.

    Trails that deliver the same events into one bucket write files of different names.
    """
    region = events[0].region
    content = json.dumps({"Records": [record_of(event) for event in events]}, separators=(",", ":")).encode()
    unique = hashlib.sha256(trail.encode() + content).hexdigest()[:16]
    folder = f"{root}{ACCOUNT}/{KIND}/{region}/{at:%Y/%m/%d}"
    return LogFile(
        at=at,
        key=f"{folder}/{ACCOUNT}_CloudTrail_{region}_{at:%Y%m%dT%H%MZ}_{unique}.json.gz",
        body=gzip.compress(content, _LEVEL, mtime=0),
        sha256=hashlib.sha256(content).hexdigest(),
        oldest=events[0].time,
        newest=events[-1].time,
    )


class LogFiles:
    """The log files that one stretch of a trail delivers for one Region, `delay` after their times."""

    kind = KIND

    def __init__(self, stretch: Stretch, region: str, ledger: Ledger, delay: timedelta) -> None:
        self.stretch = stretch
        self.region = region
        self.delay = delay
        self._ledger = ledger
        self._packed: dict[datetime, LogFile] = {}

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many have start <= time < end."""
        return sum(1 for _ in self._batches(start, end))

    def version(self, end: datetime) -> object:
        """Return a value that changes when another log file can have come before a moment."""
        return mark_after(end - _INSTANT)

    def between(self, start: datetime, end: datetime) -> Sequence[LogFile]:
        """Return those with start <= time < end. Their five minutes must be over."""
        return [self._file(at, events) for at, events in self._batches(start, end)]

    def objects(self, start: datetime, end: datetime) -> Iterator[StoredObject]:
        """Yield those as S3 keeps them."""
        for file in self.between(start, end):
            yield StoredObject(file.key, file.body, file.at + self.delay)

    def _file(self, at: datetime, events: Iterable[Event]) -> LogFile:
        if at not in self._packed:
            self._packed[at] = packed(at, list(events), self.stretch.root, self.stretch.trail.name)
        return self._packed[at]

    def _batches(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, Iterator[Event]]]:
        """Yield the times of those with start <= time < end, and the events of each."""
        low, high = (mark_after(moment - _INSTANT) - EVERY for moment in (start, end))
        happened = self._ledger.between(max(low, self.stretch.start), min(high, self.stretch.end or high))
        ours = (event for event in happened if event.region == self.region)
        return groupby(ours, key=lambda event: mark_after(event.time))
