"""Never faster than the quota, slower while others use it, and back to full speed afterwards."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.aws.pace import Pace
from fluo_audit.sandbox.clock import SimulatedClock


def gap(pace: Pace, clock: SimulatedClock) -> float:
    """Return the seconds that the next request has to wait for."""
    before = clock.monotonic()
    pace.wait()
    return clock.monotonic() - before


@given(st.lists(st.tuples(st.integers(0, 3_000_000), st.sampled_from(["passed", "throttled", "failed"])), max_size=60))
def test_there_are_never_more_than_two_in_a_second_whatever_happens(history: list[tuple[int, str]]):
    clock = SimulatedClock()
    pace, sent = Pace(clock, 2.0), []
    for microseconds, outcome in history:
        pace.wait()
        sent.append(clock.monotonic())
        clock.sleep(microseconds / 1e6)
        if outcome == "passed":
            pace.passed()
        elif outcome == "throttled":
            pace.throttled()

    assert all(later - earlier >= 0.5 - 1e-9 for earlier, later in pairwise(sent))


def test_the_first_request_and_one_after_a_rest_do_not_wait():
    clock = SimulatedClock()
    pace = Pace(clock, 2.0)

    assert gap(pace, clock) == 0
    assert gap(pace, clock) == 0.5
    clock.sleep(60)
    assert gap(pace, clock) == 0
    assert gap(pace, clock) == 0.5


def test_throttles_make_it_slower_down_to_a_limit_and_answers_bring_it_back():
    clock = SimulatedClock()
    pace = Pace(clock, 2.0)
    pace.wait()
    slower, faster = [], []
    for _ in range(20):
        pace.throttled()
        slower.append(gap(pace, clock))
    for _ in range(60):
        pace.passed()
        faster.append(gap(pace, clock))

    assert slower == sorted(slower)
    assert (slower[0] > 0.5, slower[-1]) == (True, 4.0)
    assert faster == sorted(faster, reverse=True)
    assert (faster[0] < 4.0, faster[5] > 1.0, faster[-1]) == (True, True, 0.5)
