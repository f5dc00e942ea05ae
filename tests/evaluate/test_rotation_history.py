"""Key materials in order, their days in use, and who is first."""

from datetime import UTC, date, datetime

import pytest

from fluo_audit.evaluate.rotation_history import due_day, key_materials, listed_rotations, undated
from fluo_audit.model.report import KeyMaterial
from fluo_audit.model.sources import ROTATIONS

AS_OF = datetime(2026, 7, 2, 12, tzinfo=UTC)
FIRST = {"key_material_id": "m1", "key_material_state": "NON_CURRENT"}


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def rotated(moment: str, material: str | None = None, kind: str | None = "AUTOMATIC") -> dict:
    return {"rotated_at": moment, "rotation_type": kind, "key_material_id": material}


@pytest.fixture
def materials(key, frame):
    def build(rotations: list, *, as_of: datetime = AS_OF, limit: int = 90, **given) -> tuple[KeyMaterial, ...]:
        return key_materials(key(**given), frame(ROTATIONS, rotations), as_of, limit)

    return build


def test_each_rotation_ends_one_material_and_begins_the_next(materials):
    # AWS lists in no promised order.
    history = materials([rotated("2026-05-20T08:00", "m3", "ON_DEMAND"), FIRST, rotated("2026-04-12T09:00", "m2")])

    assert history == (
        KeyMaterial("v1", at(2026, 1, 10, 9, 30), at(2026, 4, 12, 9), 92, 2, "created", "m1"),
        KeyMaterial("v2", at(2026, 4, 12, 9), at(2026, 5, 20, 8), 38, 0, "automatic", "m2"),
        KeyMaterial("v3", at(2026, 5, 20, 8), None, 43, 0, "on demand", "m3"),
    )


def test_without_rotation_the_key_has_one_material_whether_aws_lists_it_or_not(materials):
    (listed,) = materials([FIRST])
    (unlisted,) = materials([], current_material_id="m1")

    assert listed == unlisted
    assert (listed.label, listed.days, listed.days_late, listed.until) == ("v1", 173, 83, None)


@pytest.mark.parametrize(
    ("created", "replaced", "days"),
    [
        ((2026, 1, 31, 12), "2026-02-28T12:00", 28),
        ((2024, 1, 31, 12), "2024-02-29T12:00", 29),
        ((2024, 2, 28, 12), "2024-03-01T12:00", 2),
        ((2026, 2, 28, 12), "2026-03-01T12:00", 1),
        ((2025, 12, 31, 23, 59), "2026-01-01T00:01", 1),
        ((2026, 5, 1, 0, 1), "2026-05-01T23:59", 0),
    ],
)
def test_days_are_counted_between_utc_calendar_days(materials, created, replaced, days):
    first, _ = materials([rotated(replaced)], created_at=at(*created))

    assert first.days == days


def test_the_due_day_crosses_a_leap_day(materials):
    (first,) = materials([], created_at=at(2024, 1, 10), as_of=at(2024, 1, 11))

    assert due_day(first, 90) == date(2024, 4, 9)


def test_two_rotations_on_one_day(materials):
    history = materials([FIRST, rotated("2026-04-10T09:00", "m2"), rotated("2026-04-10T15:00", "m3", "ON_DEMAND")])

    assert [(each.label, each.days) for each in history] == [("v1", 90), ("v2", 0), ("v3", 83)]


def test_what_happened_after_the_moment_of_the_snapshot_is_not_in_it(materials, frame):
    rotations = [FIRST, rotated("2026-04-10"), rotated("2026-07-03")]

    assert [each.label for each in materials(rotations)] == ["v1", "v2"]
    assert len(listed_rotations(frame(ROTATIONS, rotations), AS_OF)) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"multi_region_type": "REPLICA"},
        {"created_at": None},
        {"created_at": at(2026, 5, 1)},
    ],
    ids=["a replica is younger than its first material", "creation left out", "created after the rotation"],
)
def test_a_material_whose_begin_is_not_known_is_left_out(materials, given):
    (second,) = materials([FIRST, rotated("2026-04-10", "m2")], **given)

    assert (second.label, second.material_id) == ("v2", "m2")


def test_imported_material_that_waits_for_its_rotation_never_encrypted(materials, frame):
    waiting = {"key_material_id": "m2", "key_material_state": "PENDING_ROTATION"}

    assert [each.material_id for each in materials([FIRST, waiting])] == ["m1"]
    assert undated(frame(ROTATIONS, [FIRST, waiting])) == 0


def test_a_second_material_without_date_is_told(materials, frame):
    rotations = [FIRST, {"key_material_id": "m2"}, rotated("2026-04-10", "m3")]

    assert undated(frame(ROTATIONS, rotations)) == 1
    assert undated(frame(ROTATIONS, [])) == 0
    assert materials(rotations)[0].material_id == "", "which of the two was first is not known"


def test_what_aws_does_not_state_is_not_invented(materials):
    _, second = materials([FIRST, rotated("2026-04-10", None, None)])

    assert (second.kind, second.material_id) == ("not stated", "")
