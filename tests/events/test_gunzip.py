from __future__ import annotations

import gzip
import runpy
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.events.gunzip import LIMIT, GunzipError, GunzipProblem, blocks, gunzip

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "digest_vectors.py")))
TEXT = b"".join(b"%d," % (number * number) for number in range(20_000))
PACKED = gzip.compress(TEXT, mtime=0)


def problem(raw: bytes, limit: int = LIMIT) -> GunzipProblem:
    with pytest.raises(GunzipError) as error:
        gunzip(raw, limit)
    assert str(error.value) == error.value.reason
    return error.value.reason


@given(st.binary(max_size=5000), st.integers(0, 9))
def test_what_was_packed_comes_back(text: bytes, level: int):
    assert gunzip(gzip.compress(text, level)) == text


def test_a_file_of_many_blocks_comes_back():
    text = TEXT * 100

    packed = gzip.compress(text, 1)

    assert gunzip(packed) == text
    assert len(list(blocks(packed))) > 3


def test_a_header_may_hold_a_name():
    assert gunzip(PACKED[:3] + b"\x08" + PACKED[4:10] + b"log.json\0" + PACKED[10:]) == TEXT


@pytest.mark.parametrize("raw", [b"", b"\x1f", b"{}", b"PK\x03\x04", TEXT, b"\x1f\x8c" + PACKED[2:]])
def test_what_is_not_gzip(raw: bytes):
    assert problem(raw) is GunzipProblem.NOT_GZIP


@pytest.mark.parametrize("size", [2, 3, 9, 10, 11, len(PACKED) // 2, len(PACKED) - 9, len(PACKED) - 4, len(PACKED) - 1])
def test_a_file_that_is_cut_off(size: int):
    assert problem(PACKED[:size]) is GunzipProblem.CUT_OFF


@pytest.mark.parametrize("more", [PACKED, b"\0", b"\n", PACKED[:1], gzip.compress(b"", mtime=0)])
def test_anything_after_the_first_member_is_not_read(more: bytes):
    assert problem(PACKED + more) is GunzipProblem.TRAILING_DATA


def test_a_byte_that_changed_is_noticed():
    """Time, level and system in the header mean nothing, and so do the bits that fill the last byte of the data."""
    packed = gzip.compress(b"a little text that is packed", mtime=0)
    unnoticed = set()
    for place in range(len(packed)):
        for bits in (1, 0x20, 0x80, 0xFF):
            try:
                changed = gunzip(packed[:place] + bytes([packed[place] ^ bits]) + packed[place + 1 :])
            except GunzipError:
                continue
            assert changed == b"a little text that is packed"
            unnoticed.add((place, bits))

    assert {place for place, _ in unnoticed} <= {3, 4, 5, 6, 7, 8, 9, len(packed) - 9}
    assert {bits for place, bits in unnoticed if place == 3} == {1}  # a flag: it is probably text


def test_the_limit_is_what_may_be_unpacked():
    assert gunzip(PACKED, len(TEXT)) == TEXT
    assert problem(PACKED, len(TEXT) - 1) is GunzipProblem.TOO_LARGE
    assert problem(PACKED + PACKED, len(TEXT) - 1) is GunzipProblem.TOO_LARGE


def test_a_bomb_takes_no_memory():
    bomb = made.bomb(64 * 2**20)
    assert len(bomb) < 2**20

    tracemalloc.start()
    try:
        assert problem(bomb, 2 * 2**20) is GunzipProblem.TOO_LARGE
        assert sum(map(len, blocks(bomb))) == 64 * 2**20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 24 * 2**20
