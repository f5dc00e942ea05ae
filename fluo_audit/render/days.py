"""The time axis of a chart over the days of a period."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from fluo_audit.render.svg import MUTED, Svg, short

_WIDEST_DAY = 24.0


@dataclass(frozen=True, slots=True)
class Days:
    """Days from left to right, each of the same width; a day starts at midnight UTC."""

    days: tuple[date, ...]
    left: float
    step: float

    @classmethod
    def between(cls, days: tuple[date, ...], left: float, right: float) -> Days:
        """Return an axis from `left` to at most `right`, in pixels."""
        return cls(days, left, min((right - left) / max(len(days), 1), _WIDEST_DAY))

    @property
    def right(self) -> float:
        """Return where the last day ends."""
        return self.x(len(self.days))

    def x(self, index: float) -> float:
        """Return where a day begins, by its place."""
        return self.left + self.step * index

    def at(self, moment: datetime) -> float:
        """Return the place of a moment."""
        midnight = datetime(self.days[0].year, self.days[0].month, self.days[0].day, tzinfo=UTC)
        return self.x((moment - midnight) / timedelta(days=1))

    def bars(self, tops: Sequence[tuple[float, float] | None]) -> str:
        """Return one path with a vertical stroke for each day that has (from y, height)."""
        pen = (f"M{short(self.x(i) + self.step / 2)} {short(t[0])}v{short(-t[1])}" for i, t in enumerate(tops) if t)
        return "".join(pen)

    @property
    def bar_width(self) -> float:
        """Return the width of a bar that leaves a little room to the next."""
        return max(self.step - 0.8, self.step * 0.6)

    def gaps(self, counts: Sequence[int | None]) -> Iterator[tuple[float, float]]:
        """Yield (x, width) of each run of days that were not collected."""
        start = None
        for i, value in enumerate([*counts, 0]):
            if value is None and start is None:
                start = i
            elif value is not None and start is not None:
                yield self.x(start), self.step * (i - start)
                start = None

    def labels(self) -> list[tuple[int, str]]:
        """Return (day, ISO text) of at most eight labels: days of a short period, months of a long one."""
        if len(self.days) > 62:  # noqa: PLR2004, two months of days are labelled by day
            firsts = [(i, f"{d:%Y-%m}") for i, d in enumerate(self.days) if d.day == 1]
        else:
            apart = math.ceil(75 / self.step)
            firsts = [(i, d.isoformat()) for i, d in enumerate(self.days) if i % apart == 0]
        return firsts[:: math.ceil(len(firsts) / 8) or 1]

    def draw(self, g: Svg, y: float) -> None:
        """Draw the axis with its labels."""
        g.line(self.left, y, self.right, y, style="axis", stroke=MUTED)
        for i, text in self.labels():
            g.line(self.x(i), y, self.x(i), y + 5, style="axis", stroke=MUTED)
            g.text(self.x(i) + 3, y + 14, text)
