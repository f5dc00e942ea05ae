"""The digests of a trail in one account and Region: find them, read them, and hold each against the one before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from fluo_audit.aws.objects import ObjectError, Objects
from fluo_audit.events.digests import AnyDigest, Digest, PublicKeys, Rejected, fetch_digest
from fluo_audit.events.object_names import ObjectName, Trail, digest_prefix, log_prefix, parse
from fluo_audit.events.parallel import in_order
from fluo_audit.model.integrity import ProblemKind
from fluo_audit.model.scope import Period

BEFORE = timedelta(hours=1)
AFTER = timedelta(hours=2)
"""Digests of a little more than the period are read: one is made every hour, for the hour before, and the time in the
name of a log file is not exactly that of its delivery."""

KeysOf = Callable[[str], PublicKeys]
"""Gives CloudTrail's public keys of a Region, from an hour before the period to now."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is looked at in one go: a trail in one account and Region, and the log files delivered in a period."""

    trail: Trail
    account: str
    region: str
    period: Period

    @property
    def window(self) -> Period:
        """Return the time of the digests that may say something about the period."""
        return Period(self.period.start - BEFORE, self.period.end + AFTER)

    @property
    def log_folder(self) -> str:
        """Return the folder of the log files."""
        return log_prefix(self.trail.place, self.account, self.region)

    @property
    def digest_folder(self) -> str:
        """Return the folder of the digests."""
        return digest_prefix(self.trail.place, self.account, self.region)

    def is_own(self, digest: ObjectName) -> bool:
        """Return whether a digest was made for the trail, and not for another that delivers to the same place."""
        return (digest.trail, digest.home_region) == (self.trail.name, self.trail.home_region)


@dataclass(frozen=True, slots=True)
class Listed:
    """What CloudTrail laid into some folders, by key. `problem` says why that could not be told; it is empty then."""

    names: Mapping[str, ObjectName]
    strangers: tuple[str, ...] = ()
    """Keys of objects there that are neither log files nor digests."""
    problem: str = ""


@dataclass(frozen=True)  # no slots: what is worked out of it is kept
class Chain:
    """The digests of a trail in one account and Region, and those of its neighbours if they were needed."""

    stretch: Stretch
    listed: Listed
    """Digests of every trail that delivers there."""
    own: tuple[AnyDigest, ...]
    """Of the trail itself, backfill digests included, in order of their keys."""
    others: tuple[AnyDigest, ...] = ()

    @cached_property
    def valid(self) -> tuple[Digest, ...]:
        """Return the digests of the trail that CloudTrail signed."""
        return tuple(each for each in self.own if isinstance(each, Digest))

    @cached_property
    def rejected(self) -> tuple[Rejected, ...]:
        """Return the digests of the trail that are there and vouch for nothing."""
        return tuple(
            each for each in self.own if isinstance(each, Rejected) and each.kind is not ProblemKind.DIGEST_MISSING
        )

    @cached_property
    def missing(self) -> dict[str, str]:
        """Return the keys of digests that are not there, each with what says that it was.

        A digest before the time that is looked at may be gone: it is not expected any more.
        """
        gone = {
            each.key: each.detail
            for each in self.own
            if isinstance(each, Rejected) and each.kind is ProblemKind.DIGEST_MISSING
        }
        window = self.stretch.window
        for digest in self.valid:
            before = digest.previous
            if before is None or before.bucket != self.stretch.trail.place.bucket or before.key in self.listed.names:
                continue
            name = parse(before.key)
            if name is not None and window.start <= name.at < window.end:
                gone[before.key] = f"the digest after it names it: {digest.key}"
        return gone

    @cached_property
    def broken_links(self) -> dict[str, str]:
        """Return the keys of digests that were made after another one than lies there now, and how that shows."""
        by_key = {each.key: each for each in self.valid}
        broken = {}
        for digest in self.valid:
            before = by_key.get(digest.previous.key) if digest.previous else None
            if digest.previous is None or before is None:
                continue
            if digest.previous.sha256 != before.sha256:
                broken[digest.key] = f"the content of the digest before it was another then: {before.key}"
            elif digest.previous.signature != before.signature:
                broken[digest.key] = f"the signature of the digest before it was another then: {before.key}"
        return broken


def list_logs(objects: Objects, stretch: Stretch, workers: int) -> Listed:
    """Return the log files of every trail that were delivered in the period."""
    folders = (log_prefix(stretch.trail.place, stretch.account, stretch.region, day) for day in stretch.period.days)
    return _listed(objects, folders, stretch.period, workers)


def list_digests(objects: Objects, stretch: Stretch, workers: int) -> Listed:
    """Return the digests of every trail that may say something about the period."""
    folders = (digest_prefix(stretch.trail.place, stretch.account, stretch.region, day) for day in stretch.window.days)
    return _listed(objects, folders, stretch.window, workers)


def _listed(objects: Objects, folders: Iterable[str], period: Period, workers: int) -> Listed:
    names: dict[str, ObjectName] = {}
    strangers: list[str] = []
    try:
        for keys in in_order(lambda folder: [info.key for info in objects.list(folder)], folders, workers, workers):
            for key in keys:
                name = parse(key)
                if name is None:
                    strangers.append(key)
                elif period.start <= name.at < period.end:
                    names[key] = name
    except ObjectError as error:
        return Listed({}, problem=str(error))
    return Listed(names, tuple(strangers))


def read_digests(
    objects: Objects, listed: Listed, keys_of: KeysOf, is_wanted: Callable[[ObjectName], bool], workers: int
) -> tuple[AnyDigest, ...]:
    """Read and check the listed digests that are wanted. They are of one Region, whose keys are asked for if needed."""
    wanted = [(key, name) for key, name in sorted(listed.names.items()) if is_wanted(name)]
    if not wanted:
        return ()
    keys = keys_of(wanted[0][1].region)
    return tuple(in_order(lambda each: fetch_digest(objects, *each, keys), wanted, workers, 2 * workers))
