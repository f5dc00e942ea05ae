"""The least that reading log files can cost: unpack them, and parse them with nothing done about it.

python -m bench.floors FLOOR BUCKET PROCESSES      prints the seconds it took

All read the same files from the disk cache. Which of these the product builds on was decided by their numbers.
"""
# ruff: noqa: N815 - fields by CloudTrail's own names

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from isal import isal_zlib

_GZIP = 31  # wbits of zlib: with a gzip header
_NULL = msgspec.Raw(b"null")


class _Issuer(msgspec.Struct, gc=False):
    arn: str | None = None


class _Session(msgspec.Struct, gc=False):
    sessionIssuer: _Issuer | None = None


class _Identity(msgspec.Struct, gc=False):
    type: str | None = None
    arn: str | None = None
    invokedBy: str | None = None
    accessKeyId: str | None = None
    sessionContext: _Session | None = None


class _Asked(msgspec.Struct, gc=False):
    keyId: str | None = None
    targetKeyId: str | None = None
    sourceKeyId: str | None = None
    destinationKeyId: str | None = None
    encryptionContext: dict[str, str] | None = None
    sourceEncryptionContext: dict[str, str] | None = None
    destinationEncryptionContext: dict[str, str] | None = None


class _Resource(msgspec.Struct, gc=False):
    ARN: str | None = None


class _Additional(msgspec.Struct, gc=False):
    keyMaterialId: str | None = None


class _Details(msgspec.Struct, gc=False):
    rotationType: str | None = None
    keyId: str | None = None
    currentKeyMaterialId: str | None = None


class _Tls(msgspec.Struct, gc=False):
    tlsVersion: str | None = None


class _Flat(msgspec.Struct, gc=False):
    """The fields of a record that the product needs and that do not nest."""

    eventID: str
    eventTime: str
    eventVersion: str
    eventSource: str | None = None
    eventName: str | None = None
    eventType: str | None = None
    awsRegion: str | None = None
    readOnly: bool | None = None
    errorCode: str | None = None
    errorMessage: str | None = None
    sourceIPAddress: str | None = None
    userAgent: str | None = None
    requestID: str | None = None
    recipientAccountId: str | None = None
    sharedEventID: str | None = None


class _Typed(_Flat, gc=False):
    """All needed fields, each read."""

    userIdentity: _Identity | None = None
    requestParameters: _Asked | None = None
    additionalEventData: _Additional | None = None
    serviceEventDetails: _Details | None = None
    resources: list[_Resource] | None = None
    tlsDetails: _Tls | None = None


class _Skimmed(_Flat, gc=False):
    """All needed fields; those that nest stay text, to be read once for each distinct one."""

    userIdentity: msgspec.Raw = _NULL
    requestParameters: msgspec.Raw = _NULL
    responseElements: msgspec.Raw = _NULL
    additionalEventData: msgspec.Raw = _NULL
    serviceEventDetails: msgspec.Raw = _NULL
    resources: msgspec.Raw = _NULL
    tlsDetails: msgspec.Raw = _NULL


class _TypedFile(msgspec.Struct, gc=False):
    Records: list[_Typed]


class _SkimmedFile(msgspec.Struct, gc=False):
    Records: list[_Skimmed]


def _isal(body: bytes) -> bytes:
    return isal_zlib.decompress(body, _GZIP)


def _with(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    return lambda body: parse(_isal(body))


def _orjson(body: bytes) -> Any:
    # No dependency of the product: measured where somebody installed it.
    return import_module("orjson").loads(_isal(body))


ORJSON, DUCKDB = "isal + orjson", "DuckDB read_json"

FLOORS: dict[str, Callable[[bytes], Any]] = {
    "gunzip, zlib": lambda body: zlib.decompress(body, _GZIP),
    "gunzip, isal": _isal,
    "isal + sha256": _with(lambda content: hashlib.sha256(content).digest()),
    "isal + json": _with(json.loads),
    ORJSON: _orjson,
    "isal + msgspec, typed": _with(msgspec.json.Decoder(_TypedFile).decode),
    "isal + msgspec, nested as text": _with(msgspec.json.Decoder(_SkimmedFile).decode),
}

PARSERS = ("isal + json", ORJSON, "isal + msgspec, typed", "isal + msgspec, nested as text", DUCKDB)


def names() -> list[str]:
    """Return the floors that can be measured here."""
    return [name for name in (*FLOORS, DUCKDB) if name != ORJSON or find_spec("orjson")]


def seconds(name: str, bucket: Path, processes: int) -> float:
    """Return how long it takes to read every log file that way; each process has its share of the files."""
    paths = sorted(bucket.rglob("*_CloudTrail_*.json.gz"))
    start = time.perf_counter()
    if name == DUCKDB:
        _duckdb(paths, processes)
    elif processes == 1:
        _each(name, paths)
    else:
        shares = [multiprocessing.Process(target=_each, args=(name, paths[k::processes])) for k in range(processes)]
        for share in shares:
            share.start()
        for share in shares:
            share.join()
            if share.exitcode:
                raise RuntimeError(f"{name} ended with {share.exitcode}")
    return time.perf_counter() - start


def _each(name: str, paths: Sequence[Path]) -> None:
    read = FLOORS[name]
    for path in paths:
        read(path.read_bytes())


_STRUCT = """STRUCT(
    eventID VARCHAR, eventTime VARCHAR, eventVersion VARCHAR, eventSource VARCHAR, eventName VARCHAR,
    eventType VARCHAR, awsRegion VARCHAR, readOnly BOOLEAN, errorCode VARCHAR, errorMessage VARCHAR,
    sourceIPAddress VARCHAR, userAgent VARCHAR, requestID VARCHAR, recipientAccountId VARCHAR, sharedEventID VARCHAR,
    userIdentity STRUCT("type" VARCHAR, arn VARCHAR, invokedBy VARCHAR, accessKeyId VARCHAR,
                        sessionContext STRUCT(sessionIssuer STRUCT(arn VARCHAR))),
    requestParameters STRUCT(keyId VARCHAR, targetKeyId VARCHAR, sourceKeyId VARCHAR, destinationKeyId VARCHAR,
                             encryptionContext JSON, sourceEncryptionContext JSON, destinationEncryptionContext JSON),
    additionalEventData STRUCT(keyMaterialId VARCHAR),
    serviceEventDetails STRUCT(rotationType VARCHAR, keyId VARCHAR, currentKeyMaterialId VARCHAR),
    resources STRUCT(ARN VARCHAR)[], tlsDetails STRUCT(tlsVersion VARCHAR))[]"""


def _duckdb(paths: Sequence[Path], threads: int) -> None:
    import duckdb

    with duckdb.connect(config={"threads": threads, "memory_limit": "2GB"}) as database:
        found = database.read_json(list(map(str, paths)), format="unstructured", columns={"Records": _STRUCT})
        found.project("unnest(Records) AS record").aggregate("count(DISTINCT record.eventName)").fetchall()


def main(arguments: list[str]) -> int:
    name, bucket, processes = arguments
    print(json.dumps({"seconds": seconds(name, Path(bucket), int(processes))}))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    raise SystemExit(main(sys.argv[1:]))
