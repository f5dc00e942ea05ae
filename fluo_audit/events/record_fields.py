"""Decode the records of a CloudTrail log file into the fields that the events store keeps, quickly.

A record that is as CloudTrail documents it is decoded in one go. One that is not loses the fields that are of another
type, and keeps the others. What the fields mean is said in `fluo_audit.events.records`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct, field
from msgspec.inspect import BoolType, RawType, StrType, StructType, Type, UnionType, VarTupleType, type_info

from fluo_audit.events.records import DEEPEST, event_time, is_deep, is_readable

NULL = Raw(b"null")


class NotALogFileError(Exception):
    """Why some content is no CloudTrail log file."""


class _Fields(Struct, frozen=True, gc=False, rename="camel"):
    """Some fields of a JSON object. Those with equal values are equal."""


class Issuer(_Fields, frozen=True):
    """Whose session it is."""

    arn: str | None = None


class Session(_Fields, frozen=True):
    """The session of an assumed role or a federated user."""

    session_issuer: Issuer | None = None


class Identity(_Fields, frozen=True):
    """Who called."""

    type: str | None = None
    arn: str | None = None
    invoked_by: str | None = None
    access_key_id: str | None = None
    session_context: Session | None = None


class KeyNames(_Fields, frozen=True):
    """How a request, an answer or a service event names KMS keys."""

    key_id: str | None = None
    target_key_id: str | None = None
    source_key_id: str | None = None
    destination_key_id: str | None = None


class Request(KeyNames, frozen=True):
    """What was asked for. The contexts stay as they are written."""

    encryption_context: Raw = NULL
    source_encryption_context: Raw = NULL
    destination_encryption_context: Raw = NULL


class ServiceEvent(KeyNames, frozen=True):
    """What AWS did by itself, such as a rotation."""

    rotation_type: str | None = None
    current_key_material_id: str | None = None
    key_material_id: str | None = None


class Additional(_Fields, frozen=True):
    """What KMS adds about a call."""

    key_material_id: str | None = None


class Resource(_Fields, frozen=True):
    """What was called upon."""

    arn: str | None = field(default=None, name="ARN")


class Tls(_Fields, frozen=True):
    """How the call was transported."""

    tls_version: str | None = None


class LogRecord(_Fields, frozen=True):
    """The fields of a record that are read. Without the first three it cannot be."""

    event_id: str = field(name="eventID")
    event_time: str
    event_version: str
    event_source: str | None = None
    event_name: str | None = None
    event_type: str | None = None
    region: str | None = field(default=None, name="awsRegion")
    recipient_account: str | None = field(default=None, name="recipientAccountId")
    read_only: bool | str | None = None
    error_code: str | None = None
    error_message: str | None = None
    source_ip: str | None = field(default=None, name="sourceIPAddress")
    user_agent: str | None = None
    request_id: str | None = field(default=None, name="requestID")
    shared_event_id: str | None = field(default=None, name="sharedEventID")
    user_identity: Identity | None = None
    request_parameters: Request | None = None
    response_elements: KeyNames | None = None
    additional_event_data: Additional | None = None
    service_event_details: ServiceEvent | None = None
    resources: tuple[Resource, ...] | None = None
    tls_details: Tls | None = None


class _Whole(Struct, gc=False):
    records: list[LogRecord] = field(name="Records")


class _Split(Struct, gc=False):
    records: list[Raw] = field(name="Records")


_decode_all = msgspec.json.Decoder(_Whole).decode
_decode_one = msgspec.json.Decoder(LogRecord).decode
_split = msgspec.json.Decoder(_Split).decode
_ODD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a text it does not take: no JSON, of another type than asked for, too deep."""


def decode(content: bytes) -> list[LogRecord | None]:
    """Return the fields of each record of a log file; None for one without an id, a time or a version that is known.

    Raises NotALogFileError.
    """
    try:
        records = _decode_all(content).records
    except _ODD:
        return [_decode_odd(each) for each in split(content)]
    return [*records] if _are_readable(records) else [each if _are_readable([each]) else None for each in records]


def split(content: bytes) -> list[Raw]:
    """Return each record of a log file as it is written. Raises NotALogFileError."""
    try:
        return _split(content).records
    except _ODD:
        return _split_odd(content)


def _split_odd(content: bytes) -> list[Raw]:
    """Return the records of what only Python takes for JSON: half a surrogate pair, NaN, a byte order mark."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotALogFileError(f"not JSON: {error}") from error
    records = document.get("Records") if isinstance(document, dict) else None
    if not isinstance(records, list):
        raise NotALogFileError("not a CloudTrail log file: no list of Records")
    return [_raw(each) for each in records]


def _decode_odd(written: Raw) -> LogRecord | None:
    try:
        record = _decode_one(written)
    except _ODD:
        return _decode_tolerant(text_of(written))
    return record if _are_readable([record]) else None


def _decode_tolerant(text: str) -> LogRecord | None:
    try:
        value = parsed(text)
    except ValueError:
        return None
    record: LogRecord | None = _fitting(value, _RECORD) if is_readable(value) else None
    return record


_RECORD = type_info(LogRecord)


def _fitting(value: Any, kind: Type) -> Any:
    """Return what of a JSON value is of the kind, None when nothing is."""
    found: Any = None
    match kind:
        case StrType() if isinstance(value, str):
            found = storable(value)
        case BoolType() if isinstance(value, bool):
            found = value
        case RawType():
            found = _raw(value)
        case UnionType(types=types):
            found = next((part for each in types if (part := _fitting(value, each)) is not None), None)
        case VarTupleType(item_type=item) if isinstance(value, list):
            found = tuple(part for each in value if (part := _fitting(each, item)) is not None)
        case StructType(cls=cls, fields=fields) if isinstance(value, dict):
            parts = {
                each.name: _fitting(value[each.encode_name], each.type) for each in fields if each.encode_name in value
            }
            found = cls(**{name: part for name, part in parts.items() if part is not None})
    return found


class Context(NamedTuple):
    """An encryption context."""

    text: str
    """JSON with sorted keys, as json.dumps writes it."""
    purpose: str | None


_decode_texts = msgspec.json.Decoder(dict[str, str]).decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def context(written: bytes) -> Context | None:
    """Return the encryption context that stands there, None when there is none. Raises ValueError as `parsed` does."""
    try:
        texts = _decode_texts(written)
    except _ODD:
        value = parsed(text_of(written))
        if not isinstance(value, dict):
            return None
        purpose = value.get("purpose")
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
        return Context(storable(text), storable(purpose) if isinstance(purpose, str) else None)
    return Context(msgspec.json.format(_encode_sorted(texts), indent=0).decode(), texts.get("purpose"))


def text_of(written: Raw | bytes) -> str:
    """Return what is written as text; bytes that are no UTF-8 are replaced."""
    return str(memoryview(written), "utf-8", "replace")


def parsed(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError, also when it nests deeper than any record does."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("nests too deep") from error
    if text.count("{") + text.count("[") > DEEPEST and is_deep(value):
        raise ValueError("nests too deep")
    return value


def storable(text: str) -> str:
    r"""Return a text that UTF-8 can hold: half a surrogate pair is written as \\udXXX."""
    return text.encode("utf-8", "backslashreplace").decode()


def _raw(value: Any) -> Raw:
    try:
        return Raw(json.dumps(value).encode())
    except RecursionError:
        return NULL


# --- what is readable ----------------------------------------------------------------------------------------


def _are_readable(records: Sequence[LogRecord]) -> bool:
    """Return whether all have an id, a time and a version that is known, as `records.is_readable` says of one."""
    times = list(map(_time_of, records))
    return (
        all(map(_id_of, records))
        and all(map(_is_known, set(map(_version_of, records))))
        and all(map(_is_minute, set(map(_minute_of, times))))
        and _SECONDS.issuperset(map(_second_of, times))
    )


_id_of, _time_of, _version_of = map(attrgetter, ("event_id", "event_time", "event_version"))
# Minute and second are looked at apart, because they repeat.
_minute_of, _second_of = itemgetter(slice(17)), itemgetter(slice(17, None))
_SECONDS = frozenset(f"{second:02d}Z" for second in range(60))


def _is_known(version: str) -> bool:
    return version.partition(".")[0] == "1"


@lru_cache(maxsize=10_000)
def _is_minute(text: str) -> bool:
    return event_time({"eventTime": f"{text}00Z"}) is not None


def unsound(written: Mapping[int, str]) -> Iterator[int]:
    """Give the positions of records that are read here, but that nobody else could read as JSON."""
    for number, text in written.items():
        try:
            parsed(text)
        except ValueError:
            yield number
