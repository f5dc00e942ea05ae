"""What the HTML and the PDF have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jinja2 import UndefinedError

from fluo_audit.model.finding import Severity
from fluo_audit.render.page import Index, attention, environment, totals
from fluo_audit.render.text import printable
from fluo_audit.resources import resource_dir


def test_evidence_that_stands_together_is_named_as_a_run(report):
    index = Index(report)
    runs = index.runs(["E03", "E01", "E02", "E09", "E999"])
    assert [(r.first, r.last, r.size) for r in runs] == [("E01", "E03", 3), ("E09", "E09", 1), ("E999", "E999", 1)]


def test_anchors_are_places_and_never_ids_from_outside(report):
    index = Index(report)
    assert index.evidence("E07") == "e7"
    assert index.test("T09") == "t9"
    assert index.evidence("x' onclick='") == ""


def test_the_gravest_exceptions_come_first(report):
    order = [(t.conclusion.value, t.severity) for t in attention(report.tests)]
    assert order == [
        ("exception", Severity.HIGH),
        ("exception", Severity.MEDIUM),
        ("exception", Severity.MEDIUM),
        ("inconclusive", Severity.MEDIUM),
    ]


def test_totals_leave_out_days_that_were_not_collected(report):
    first = report.usage.counts[0][1]
    top = totals(report.usage)[0]
    assert top.total == sum(c for c in first if c is not None)
    missing = replace(report.usage, counts=(("x", (None,) * 90),))
    assert totals(missing)[0].total is None


def test_a_value_that_a_template_misspells_is_an_error():
    with pytest.raises(UndefinedError):
        environment().from_string("{{ report.nothing }}").render(report={})


def test_a_missing_value_cannot_be_printed_as_none():
    with pytest.raises(TypeError, match="None"):
        environment().from_string("{{ value }}").render(value=None)


def test_templates_escape_everything_and_hold_only_printable_text():
    for file in resource_dir("templates").iterdir():
        if file.name.endswith(".j2"):
            source = file.read_text("utf-8")
            assert "|safe" not in source.replace(" ", "")
            assert "style=" not in source
            assert printable(source) == " ".join(source.split("\n")), file.name
