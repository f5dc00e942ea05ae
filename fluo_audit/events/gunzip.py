"""Unpack what CloudTrail packed: one gzip member, whole, and nothing after it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from isal import isal_zlib
from isal.igzip_lib import IsalError

LIMIT = 512 * 2**20
"""CloudTrail rolls its files over long before; more than this is a compression bomb or no log file."""
_BLOCK = 4 * 2**20
_GZIP = 31  # wbits of zlib: a gzip header and trailer
_MAGIC = b"\x1f\x8b"
_RESERVED_FLAGS = 0b1110_0000  # an error by RFC 1952, section 2.3.1.2, which ISA-L lets through


class GunzipProblem(StrEnum):
    """Why bytes are not what CloudTrail delivers."""

    NOT_GZIP = "not gzip"
    DAMAGED = "damaged gzip"
    CUT_OFF = "cut off"
    TRAILING_DATA = "trailing data"
    TOO_LARGE = "larger than the limit"


class GunzipError(Exception):
    """Bytes that are not one whole gzip member, or unpack to too much."""

    def __init__(self, reason: GunzipProblem) -> None:
        super().__init__(str(reason))
        self.reason = reason


def gunzip(raw: bytes, limit: int = LIMIT) -> bytes:
    """Return the content of a gzip file.

    Raises GunzipError, also when there is anything after the first member: gzip readers would join a second member to
    the content, and no hash of CloudTrail's covers it.
    """
    return b"".join(blocks(raw, limit))


def blocks(raw: bytes, limit: int = LIMIT) -> Iterator[bytes]:
    """Give the content of a gzip file in blocks, so that it need not be held whole.

    Nothing is to be believed before the last block has come: GunzipError is raised where the trouble is met.
    """
    if not raw.startswith(_MAGIC):
        raise GunzipError(GunzipProblem.NOT_GZIP)
    if any(flags & _RESERVED_FLAGS for flags in raw[3:4]):
        raise GunzipError(GunzipProblem.DAMAGED)
    stream = isal_zlib.decompressobj(wbits=_GZIP)
    size = 0
    while True:
        try:
            block = stream.decompress(raw, _BLOCK)
        except IsalError as error:  # type: ignore[misc]  # its stub declares an instance, it is a class
            raise GunzipError(GunzipProblem.DAMAGED) from error
        size += len(block)
        if size > limit:
            raise GunzipError(GunzipProblem.TOO_LARGE)
        yield block
        if stream.eof:
            break
        raw = stream.unconsumed_tail
        if not block and not raw:
            raise GunzipError(GunzipProblem.CUT_OFF)
    if stream.unused_data:
        raise GunzipError(GunzipProblem.TRAILING_DATA)
