"""The row states how many rotations each side has; the check rotation-history-reconciled judges them."""

from __future__ import annotations

import pytest

from fluo_audit.evaluate.reconciliation.rotations import EVENTS_ROTATIONS

FIRST = {"key_material_id": "m1"}
LISTED = {"rotated_at": "2026-03-05T09:00", "rotation_type": "AUTOMATIC", "key_material_id": "m2"}
RECORD = {"event_id": "r", "event_time": "2026-03-05T09:01", "event_name": "RotateKey", "key_material_id": "m2"}
NONE = (None, None, None)

CASES = [
    ("each has its partner", {}, [FIRST, LISTED], [RECORD], {}, ("agrees", 1, 1, 0), ["judged by rotation-history-reconciled", "2026-03-01 to 2026-03-10"]),
    ("no rotation", {}, [FIRST], [], {}, ("agrees", 0, 0, 0), []),
    ("a rotation without event", {}, [FIRST, LISTED], [], {}, ("differs", 0, 1, 1), ["1 rotation without partner"]),
    ("an event without rotation", {}, [FIRST], [RECORD], {}, ("differs", 1, 0, 1), []),
    ("one of each, that are not the same", {}, [FIRST, LISTED], [{**RECORD, "key_material_id": "m9"}], {}, ("differs", 1, 1, 2), ["2 rotations without partner"]),
    ("a partner just outside", {}, [FIRST, {**LISTED, "rotated_at": "2026-03-01T00:10"}], [], {}, ("explained", 0, 1, 1), ["end of the period"]),
    ("a failed event is no rotation", {}, [FIRST], [{**RECORD, "error_code": "InternalFailure"}], {}, ("agrees", 0, 0, 0), []),
    ("a replica", {"multi_region_type": "REPLICA"}, [FIRST, LISTED], [], {}, ("not compared", *NONE), ["Region of that"]),
    ("a key that cannot rotate", {"spec": "RSA_2048"}, [], [], {}, ("not compared", *NONE), ["RSA_2048"]),
    ("a rotation without date", {}, [FIRST, {"key_material_id": "m2"}], [], {}, ("not compared", *NONE), ["RotationDate of 1 key material"]),
    ("a period that has not begun", {}, [FIRST], [], {"as_of": "2026-02-01"}, ("not compared", *NONE), ["had not begun"]),
    ("rotations read in part", {}, [FIRST, LISTED], [RECORD], {"partial": ["rotations"]}, ("not compared", *NONE), ["a gap"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "metadata", "rotations", "events", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES]
)
def test_rotations(confirm_row, *, name, metadata, rotations, events, settings, expected, texts):
    confirm_row(
        EVENTS_ROTATIONS, {"key": metadata, "rotations": rotations, "events": events}, settings, expected, *texts
    )
