"""The machine's clock tells UTC, and its readings go forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fluo_audit.aws.clock import SystemClock


def test_the_clock_of_the_machine_tells_utc_and_goes_forward():
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0)

    assert clock.now().utcoffset() == timedelta(0)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert clock.monotonic() >= before
