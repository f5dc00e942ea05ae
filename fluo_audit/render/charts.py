"""The figures of the report, drawn from its values. A day or month that was not collected is hatched, never 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from markupsafe import Markup

from fluo_audit.model.report import DailySeries, KeyMaterial, MonthCost, RotationTimeline
from fluo_audit.render import svg
from fluo_audit.render.days import Days
from fluo_audit.render.svg import INK, LATE, MUTED, TODAY, WIDTH, Svg, short
from fluo_audit.render.wording import count, day, money, number

SERIES = ("#0c3d65", "#a8410f", "#2f9c80", "#b569dd")
ERRORS = ("#7d1420", "#93620a", "#4a505a", "#b569dd")
MOST_STRIPS, MOST_MATERIALS, MOST_MONTHS = 8, 24, 14
_LONGEST_LABEL = 22
_WIDEST_MONTH, _LABEL_HEIGHT = 52, 14


def known(counts: Sequence[int | None]) -> list[int]:
    """Return the counts of the days that were collected."""
    return [c for c in counts if c is not None]


def ticks(highest: float, parts: int, *, whole: bool = True) -> list[float]:
    """Return round axis values from 0 to at least `highest`, about `parts` of them above 0."""
    if highest <= 0:
        return [0.0, 1.0]
    raw = highest / parts
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999999)
    if whole:
        step = float(math.ceil(step))
    return [round(step * i, 10) for i in range(math.ceil(highest / step - 1e-9) + 1)]


def _period(days: tuple[date, ...]) -> str:
    return f"{days[0]} to {days[-1]}" if days else "no days"


def _not_collected(counts: Sequence[Sequence[int | None]]) -> int:
    return sum(any(c is None for c in one_day) for one_day in zip(*counts, strict=True))


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"


def _gap_note(missing: int) -> str:
    return f"; hatched: {count(missing, 'day')} not collected" if missing else ""


def usage_strips(series: DailySeries, name: str = "figure-usage") -> Markup:
    """Draw one strip of daily bars for each operation, all on one scale: it needs no colour to be read."""
    drawn = series.counts[:MOST_STRIPS]
    missing = _not_collected([counts for _, counts in drawn])
    left, right, top, row = 148, WIDTH - 112, 6, 40
    base = top + row * max(len(drawn), 1) - 8
    highest = max((max(known(counts), default=0) for _, counts in drawn), default=0)
    full = ticks(highest, 2)[-1]
    told = [
        f"{_cut(operation)}: {count(sum(known(c)), 'request')}, at most {number(max(known(c), default=0))} a day."
        if known(c)
        else f"{_cut(operation)}: not collected."
        for operation, c in drawn
    ]
    description = " ".join([*told, f"{count(missing, 'day')} not collected."] if told else ["No requests."])
    g = Svg(name, base + 46, f"KMS requests per day by operation, {_period(series.days)}", description)
    axis = Days.between(series.days, left, right)
    for i, (operation, counts) in enumerate(drawn):
        y = top + row * (i + 1) - 8
        bars = [(y, (row - 12) * c / full) if c else None for c in counts]
        g.text(left - 8, y - 8, _cut(operation), "label", INK, anchor="end")
        for x, width in axis.gaps(counts):
            g.hatch(x, y - row + 12, width, row - 12)
        g.path(axis.bars(bars), "s0", SERIES[0], axis.bar_width)
        g.line(left, y, axis.right, y, style="axis", stroke="#9aa3ad")
        total = number(sum(known(counts))) if known(counts) else "not collected"
        g.text(right + 8, y - 8, total, "label", INK)
        if known(counts):
            g.text(WIDTH, y - 8, f"max {number(max(known(counts)))}", "note", anchor="end")
    if not drawn:
        g.text(left, base - 8, "no requests", "note")
    axis.draw(g, base)
    hidden = len(series.counts) - len(drawn)
    more = f"; {count(hidden, 'more operation')} in the table" if hidden else ""
    g.text(left, base + 34, f"requests a day (UTC), full height = {short(full)}{_gap_note(missing)}{more}", "note")
    return g.markup()


def merge_tail(series: DailySeries, most: int) -> DailySeries:
    """Return the series with all but the largest `most` - 1 names added up as "other"."""
    if len(series.counts) <= most:
        return series
    tail = [counts for _, counts in series.counts[most - 1 :]]
    other = tuple(
        None if any(c is None for c in one_day) else sum(known(one_day)) for one_day in zip(*tail, strict=True)
    )
    return DailySeries(series.days, (*series.counts[: most - 1], ("other", other)))


def _day_totals(series: DailySeries) -> list[int | None]:
    columns = zip(*(counts for _, counts in series.counts), strict=True)
    return [None if any(c is None for c in one_day) else sum(known(one_day)) for one_day in columns]


def errors(series: DailySeries, name: str = "figure-errors") -> Markup:
    """Draw failed requests a day as stacked bars, and name the highest day."""
    drawn = merge_tail(series, len(ERRORS))
    totals = _day_totals(drawn)
    missing = totals.count(None)
    left, right, top, base = 38, WIDTH - 6, 26, 108
    highest = max(known(totals), default=0)
    values = ticks(highest, 3)
    scale = (base - top) / values[-1]
    worst = max(range(len(totals)), key=lambda i: totals[i] or 0, default=0)
    told = [count(sum(known(totals)), "failed request") + "."]
    if highest:
        told.append(f"Highest day {series.days[worst]} with {number(highest)}.")
    told += [f"{_cut(code)} {number(sum(known(counts)))}." for code, counts in drawn.counts]
    told.append(f"{count(missing, 'day')} not collected.")
    g = Svg(name, base + 42, f"Failed KMS requests per day by error, {_period(series.days)}", " ".join(told))
    g.legend(left, 12, [(_cut(code), f"e{i}", ERRORS[i]) for i, (code, _) in enumerate(drawn.counts)])
    for value in values:
        g.line(left, base - scale * value, right, base - scale * value)
        g.text(left - 6, base - scale * value + 3.7, short(value), anchor="end")
    axis = Days.between(series.days, left, right)
    for x, width in axis.gaps(totals):
        g.hatch(x, top, width, base - top)
    stacked = [0] * len(totals)
    for i, (_, counts) in enumerate(drawn.counts):
        bars = [
            (base - scale * below, scale * c) if c and total is not None else None
            for below, c, total in zip(stacked, counts, totals, strict=True)
        ]
        stacked = [below + (c or 0) for below, c in zip(stacked, counts, strict=True)]
        g.path(axis.bars(bars), f"e{i}", ERRORS[i], axis.bar_width)
    axis.draw(g, base)
    if highest:
        _call_out(g, axis, worst, base - scale * highest, f"{number(highest)} on {series.days[worst]}")
    g.text(left, base + 34, f"failed requests a day (UTC), 0 where there is no bar{_gap_note(missing)}", "note")
    return g.markup()


def _call_out(g: Svg, axis: Days, index: int, y: float, text: str) -> None:
    after = axis.x(index) + axis.step + 3
    if after + svg.text_width(text) < WIDTH:
        g.text(after, y + 8, text, "label", INK)
    else:
        g.text(axis.x(index) - 3, y + 8, text, "label", INK, anchor="end")


def _span(material: KeyMaterial) -> str:
    text = f"{number(material.days)} d" + ("" if material.until else " so far")
    return text + (f", {number(material.days_late)} d late" if material.days_late else "")


def rotation(timeline: RotationTimeline, as_of: datetime, name: str = "figure-rotation") -> Markup:
    """Draw one bar for each key material: a tick where its limit ends, the late part in red, the rest dashed."""
    drawn = timeline.materials[-MOST_MATERIALS:]
    limit = timedelta(days=timeline.limit_days)
    title = f"Key material versions and the limit of {count(timeline.limit_days, 'day')}"
    told = [f"{_cut(m.label)}: from {day(m.since)}, {_span(m)}." for m in drawn] or ["No key material."]
    row, left, right, top = 22, 62, WIDTH - 140, 22
    bottom = top + row * max(len(drawn), 1)
    g = Svg(name, bottom + 40, title, " ".join(told))
    low = min((m.since for m in drawn), default=as_of)
    high = max([as_of, *(m.since + limit for m in drawn)], default=as_of)
    scale = (right - left) / max((high - low) / timedelta(days=1), 1)

    def x(moment: datetime) -> float:
        return left + scale * ((moment - low) / timedelta(days=1))

    _months(g, low, high, x(low), scale=scale, span=(top - 4, bottom))
    for i, material in enumerate(drawn):
        y, due, end = top + row * i + 4, material.since + limit, material.until or as_of
        late = material.days_late > 0 and end > due
        g.text(left - 6, y + 10.5, _cut(material.label), "label", INK, anchor="end")
        g.bar(x(material.since), y, x(due if late else end) - x(material.since), 14, style="s0", stroke=SERIES[0])
        if late:
            g.bar(x(due), y, x(end) - x(due), 14, style="late", stroke=LATE)
        if material.until is None and end < due:
            g.frame(x(end), y, x(due) - x(end), 14)
        g.path(f"M{short(x(due))} {y - 4}v22", "due", INK, 1.6)
        g.text(x(max(end, due)) + 5, y + 10.5, _span(material), "label", INK)
    g.path(f"M{short(x(as_of))} {top - 6}V{bottom}", "today", TODAY, dash="2 2")
    g.text(x(as_of), top - 10, f"collected {day(as_of)}", "today-label", TODAY, anchor="end")
    g.path(f"M{left + 4} {bottom + 23}v12", "due", INK, 1.6)
    hidden = len(timeline.materials) - len(drawn)
    more = f"; {count(hidden, 'older version')} in the table" if hidden else ""
    g.text(left + 10, bottom + 33, f"{count(timeline.limit_days, 'day')} after the version came into use{more}", "note")
    return g.markup()


def _months(g: Svg, low: datetime, high: datetime, left: float, *, scale: float, span: tuple[float, float]) -> None:
    top, bottom = span
    months = (high.year - low.year) * 12 + high.month - low.month
    every = math.ceil(max(months, 1) / 7)
    for i in range(1, months + 1):
        year, month = divmod(low.year * 12 + low.month - 1 + i, 12)
        x = left + scale * ((low.replace(year=year, month=month + 1, day=1) - low) / timedelta(days=1))
        g.line(x, top, x, bottom)
        if i % every == 0:
            g.text(x, bottom + 14, f"{year}-{month + 1:02}", anchor="middle")


def usage_types(months: Sequence[MonthCost]) -> list[str]:
    """Return the usage types of all months, the dearest first."""
    totals: dict[str, Decimal] = {}
    for month in months:
        for usage_type, amount in month.by_usage_type:
            totals[usage_type] = totals.get(usage_type, Decimal(0)) + amount
    return sorted(totals, key=lambda t: (-totals[t], t))


def cost_parts(month: MonthCost, types: Sequence[str]) -> list[Decimal]:
    """Return a month's cost by usage type; the last part is the sum of all types not named."""
    amounts = dict(month.by_usage_type)
    named = [amounts.pop(t, Decimal(0)) for t in types]
    return [*named, sum(amounts.values(), Decimal(0))]


def cost(months: Sequence[MonthCost], budget: Decimal | None, name: str = "figure-cost") -> Markup:
    """Draw the cost of each month by usage type, with the cost that the rotations explain and the budget."""
    drawn = months[-MOST_MONTHS:]
    types = usage_types(drawn)
    types = types if len(types) <= len(SERIES) else types[: len(SERIES) - 1]
    names = [*types, "other"]
    parts = [[float(p) for p in cost_parts(m, types)] for m in drawn]
    left, right, top, base = 44, WIDTH - 96, 30, 158
    heights = [sum(p) for p in parts] + [float(m.modelled or 0) for m in drawn] + [float(budget or 0)]
    values = ticks(max(heights, default=0), 4, whole=False)
    scale = (base - top) / values[-1]
    title = f"KMS cost by month and usage type, {drawn[0].month} to {drawn[-1].month}" if drawn else "KMS cost by month"
    g = Svg(name, base + 68, title, " ".join(_cost_told(drawn, budget)))
    shown = [i for i in range(len(names)) if any(p[i] for p in parts)]
    g.legend(left, 12, [(_cut(names[i]), f"s{i % 4}", SERIES[i % 4]) for i in shown])
    for value in values:
        g.line(left, base - scale * value, right, base - scale * value)
        g.text(left - 6, base - scale * value + 3.7, f"${short(value)}", anchor="end")
    slot = (right - left) / max(len(drawn), 1)
    width = min(slot * 0.56, 44)
    for i, month in enumerate(drawn):
        _month(g, month, parts[i], (left + slot * (i + 0.5), base, top), (width, scale))
    _month_labels(g, drawn, left, slot, base)
    g.line(left, base, right, base, style="axis", stroke=MUTED)
    if budget is not None:
        y = base - scale * float(budget)
        g.path(f"M{left} {short(y)}H{right}", "budget", LATE, 1.3, "5 3")
        g.text(right + 4, y + 4, f"budget ${money(budget)}", "budget-label", LATE)
    _cost_notes(g, drawn, left, base)
    return g.markup()


def _cost_told(months: Sequence[MonthCost], budget: Decimal | None) -> list[str]:
    told = []
    for month in months:
        amount = f"${money(month.total)}" if month.days_collected else "not collected"
        model = f", modelled ${money(month.modelled)}" if month.modelled is not None else ""
        told.append(f"{month.month}: {amount}{model}, {month.days_collected} of {count(month.days_in_month, 'day')}.")
    return [*told, f"Budget ${money(budget)} a month." if budget is not None else "No budget declared."]


def _month(
    g: Svg, month: MonthCost, parts: Sequence[float], place: tuple[float, float, float], size: tuple[float, float]
) -> None:
    middle, base, top = place
    width, scale = size
    if not month.days_collected:
        g.hatch(middle - width / 2, top, width, base - top)
        return
    y = base
    for i, part in enumerate(parts):
        if part > 0:
            g.path(f"M{short(middle)} {short(y)}v{short(-part * scale)}", f"s{i % 4}", SERIES[i % 4], width)
            y -= part * scale
    label = min(y, base)
    if month.modelled is not None:
        level = base - scale * float(month.modelled)
        for style, colour, stroke in (("halo", "#ffffff", 3.6), ("due", INK, 1.6)):
            g.path(f"M{short(middle - width / 2 - 5)} {short(level)}h{short(width + 10)}", style, colour, stroke)
        if abs(level - label) < _LABEL_HEIGHT:
            label = min(level, label)
    g.text(middle, label - 4, f"${money(month.total)}", "label", INK, anchor="middle")


def _month_labels(g: Svg, months: Sequence[MonthCost], left: float, slot: float, base: float) -> None:
    """Write 2026-10 below each month, or 10 with the year below its first month when there is little room."""
    wide = slot > _WIDEST_MONTH
    for i, month in enumerate(months):
        middle = left + slot * (i + 0.5)
        mark = "*" if month.estimated or month.days_collected < month.days_in_month else ""
        g.text(middle, base + 14, (month.month if wide else month.month[5:]) + mark, anchor="middle")
        if not wide and (i == 0 or month.month[:4] != months[i - 1].month[:4]):
            g.text(middle, base + 27, month.month[:4], anchor="middle")


def _cost_notes(g: Svg, months: Sequence[MonthCost], left: float, base: float) -> None:
    notes = ["US dollars, unblended"]
    if any(m.estimated or m.days_collected < m.days_in_month for m in months):
        notes.append("* estimated, or not the whole month")
    if any(not m.days_collected for m in months):
        notes.append("hatched: not collected")
    g.text(left, base + 61, "; ".join(notes), "note")
    if any(m.modelled is not None for m in months):
        g.path(f"M{left} {base + 42}h20", "due", INK, 1.6)
        g.text(left + 26, base + 46, "modelled: what the rotations so far should cost", "note")
