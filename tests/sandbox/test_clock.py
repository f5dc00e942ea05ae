from datetime import UTC, datetime, timedelta

import pytest

from fluo_audit.sandbox.clock import SAMPLE_NOW, RunningClock, SimulatedClock


def test_sleeping_moves_the_clock_and_the_monotonic_reading_at_once():
    clock = SimulatedClock()
    clock.sleep(90.5)
    assert clock.now() == SAMPLE_NOW + timedelta(seconds=90.5)
    assert clock.monotonic() == 90.5


def test_time_does_not_run_backwards():
    with pytest.raises(ValueError, match="backwards"):
        SimulatedClock().sleep(-1)


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        SimulatedClock(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_another_moment_lasts_as_long_as_its_block():
    clock = SimulatedClock()
    with clock.at(datetime(2025, 1, 1, tzinfo=UTC)):
        assert clock.now().year == 2025
    assert clock.now() == SAMPLE_NOW


def test_the_running_clock_advances_by_itself():
    clock = RunningClock()
    first, second = clock.now(), clock.now()
    assert SAMPLE_NOW <= first < second
