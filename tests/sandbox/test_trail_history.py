"""How trails delivered, read from the calls that changed them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fluo_audit.sandbox.identities import service
from fluo_audit.sandbox.ledger import Event, Ledger
from fluo_audit.sandbox.trail_history import Stretch, Trail, stretches

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
SOURCE = "cloudtrail.amazonaws.com"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
TRAIL = Trail("t", "us-east-1", "b", "", every_region=True)
SETTINGS = {"s3BucketName": "b", "isMultiRegionTrail": True}


@pytest.fixture
def history():
    """Give a function that turns calls, an hour apart, into the stretches of a ledger."""

    def told(*calls, validated=False):
        ledger = Ledger()
        for hour, (name, parameters, *error) in enumerate(calls):
            when, identity = START + HOUR * hour, service("test")
            ledger.add(Event(
                when, str(hour), SOURCE, name, "us-east-1", identity, read_only=False,
                parameters={"name": "t"} | parameters, error_code=error[0] if error else None,
            ))  # fmt: skip
        return stretches(ledger, validated=validated)

    return told


def at(hour):
    return START + HOUR * hour


def test_a_trail_delivers_from_its_start_to_its_stop(history):
    calls = [("CreateTrail", SETTINGS), ("StartLogging", {}), ("StopLogging", {}), ("StartLogging", {})]
    assert history(*calls[:1]) == ()
    assert history(*calls) == (Stretch(TRAIL, at(1), at(2) + SECOND), Stretch(TRAIL, at(3)))


def test_a_deleted_trail_delivers_no_more(history):
    arn = {"name": "arn:aws:cloudtrail:us-east-1:123456789012:trail/t"}
    assert history(("CreateTrail", SETTINGS), ("StartLogging", arn), ("DeleteTrail", arn)) == (
        Stretch(TRAIL, at(1), at(2) + SECOND),
    )


def test_what_was_refused_changed_nothing(history):
    calls = [("CreateTrail", SETTINGS), ("StartLogging", {}), ("StopLogging", {}, "AccessDenied")]
    assert history(*calls) == (Stretch(TRAIL, at(1)),)


def test_digests_are_written_while_validation_is_on(history):
    on, off = {"enableLogFileValidation": True}, {"enableLogFileValidation": False}
    calls = [
        ("CreateTrail", SETTINGS),
        ("StartLogging", {}),
        ("UpdateTrail", on),
        ("UpdateTrail", on),
        ("UpdateTrail", off),
    ]
    assert history(*calls) == (Stretch(TRAIL, at(1)),)
    assert history(*calls, validated=True) == (Stretch(TRAIL, at(2), at(4) + SECOND),)


def test_another_place_is_another_stretch(history):
    calls = [("CreateTrail", SETTINGS), ("StartLogging", {}), ("UpdateTrail", {"s3KeyPrefix": "logs"})]
    first, second = history(*calls)
    assert (first.end, second.start, second.end) == (at(2) + SECOND, at(2) + SECOND, None)
    assert (first.root, second.root) == ("AWSLogs/", "logs/AWSLogs/")


def test_two_changes_in_one_second_deliver_nothing_twice(history):
    ledger = Ledger()
    for number, name in enumerate(("CreateTrail", "StartLogging", "StopLogging", "StartLogging")):
        parameters = {"name": "t"} | (SETTINGS if name == "CreateTrail" else {})
        ledger.add(
            Event(
                START, str(number), SOURCE, name, "us-east-1", service("test"), read_only=False, parameters=parameters
            )
        )
    first, second = stretches(ledger, validated=False)
    assert first.end == second.start
    assert not first.holds(START + SECOND)
    assert second.holds(START + SECOND)
