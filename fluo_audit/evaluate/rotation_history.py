"""The key materials of a key in order: when each began to encrypt, when it was replaced, how late that was.

Also the rotations behind them as two sources tell them, KMS and CloudTrail, matched one to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fluo_audit.evaluate.rows import rows
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.report import KeyMaterial
from fluo_audit.model.scope import Period

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

FIRST = "created"
TOLERANCE = timedelta(hours=1)
"""How far apart the date KMS lists and the time CloudTrail records may lie; no more of a period's ends is matched."""
_KINDS = {"AUTOMATIC": "automatic", "ON_DEMAND": "on demand"}


class Rotation(NamedTuple):
    """A rotation that took place, as kms:ListKeyRotations lists it. Texts are empty when AWS left them out."""

    at: datetime
    kind: str
    material_id: str


def listed_rotations(rotations: Frame, as_of: datetime) -> tuple[Rotation, ...]:
    """Return the rotations up to `as_of`, oldest first."""
    found = [
        Rotation(row["rotated_at"], _KINDS.get(row["rotation_type"], "not stated"), row["key_material_id"] or "")
        for row in rows(rotations)
        if row["rotated_at"] is not None and row["rotated_at"] <= as_of
    ]
    return tuple(sorted(found))


class Record(NamedTuple):
    """A RotateKey event of CloudTrail. Texts are empty when the record lacks them."""

    at: datetime
    material_id: str
    event_id: str


def recorded_rotations(events: Frame) -> tuple[Record, ...]:
    """Return the rotations that CloudTrail recorded, oldest first."""
    rotated = events[events["event_name"].eq("RotateKey").fillna(value=False) & events["error_code"].isna()]
    return tuple(
        sorted(
            Record(row["event_time"], row["key_material_id"] or "", row["event_id"] or "")
            for row in rows(rotated)
            if row["event_time"] is not None
        )
    )


def number_within(found: Iterable[Rotation | Record], window: Period) -> int:
    """Return how many lie in a window."""
    return sum(window.start <= each.at < window.end for each in found)


def unmatched(
    rotations: Iterable[Rotation], records: Iterable[Record], window: Period
) -> tuple[tuple[Rotation, ...], tuple[Record, ...]]:
    """Return what has no partner on the other side, inside a window and away from its ends.

    They are matched by key material id; where one side has none, by time within `TOLERANCE`.
    """
    lone_rotations, lone_records = _without_partner(rotations, records)
    first, last = window.start + TOLERANCE, window.end - TOLERANCE
    return (
        tuple(each for each in lone_rotations if first <= each.at < last),
        tuple(each for each in lone_records if first <= each.at < last),
    )


def _without_partner(rotations: Iterable[Rotation], records: Iterable[Record]) -> tuple[list[Rotation], list[Record]]:
    left = list(records)
    by_time: list[Rotation] = []
    for rotation in rotations:
        same = next((each for each in left if each.material_id and each.material_id == rotation.material_id), None)
        if same:
            left.remove(same)
        else:
            by_time.append(rotation)
    lone = []
    for rotation in by_time:
        # Two different material ids are two rotations, however close in time.
        near = [
            each
            for each in left
            if abs(each.at - rotation.at) <= TOLERANCE and not (each.material_id and rotation.material_id)
        ]
        if near:
            left.remove(min(near, key=lambda each: abs(each.at - rotation.at)))
        else:
            lone.append(rotation)
    return lone, left


def undated(rotations: Frame) -> int:
    """Return how many materials lack a rotation date that should have one: only the first was made without rotation."""
    return max(0, len(_first_materials(rotations)) - 1)


def key_materials(key: KeyMetadata, rotations: Frame, as_of: datetime, limit_days: int) -> tuple[KeyMaterial, ...]:
    """Return every key material whose begin is known, in order; the last one is in use.

    The first material has no date of its own and counts from the creation of the key. A replica key is younger than
    its first material, which came from the primary key: that material is then left out and the list begins with v2.

    Days are counted between UTC calendar days, because KMS rotates on the day and not on the minute. `days_late` is
    counted from `limit_days`, the cryptoperiod; a grace is the reader's to subtract.
    """
    versions = tuple(_versions(key, rotations, as_of))
    ends = (*(replaced.at for _, replaced in versions[1:]), None)
    return tuple(_material(*version, end, as_of, limit_days) for version, end in zip(versions, ends, strict=False))


def due_day(material: KeyMaterial, limit_days: int) -> date:
    """Return the UTC day on which the cryptoperiod of a material ends."""
    return _day(material.since) + timedelta(days=limit_days)


def _versions(key: KeyMetadata, rotations: Frame, as_of: datetime) -> Iterator[tuple[str, Rotation]]:
    listed = listed_rotations(rotations, as_of)
    began = None if key.multi_region_type == "REPLICA" else key.created_at
    if began is not None and began <= (listed[0].at if listed else as_of):
        dateless = _first_materials(rotations)
        material_id = dateless[0] if len(dateless) == 1 else "" if listed else key.current_material_id
        yield "v1", Rotation(began, FIRST, material_id)
    for number, rotation in enumerate(listed, start=2):
        yield f"v{number}", rotation


def _first_materials(rotations: Frame) -> list[str]:
    # Imported material that waits for its rotation has no date either, and has never encrypted anything.
    return [
        row["key_material_id"] or ""
        for row in rows(rotations)
        if row["rotated_at"] is None and not (row["key_material_state"] or "").startswith("PENDING")
    ]


def _material(label: str, begin: Rotation, end: datetime | None, as_of: datetime, limit_days: int) -> KeyMaterial:
    days = (_day(end or as_of) - _day(begin.at)).days
    return KeyMaterial(
        label=label,
        since=begin.at,
        until=end,
        days=days,
        days_late=max(0, days - limit_days),
        kind=begin.kind,
        material_id=begin.material_id,
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
