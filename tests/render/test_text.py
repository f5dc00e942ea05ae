"""What is printed shows as itself, and only as itself."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from fluo_audit.render.text import FACES, printable, printable_characters


def test_plain_text_stays():
    text = "arn:aws:kms:us-east-1:123456789012:key/7f3c – “Łódź”? no: “Málaga”, 5 × 3 €"
    assert printable(text).replace("U+0141", "Ł").replace("U+017A", "ź") == text


def test_what_would_hide_or_reorder_is_spelled_out():
    assert printable("a\u202eb\u200bc\xadd\x1b[2J\ud800e\u0301") == "aU+202EbU+200BcU+00ADdU+001B[2JU+D800eU+0301"


def test_line_ends_become_spaces():
    assert printable("a\r\nb\tc") == "a  b c"


@given(st.text())
def test_the_result_is_printable_and_printing_it_again_changes_nothing(text):
    once = printable(text)
    assert set(once) <= printable_characters()
    assert not {c for c in once if unicodedata.category(c).startswith("C")}
    assert printable(once) == once


def test_fonts_are_the_files_as_published():
    assert all(face.read()[:4] == b"wOF2" for face in FACES)
