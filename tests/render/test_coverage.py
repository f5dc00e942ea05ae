"""What digests vouch for: sums that add up, and a strip of time that hides no gap."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.model.integrity import IntegrityCounts, IntegrityVerdict, RegionIntegrity
from fluo_audit.model.scope import Period
from fluo_audit.render.coverage import MOST_CHAINS, chains, problems, share, strips, sums

SVG = "{http://www.w3.org/2000/svg}"
START = datetime(2026, 8, 25, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def integrity(report):
    return report.integrity


def draw(integrity):
    root = ET.fromstring(strips(integrity))  # noqa: S314, our own drawing
    assert root[0].tag == f"{SVG}title"
    assert root[1].tag == f"{SVG}desc"
    return root


def marks(root, style):
    return [p.get("d") for p in root.iter(f"{SVG}path") if p.get("class") == style]


def texts(root):
    return [t.text for t in root.iter(f"{SVG}text")]


def chain(*covered: Period, region: str = "eu-west-1", account: str = "1", verdict=IntegrityVerdict.VERIFIED):
    return RegionIntegrity(account, region, verdict, IntegrityCounts(), covered, "")


def test_the_counts_add_up(integrity):
    for line in sums(integrity.counts):
        assert line.total == sum(number for _, number in line.parts), line.name


def test_every_count_is_on_the_page():
    """Also one that is added to the model tomorrow: distinct numbers, so that each is found or missed by itself."""
    names = [field.name for field in fields(IntegrityCounts)]
    counts = IntegrityCounts(**{name: 2**place for place, name in enumerate(names)})
    printed = {number for line in sums(counts) for number in (line.total, *(part for _, part in line.parts))}

    shown_alone = {counts.digests_missing, counts.logs_of_others}  # the last lines of the table
    assert {getattr(counts, name) for name in names} == printed | shown_alone


def test_the_worst_comes_first(integrity):
    assert [each.verdict.value for each in chains(integrity)] == ["FAIL", "INCOMPLETE", "VERIFIED"]
    assert [each.is_failure for each in problems(integrity)] == [True] * 4 + [False]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [([(0, 1000)], "100%"), ([(0, 999)], "99.9%"), ([(0, 500), (501, 1000)], "99.9%"), ([], "0%"), ([(0, 4)], "0.4%")],
)
def test_the_share_is_whole_only_when_nothing_is_missing(hours, expected):
    covered = [Period(START + first * HOUR, START + last * HOUR) for first, last in hours]
    assert share(covered, Period(START, START + 1000 * HOUR)) == expected


@given(st.integers(1, 100_000))
def test_one_missing_second_is_never_rounded_away(seconds):
    period = Period(START, START + timedelta(seconds=seconds + 1))
    assert share([Period(START, START + timedelta(seconds=seconds))], period) != "100%"


def test_every_gap_is_seen_the_narrow_one_as_a_tick(integrity):
    root = draw(integrity)

    assert len(marks(root, "hatch")) == 1  # three days
    assert len(marks(root, "late")) == 1  # one hour of ninety days
    assert len(marks(root, "s0")) == 5
    assert "us-west-2: INCOMPLETE, 96.6% covered, 2 gaps." in root[1].text
    assert "us-east-1: FAIL, 100% covered, 0 gaps." in root[1].text


def test_a_covered_strip_is_as_long_as_its_time(integrity):
    half = Period(integrity.period.start, integrity.period.start + (integrity.period.end - integrity.period.start) / 2)
    root = draw(replace(integrity, regions=(chain(integrity.period), chain(half, region="eu-west-2"))))
    whole, part = (float(data.split("h")[1]) for data in marks(root, "s0"))

    assert part == pytest.approx(whole / 2, abs=0.02)


@pytest.mark.parametrize(
    "period",
    [
        Period(START, START + HOUR),
        Period(START + 7 * HOUR, START + 30 * HOUR),
        Period(START, START + timedelta(days=800)),
    ],
    ids=["an hour", "parts of two days", "two years"],
)
def test_strips_stay_inside_their_frame(integrity, period):
    root = draw(replace(integrity, period=period, regions=(chain(period), chain(region="eu-west-2"))))

    assert len(marks(root, "hatch")) == 1
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x")) <= float(root.get("width"))
        assert 0 <= float(text.get("y")) <= float(root.get("height"))
    for data in marks(root, "s0"):
        x, width = float(data.split()[0][1:]), float(data.split("h")[1])
        assert 0 <= x < x + width <= float(root.get("width"))


def test_an_organisation_names_its_accounts_and_counts_what_is_not_drawn(integrity):
    many = tuple(chain(integrity.period, account=f"{n:012}") for n in range(MOST_CHAINS + 3))
    root = draw(replace(integrity, regions=many))

    assert f"{0:012} eu-west-1" in texts(root)
    assert any("3 more chains in the table" in text for text in texts(root))
    assert len(marks(root, "s0")) == MOST_CHAINS


def test_no_chain_is_said_and_not_drawn_as_covered(integrity):
    root = draw(replace(integrity, regions=()))

    assert root[1].text == "No chain of digests."
    assert not marks(root, "s0")
