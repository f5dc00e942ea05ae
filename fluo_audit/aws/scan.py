"""SQL that AWS runs over events for money: its price, its limit, the wait for it, and the types of its answer.

Athena and CloudTrail Lake bill the bytes a statement scans. Prices differ between Regions, and those here are of
us-east-1: https://aws.amazon.com/athena/pricing/ and https://aws.amazon.com/cloudtrail/pricing/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from fluo_audit.aws.clock import Clock
from fluo_audit.aws.door import Failure, Reader, ReadError
from fluo_audit.aws.objects import ObjectInfo
from fluo_audit.errors import ScanLimitError

MEGABYTE, GIGABYTE, TERABYTE = 10**6, 10**9, 10**12
"""Decimal, as the limits of Athena's own API are. If a bill counts in powers of two, it is lower than foretold."""

Progress: TypeAlias = Callable[[str, int], None]
"""Hears the state of a running statement, and the bytes it has scanned so far."""


@dataclass(frozen=True, slots=True)
class ScanPrice:
    """US dollars for each `unit` of bytes scanned. Billed are whole `step`s, and `minimum` at least."""

    usd: Decimal
    unit: int
    step: int = 1
    minimum: int = 0

    def of(self, scanned: int) -> Decimal:
        """Return what one statement costs that scans so many bytes."""
        billed = max(self.minimum, -(-scanned // self.step) * self.step)
        return self.usd * billed / self.unit


ATHENA_PRICE = ScanPrice(Decimal("5.00"), TERABYTE, step=MEGABYTE, minimum=10 * MEGABYTE)
LAKE_PRICE = ScanPrice(Decimal("0.005"), GIGABYTE)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one statement will scan at most, and cost."""

    scanned: int
    usd: Decimal


def estimate(objects: Iterable[ObjectInfo], price: ScanPrice = ATHENA_PRICE) -> Estimate:
    """Return what a statement scans that reads these objects whole: of gzip files, the bytes as they are stored."""
    scanned = sum(each.size for each in objects)
    return Estimate(scanned, price.of(scanned))


def require_within(expected: Estimate, limit: int, whose: str) -> None:
    """Refuse a statement that would scan more than `limit` bytes. Raises ScanLimitError."""
    if expected.scanned > limit:
        raise ScanLimitError(
            f"the query would scan {in_bytes(expected.scanned)}, for about ${expected.usd:.2f}: {whose} is"
            f" {in_bytes(limit)}; nothing was sent",
            "ask about a shorter period, raise the limit, or read the log files with --events-from s3",
        )


def in_bytes(number: int) -> str:
    """Return a number of bytes in the decimal unit that people read most easily."""
    for unit, name in ((TERABYTE, "TB"), (GIGABYTE, "GB"), (MEGABYTE, "MB")):
        if number >= unit:
            return f"{number / unit:,.1f} {name}"
    return f"{number:,} bytes"


@dataclass(frozen=True, slots=True)
class Answered:
    """The rows of a statement, typed by their declared columns, and what it took to get them."""

    rows: list[dict[str, Any]]
    scanned_bytes: int
    usd: Decimal
    statement_id: str


@dataclass(frozen=True, slots=True)
class State:
    """How a statement stands. `reason` is why it failed, `scanned` None while nobody knows."""

    name: str
    scanned: int | None
    reason: str = ""


UNFINISHED = frozenset({"QUEUED", "RUNNING"})
LONGEST_PAUSE, PATIENCE = 10.0, 3600.0
"""Seconds. Athena ends a statement after 30 minutes by default, Lake after 60."""


def wait_for_end(
    read: Reader, api: str, states: Iterator[State], *, limit: int | None, clock: Clock, progress: Progress
) -> State:
    """Return the state in which a statement ended.

    Raises ReadError when it does not end, or while it runs past the limit. What is waited for is counted in pauses and
    not by the clock, so that a replay takes the same turns.
    """
    for pause, state in zip(_pauses(), states, strict=False):
        progress(state.name, state.scanned or 0)
        if state.name not in UNFINISHED:
            return state
        if limit is not None and (state.scanned or 0) > limit:
            reason = f"it had scanned {in_bytes(state.scanned or 0)} of at most {in_bytes(limit)}, and was stopped"
            raise failed(read, api, "scan limit", reason, "ask about a shorter period, or raise the limit")
        clock.sleep(pause)
    reason = f"it had not ended after {PATIENCE / 60:.0f} minutes, and was stopped"
    raise failed(read, api, "timeout", reason, "ask about a shorter period")


def _pauses() -> Iterator[float]:
    pause, waited = 0.5, 0.0
    while waited < PATIENCE:
        yield pause
        waited += pause
        pause = min(pause * 2, LONGEST_PAUSE)


@contextmanager
def stopped_if_left(stop: Callable[[], object]) -> Iterator[None]:
    """Stop a statement when the block is left by an error or by the user: nobody pays for what nobody waits for."""

    def quietly() -> None:
        with suppress(ReadError):
            stop()

    with ExitStack() as leaving:
        leaving.callback(quietly)
        yield
        leaving.pop_all()


def failed(read: Reader, api: str, code: str, message: str, remedy: str) -> ReadError:
    """Return the error of a statement that gave no rows, with what to do about it."""
    return ReadError(replace(read.failed(api, Failure(code, message)).missing, remedy=remedy))


def typed_rows(
    read: Reader, api: str, columns: Mapping[str, str], rows: Iterable[Mapping[str, str | None]]
) -> list[dict[str, Any]]:
    """Return rows of text as values of the declared kinds (those of `fluo_audit.model.sources`).

    Empty text is missing. Raises ReadError for a row with other columns, and for a value that is not of its kind.
    """
    found = []
    for row in rows:
        if row.keys() != columns.keys():
            raise read.malformed(api, f"{api} answered the columns {', '.join(row)}, not {', '.join(columns)}")
        try:
            found.append({name: _KINDS[kind](text) if (text := row[name]) else None for name, kind in columns.items()})
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise read.malformed(api, f"{api} answered a value that is not of its column: {error}") from error
    return found


def _time(text: str) -> datetime:
    """Trino writes a timestamp without a zone, or with the word UTC behind it."""
    moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bool(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(f"{text!r} is not true or false")
    return text == "true"


def _json(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)


_KINDS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "json": _json,
    "time": _time,
    "date": date.fromisoformat,
    "int": int,
    "float": float,
    "bool": _bool,
    "money": Decimal,
}


def require_columns(read: Reader, api: str, names: Sequence[str], columns: Mapping[str, str]) -> None:
    """Raise ReadError when an answer names other columns than asked for."""
    if set(names) != columns.keys() or len(names) != len(columns):
        raise read.malformed(api, f"{api} answered the columns {', '.join(names)}, not {', '.join(columns)}")
