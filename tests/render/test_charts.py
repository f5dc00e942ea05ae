"""The figures: right with odd data, and never a zero for what was not collected."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from fluo_audit.model.report import DailySeries, MonthCost, RotationTimeline
from fluo_audit.render import charts

SVG = "{http://www.w3.org/2000/svg}"
DAYS = tuple(date(2024, 2, 20) + timedelta(days=n) for n in range(20))


def series(*counts, days=None, names="ABCDEFGHIJKLMNOP"):
    days = days or DAYS[: len(counts[0])]
    return DailySeries(tuple(days), tuple(zip(names, counts, strict=False)))


def draw(chart, *args):
    root = ET.fromstring(chart(*args))  # noqa: S314, our own drawing
    assert root[0].tag == f"{SVG}title"
    assert root[1].tag == f"{SVG}desc"
    assert "nan" not in ET.tostring(root, encoding="unicode").lower()
    return root


def marks(root, style):
    return "".join(p.get("d") for p in root.iter(f"{SVG}path") if p.get("class") == style)


def texts(root):
    return [t.text for t in root.iter(f"{SVG}text")]


def inside(root):
    """Every point of every path, and every label's start, lies inside the drawing."""
    width, height = float(root.get("width")), float(root.get("height"))
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x")) <= width
        assert 0 <= float(text.get("y")) <= height
    for path in root.iter(f"{SVG}path"):
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d")):
            assert -1 <= float(x) <= width + 1
            assert -1 <= float(y) <= height + 1


@pytest.mark.parametrize(
    "data",
    [
        DailySeries((), ()),
        DailySeries(DAYS, ()),
        series((3,)),
        series((0,) * 20, (0,) * 20),
        series((None,) * 20),
        series((1, 2, 10_000_000, 3)),
        series(*[(1, None, 2)] * 12),
        series((5,) * 731, days=[date(2023, 1, 1) + timedelta(days=n) for n in range(731)]),
    ],
    ids=["no-days", "no-names", "one-day", "zero", "all-missing", "huge", "many-names", "two-years"],
)
@pytest.mark.parametrize("chart", [charts.usage_strips, charts.errors])
def test_daily_charts_are_drawn_inside_their_frame(chart, data):
    inside(draw(chart, data))


@pytest.mark.parametrize(("chart", "mark"), [(charts.usage_strips, "s0"), (charts.errors, "e0")])
def test_a_day_that_was_not_collected_is_hatched_and_not_zero(chart, mark):
    missing = draw(chart, series((4, None, 5)))
    zero = draw(chart, series((4, 0, 5)))
    assert marks(missing, "hatch")
    assert not marks(zero, "hatch")
    assert marks(missing, mark) == marks(zero, mark)
    assert "1 day not collected" in missing[1].text
    assert any("hatched: 1 day not collected" in t for t in texts(missing))


def test_descriptions_state_the_totals(report):
    usage = draw(charts.usage_strips, report.usage)[1].text
    for name, counts in report.usage.counts:
        known = [c for c in counts if c is not None]
        assert f"{name}: {sum(known):,} requests, at most {max(known)} a day." in usage
    assert "3 days not collected." in usage
    errors = draw(charts.errors, report.errors)[1].text
    assert errors.startswith("31 failed requests. Highest day 2026-10-25 with 14.")


def test_strips_share_one_scale():
    root = draw(charts.usage_strips, series((10, 0), (5, 0)))
    heights = [float(h) for h in re.findall(r"v-([\d.]+)", marks(root, "s0"))]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.02)


def test_errors_are_stacked_without_gaps():
    root = draw(charts.errors, series((2, 0), (3, 0)))
    (y0, h0), (y1, _) = (
        [float(v) for v in re.search(r"M[\d.]+ ([\d.]+)v-([\d.]+)", marks(root, f"e{i}")).groups()] for i in (0, 1)
    )
    assert y0 - h0 == pytest.approx(y1, abs=0.02)


def test_the_call_out_names_the_highest_day_even_at_the_edge():
    assert "9 on 2024-02-22" in texts(draw(charts.errors, series((1, 0, 9))))
    root = draw(charts.errors, series((0,) * 89 + (9,), days=[date(2026, 1, 1) + timedelta(days=n) for n in range(90)]))
    label = next(t for t in root.iter(f"{SVG}text") if t.text == "9 on 2026-03-31")
    assert label.get("text-anchor") == "end"


def test_many_errors_are_added_up_as_other_without_losing_any():
    merged = charts.merge_tail(series(*[(n, None, 1) for n in range(9, 0, -1)]), 4)
    assert [name for name, _ in merged.counts] == ["A", "B", "C", "other"]
    assert merged.counts[-1][1] == (21, None, 6)
    assert sum(c[0] for _, c in merged.counts) == 45


def test_a_leap_day_is_a_day_of_its_own():
    root = draw(charts.usage_strips, series((1,) * 20))
    assert "20 requests" in root[1].text
    assert marks(root, "s0").count("M") == 20
    assert any("2024-02-28" in t or "2024-02-29" in t for t in texts(root))


def test_axis_values_are_round_and_reach_the_highest():
    for highest in (0, 1, 2, 3, 7, 14, 47, 99, 100, 101, 12_345, 0.3):
        values = charts.ticks(highest, 4)
        assert values[0] == 0
        assert values[-1] >= highest
        assert all(v == int(v) for v in values)
    assert charts.ticks(14, 3) == [0, 5, 10, 15]
    assert charts.ticks(6, 4, whole=False) == [0, 2, 4, 6]


def test_the_rotation_timeline_marks_what_came_late_and_what_is_still_open(report):
    root = draw(charts.rotation, report.rotation, report.scope.as_of)
    inside(root)
    assert marks(root, "late").count("M") == 1
    assert marks(root, "todo").count("M") == 1
    assert "98 d, 8 d late" in texts(root)
    assert "29 d so far" in texts(root)
    assert "collected 2026-11-23" in texts(root)
    assert "v3: from 2026-04-26, 98 d, 8 d late." in root[1].text


@pytest.mark.parametrize("n", [0, 1, 40])
def test_a_rotation_timeline_of_any_length_fits(report, n):
    first = report.rotation.materials[0]
    start = datetime(2024, 2, 29, tzinfo=UTC)
    materials = tuple(
        replace(first, label=f"v{i}", since=start + timedelta(days=30 * i), until=start + timedelta(days=30 * i + 30))
        for i in range(n)
    )
    root = draw(charts.rotation, RotationTimeline(90, None, materials), start + timedelta(days=30 * n + 5))
    inside(root)
    assert any("16 older versions in the table" in t for t in texts(root)) == (n == 40)


def month(name="2026-10", collected=31, modelled="4.00", **amounts):
    parts = tuple((k, Decimal(v)) for k, v in amounts.items())
    return MonthCost(
        name, parts, sum((v for _, v in parts), Decimal(0)), Decimal(modelled), collected, 31, estimated=False
    )


def test_cost_shows_the_budget_and_what_the_rotations_should_cost(report):
    root = draw(charts.cost, report.cost, report.budget_usd)
    inside(root)
    assert "budget $6.00" in texts(root)
    assert marks(root, "budget")
    assert marks(root, "halo").count("M") == 3
    assert "2026-10: $4.65, modelled $4.17, 31 of 31 days." in root[1].text
    assert "2026-11*" in texts(root)


def test_labels_of_a_year_of_months_do_not_run_into_each_other():
    year = [month(f"{2025 + (10 + n) // 12}-{(10 + n) % 12 + 1:02}", a="1") for n in range(13)]
    written = texts(draw(charts.cost, year, None))
    assert [t for t in written if t in {"2025", "2026"}] == ["2025", "2026"]
    assert "11" in written
    assert "2025-11" not in written


def test_a_month_that_was_not_collected_is_hatched_and_has_no_amount():
    root = draw(charts.cost, [month(keys="4.0"), month("2026-11", collected=0)], None)
    assert marks(root, "hatch")
    assert "$0.00" not in texts(root)
    assert "2026-11: not collected" in root[1].text


@pytest.mark.parametrize(
    "months",
    [[], [month()], [month(a="0.0004")], [month(**{f"t{n}": str(n) for n in range(9)})], [month(keys="-1.5")], [month(a="1")] * 30],
    ids=["none", "zero", "tiny", "many-types", "credit", "many-months"],
)  # fmt: skip
def test_any_cost_is_drawn_inside_its_frame(months):
    inside(draw(charts.cost, months, Decimal("6.00")))


def test_parts_of_a_month_add_up_to_its_total():
    one = month(a="1.10", b="2.20", c="0.05")
    assert sum(charts.cost_parts(one, ["b", "z"])) == one.total


def test_text_from_aws_is_escaped_in_a_figure():
    root = draw(charts.usage_strips, series((1,), names=["<b>\x1b"]))
    assert "<b>U+001B" in texts(root)
