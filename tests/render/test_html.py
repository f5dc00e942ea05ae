"""The HTML: one safe file, whatever AWS put into it."""

from __future__ import annotations

import base64
import re
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from fluo_audit.model.evidence import evidence_items
from fluo_audit.model.finding import Conclusion, Observation
from fluo_audit.render.html import render_html
from fluo_audit.render.page import MOST_ROWS

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><iframe src=//example.com>",
    "</style></title></td></table><h1>x",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    '=HYPERLINK("http://example.com")',
    "\x1b[2J\x1b]8;;http://example.com\x07",
    "\x9b31m\x00\x7f",
    "a\u202egpj.exe\u2066\u2069",
    "😀 \U0001f468‍\U0001f469",
    "鍵管理サービス",
    "\ud800 lone",
    "&amp;lt;b&#62;",
    "-->]]><!--",
)


class Page(HTMLParser):
    """Every element with its attributes, and the text outside of style."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._tag = ""
        self.feed(html.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._tag = tag

    def handle_data(self, data):
        if self._tag != "style":
            self.text += data

    def all(self, name: str) -> list[str]:
        return [a[name] or "" for _, a in self.elements if name in a]

    def shape(self) -> Counter[tuple[str, tuple[str, ...]]]:
        return Counter((tag, tuple(a)) for tag, a in self.elements)


@pytest.fixture(scope="module")
def html(report) -> bytes:
    return render_html(report)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_every_link_leads_to_a_place_on_the_page(page):
    targets = page.all("href")
    assert len(targets) > 100
    assert {t[1:] for t in targets} <= set(page.all("id"))
    assert all(t.startswith("#") for t in targets)


def test_ids_are_unique(page):
    ids = page.all("id")
    assert [i for i, n in Counter(ids).items() if n > 1] == []


def test_nothing_runs_and_nothing_is_fetched(page, html):
    assert not {"script", "link", "iframe", "object", "embed", "img", "form", "base"} & {
        tag for tag, _ in page.elements
    }
    assert not [a for _, attrs in page.elements for a in attrs if a.startswith("on") or a in {"src", "style", "srcset"}]
    urls = re.findall(rb"url\(\s*[\"']?([^\"')]+)", html)
    assert urls
    assert all(u.startswith(b"data:") for u in urls)
    assert b"@import" not in html


def test_the_policy_allows_this_style_and_nothing_else(html):
    style = re.search(rb"<style>(.*?)</style>", html, re.DOTALL).group(1)
    digest = base64.b64encode(sha256(style).digest()).decode()
    policy = re.search(rb'Content-Security-Policy" content="([^"]*)"', html).group(1).decode().replace("&#39;", "'")
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_it_fits_into_a_mail(html):
    assert len(html) <= 250_000


def test_figures_are_numbered_in_order(page):
    labels = [a["aria-label"] for _, a in page.elements if a.get("role") == "region"]
    assert labels == [f"Figure {n}" for n in range(1, 6)]


def test_every_result_has_a_word_beside_its_shape(html, report):
    shown = re.findall(r'<span class="st st-([a-z-]+)">([^<]+)</span>', html.decode())
    assert len(shown) > len(report.tests)
    words = {c.value.replace(" ", "-"): c.value.capitalize() for c in Conclusion}
    read = {("supported", "Complete"), ("inconclusive", "Partial"), ("inconclusive", "Not collected")}
    compared = {("supported", "Agrees"), ("supported", "Explained"), ("exception", "Differs")}
    compared |= {("inconclusive", "Not compared")}
    verified = {("supported", "Verified"), ("exception", "Fail"), ("inconclusive", "Incomplete")}
    problems = {("exception", "Log changed"), ("exception", "Log missing"), ("exception", "Log unvouched")}
    problems |= {("inconclusive", "Log unread")}
    assert {(s, w) for s, w in shown} - set(words.items()) == read | compared | verified | problems


def test_the_word_compliant_is_never_used(page):
    assert "complian" not in page.text.replace("compliance_evidence", "").lower()


def test_needs_attention_lists_exceptions_before_what_is_inconclusive_and_what_to_do(page, report):
    part = page.text[page.text.index("Needs attention") : page.text.index("Facts at a glance")]
    open_tests = [t for t in report.tests if t.conclusion in {Conclusion.EXCEPTION, Conclusion.INCONCLUSIVE}]
    assert len(open_tests) == 4
    assert all(t.next_step in part for t in open_tests if len(t.next_step) <= 200)
    assert part.rindex("Exception") < part.index("Inconclusive")


def test_cover_carries_what_the_report_is_about(page, report):
    cover = page.text[: page.text.index("Summary", page.text.index("not an opinion"))]
    for fact in (report.scope.entity, report.scope.key_arn, report.alias, report.snapshot_sha256, report.collected_by):
        assert fact in cover
    assert "2026-08-25 to 2026-11-22 UTC (90 days)" in cover
    assert "18 of 20 sources complete, 1 partial, 1 not collected" in cover
    assert "Not signed" in cover


def test_every_piece_of_evidence_has_its_full_hash_and_request_id(page, report):
    items = evidence_items(report.evidence)
    assert max(len(item.pages) for item in items) == 98
    for item in items:
        assert item.sha256 in page.text
        assert item.first.request_id in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_every_field_changes_no_element(report, change_texts, text):
    benign = Page(render_html(change_texts(report, lambda s: s + "x")))
    html = render_html(change_texts(report, lambda s: s + text))
    assert Page(html).shape() == benign.shape()
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]", html)


def test_what_the_fonts_lack_is_written_as_its_number(report):
    html = render_html(replace(report, alias="alias/鍵\u202e\x1b"))
    assert b"alias/U+9375U+202EU+001B" in html


@pytest.mark.parametrize(
    ("part", "source"),
    [("access", "key_policy"), ("usage", "events"), ("changes", "events"), ("rotation", "rotations"), ("cost", "cost")],
)
def test_a_part_that_was_not_collected_says_so_and_why(report, part, source):
    reason = f"{source}: AccessDenied on that day"
    sources = tuple(
        replace(s, completeness=type(s.completeness).NOT_COLLECTED, reasons=(reason,)) if s.name == source else s
        for s in report.sources
    )
    page = Page(render_html(replace(report, **{part: None}, sources=sources)))
    number = [a["aria-label"] for _, a in page.elements if a.get("role") == "region"]
    before = page.text.rindex("Completeness and accuracy")
    assert reason in page.text[:before]
    assert len(number) == (4 if part in {"usage", "rotation", "cost"} else 5)


def test_nothing_collected_at_all_still_gives_a_report_without_figures(report):
    parts = ("access", "principals", "usage", "errors", "changes", "rotation", "cost", "budget_usd", "integrity")
    html = render_html(
        replace(
            report,
            **dict.fromkeys(parts),
            reconciliations=(),
            tests=(),
            controls=(),
            sources=(),
            evidence=(),
            facts=(),
            limits=(),
            frameworks=(),
            tables=(),
        )
    )
    page = Page(html)
    assert "svg" not in {tag for tag, _ in page.elements}
    assert "No test was run." in page.text
    assert "Nothing was compared." in page.text
    assert {t[1:] for t in page.all("href")} <= set(page.all("id"))


def test_a_long_table_is_cut_with_its_size_and_the_file_that_has_all(report):
    first, *rest = report.tests
    many = tuple(Observation(f"record {n}") for n in range(7_214))
    text = Page(render_html(replace(report, tests=(replace(first, observations=many), *rest)))).text
    assert f"Showing {MOST_ROWS} of 7,214; all rows in evidence.json." in text
    assert "record 199" in text
    assert "record 200" not in text


def test_a_huge_index_keeps_every_linked_call_and_shows_the_failed_ones(report):
    calls = tuple(replace(report.evidence[0], id=f"E{n:05}") for n in range(3_000))
    failed = replace(calls[-1], status=0, error_code="ReadTimeout")
    first, *rest = report.tests
    cited = replace(first, evidence=tuple(c.id for c in calls[1_000:2_000]))
    big = replace(report, evidence=(*calls[:-1], failed), tests=(cited, *rest))
    page = Page(render_html(big))
    assert {t[1:] for t in page.all("href")} <= set(page.all("id"))
    assert "E01000 to E01999" in page.text
    assert "Showing 200 of 3,000" in page.text
    assert "no answer ReadTimeout" in page.text


def test_sample_data_is_said_on_the_page_and_only_then(report, page):
    sample = Page(render_html(replace(report, scope=replace(report.scope, sample=True))))
    assert "Sample data." in sample.text
    assert "Sample data" not in page.text


def test_applicability_that_nobody_declared_is_named(page):
    assert "Applicability: not declared" in page.text
    assert "Applicability: declared as applicable" in page.text


def section(page: Page, start: str, end: str) -> str:
    before = page.text.rindex(start)
    return page.text[before : page.text.index(end, before)]


def test_the_reconciliation_has_its_numbers_outcomes_and_reasons(page, report):
    part = section(page, "CloudTrail against other sources", "Log files against their digests")
    for row in report.reconciliations:
        assert row.what in part
        assert row.explanation[0].upper() + row.explanation[1:] in part
        assert row.outcome.value.capitalize() in part
    assert "4,635" in part
    assert "–" in part  # what was not counted, never 0


def test_the_log_files_have_verdict_sums_gaps_and_problems(page, report):
    part = section(page, "Log files against their digests", "Exceptions and responses")
    integrity = report.integrity
    assert part.index("Fail") < part.index(integrity.trail_arn)
    assert "8,987 unchanged, 1 changed, 1 missing, 1 not read" in part
    for gap in integrity.gaps:
        assert f"{gap.period.start:%Y-%m-%dT%H:%M:%SZ} to {gap.period.end:%Y-%m-%dT%H:%M:%SZ}" in part
    assert "Not known" in part
    for problem in integrity.problems:
        assert problem.key in part
    assert part.index("Log changed") < part.index("Log unread")
    assert integrity.remarks[0] in part


def test_many_problems_are_cut_with_their_number_and_the_file_that_has_all(report):
    first = report.integrity.problems[1]
    many = tuple(replace(first, key=f"key-{n}.") for n in range(7_214))
    text = Page(render_html(replace(report, integrity=replace(report.integrity, problems=many)))).text
    assert "7,214 problems with single files" in text
    assert "Showing 50 of 7,214; all rows in evidence.json." in text
    assert "key-49." in text
    assert "key-50." not in text


@pytest.mark.parametrize("text", HOSTILE)
def test_an_object_key_is_text_whatever_it_holds(report, text):
    def with_key(key):
        problems = tuple(replace(p, key=key, detail=key) for p in report.integrity.problems)
        gaps = tuple(replace(g, cause=key) for g in report.integrity.gaps)
        return Page(render_html(replace(report, integrity=replace(report.integrity, problems=problems, gaps=gaps))))

    assert with_key(text).shape() == with_key("x").shape()


def test_digests_that_were_not_asked_for_are_said_in_one_line_with_what_to_do(report):
    page = Page(render_html(replace(report, integrity=None)))
    part = section(page, "Log files against their digests", "Exceptions and responses")
    assert "Not checked" in part
    assert "--events-from s3" in part
    assert "fluo-audit trail verify" in part


def test_digests_that_could_not_be_read_say_why(report):
    denied = replace(report.sources[0], name="trail_integrity", title="Log files against their digests")
    denied = replace(
        denied, completeness=type(denied.completeness).NOT_COLLECTED, reasons=("s3:ListBucket: AccessDenied",)
    )
    page = Page(render_html(replace(report, integrity=None, sources=(*report.sources, denied))))
    part = section(page, "CloudTrail against other sources", "Exceptions and responses")
    assert "s3:ListBucket: AccessDenied" in part
    assert "--events-from s3" not in part
