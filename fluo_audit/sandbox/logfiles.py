"""The trail's log files: named, grouped and packed as CloudTrail delivers them."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from fluo_audit.sandbox.ledger import ACCOUNT
from fluo_audit.sandbox.records import record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from fluo_audit.sandbox.ledger import Event

_EVERY = timedelta(minutes=5)


def log_files(events: Iterable[Event]) -> Iterator[tuple[str, bytes]]:
    """Yield the object key and the gzip bytes of each log file for events given in order of time.

    One file holds the events of one Region and five minutes; the trail is multi-Region, each Region has its own files.
    """
    for delivered, group in groupby(events, key=_delivery):
        batch = list(group)
        for region in sorted({event.region for event in batch}):
            records = [record_of(event) for event in batch if event.region == region]
            body = json.dumps({"Records": records}, separators=(",", ":")).encode()
            yield object_key(region, delivered, hashlib.sha256(body).hexdigest()[:16]), gzip.compress(body, 6, mtime=0)


def object_key(region: str, delivered: datetime, unique: str) -> str:
    """Return the name of a log file: account, Region, day of delivery and a string that keeps names apart."""
    folder = f"AWSLogs/{ACCOUNT}/CloudTrail/{region}/{delivered:%Y/%m/%d}"
    return f"{folder}/{ACCOUNT}_CloudTrail_{region}_{delivered:%Y%m%dT%H%MZ}_{unique}.json.gz"


def _delivery(event: Event) -> datetime:
    """Return when the file with the event is delivered: at the end of its five minutes."""
    start = event.time.replace(minute=event.time.minute - event.time.minute % 5, second=0, microsecond=0)
    return start + _EVERY
