"""The key materials of a key in order: when each began to encrypt, when it was replaced, how late that was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from fluo_audit.evaluate.rows import rows
from fluo_audit.model.facts import KeyMetadata
from fluo_audit.model.report import KeyMaterial

if TYPE_CHECKING:
    from fluo_audit.model.sources import Frame

FIRST = "created"
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
