"""What CloudTrail has put into the buckets of trails: log files and digests, made when somebody looks at them.

All follows from the ledger. A digest needs the earlier ones of its chain, which take a second for 100 days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fluo_audit.sandbox import digests, story
from fluo_audit.sandbox.digests import Chain
from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.logfiles import LogFiles
from fluo_audit.sandbox.trail_history import stretches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.ledger import Ledger
    from fluo_audit.sandbox.signing import SigningKeys
    from fluo_audit.sandbox.stored_object import StoredObject
    from fluo_audit.sandbox.trail_history import Stretch, Trail

DIGEST_DELAY = timedelta(minutes=3)
"""How long after the last log files of its hour a digest comes."""
_DAY, _INSTANT = timedelta(days=1), timedelta(microseconds=1)
_LATE = timedelta(hours=2)  # no object of a trail is later than this after it was stopped


@dataclass(frozen=True, slots=True)
class Folder:
    """The log files or the digests of one stretch of a trail, one Region and one day."""

    source: LogFiles | Chain
    day: datetime

    @property
    def path(self) -> str:
        """Return the beginning that its keys share."""
        return f"{self.source.stretch.root}{ACCOUNT}/{self.source.kind}/{self.source.region}/{self.day:%Y/%m/%d}/"

    def count(self, now: datetime) -> int:
        """Return how many objects it has by now."""
        return self.source.count(self.day, self._until(now))

    def version(self, now: datetime) -> object:
        """Return a value that stays the same as long as no object comes in."""
        return self.source.version(self._until(now))

    def objects(self, now: datetime) -> Iterator[StoredObject]:
        """Yield the objects it has by now."""
        return self.source.objects(self.day, self._until(now))

    def _until(self, now: datetime) -> datetime:
        return min(self.day + _DAY, now - self.source.delay + _INSTANT)


class Delivery:
    """The buckets of the trails, as far as CloudTrail filled them."""

    def __init__(self, clock: SimulatedClock, ledger: Ledger, delay: timedelta, keys: SigningKeys) -> None:
        self._clock = clock
        self._ledger = ledger
        self._delay = delay
        self._keys = keys
        self._log_files: dict[tuple[Stretch, str], LogFiles] = {}
        self._chains: dict[tuple[Stretch, Stretch, str], Chain] = {}
        self._stretches: tuple[Stretch, ...] = ()
        self._validated: tuple[Stretch, ...] = ()
        self._regions = set(story.TRAIL_REGIONS)
        self._events_read = 0
        self._folders: tuple[object, Mapping[str, Mapping[str, Sequence[Folder]]]] = ((), {})
        self._objects: dict[tuple[str, str], tuple[object, Mapping[str, StoredObject]]] = {}

    def folders(self, bucket: str) -> Mapping[str, Sequence[Folder]]:
        """Return the folders of a bucket by path, in order of the paths. Two trails can share one; some are empty."""
        self._read_on()
        known = self._stretches, self._validated, len(self._regions), self._clock.now().date()
        if self._folders[0] != known:
            found: dict[str, dict[str, list[Folder]]] = {}
            for folder in self._every_folder():
                found.setdefault(folder.source.stretch.trail.bucket, {}).setdefault(folder.path, []).append(folder)
            self._folders = known, {name: dict(sorted(paths.items())) for name, paths in found.items()}
        return self._folders[1].get(bucket, {})

    def is_empty(self, bucket: str, path: str) -> bool:
        """Return whether nothing has come into a folder yet."""
        now = self._clock.now()
        return not any(folder.count(now) for folder in self.folders(bucket).get(path, ()))

    def objects(self, bucket: str, path: str) -> Mapping[str, StoredObject]:
        """Return the objects of a folder by key, in order of the keys; none for any other path."""
        now, folders = self._clock.now(), self.folders(bucket).get(path, ())
        state = folders, [folder.version(now) for folder in folders]
        known = self._objects.get((bucket, path))
        if known is None or known[0] != state:
            listed = sorted((one for folder in folders for one in folder.objects(now)), key=lambda one: one.key)
            known = self._objects[bucket, path] = state, {one.key: one for one in listed}
        return known[1]

    def last_digest(self, trail: str) -> datetime | None:
        """Return when the latest digest of a trail came in its home Region, or None before the first."""
        self._read_on()
        for stretch in reversed([one for one in self._validated if one.trail.name == trail]):
            chain = self._chain(stretch, stretch.trail.home)
            if count := chain.count(stretch.start, self._clock.now() - chain.delay + _INSTANT):
                return stretch.start + digests.EVERY * count + chain.delay
        return None

    def _read_on(self) -> None:
        """Take in what the ledger has gained."""
        events = self._ledger.all()
        if len(events) > self._events_read:
            self._regions |= {event.region for event in events[self._events_read :]}
            self._events_read = len(events)
            self._stretches = stretches(self._ledger, validated=False)
            self._validated = stretches(self._ledger, validated=True)

    def _every_folder(self) -> Iterator[Folder]:
        today = _midnight(self._clock.now())
        for source in self._sources():
            first, end = _midnight(source.stretch.start), source.stretch.end
            last = min(_midnight(end + _LATE), today) if end else today
            for days in range((last - first) // _DAY + 1):
                yield Folder(source, first + days * _DAY)

    def _sources(self) -> Iterator[LogFiles | Chain]:
        for stretch in self._stretches:
            yield from (self._files_of(stretch, region) for region in self._regions_of(stretch.trail))
        for stretch in self._validated:
            yield from (self._chain(stretch, region) for region in self._regions_of(stretch.trail))

    def _regions_of(self, trail: Trail) -> Iterable[str]:
        return sorted(self._regions) if trail.every_region else (trail.home,)

    def _files_of(self, stretch: Stretch, region: str) -> LogFiles:
        if (stretch, region) not in self._log_files:
            self._log_files[stretch, region] = LogFiles(stretch, region, self._ledger, self._delay)
        return self._log_files[stretch, region]

    def _chain(self, validated: Stretch, region: str) -> Chain:
        logged = next(one for one in self._stretches if one.trail == validated.trail and one.holds(validated.start))
        if (validated, logged, region) not in self._chains:
            files = self._files_of(logged, region)
            self._chains[validated, logged, region] = Chain(validated, files, self._keys, self._delay + DIGEST_DELAY)
        return self._chains[validated, logged, region]


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
