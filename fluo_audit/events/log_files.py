"""Read CloudTrail log files from a folder: what each one held, and the records of one key.

A file that cannot be read is part of the answer. The others are still read.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fluo_audit.errors import UsageError
from fluo_audit.events.records import Record, concerns_key, event_time, is_deep, is_readable
from fluo_audit.model.scope import Period

MAX_UNPACKED = 512 * 2**20
"""CloudTrail rolls its files over long before; more than this is a compression bomb or no log file."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """What one file held. `problem` is empty when it was read whole."""

    name: str
    size: int
    sha256: str
    records: int
    in_period: int
    of_key: int
    unreadable_records: int
    first_at: str
    last_at: str
    problem: str


def read_folder(folder: Path, key_arn: str, period: Period, max_unpacked: int = MAX_UNPACKED) -> bytes:
    """Return, as JSON, every log file in `folder` and every record of the key inside `period`.

    ``{"files": [LogFile, ...], "records": [record, ...]}``: records are as CloudTrail wrote them, in the order of
    the files. A file that unpacks to more than `max_unpacked` bytes is not read. Raises UsageError when there is no
    folder, or no file in it that could be a log.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder}: not a folder", "give the folder that holds the CloudTrail log files (.json, .json.gz)"
        )
    paths = sorted(p for p in folder.rglob("*") if p.name.endswith((".json", ".json.gz")) and not p.is_dir())
    if not paths:
        raise UsageError(f"{folder}: holds no .json or .json.gz file", "give the folder that holds the log files")
    files: list[dict[str, Any]] = []
    records: list[Record] = []
    for path in paths:
        log_file, of_key = read_file(path, _name(path, folder), key_arn, period, max_unpacked)
        files.append(asdict(log_file))
        records.extend(of_key)
    # A record may hold half a surrogate pair, which UTF-8 cannot; as \\udXXX it is JSON all the same.
    return json.dumps({"files": files, "records": records}, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _name(path: Path, folder: Path) -> str:
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")


def read_file(
    path: Path, name: str, key_arn: str, period: Period, max_unpacked: int = MAX_UNPACKED
) -> tuple[LogFile, list[Record]]:
    """Return what the file held, and its records of the key inside the period."""
    raw = b""
    try:
        raw = _content(path)
        entries = _entries(raw, max_unpacked)
    except _UnreadableError as error:
        return LogFile(name, len(raw), sha256(raw).hexdigest(), 0, 0, 0, 0, "", "", str(error)), []
    readable = [entry for entry in entries if is_readable(entry)]
    inside = [entry for entry in readable if _is_inside(entry, period)]
    concerned = [entry for entry in inside if concerns_key(entry, key_arn)]
    of_key = [entry for entry in concerned if not is_deep(entry)]
    times = sorted(entry["eventTime"] for entry in readable)
    log_file = LogFile(
        name=name,
        size=len(raw),
        sha256=sha256(raw).hexdigest(),
        records=len(entries),
        in_period=len(inside),
        of_key=len(of_key),
        unreadable_records=len(entries) - len(readable) + len(concerned) - len(of_key),
        first_at=times[0] if times else "",
        last_at=times[-1] if times else "",
        problem="",
    )
    return log_file, of_key


class _UnreadableError(Exception):
    """Why a file is no CloudTrail log file."""


def _content(path: Path) -> bytes:
    if not path.is_file():  # a link to nothing, or a pipe that would never end
        raise _UnreadableError("not a regular file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise _UnreadableError(f"not readable: {error.strerror}") from error


def _entries(raw: bytes, max_unpacked: int) -> list[Any]:
    try:
        document = json.loads(_unpacked(raw, max_unpacked))
    except (ValueError, RecursionError) as error:
        raise _UnreadableError(f"not JSON: {error}") from error
    entries = document.get("Records") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise _UnreadableError("not a CloudTrail log file: no list of Records")
    return entries


def _unpacked(raw: bytes, max_unpacked: int) -> bytes:
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return b"".join(_limited(raw, max_unpacked))
    except (OSError, EOFError, zlib.error) as error:
        raise _UnreadableError(f"not whole gzip: {error}") from error


def _limited(raw: bytes, max_unpacked: int) -> Iterator[bytes]:
    size = 0
    with gzip.open(io.BytesIO(raw)) as stream:
        while block := stream.read(2**20):
            size += len(block)
            if size > max_unpacked:
                raise _UnreadableError(f"unpacks to more than {max_unpacked:,} bytes")
            yield block


def _is_inside(record: Record, period: Period) -> bool:
    at = event_time(record)
    return at is not None and period.start <= at < period.end
