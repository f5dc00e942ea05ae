"""How long each key material was in use, against cryptoperiod and grace. The key was created on 10 January 2026."""

from datetime import UTC, datetime

import pytest

from fluo_audit.evaluate.checks.rotation_on_time import rotation_on_time

FIRST = {"key_material_id": "m1", "key_material_state": "NON_CURRENT"}


def rotated(at: str, material: str = "m2") -> dict:
    return {
        "rotated_at": at,
        "rotation_type": "AUTOMATIC",
        "key_material_id": material,
        "key_material_state": "CURRENT",
    }


CREATED_EARLIER = {"created_at": datetime(2025, 1, 1, tzinfo=UTC)}
REPLICA = {"multi_region_type": "REPLICA", "created_at": datetime(2026, 3, 1, tzinfo=UTC)}

CASES = [
    (
        "on the due day",
        {},
        [FIRST, rotated("2026-04-10T09:41")],
        {},
        "pass",
        [
            "1 key material replaced within 90 days",
            "v2 is in use since 2026-04-10, 83 days, and due on 2026-07-09",
            "2 of 2",
        ],
    ),
    ("on the day of grace", {}, [FIRST, rotated("2026-04-11T23:59")], {}, "pass", ["1 key material replaced"]),
    (
        "a day past grace",
        {},
        [FIRST, rotated("2026-04-12T00:00")],
        {},
        "fail",
        [
            "1 of 2 key materials in use longer than 90 days, 1 of grace; the longest is v1 with 92 days",
            "2026-04-12T00:00:00Z v1 in use for 92 days: due 2026-04-10, replaced 2026-04-12, 2 days late",
            "ref m1",
        ],
    ),
    ("the same with more grace", {}, [FIRST, rotated("2026-04-12T00:00")], {"rotation_grace_days": 2}, "pass", []),
    ("a longer cryptoperiod", {}, [FIRST], {"cryptoperiod_days": 365}, "pass", ["0 key materials replaced"]),
    (
        "never rotated and overdue",
        {},
        [FIRST],
        {},
        "fail",
        ["1 of 1 key material", "2026-04-10 v1 in use for 173 days: due 2026-04-10, not replaced yet, 83 days late"],
    ),
    (
        "never rotated and young",
        {},
        [FIRST],
        {"as_of": "2026-03-01"},
        "pass",
        ["v1 is in use since 2026-01-10, 50 days"],
    ),
    ("no row at all is no rotation", {}, [], {}, "fail", ["v1 in use for 173 days", "ref m1"]),
    (
        "overdue at collection though the period ended before",
        {},
        [FIRST, rotated("2026-04-10")],
        {"as_of": "2026-07-11"},
        "fail",
        ["v2 in use for 92 days"],
    ),
    (
        "late before the audit period is history",
        CREATED_EARLIER,
        [FIRST, rotated("2025-12-20"), rotated("2026-03-20", "m3"), rotated("2026-06-18", "m4")],
        {},
        "pass",
        ["2 key materials replaced", "3 of 4 key materials"],
    ),
    (
        "overdue since before the period and still in use in it",
        CREATED_EARLIER,
        [FIRST, rotated("2026-01-02"), rotated("2026-04-02", "m3"), rotated("2026-07-01", "m4")],
        {},
        "fail",
        ["v1 in use for 366 days: due 2025-04-01, replaced 2026-01-02, 276 days late"],
    ),
    (
        "due after the period and replaced late is for the next period",
        CREATED_EARLIER,
        [FIRST, rotated("2025-12-20"), rotated("2026-06-01", "m3")],
        {"period": ("2026-01-01", "2026-03-01"), "as_of": "2026-06-10"},
        "pass",
        ["1 of 3 key materials"],
    ),
    ("imported material is judged too", {"origin": "EXTERNAL"}, [FIRST], {}, "fail", ["173 days"]),
    (
        "material that waits for its rotation is not in use",
        {"origin": "EXTERNAL"},
        [FIRST, rotated("2026-04-10"), {"key_material_id": "m3", "key_material_state": "PENDING_ROTATION"}],
        {},
        "pass",
        ["v2 is in use"],
    ),
    ("asymmetric", {"spec": "RSA_2048"}, [], {}, "not_applicable", ["RSA_2048"]),
    ("custom key store", {"origin": "AWS_CLOUDHSM"}, [], {}, "not_applicable", ["AWS_CLOUDHSM"]),
    (
        "no creation date, first material in the period",
        {"created_at": None},
        [rotated("2026-04-10")],
        {},
        "not_assessed",
        ["begin of the first"],
    ),
    ("no creation date, no rotation", {"created_at": None}, [], {}, "not_assessed", ["begin of the first"]),
    (
        "a replica does not know its first material",
        REPLICA,
        [FIRST, rotated("2026-04-10")],
        {},
        "not_assessed",
        ["the primary key knows it"],
    ),
    (
        "a replica with its first material before the period",
        REPLICA,
        [FIRST, rotated("2025-12-30"), rotated("2026-03-30", "m3"), rotated("2026-06-28", "m4")],
        {},
        "pass",
        ["2 key materials replaced", "3 of 3"],
    ),
    (
        "a replica that is late stays late",
        REPLICA,
        [FIRST, rotated("2026-01-30")],
        {},
        "fail",
        ["v2 in use for 153 days"],
    ),
    (
        "a rotation without date",
        {},
        [FIRST, {"key_material_id": "m2"}],
        {},
        "not_assessed",
        ["RotationDate of 1 key material"],
    ),
]


@pytest.mark.parametrize(
    ("name", "key", "rotations", "settings", "expected", "texts"), CASES, ids=[case[0] for case in CASES]
)
def test_rotation_on_time(confirm, *, name, key, rotations, settings, expected, texts):
    confirm(rotation_on_time, [key, rotations], settings, expected, *texts)
