"""The PDF: an accessible archive file whose page numbers are right."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace

import pikepdf
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from weasyprint.urls import FatalURLFetchingError

from fluo_audit.errors import UsageError
from fluo_audit.model.evidence import evidence_items
from fluo_audit.model.finding import Observation
from fluo_audit.render.pdf import Attachment, OfflineFetcher, render_pdf

FONTS = {"IBM-Plex-Sans", "IBM-Plex-Sans-Semi-Bold", "IBM-Plex-Mono"}
FILES = (Attachment("evidence.json", "The report as JSON", b'{"a": 1}\n'), Attachment("kms.csv", "Events", b"a,b\r\n"))


class Pdf:
    """A PDF with the text of its pages, read from their content streams."""

    def __init__(self, data: bytes) -> None:
        self.file = pikepdf.open(io.BytesIO(data))
        self.notdef = 0
        self.fonts: set[str] = set()
        self.lowest: list[float] = []
        self.pages = [self._text(page) for page in self.file.pages]

    def _text(self, page) -> str:
        maps = {name: self._font(font) for name, font in page.Resources.Font.items()}
        text, current, scale, at, lowest = [], {}, 1.0, 0.0, 842.0
        for operands, operator in pikepdf.parse_content_stream(page):
            match str(operator):
                case "Tf":
                    current = maps[str(operands[0])]
                case "cm":
                    scale, at = (float(operands[3]), float(operands[5])) if not at else (scale, at)
                case "BT":
                    text.append("\n")
                case "Tm":
                    lowest = (
                        min(lowest, at + scale * float(operands[5])) if at + scale * float(operands[5]) > 80 else lowest
                    )
                case "Tj" | "TJ":
                    parts = operands[0] if str(operator) == "TJ" else operands
                    text += [self._decode(bytes(p), current) for p in parts if isinstance(p, pikepdf.String)]
        self.lowest.append(lowest)
        return "".join(text)

    def _font(self, font) -> dict[int, str]:
        self.fonts.add(str(font.BaseFont).split("+")[-1].lstrip("/"))
        descriptor = font.DescendantFonts[0].FontDescriptor
        assert any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3")), "a font is not embedded"
        found = {}
        for code, text in re.findall(rb"<([0-9a-fA-F]{4})> <([0-9a-fA-F]+)>\n", font.ToUnicode.read_bytes()):
            found[int(code, 16)] = bytes.fromhex(text.decode()).decode("utf-16-be")
        return found

    def _decode(self, data: bytes, current: dict[int, str]) -> str:
        codes = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
        self.notdef += codes.count(0)
        return "".join(current.get(code, "") for code in codes)

    def page_of(self, name: str) -> int:
        """Return the number of the page that a named place is on."""
        for key, target in pikepdf.NameTree(self.file.Root.Names.Dests).items():
            if str(key) == name:
                return 1 + [p.objgen for p in self.file.pages].index(target[0].objgen)
        raise AssertionError(name)

    def tags(self):
        """Yield (tag, element) of the structure tree in reading order."""

        def walk(node):
            if isinstance(node, pikepdf.Dictionary):
                if node.get("/S") is not None:
                    yield str(node.S), node
                children = node.get("/K")
                for child in children if isinstance(children, pikepdf.Array) else [children]:
                    yield from walk(child)

        yield from walk(self.file.Root.StructTreeRoot)


@pytest.fixture(scope="module")
def pdf_bytes(report) -> bytes:
    return render_pdf(report, attachments=FILES)


@pytest.fixture(scope="module")
def pdf(pdf_bytes) -> Pdf:
    return Pdf(pdf_bytes)


@pytest.fixture(scope="module")
def short(report):
    """Return a report of few rows, for what does not need a long one."""
    return replace(report, tests=report.tests[:2], controls=report.controls[:2], evidence=report.evidence[:6])


def test_it_says_that_it_is_an_archive_and_accessible(pdf):
    metadata = pdf.file.Root.Metadata.read_bytes().decode()
    for claim in ('pdfaid:part="3"', 'pdfaid:conformance="A"', 'pdfuaid:part="1"', "<dc:title>"):
        assert claim in metadata
    assert "<pdfaExtension:schemas>" in metadata
    assert "<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>" in metadata
    assert metadata.count("<rdf:RDF") == 1
    assert str(pdf.file.Root.Lang) == "en"
    assert pdf.file.Root.MarkInfo.Marked


def test_figures_have_a_description_and_headings_skip_no_level(pdf):
    last, figures = 0, 0
    for tag, element in pdf.tags():
        if tag == "/Figure":
            figures += 1
            assert str(element.get("/Alt", ""))
        if level := re.fullmatch(r"/H([1-6])", tag):
            assert int(level[1]) <= last + 1
            last = int(level[1])
    assert figures == 5


def test_only_the_bundled_fonts_are_used_and_every_character_has_a_glyph(pdf):
    assert pdf.fonts == FONTS
    assert pdf.notdef == 0


def test_every_page_says_its_number_out_of_all(pdf):
    total = len(pdf.pages)
    assert total > 20
    for n, text in enumerate(pdf.pages, 1):
        assert f"Page {n} of {total}" in text


def test_the_contents_name_the_pages_where_the_headings_are(pdf, report):
    listed = dict(re.findall(r"\n(T\d\d|[A-Z][A-Za-z, ]+)[^\n.]*[\n.]+(\d+)(?=\n|$)", pdf.pages[1]))
    places = {
        "Summary": "summary",
        "Control matrix": "matrix",
        "Tests": "tests",
        "Key use": "use",
        "Rotation": "rotation",
        "Evidence index": "index",
        "How to verify": "verify",
        "Words used": "words",
    } | {t.id: f"t{n}" for n, t in enumerate(report.tests, 1)}
    for entry, name in places.items():
        assert int(listed[entry]) == pdf.page_of(name), entry
    for heading in ("Rotation", "Evidence index", "Words used"):
        assert heading in pdf.pages[int(listed[heading]) - 1]


def test_bookmarks_are_the_sections_with_the_tests_below(pdf, report):
    with pdf.file.open_outline() as outline:
        sections = [item.title for item in outline.root]
        tests = next(item for item in outline.root if item.title == "Tests")
        assert [item.title for item in tests.children] == [f"{t.id} {t.title}" for t in report.tests]
    assert sections[:3] == ["Contents", "Summary", "Scope, method and limits"]
    assert sections[-1] == "Words used"


def test_attachments_are_embedded_unchanged(pdf):
    found = pdf.file.attachments
    assert set(found) == {"evidence.json", "kms.csv"}
    for file in FILES:
        assert found[file.name].get_file().read_bytes() == file.data
        assert found[file.name].description == file.description
    assert all(str(entry.AFRelationship) == "/Data" for entry in pdf.file.Root.AF)


def test_every_hash_of_the_index_is_on_paper_in_full(pdf, report):
    text = "".join(pdf.pages).replace("\n", "")
    assert all(item.sha256 in text for item in evidence_items(report.evidence))


def test_pages_are_used(pdf):
    """Every page but the cover, the contents and the last is filled to 30 per cent at least."""
    for n, lowest in enumerate(pdf.lowest[2:-1], 3):
        assert lowest < 842 - 68 - 0.3 * 700, f"page {n} is nearly empty"


def test_it_fits_into_a_mail(pdf_bytes):
    assert len(pdf_bytes) <= 500_000


@pytest.mark.parametrize(("paper", "width"), [("a4", 595), ("letter", 612)])
def test_it_comes_on_both_papers(short, paper, width):
    pdf = Pdf(render_pdf(short, paper=paper))
    assert {round(float(page.MediaBox[2])) for page in pdf.file.pages} == {width}


def test_another_paper_is_refused():
    with pytest.raises(UsageError, match="a3"):
        render_pdf(None, paper="a3")


def test_sample_data_is_said_on_every_page(short):
    pages = Pdf(render_pdf(replace(short, scope=replace(short.scope, sample=True)))).pages
    assert all("Sample data" in text for text in pages)
    assert not any("Sample data" in text for text in Pdf(render_pdf(short)).pages)


# Every example is a whole PDF: making a failing one smaller would take minutes.
@settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(texts=st.lists(st.text(min_size=1, max_size=60), min_size=40, max_size=80))
def test_no_text_brings_in_a_foreign_font_or_a_missing_glyph(short, texts):
    first, *rest = short.tests
    test = replace(first, observations=tuple(Observation(t, t, t, t) for t in texts))
    pdf = Pdf(render_pdf(replace(short, alias=texts[0], tests=(test, *rest))))
    assert pdf.fonts == FONTS
    assert pdf.notdef == 0


def test_hostile_markup_is_printed_as_text(short):
    text = '<link rel=attachment href="file:///etc/passwd"><img src="http://127.0.0.1:9/x">'
    pdf = Pdf(render_pdf(replace(short, alias=text)))
    assert "file:///etc/passwd" in pdf.pages[0].replace("\n", "")
    assert not pdf.file.attachments


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://127.0.0.1:9/", "https://example.com/", "ftp://example.com/", "FILE:///x"]
)
def test_nothing_but_data_urls_can_be_fetched(url):
    with pytest.raises(FatalURLFetchingError):
        OfflineFetcher().fetch(url)


def test_the_identifier_tells_papers_apart_and_nothing_else(short):
    files = [Pdf(render_pdf(short, paper=paper)).file for paper in ("a4", "letter")]
    ids = [bytes(file.trailer.ID[0]) for file in files]
    wanted = [hashlib.sha256(f"{short.snapshot_sha256} {paper}".encode()).digest()[:16] for paper in ("a4", "letter")]
    assert ids == wanted
