"""What digests vouch for, as the report shows it: chains in order, sums that add up, and a strip chart of time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from fluo_audit.model.integrity import (
    IntegrityCounts,
    IntegrityProblem,
    IntegrityVerdict,
    RegionIntegrity,
    TrailIntegrity,
)
from fluo_audit.model.scope import Period
from fluo_audit.render.charts import SERIES
from fluo_audit.render.days import Days
from fluo_audit.render.svg import INK, LATE, WIDTH, Svg
from fluo_audit.render.wording import count

MOST_CHAINS = 24
"""Strips of the chart; the table beside it has the other chains."""
MOST_PROBLEMS = 50
_WORST_FIRST = (IntegrityVerdict.FAIL, IntegrityVerdict.INCOMPLETE, IntegrityVerdict.VERIFIED)
_ROW, _STRIP, _TOP, _NARROW = 22, 14, 8, 5.0


@dataclass(frozen=True, slots=True)
class Sum:
    """A count, and the counts that add up to it."""

    name: str
    total: int
    parts: tuple[tuple[str, int], ...]


def sums(counts: IntegrityCounts) -> tuple[Sum, ...]:
    """Return the counts that must add up, each with its parts."""
    return (
        Sum(
            "Digest files found",
            counts.digests_found,
            (
                ("valid", counts.digests_valid),
                ("not valid", counts.digests_invalid),
                ("not read", counts.digests_unread),
            ),
        ),
        Sum(
            "Log files that digests name",
            counts.logs_vouched,
            (
                ("unchanged", counts.logs_valid),
                ("changed", counts.logs_changed),
                ("missing", counts.logs_missing),
                ("not read", counts.logs_unread),
            ),
        ),
        Sum(
            "Log files found",
            counts.logs_found,
            (
                ("unchanged", counts.logs_valid),
                ("changed", counts.logs_changed),
                ("not read", counts.logs_unread),
                ("named by no digest", counts.logs_unvouched),
                ("at a time without digests", counts.logs_uncovered),
            ),
        ),
    )


def chains(integrity: TrailIntegrity) -> tuple[RegionIntegrity, ...]:
    """Return the chains of digests, those with problems first."""
    return tuple(
        sorted(integrity.regions, key=lambda each: (_WORST_FIRST.index(each.verdict), each.account, each.region))
    )


def problems(integrity: TrailIntegrity) -> tuple[IntegrityProblem, ...]:
    """Return the problems, those that show a change first."""
    return tuple(sorted(integrity.problems, key=lambda each: not each.is_failure))


def share(covered: Sequence[Period], period: Period) -> str:
    """Return the part of a period that is covered, in per cent rounded down: 100% only when nothing is missing."""
    time = sum((each.end - each.start for each in covered), timedelta())
    return f"{math.floor(1000 * (time / (period.end - period.start))) / 10:g}%"


def strips(integrity: TrailIntegrity, name: str = "figure-coverage") -> Markup:
    """Draw one strip of time for each chain of digests: filled where they cover it, hatched where none does."""
    every = chains(integrity)
    drawn, period = every[:MOST_CHAINS], integrity.period
    several = len({each.account for each in every}) > 1
    left, right, base = 168 if several else 110, WIDTH - 60, _TOP + _ROW * max(len(drawn), 1)
    told = [_told(each, period) for each in drawn] or ["No chain of digests."]
    g = Svg(name, base + 46, f"Time covered by digests, {period.label} UTC", " ".join(told))
    axis = Days(period.days, left, (right - left) / len(period.days))
    for i, each in enumerate(drawn):
        y = _TOP + _ROW * i
        g.text(
            left - 8, y + 11, f"{each.account} {each.region}" if several else each.region, "label", INK, anchor="end"
        )
        for part in each.covered:
            g.bar(axis.at(part.start), y, axis.at(part.end) - axis.at(part.start), _STRIP, style="s0", stroke=SERIES[0])
        for gap in _gaps(each.covered, period):
            _mark(g, axis.at(gap.start), axis.at(gap.end) - axis.at(gap.start), y)
        g.text(right + 8, y + 11, share(each.covered, period), "label", INK)
    axis.draw(g, base)
    hidden = len(every) - len(drawn)
    more = f"; {count(hidden, 'more chain')} in the table" if hidden else ""
    g.text(left, base + 34, f"time that digests cover (UTC); hatched or marked red: no digest{more}", "note")
    return g.markup()


def _told(chain: RegionIntegrity, period: Period) -> str:
    gaps = len(list(_gaps(chain.covered, period)))
    return (
        f"{chain.account} {chain.region}: {chain.verdict.value}, {share(chain.covered, period)} covered, "
        f"{count(gaps, 'gap')}."
    )


def _gaps(covered: Sequence[Period], period: Period) -> Iterator[Period]:
    """Yield the time of the period that is not covered; `covered` is in order and does not overlap."""
    since = period.start
    for each in covered:
        if since < each.start:
            yield Period(since, each.start)
        since = each.end
    if since < period.end:
        yield Period(since, period.end)


def _mark(g: Svg, x: float, width: float, y: float) -> None:
    """Hatch a gap; one too narrow to be seen gets a red tick instead."""
    if width >= _NARROW:
        g.hatch(x, y, width, _STRIP)
    else:
        g.bar(x + width / 2 - 1, y - 3, 2, _STRIP + 6, style="late", stroke=LATE)
