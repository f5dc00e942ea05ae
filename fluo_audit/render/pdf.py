"""The report as a PDF: an archive file (PDF/A-3a) that a screen reader can read (PDF/UA-1)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree as ET

from weasyprint import HTML
from weasyprint import Attachment as EmbeddedFile
from weasyprint.document import DocumentMetadata
from weasyprint.urls import FatalURLFetchingError, URLFetcher

from fluo_audit.errors import UsageError
from fluo_audit.model.report import Report
from fluo_audit.render.page import render_page, stylesheet
from fluo_audit.render.text import font_css, printable

PAPERS = {"a4": "A4", "letter": "letter"}
"""Paper name to its name in CSS."""

# PDF/A allows a foreign property in the metadata only with a description of its schema, under these very prefixes
# (ISO 19005-3, 6.6.2.3); PDF/UA-1 asks for pdfuaid:part (ISO 14289-1, 5).
_PDFUA = """
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<rdf:Description rdf:about="" pdfuaid:part="1"/>
<rdf:Description rdf:about=""><pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource"><pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>PDF/UA part</pdfaProperty:description></rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
</rdf:RDF>
"""
_PREFIXES = {
    "pdfaExtension": "http://www.aiim.org/pdfa/ns/extension/",
    "pdfaSchema": "http://www.aiim.org/pdfa/ns/schema#",
    "pdfaProperty": "http://www.aiim.org/pdfa/ns/property#",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file embedded in the PDF: a copy for convenience, the bundle holds the evidence."""

    name: str
    description: str
    data: bytes


class OfflineFetcher(URLFetcher):  # type: ignore[misc]  # weasyprint ships no types
    """Fetch nothing but data: URLs, which is how the bundled fonts and shapes come."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
        """Return the content of a data: URL; any other URL ends the rendering."""
        if not url.startswith("data:"):
            raise FatalURLFetchingError(f"the report must not fetch {url[:200]!r}")
        return super().fetch(url, headers)


class _AccessibleMetadata(DocumentMetadata):  # type: ignore[misc]  # weasyprint ships no types
    """Metadata that claim PDF/UA-1 besides the PDF/A variant being written."""

    def generate_rdf_metadata(self, variant: str, version: int, conformance: str) -> bytes:
        for prefix, uri in _PREFIXES.items():
            ET.register_namespace(prefix, uri)
        rdf = ET.fromstring(super().generate_rdf_metadata(variant, version, conformance))  # noqa: S314, written above
        rdf.extend(ET.fromstring(_PDFUA))  # noqa: S314, the constant above
        xmp: bytes = ET.tostring(rdf, encoding="utf-8")
        return xmp


def render_pdf(report: Report, *, paper: str = "a4", attachments: Sequence[Attachment] = ()) -> bytes:
    """Return the report as a PDF on "a4" or "letter" paper, with the attachments embedded.

    The same report gives the same bytes with the same versions of WeasyPrint, Pango and HarfBuzz.
    """
    if paper not in PAPERS:
        raise UsageError(f"no such paper: {paper}", f"choose {' or '.join(PAPERS)}")
    css = font_css() + stylesheet("report.css", "paged.css") + f"@page{{size:{PAPERS[paper]}}}"
    document = HTML(
        string=render_page(report, css, paged=True), base_url="about:blank", url_fetcher=OfflineFetcher()
    ).render()
    made = report.scope.as_of.astimezone(UTC).replace(tzinfo=None)
    document.metadata = _AccessibleMetadata(**vars(document.metadata))
    document.metadata.attachments = [
        EmbeddedFile(
            string=file.data,
            name=printable(file.name),
            description=printable(file.description),
            relationship="Data",
            created=made,
            modified=made,
        )
        for file in attachments
    ]
    identifier = sha256(f"{report.snapshot_sha256} {paper}".encode()).digest()[:16]
    # WeasyPrint leaves the file of its colour profile open until it is collected.
    with warnings.catch_warnings(category=ResourceWarning, action="ignore"):
        pdf: bytes = document.write_pdf(pdf_variant="pdf/a-3a", pdf_tags=True, pdf_identifier=identifier)
    return pdf
