"""KMS key rotation: period, schedule and history. moto keeps none of the three."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fluo_audit.sandbox.chronicle import rotation_event
from fluo_audit.sandbox.keys import is_replica, require_usable
from fluo_audit.sandbox.paging import kms_page
from fluo_audit.sandbox.story import Rotation, material_id
from fluo_audit.sandbox.wire import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fluo_audit.sandbox.clock import SimulatedClock
    from fluo_audit.sandbox.gateway import Operation, Request
    from fluo_audit.sandbox.keys import Keys
    from fluo_audit.sandbox.ledger import Ledger

_PERIODS = range(90, 2561)
_USUAL_PERIOD = 365
_MOST_ON_DEMAND = 25


@dataclass(slots=True)
class Schedule:
    """How one key rotates. The next automatic rotation comes one period after `counted_from`."""

    key_id: str
    period: int | None = None
    counted_from: datetime | None = None
    rotations: list[Rotation] = field(default_factory=list)

    def material_at(self, moment: datetime) -> str:
        """Return the id of the material in force at a moment."""
        past = bisect_right(self.rotations, moment, key=lambda rotation: rotation.date)
        return self.rotations[past - 1].material_id if past else material_id(self.key_id, 0)

    def next_rotation(self, present: datetime) -> datetime | None:
        """Return when the key rotates next by itself."""
        if self.period is None or self.counted_from is None:
            return None
        due = self.counted_from + timedelta(days=self.period)
        while due <= present:
            due += timedelta(days=self.period)
        return due


class KeyRotation:
    """The rotation operations of KMS. A replica has the schedule of its primary key, which has the same id."""

    def __init__(self, clock: SimulatedClock, ledger: Ledger, keys: Keys) -> None:
        self._clock = clock
        self._ledger = ledger
        self._keys = keys
        self._schedules: dict[str, Schedule] = {}

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations that stand before moto's."""
        return {
            "EnableKeyRotation": self.enable_key_rotation,
            "DisableKeyRotation": self.disable_key_rotation,
            "GetKeyRotationStatus": self.get_key_rotation_status,
            "ListKeyRotations": self.list_key_rotations,
            "RotateKeyOnDemand": self.rotate_key_on_demand,
        }

    def of(self, metadata: Mapping[str, Any]) -> Schedule:
        """Return the schedule of a key."""
        return self._schedules.setdefault(metadata["KeyId"], Schedule(metadata["KeyId"]))

    def remember(self, key_id: str, rotations: tuple[Rotation, ...]) -> None:
        """Take over rotations that took place before now. The last one starts the present period."""
        schedule = self._schedules.setdefault(key_id, Schedule(key_id))
        schedule.rotations = list(rotations)
        schedule.counted_from = rotations[-1].date

    def enable_key_rotation(self, request: Request) -> dict[str, Any]:
        """Turn rotation on, or change its period. The days count from now when it was off or the period changes."""
        schedule = self.of(self._rotatable(request))
        period = request.parameters.get("RotationPeriodInDays", schedule.period or _USUAL_PERIOD)
        if period not in _PERIODS:
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value '{period}' at 'rotationPeriodInDays' failed to satisfy "
                "constraint: Member must have value between 90 and 2560",
            )
        if schedule.period is None or schedule.period != period:
            schedule.counted_from = self._clock.now()
        schedule.period = period
        return {}

    def disable_key_rotation(self, request: Request) -> dict[str, Any]:
        """Turn rotation off. The history stays."""
        schedule = self.of(self._rotatable(request))
        schedule.period = schedule.counted_from = None
        return {}

    def get_key_rotation_status(self, request: Request) -> dict[str, Any]:
        """Return whether, how often and when next the key rotates."""
        metadata = self._keys.find_by_id(request, request.parameters["KeyId"])
        schedule = self.of(metadata)
        enabled = schedule.period is not None and metadata["KeyState"] != "PendingDeletion"
        answer: dict[str, Any] = {"KeyRotationEnabled": enabled, "KeyId": metadata["Arn"]}
        if enabled:
            answer["RotationPeriodInDays"] = schedule.period
            answer["NextRotationDate"] = schedule.next_rotation(self._clock.now())
        return answer

    def list_key_rotations(self, request: Request) -> dict[str, Any]:
        """Return the rotations, oldest first; with ALL_KEY_MATERIAL also the first material, which has no date."""
        metadata = self._keys.find_by_id(request, request.parameters["KeyId"])
        schedule = self.of(metadata)
        current = schedule.material_at(self._clock.now())
        rows: list[dict[str, Any]] = [
            {"RotationDate": one.date, "RotationType": one.type, "KeyMaterialId": one.material_id}
            for one in schedule.rotations
        ]
        if request.parameters.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL":
            rows.insert(0, {"KeyMaterialId": material_id(schedule.key_id, 0)})
        for row in rows:
            state = "CURRENT" if row["KeyMaterialId"] == current else "NON_CURRENT"
            row |= {"KeyId": metadata["Arn"], "KeyMaterialState": state}
        return kms_page(request.parameters, "Rotations", rows)

    def rotate_key_on_demand(self, request: Request) -> dict[str, Any]:
        """Rotate the key now. Does not move the automatic schedule; KMS allows 25 over the life of a key."""
        metadata = self._rotatable(request)
        schedule = self.of(metadata)
        done = [one for one in schedule.rotations if one.type == "ON_DEMAND"]
        if len(done) >= _MOST_ON_DEMAND:
            raise AwsError(
                "LimitExceededException", f"The key {metadata['Arn']} was rotated on demand {len(done)} times"
            )
        present = self._clock.now().replace(microsecond=0)
        previous = schedule.material_at(present)
        rotation = Rotation(present, "ON_DEMAND", material_id(schedule.key_id, len(schedule.rotations) + 1))
        schedule.rotations.append(rotation)
        event_id = str(UUID(bytes=hashlib.sha256(rotation.material_id.encode()).digest()[:16], version=4))
        self._ledger.add(rotation_event(metadata["Arn"], rotation, previous, event_id))
        return {"KeyId": metadata["Arn"]}

    def _rotatable(self, request: Request) -> dict[str, Any]:
        metadata = self._keys.find_by_id(request, request.parameters["KeyId"])
        if metadata["KeySpec"] != "SYMMETRIC_DEFAULT":
            raise AwsError("UnsupportedOperationException", f"{metadata['Arn']} is not a symmetric encryption key")
        if is_replica(metadata):
            raise AwsError("UnsupportedOperationException", f"{metadata['Arn']} rotates with its primary key")
        require_usable(metadata)
        return metadata
