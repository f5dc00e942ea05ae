"""The report as one HTML file: no script, no request, readable on a phone and in the dark."""

from __future__ import annotations

import base64
from hashlib import sha256

from fluo_audit.model.report import Report
from fluo_audit.render.page import render_page, stylesheet
from fluo_audit.render.text import font_css


def render_html(report: Report) -> bytes:
    """Return the report as a UTF-8 HTML file that works from a disk, offline, and forbids itself everything else."""
    css = font_css() + stylesheet("report.css", "screen.css", "browser-print.css")
    digest = base64.b64encode(sha256(css.encode()).digest()).decode()
    return render_page(report, css, paged=False, csp=digest).encode()
