"""A frame becomes plain rows, and what AWS left out becomes None."""

from datetime import UTC, datetime

from fluo_audit.evaluate.rows import rows
from fluo_audit.model.sources import COST, EVENTS, TRAILS


def test_values_are_plain(frame):
    (row,) = rows(frame(EVENTS, [{"event_id": "e1", "event_time": "2026-02-28T23:59", "read_only": False}]))

    assert row["event_id"] == "e1"
    assert row["event_time"] == datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    assert type(row["event_time"]) is datetime
    assert row["read_only"] is False


def test_what_was_left_out_is_none_in_every_type(frame):
    (event,) = rows(frame(EVENTS, [{}]))
    (day,) = rows(frame(COST, [{}]))

    assert set(event.values()) == {None}
    assert set(day.values()) == {None}


def test_an_empty_frame_has_no_rows(frame):
    assert rows(frame(TRAILS, [])) == ()
