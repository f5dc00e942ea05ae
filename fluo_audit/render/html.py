"""The report as one HTML file: no script, no request, readable on a phone and in the dark."""

from __future__ import annotations

import base64
import re
from hashlib import sha256

from fluo_audit.model.report import Report
from fluo_audit.render.page import render_page, stylesheet
from fluo_audit.render.text import font_css

# HTML closes these by itself, and a report has thousands of them. No text of a report can match: its < is escaped.
_CLOSED_BY_THE_NEXT = re.compile("</(?:td|th|tr|li)>")


def render_html(report: Report) -> bytes:
    """Return the report as a UTF-8 HTML file that works from a disk, offline, and forbids itself everything else."""
    css = font_css() + stylesheet("report.css", "screen.css", "browser-print.css")
    digest = base64.b64encode(sha256(css.encode()).digest()).decode()
    page = render_page(report, css, paged=False, csp=digest)
    return _CLOSED_BY_THE_NEXT.sub("", page).encode()
