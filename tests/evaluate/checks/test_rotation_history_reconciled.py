"""Rotations due, listed and recorded. The key was created on 10 January 2026, so the first rotation is due on 10 April."""

import pytest

from fluo_audit.evaluate.checks.rotation_history_reconciled import rotation_history_reconciled

FIRST = {"key_material_id": "m1"}


def rotated(at: str, material: str | None = "m2", kind: str = "AUTOMATIC") -> dict:
    return {"rotated_at": at, "rotation_type": kind, "key_material_id": material}


def event(at: str | None, material: str | None = "m2", **more) -> dict:
    return {"event_id": f"e-{at}", "event_time": at, "event_name": "RotateKey", "key_material_id": material, **more}


USE = {"event_id": "e-use", "event_time": "2026-04-10T09:40", "event_name": "Decrypt", "key_material_id": "m2"}
REQUEST = {"event_id": "e-ask", "event_time": "2026-04-10T09:40", "event_name": "RotateKeyOnDemand"}
APRIL = rotated("2026-04-10T09:41")
RECORD = event("2026-04-10T09:42")

CASES = [
    ("all three agree", {}, [FIRST, APRIL], [USE, RECORD], {}, "pass", ["1 due, 1 listed by KMS, 1 recorded by CloudTrail; no difference", "1 rotation, 1 event"]),
    ("matched by material id whatever the time", {}, [FIRST, APRIL], [event("2026-04-11T09:00")], {}, "pass", ["1 recorded"]),
    ("matched by time when the event has no material id", {}, [FIRST, APRIL], [event("2026-04-10T10:41", None)], {}, "pass", []),
    ("matched by time when the listing has none", {}, [FIRST, rotated("2026-04-10T09:41", None)], [RECORD], {}, "pass", []),
    (
        "too far apart to be one",
        {},
        [FIRST, APRIL],
        [event("2026-04-10T10:42", None)],
        {},
        "fail",
        ["2 differences", "2026-04-10T09:41:00Z KMS lists a rotation (automatic) without", "ref e-2026-04-10T10:42"],
    ),
    (
        "another material id is another rotation, however close",
        {},
        [FIRST, APRIL],
        [event("2026-04-10T09:42", "m9")],
        {},
        "fail",
        ["2 differences", "ref m2"],
    ),
    ("a rotation without event", {}, [FIRST, APRIL], [USE], {}, "fail", ["1 listed by KMS, 0 recorded", "1 difference", "ref m2"]),
    ("an event without rotation", {}, [FIRST, APRIL], [RECORD, event("2026-05-01T00:00", "m8")], {}, "fail", ["2 recorded", "2026-05-01T00:00:00Z CloudTrail recorded"]),
    ("a failed RotateKey is no rotation", {}, [FIRST, APRIL], [RECORD, event("2026-05-01", "m8", error_code="InternalFailure")], {}, "pass", []),
    ("asking for a rotation is not one", {}, [FIRST, APRIL], [REQUEST, RECORD], {}, "pass", ["1 recorded"]),
    (
        "two on one day pair one to one",
        {},
        [FIRST, rotated("2026-04-10T09:41", None), rotated("2026-04-10T10:11", None, "ON_DEMAND")],
        [event("2026-04-10T09:42", None), event("2026-04-10T10:12", None)],
        {},
        "pass",
        ["2 listed by KMS, 2 recorded"],
    ),
    (
        "two rotations cannot share an event",
        {},
        [FIRST, rotated("2026-04-10T09:41", None), rotated("2026-04-10T10:11", None, "ON_DEMAND")],
        [event("2026-04-10T09:42", None)],
        {},
        "fail",
        ["1 difference", "KMS lists a rotation (on demand)"],
    ),
    ("due and in neither record", {}, [FIRST], [USE], {}, "fail", ["1 due, 0 listed by KMS, 0 recorded", "2026-04-10 a rotation was due: v1 was still in use at 2026-07-01"]),
    ("not due yet", {}, [FIRST], [USE], {"as_of": "2026-04-11T12:00"}, "pass", ["0 listed"]),
    ("late, but there, is another check's", {}, [FIRST, rotated("2026-05-20T08:00")], [event("2026-05-20T08:00")], {}, "pass", ["1 due, 1 listed"]),
    ("before the period is not judged", {}, [FIRST, APRIL], [], {"period": ("2026-05-01", "2026-07-01")}, "pass", ["0 due, 0 listed by KMS, 0 recorded"]),
    (
        "a partner just outside the period",
        {},
        [FIRST, rotated("2026-04-10T00:10")],
        [],
        {"period": ("2026-04-10", "2026-07-01")},
        "pass",
        ["1 listed by KMS, 0 recorded"],
    ),
    (
        "too fresh for CloudTrail to have delivered",
        {},
        [FIRST, rotated("2026-04-10T09:41")],
        [],
        {"as_of": "2026-04-10T10:00"},
        "pass",
        ["1 listed by KMS, 0 recorded"],
    ),
    ("events read in part give no exception", {}, [FIRST, APRIL], [], {"partial": ["events"]}, "not_assessed", ["a gap"]),
    ("rotations read in part neither", {}, [FIRST], [RECORD], {"partial": ["rotations"]}, "not_assessed", ["a gap"]),
    ("a replica", {"multi_region_type": "REPLICA"}, [FIRST, APRIL], [], {}, "not_assessed", ["Region of the primary key"]),
    ("a rotation without date", {}, [FIRST, {"key_material_id": "m2"}], [RECORD], {}, "not_assessed", ["RotationDate"]),
    ("a period that has not begun", {}, [FIRST], [], {"as_of": "2025-12-01"}, "not_assessed", ["had not begun"]),
    ("asymmetric", {"spec": "RSA_2048"}, [], [], {}, "not_applicable", ["RSA_2048"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "key", "rotations", "events", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES]
)
def test_rotation_history_reconciled(confirm, *, name, key, rotations, events, settings, expected, texts):
    confirm(rotation_history_reconciled, [key, rotations, events], settings, expected, *texts)
