"""Log files and Event history hold the same events, but for what has a known cause. Collected on 11 March at 06:00."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.reconciliation.event_history import EVENTS_HISTORY

NONE = (None, None, None)
A, B = {"event_id": "a", "event_time": "2026-03-09T08:00"}, {"event_id": "b", "event_time": "2026-03-09T09:00"}
C = {"event_id": "c", "event_time": "2026-03-09T10:00"}
OTHER = {"recipient_account": "999999999999"}


def case(logs, history, **more):
    return {"events": logs, "event_history": history, **more}


CASES = [
    ("the same", case([A, B], [B, A]), {}, ("agrees", 2, 2, 0), ["the same event ids in both", "2026-03-01 to 2026-03-10"]),
    ("nothing on either side", case([], []), {}, ("agrees", 0, 0, 0), []),
    ("an event that the log files lack", case([A], [A, B]), {}, ("differs", 1, 2, 1), ["1 event without explanation", "2026-03-09T09:00:00Z Decrypt is in Event history and not in the log files ref b"]),
    ("an event that Event history lacks", case([A, B], [A]), {}, ("differs", 2, 1, 1), ["is in the log files and not in Event history ref b"]),
    ("one lost on each side", case([A], [B]), {}, ("differs", 1, 1, 2), ["2 events without explanation"]),
    ("another service that names the key", case([A], [A, {**B, "event_source": "s3.amazonaws.com"}]), {}, ("explained", 1, 2, 1), ["1 an event of another service"]),
    ("KMS, as far as one can tell", case([A], [A, {**B, "event_source": None}]), {}, ("differs", 1, 2, 1), []),
    (
        "two copies of a call across accounts",
        case([{**A, "shared_event_id": "s"}, {**B, **OTHER, "shared_event_id": "s"}], [{**A, "shared_event_id": "s"}]),
        {},
        ("explained", 2, 1, 1),
        [],
    ),
    (
        "each has another copy of one call",
        case([{**A, "shared_event_id": "s"}], [{**B, "shared_event_id": "s"}]),
        {},
        ("explained", 1, 1, 2),
        ["2 the other account's copy of a call that both have (sharedEventID)"],
    ),
    ("a shared id that only one has explains nothing", case([A], [A, {**B, "shared_event_id": "s"}]), {}, ("differs", 1, 2, 1), []),
    ("an organisation's log of another account", case([A, {**B, **OTHER}], [A]), {}, ("explained", 2, 1, 1), ["of another account or Region"]),
    ("a log of another Region", case([A, {**B, "region": "eu-west-1"}], [A]), {}, ("explained", 2, 1, 1), ["of another account or Region"]),
    ("no Region and account stated", case([A, {**B, "region": None, "recipient_account": None}], [A]), {}, ("differs", 2, 1, 1), []),
    ("a failed call need not name the key", case([A, {**B, "error_code": "AccessDenied"}], [A]), {}, ("explained", 2, 1, 1), ["a failed call"]),
    ("explained and flagged together", case([A, {**B, "error_code": "AccessDenied"}, C], [A]), {}, ("differs", 3, 1, 2), ["1 event without explanation; 1 a failed call", "ref c"]),
    ("an event twice counts once", case([A, A], [A]), {}, ("agrees", 1, 1, 0), []),
    (
        "only the time that both cover",
        case([A, B, C], [B]),
        {"covered": {"event_history": ("2026-03-09T08:30", "2026-03-09T09:30")}},
        ("agrees", 1, 1, 0),
        ["2026-03-09 08:30 to 2026-03-09 09:30"],
    ),
    (
        "not the newest 15 minutes",
        case([A, {**B, "event_time": "2026-03-11T05:45"}], [A]),
        {"covered": {"events": ("2026-03-01", "2026-03-11T06:00"), "event_history": ("2026-03-01", "2026-03-11T06:00")}},
        ("agrees", 1, 1, 0),
        ["2026-03-11 05:45"],
    ),
    (
        "but what came before them",
        case([A, {**B, "event_time": "2026-03-11T05:44:59"}], [A]),
        {"covered": {"events": ("2026-03-01", "2026-03-11T06:00"), "event_history": ("2026-03-01", "2026-03-11T06:00")}},
        ("differs", 2, 1, 1),
        [],
    ),
    ("no time in common", case([A], [A]), {"covered": {"event_history": ("2026-03-11", "2026-03-11T05:00")}}, ("not compared", *NONE), ["no time in common"]),
    ("no time at all", case([A], [A]), {"covered": {"event_history": None}}, ("not compared", *NONE), ["no time in common"]),
    ("counted in groups", case([{**A, "calls": 2}], [A, B]), {}, ("not compared", *NONE), ["their ids were not kept"]),
    ("counted in groups elsewhere in time", case([{**A, "calls": 2}, B], [B]), {"covered": {"event_history": ("2026-03-09T08:30", "2026-03-10")}}, ("agrees", 1, 1, 0), []),
    (
        "counted in groups, and the ids are known",
        case([{**A, "calls": 2}], [A, B], event_ids=[A, B]),
        {},
        ("agrees", 2, 2, 0),
        [],
    ),
    (
        "ids that were read in part do not help",
        case([{**A, "calls": 2}], [A, B], event_ids=[A, B]),
        {"partial": ["event_ids"]},
        ("not compared", *NONE),
        ["their ids were not kept"],
    ),
    ("Event history read in part", case([A], [A]), {"partial": ["event_history"]}, ("not compared", *NONE), ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES])
def test_event_ids(confirm_row, *, name, given, settings, expected, texts):
    confirm_row(EVENTS_HISTORY, given, settings, expected, *texts)
