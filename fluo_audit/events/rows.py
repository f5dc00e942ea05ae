"""Turn the content of CloudTrail log files into rows of the events store, quickly.

Log files repeat themselves: few callers, calls, keys and encryption contexts stand in many records. So a row is the
numbers of its caller, its call and so on, and the columns are made of the distinct ones. What the fields mean is said
in `fluo_audit.events.records`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from fluo_audit.events.record_fields import (
    NULL,
    Additional,
    Context,
    Identity,
    KeyNames,
    LogRecord,
    Request,
    Resource,
    ServiceEvent,
    Tls,
    context,
    decode,
    split,
    text_of,
    unsound,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int32]

COLUMNS = {
    "event_id": "VARCHAR",
    "event_time": "TIMESTAMP",  # UTC
    "event_source": "VARCHAR",
    "event_name": "VARCHAR",
    "event_type": "VARCHAR",
    "read_only": "BOOLEAN",
    "principal_type": "VARCHAR",
    "principal_arn": "VARCHAR",
    "issuer_arn": "VARCHAR",
    "invoked_by": "VARCHAR",
    "access_key_suffix": "VARCHAR",
    "source_ip": "VARCHAR",
    "user_agent": "VARCHAR",
    "error_code": "VARCHAR",
    "error_message": "VARCHAR",
    "key_refs": "VARCHAR",  # every KMS key the record names, as ARN or id, each between spaces
    "encryption_context": "VARCHAR",  # JSON with sorted keys; that of the source for ReEncrypt
    "destination_context": "VARCHAR",
    "source_key": "VARCHAR",  # of ReEncrypt, as the record names it
    "destination_key": "VARCHAR",
    "purpose": "VARCHAR",  # in encryption_context
    "destination_purpose": "VARCHAR",
    "key_material_id": "VARCHAR",
    "rotation_type": "VARCHAR",
    "tls_version": "VARCHAR",
    "region": "VARCHAR",
    "recipient_account": "VARCHAR",
    "request_id": "VARCHAR",
    "shared_event_id": "VARCHAR",
    "event_version": "VARCHAR",
    "record": "VARCHAR",  # as CloudTrail wrote it; NULL for read-only calls that succeeded
}
"""Columns of the events store with their SQL types. Without a remark they are what `records.event_row` says."""

KEPT_SOURCES = frozenset({"kms.amazonaws.com", "cloudtrail.amazonaws.com"})
"""Whose events are kept: KMS, and CloudTrail for what was done to trails. The others are counted."""


@dataclass(frozen=True, slots=True)
class LogContent:
    """The numbers that account for every record of one log file."""

    records: int
    kept: int
    """Readable, and of `KEPT_SOURCES`: these became rows."""
    unreadable: int
    """Without an id, a time or a version that is understood."""
    first_at: str
    """eventTime of the oldest readable record, of any service; empty without one."""
    last_at: str


class Rows:
    """Gathers the rows of many log files."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str | None]] = {column: [] for column in _TEXTS}
        self._written: dict[int, str] = {}
        self._callers = _Numbered(Caller)
        self._calls = _Numbered(Call)
        self._named = _Numbered(Named)
        self._contexts = _Contexts()

    def __len__(self) -> int:
        return len(self._texts["event_id"])

    def add(self, content: bytes) -> LogContent:
        """Take in the content of a log file, unpacked. Raises NotALogFileError."""
        return self._add(decode(content), content)

    def _add(self, records: list[LogRecord | None], content: bytes) -> LogContent:
        kept = [each for each in records if each and each.event_source in KEPT_SOURCES]
        requests = [each.request_parameters or _NOTHING_ASKED for each in kept]
        contexts = self._contexts.numbers(requests)
        written = _written(content, records, kept)
        odd = [*unsound(written), *np.flatnonzero((contexts < 0).any(axis=0))]
        if odd:
            unreadable = {id(kept[n]) for n in odd}
            return self._add([None if id(each) in unreadable else each for each in records], content)
        self._written |= {len(self) + n: text for n, text in written.items()}
        for column, read in _TEXTS.items():
            self._texts[column] += map(read, kept)
        self._callers.add(kept)
        self._calls.add(kept)
        self._named.add(requests)
        self._contexts.add(contexts)
        times = [each.event_time for each in records if each]
        return LogContent(
            records=len(records),
            kept=len(kept),
            unreadable=len(records) - len(times),
            first_at=min(times, default=""),
            last_at=max(times, default=""),
        )

    def frame(self) -> pd.DataFrame:
        """Return the rows in the columns of `COLUMNS`; event_time is text, and columns that repeat are categorical."""
        columns: dict[str, Any] = {
            **{
                name: pd.Series([each or None for each in values], dtype="object")
                for name, values in self._texts.items()
            },
            "record": self._records(),
            **self._callers.columns(),
            **self._calls.columns(),
            **self._named.columns(),
            **self._contexts.columns(),
            "key_refs": _key_refs(self._calls, self._named),
        }
        return pd.DataFrame({name: columns[name] for name in COLUMNS})

    def _records(self) -> pd.Categorical:
        numbers = np.zeros(len(self), dtype=np.int32)
        numbers[list(self._written)] = range(1, len(self._written) + 1)
        return _categorical([None, *self._written.values()], numbers)


class Caller(NamedTuple):
    """Who called, and from where."""

    user_identity: Identity | None = None
    source_ip: str | None = None
    user_agent: str | None = None

    def columns(self) -> dict[str, Any]:
        """Return the values of the columns that come from here."""
        who = self.user_identity or Identity()
        session = who.session_context and who.session_context.session_issuer
        principal = who.arn or who.invoked_by
        return {
            "principal_type": who.type,
            "principal_arn": principal,
            "issuer_arn": (session and session.arn) or principal,
            "invoked_by": who.invoked_by,
            "access_key_suffix": (who.access_key_id or "")[-4:],
            "source_ip": self.source_ip,
            "user_agent": self.user_agent,
        }


class Call(NamedTuple):
    """What was called, and how it ended."""

    event_source: str | None = None
    event_name: str | None = None
    event_type: str | None = None
    event_version: str | None = None
    read_only: bool | str | None = None
    region: str | None = None
    recipient_account: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    response_elements: KeyNames | None = None
    additional_event_data: Additional | None = None
    service_event_details: ServiceEvent | None = None
    resources: tuple[Resource, ...] | None = None
    tls_details: Tls | None = None

    def columns(self) -> dict[str, Any]:
        """Return the values of the columns that come from here."""
        added, service = self.additional_event_data, self.service_event_details or ServiceEvent()
        return {
            "event_source": self.event_source,
            "event_name": self.event_name,
            "event_type": self.event_type,
            "event_version": self.event_version,
            "read_only": _flag(self.read_only),
            "region": self.region,
            "recipient_account": self.recipient_account,
            "error_code": self.error_code,
            "error_message": self.error_message,
            "key_material_id": (added and added.key_material_id)
            or service.current_key_material_id
            or service.key_material_id,
            "rotation_type": service.rotation_type,
            "tls_version": self.tls_details and self.tls_details.tls_version,
        }

    def keys(self) -> frozenset[str]:
        """Return the keys it names: ARNs, and ids where only those stand."""
        service, answer = self.service_event_details or _NO_NAMES, self.response_elements or _NO_NAMES
        arns = [each.arn for each in self.resources or () if each.arn and each.arn.startswith("arn:")]
        return _keys(*arns, *_names(service), *_names(answer), *_KEY_ARN.findall(self.error_message or ""))


class Named(NamedTuple):
    """How a request names keys."""

    key_id: str | None = None
    target_key_id: str | None = None
    source_key_id: str | None = None
    destination_key_id: str | None = None

    def columns(self) -> dict[str, Any]:
        """Return the values of the columns that come from here."""
        return {"source_key": self.source_key_id, "destination_key": self.destination_key_id}

    def keys(self) -> frozenset[str]:
        """Return the keys it names."""
        return _keys(*self)


_TEXTS: dict[str, Callable[[LogRecord], str | None]] = {
    column: attrgetter(column) for column in ("event_id", "event_time", "request_id", "shared_event_id")
}
"""The columns whose values do not repeat."""
_NO_NAMES, _NOTHING_ASKED = KeyNames(), Request()
_names = attrgetter(*Named._fields)
_KEY_ARN = re.compile(
    r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


def _keys(*names: str | None) -> frozenset[str]:
    """Return those of the names that may be a key's. An alias is not the key."""
    return frozenset(name for name in names if name and "alias/" not in name and not any(map(str.isspace, name)))


class _Numbered:
    """The rows' part of one kind: the distinct ones, and the number that each row has."""

    def __init__(self, kind: type[Caller | Call | Named]) -> None:
        self._kind = kind
        self._read = attrgetter(*kind._fields)
        self._distinct = _Distinct()
        self._numbers: list[Numbers] = []

    def add(self, records: Sequence[Any]) -> None:
        """Take in what the records, or the requests of records, say."""
        numbers = map(self._distinct.__getitem__, map(self._read, records))
        self._numbers.append(np.fromiter(numbers, dtype=np.int32, count=len(records)))

    @property
    def distinct(self) -> list[Any]:
        """Return the distinct parts."""
        return list(map(self._kind._make, self._distinct))

    @property
    def numbers(self) -> Numbers:
        """Return the number of each row's part."""
        return _joined(self._numbers)

    def columns(self) -> dict[str, pd.Categorical]:
        """Return the columns that come from this part."""
        found = [each.columns() for each in self.distinct]
        return {
            column: _categorical([each[column] for each in found], self.numbers) for column in self._kind().columns()
        }


class _Contexts:
    """The encryption contexts of requests: one, or those of source and destination."""

    _MEMBERS = tuple(
        map(attrgetter, ("encryption_context", "source_encryption_context", "destination_encryption_context"))
    )

    def __init__(self) -> None:
        self._distinct = _ReadContexts()
        self._numbers: list[Numbers] = []

    def numbers(self, requests: list[Request]) -> Numbers:
        """Return the numbers of the three contexts of each request, below 0 for one that cannot be read."""
        found = np.zeros((len(self._MEMBERS), len(requests)), dtype=np.int32)
        for numbers, read in zip(found, self._MEMBERS, strict=True):
            written = list(map(read, requests))
            if written.count(NULL) < len(written):
                numbers[:] = list(map(self._distinct.__getitem__, map(bytes, written)))
        return found

    def add(self, numbers: Numbers) -> None:
        """Take in such numbers."""
        self._numbers.append(numbers)

    def columns(self) -> dict[str, pd.Categorical]:
        """Return the columns that come from contexts."""
        contexts = self._distinct.contexts
        texts, purposes = [each and each.text for each in contexts], [each and each.purpose for each in contexts]
        is_there = np.array([each is not None for each in contexts])
        only, source, destination = np.hstack(self._numbers or [np.zeros((3, 0), dtype=np.int32)])
        first = np.where(is_there[only], only, np.where(is_there[source], source, destination))
        last = np.where(is_there[destination], destination, np.where(is_there[source], source, only))
        return {
            "encryption_context": _categorical(texts, first),
            "destination_context": _categorical(texts, last),
            "purpose": _categorical(purposes, first),
            "destination_purpose": _categorical(purposes, last),
        }


class _ReadContexts(dict[bytes, int]):
    """Numbers contexts as they are written in the order of their first appearance, and reads each once."""

    def __init__(self) -> None:
        super().__init__({bytes(NULL): 0})
        self.contexts: list[Context | None] = [None]

    def __missing__(self, written: bytes) -> int:
        try:
            self.contexts.append(context(written))
        except ValueError:
            return -1
        self[written] = number = len(self)
        return number


class _Distinct(dict[Any, int]):
    """Numbers values in the order of their first appearance."""

    def __missing__(self, value: Any) -> int:
        self[value] = number = len(self)
        return number


def _joined(numbers: Sequence[Numbers]) -> Numbers:
    return np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int32)


def _categorical(values: Sequence[Any], numbers: Numbers) -> pd.Categorical:
    """Return the column in which each row has the value of its number. Empty ones are missing."""
    distinct = _Distinct()
    codes = np.array([-1 if value is None or value == "" else distinct[value] for value in values], dtype=np.int32)
    return pd.Categorical.from_codes(
        codes[numbers] if len(codes) else numbers, pd.Index(list(distinct), dtype="object")
    )


def _key_refs(calls: _Numbered, named: _Numbered) -> pd.Categorical:
    """Return the column of the keys that call and request name."""
    in_calls = [each.keys() for each in calls.distinct]
    in_requests = [each.keys() for each in named.distinct]
    pairs, numbers = np.unique(
        calls.numbers.astype(np.int64) * max(len(in_requests), 1) + named.numbers, return_inverse=True
    )
    texts = []
    for pair in pairs.tolist():
        call, request = divmod(pair, len(in_requests))
        names = sorted(in_calls[call] | in_requests[request])
        texts.append(f" {' '.join(names)} " if names else None)
    return _categorical(texts, numbers)


def _flag(value: bool | str | None) -> bool | None:  # noqa: FBT001, a field of a record
    """Return readOnly, which is text where LookupEvents gave it."""
    return value if isinstance(value, bool) else {"true": True, "false": False}.get((value or "").lower())


def _written(content: bytes, records: list[LogRecord | None], kept: list[LogRecord]) -> dict[int, str]:
    """Return as they are written those of the kept records that are more than a read that succeeded, by position."""
    wanted = {
        id(each): number
        for number, each in enumerate(kept)
        if each.error_code or (each.read_only is not True and _flag(each.read_only) is not True)
    }
    if not wanted:
        return {}
    pairs = zip(records, split(content), strict=True)
    return {wanted[id(each)]: text_of(written) for each, written in pairs if id(each) in wanted}
