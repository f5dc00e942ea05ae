"""The same report gives the same bytes in any place."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys

import pytest

RENDER = """
import hashlib, pickle, sys
from fluo_audit.render.html import render_html
from fluo_audit.render.json_v1 import render_json
from fluo_audit.render.pdf import Attachment, render_pdf
report = pickle.load(open(sys.argv[1], "rb"))
for data in (render_html(report), render_json(report), render_pdf(report, attachments=[Attachment("a.json", "A", b"{}")])):
    print(hashlib.sha256(data).hexdigest())
"""


@pytest.fixture(scope="module")
def small_report(report):
    """Return a report with every part but few rows: what varies between places does not vary by row."""
    from dataclasses import replace

    return replace(report, evidence=report.evidence[:12], tests=report.tests[:9], controls=report.controls[:6])


def test_html_json_and_pdf_are_the_same_in_other_time_zones_locales_and_hash_seeds(small_report, tmp_path):
    saved = tmp_path / "report.pickle"
    saved.write_bytes(pickle.dumps(small_report))
    places = [
        {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"},
        {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "4711"},
    ]
    path = os.pathsep.join(p for p in sys.path if p)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RENDER, str(saved)],
            env=os.environ | place | {"PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in places
    ]
    digests = [process.communicate(timeout=120)[0].split() for process in running]
    assert len(digests[0]) == 3
    assert digests[0] == digests[1]
    assert len(set(digests[0])) == 3
    assert all(len(d) == len(hashlib.sha256().hexdigest()) for d in digests[0])
