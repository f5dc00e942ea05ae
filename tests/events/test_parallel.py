"""Results in order, memory bounded, nothing begun in vain: held with gates, never with time."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice

import pytest

from fluo_audit.events.parallel import in_order

PATIENCE = 30
"""Seconds after which a gate that should have opened is a failure and not a hanging test."""


def double(item: int) -> int:
    return 2 * item


def test_results_come_in_the_order_of_the_items_whichever_is_ready_first():
    """The first item ends only after the last one."""
    first = threading.Event()

    def function(item: int) -> int:
        if item == 0:
            assert first.wait(PATIENCE)
        if item == 7:
            first.set()
        return item

    assert list(in_order(function, range(8), workers=2, ahead=8)) == list(range(8))


def test_as_many_work_at_once_as_there_are_workers():
    """Each waits for all the others: with one worker less this would never end."""
    together = threading.Barrier(8, timeout=PATIENCE)

    def function(item: int) -> int:
        together.wait()
        return item

    assert list(in_order(function, range(16), workers=8, ahead=8)) == list(range(16))


def test_endless_items_are_taken_only_as_far_ahead_as_allowed():
    taken = []

    def items() -> Iterator[int]:
        for item in count():
            taken.append(item)
            yield item

    with closing(in_order(double, items(), workers=2, ahead=4)) as results:
        assert list(islice(results, 10)) == [2 * item for item in range(10)]

    assert len(taken) == 10 + 4


def test_an_error_comes_where_its_result_would_and_after_all_results_before_it():
    def function(item: int) -> float:
        return 12 / (3 - item)

    results = in_order(function, range(10), workers=4, ahead=10)

    assert list(islice(results, 3)) == [4, 6, 12]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


def test_an_error_of_the_items_is_raised():
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the listing broke off")

    with pytest.raises(LookupError, match="broke off"):
        list(in_order(double, items(), workers=2, ahead=2))


class Thing:
    """An item of which one can tell when nobody holds it any more."""


def test_closing_begins_nothing_new_and_leaves_no_thread_behind():
    """The second item ends when the third is forgotten: from then on neither that nor the fourth can begin."""
    forgotten, begun, kept = threading.Event(), [], []

    def items() -> Iterator[Thing]:
        for number in count():
            thing = Thing()
            if number == 2:
                kept.append(weakref.ref(thing, lambda _: forgotten.set()))
            yield thing

    def function(_: Thing) -> int:
        begun.append(len(begun))
        if len(begun) == 2:
            assert forgotten.wait(PATIENCE)
        return begun[-1]

    before = threading.active_count()
    results = in_order(function, items(), workers=1, ahead=4)
    assert next(results) == 0

    results.close()

    assert begun in ([0], [0, 1])
    assert threading.active_count() == before


def test_without_items_there_are_no_results():
    assert list(in_order(double, [], workers=4, ahead=4)) == []
