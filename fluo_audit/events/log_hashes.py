"""The SHA-256 of what log files hold, or why there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fluo_audit.aws.objects import TOO_LARGE, ObjectError, Objects
from fluo_audit.events.gunzip import GunzipError, GunzipProblem, blocks
from fluo_audit.events.parallel import in_order
from fluo_audit.model.integrity import ProblemKind


@dataclass(frozen=True, slots=True)
class Unhashed:
    """A log file without a hash: it is gone, could not be read, or is not what CloudTrail delivers."""

    kind: ProblemKind
    detail: str


LogHash: TypeAlias = str | Unhashed
"""Hex SHA-256 of the content of a log file, unpacked, which is what digests state."""


def hash_logs(
    objects: Objects,
    keys: Sequence[str],
    workers: int,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> dict[str, LogHash]:
    """Read log files and return the hash of each. No more than `workers` packed files are held at once.

    `progress` hears how many are done, and how many there are.
    """
    hashes: dict[str, LogHash] = {}
    results = in_order(lambda key: _hash_log(objects, key), keys, workers, 4 * workers)
    for done, (key, found) in enumerate(zip(keys, results, strict=True), 1):
        hashes[key] = found
        progress(done, len(keys))
    return hashes


def _hash_log(objects: Objects, key: str) -> LogHash:
    digest = hashlib.sha256()
    try:
        for block in blocks(objects.get(key).body):
            digest.update(block)
    except ObjectError as error:
        return not_read(error)
    except GunzipError as error:
        return not_packed(error.reason)
    return digest.hexdigest()


def not_read(error: ObjectError) -> Unhashed:
    """Return what a failed read says about a log file. One that is too large to be a log file was replaced."""
    known = {TOO_LARGE: ProblemKind.LOG_MALFORMED}
    kind = ProblemKind.LOG_MISSING if error.is_gone else known.get(error.code, ProblemKind.LOG_UNREAD)
    return Unhashed(kind, str(error))


def not_packed(reason: GunzipProblem) -> Unhashed:
    """Return what a log file that cannot be unpacked is."""
    trailing = reason is GunzipProblem.TRAILING_DATA
    return Unhashed(ProblemKind.LOG_TRAILING_DATA if trailing else ProblemKind.LOG_MALFORMED, str(reason))
