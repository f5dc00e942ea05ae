"""The catalog shows checks and controls with the mapping between them, in both directions."""

from __future__ import annotations

import re

import pytest

from fluo_audit.errors import UsageError
from fluo_audit.evaluate.catalog import (
    check_rows,
    checks_markdown,
    control_rows,
    find_check,
    find_controls,
    framework_rows,
    frameworks_markdown,
    line_rows,
    requirement_rows,
    section_rows,
)
from fluo_audit.evaluate.registry import Check
from fluo_audit.frameworks.load import OPERATIONAL_CHECKS, load_frameworks
from fluo_audit.model.finding import Severity, Verdict, passed
from fluo_audit.model.sources import ROTATION

FRAMEWORKS = load_frameworks()


def a_check(id_: str) -> Check:
    def function() -> Verdict:
        """Look at the setting | as it is
        today.

        Why: old material widens what one leak exposes.
        Passes when: it changes in time.
        Fails when: it does not.
        Fix: turn it on.
        Still by hand: the policy.
        """
        return passed("good")

    return Check(id_, "The key | changes", "ROT", Severity.HIGH, (ROTATION,), (), function)


CHECKS = (a_check("rotation-on-time"), a_check("cost-within-budget"))
EVERY_ID = sorted({line.check for each in FRAMEWORKS for control in each.controls for line in control.lines})


def test_a_check_is_listed_with_what_it_reads_and_speaks_to():
    first, second = check_rows(CHECKS, FRAMEWORKS)

    assert first == {
        "id": "rotation-on-time",
        "title": "The key | changes",
        "group": "ROT",
        "severity": "high",
        "reads": "rotation",
        "requirements": "soc2 CC6.1, pci-dss 3.7.4, pci-dss 3.7.5, nist-800-57 5.3.5",
    }
    assert second["requirements"] == ""


def test_a_check_is_found_by_its_id_and_shows_its_sections_in_order():
    check = find_check(CHECKS, "rotation-on-time")

    assert check is CHECKS[0]
    assert [row["section"] for row in section_rows(check)] == [
        "Why",
        "Passes when",
        "Fails when",
        "Fix",
        "Still by hand",
    ]
    assert section_rows(check)[3]["text"] == "Turn it on."
    with pytest.raises(UsageError, match="'rotation'"):
        find_check(CHECKS, "rotation")


def test_both_directions_say_the_same():
    forward = {
        (check, row["framework"], row["control"], row["strength"], row["because"], row["source"])
        for check in EVERY_ID
        for row in requirement_rows(check, FRAMEWORKS)
    }
    controls = [(framework, control) for framework in FRAMEWORKS for control in framework.controls]
    backward = {
        (row["check"], row["framework"], row["control"], row["strength"], row["because"], row["source"])
        for row in line_rows(controls)
    }

    assert forward == backward
    assert len(forward) == sum(len(control.lines) for _, control in controls)


def test_frameworks_are_listed_with_edition_and_applicability():
    rows = {row["id"]: row for row in framework_rows(FRAMEWORKS)}

    assert rows["pci-dss"]["version"] == "4.0.1"
    assert rows["pci-dss"]["applicability"] == "must be declared"
    assert rows["soc2"]["applicability"] == "assumed unless declared otherwise"
    assert rows["pci-dss"]["controls"] == str(len(FRAMEWORKS[2].controls))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("3.6.4", ["3.7.4"]),
        ("3.7.4", ["3.7.4"]),
        ("7.1.3", ["7.2.2"]),
        ("3.6.1", ["3.6.1", "3.7.1"]),
        ("cc6.7", ["CC6.7"]),
        ("164.312(B)", ["164.312(b)"]),
        ("NIST", [control.id for control in FRAMEWORKS[3].controls]),
    ],
)
def test_a_control_is_found_by_its_number_its_old_number_or_its_framework(wanted: str, found: list[str]):
    assert [control.id for _, control in find_controls(FRAMEWORKS, wanted)] == found


@pytest.mark.parametrize("wanted", ["", "new", "9.9.9"])
def test_a_name_that_is_no_control_is_a_usage_error(wanted: str):
    with pytest.raises(UsageError, match="no framework and no control is called"):
        find_controls(FRAMEWORKS, wanted)


def test_a_control_shows_its_old_number_the_claim_and_the_correction():
    (row,) = control_rows(find_controls(FRAMEWORKS, "3.6.4"))

    assert (row["framework"], row["id"], row["was"]) == ("pci-dss", "3.7.4", "3.6.4")
    assert row["seed_claim"].startswith("PCI-DSS 3.6.4")
    assert "3.7.4" in row["correction"]
    assert row["remark"] == ""
    assert "rotation-on-time" in row["checks"]
    assert {each["remark"] for each in control_rows(find_controls(FRAMEWORKS, "nist"))} == {"number not verified"}


def test_the_page_of_checks_shows_each_check_with_its_documentation_and_mapping():
    page = checks_markdown(CHECKS, FRAMEWORKS)

    assert "## rotation-on-time\n\nThe key | changes. Look at the setting | as it is today.\n" in page
    assert "Group ROT, severity high, reads rotation." in page
    assert "**Fix:** Turn it on." in page
    for row in requirement_rows("rotation-on-time", FRAMEWORKS):
        assert f"| {row['strength']} | {row['because']} | {row['source']} |" in page
    assert "[PCI DSS 3.7.4](frameworks.md#pci-dss-3.7.4) (3.6.4 in 3.2.1)" in page


def test_the_page_of_checks_says_why_a_check_speaks_to_no_control():
    page = checks_markdown(CHECKS, FRAMEWORKS)

    assert f"Speaks to no control: {OPERATIONAL_CHECKS['cost-within-budget']}." in page
    assert "Speaks to no control: no mapping was written." in checks_markdown([a_check("unheard-of")], FRAMEWORKS)


def test_the_page_of_frameworks_shows_every_control_line_claim_and_correction():
    page = frameworks_markdown(FRAMEWORKS)

    for framework in FRAMEWORKS:
        for text in (framework.note, framework.numbers, framework.source, framework.version):
            assert text in page
        for control in framework.controls:
            assert f"### {framework.name} {control.id}" in page
            assert f"**Still to obtain:** {control.manual}" in page
            assert control.seed_claim in page
            assert page.count(control.correction) >= (2 if control.correction else 0)
            for line in control.lines:
                assert f"| {line.strength.value} | {line.because} | {line.source} |" in page
    assert "### PCI DSS 7.2.5 (new since 3.2.1)" in page
    assert "(number not verified)" in page


def test_every_link_between_the_pages_has_its_target():
    checks = tuple(a_check(id_) for id_ in EVERY_ID)
    pages = {"checks.md": checks_markdown(checks, FRAMEWORKS), "frameworks.md": frameworks_markdown(FRAMEWORKS)}
    targets = {
        "checks.md": set(re.findall(r"^## (\S+)$", pages["checks.md"], re.MULTILINE)),
        "frameworks.md": set(re.findall(r'<a id="([^"]+)">', pages["frameworks.md"])),
    }
    links = [
        (target or own, anchor)
        for own, page in pages.items()
        for target, anchor in re.findall(r"\]\(([a-z.]*)#([^)]+)\)", page)
    ]

    assert len(links) > len(EVERY_ID)
    assert [(page, anchor) for page, anchor in links if anchor not in targets[page]] == []


def test_anchors_are_distinct():
    anchors = re.findall(r'<a id="([^"]+)">', frameworks_markdown(FRAMEWORKS))

    assert len(anchors) == len(set(anchors)) == sum(len(each.controls) for each in FRAMEWORKS)


def test_tables_keep_their_columns_whatever_the_text():
    page = checks_markdown(CHECKS, FRAMEWORKS)
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("| ")]

    assert r"The key \| changes" in page
    for rows in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
