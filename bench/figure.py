"""A figure: what was measured, beside what, and the goal it is held against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, the value beside it from the same run, and how large their ratio may be; None: no goal."""

    name: str
    unit: str
    value: float
    beside_name: str
    beside: float
    goal: float | None = None

    @property
    def ratio(self) -> float:
        """Return the value as a multiple of what stands beside it."""
        return self.value / self.beside

    @property
    def met(self) -> bool:
        """Return whether the ratio is within its goal, if there is one."""
        return self.goal is None or self.ratio <= self.goal


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A figure that cannot be had on this machine, and why."""

    name: str
    reason: str
