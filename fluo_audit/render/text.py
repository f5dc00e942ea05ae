"""The bundled fonts, and which text can be printed with them."""

from __future__ import annotations

import base64
import unicodedata
from dataclasses import dataclass
from functools import cache
from io import BytesIO

from fluo_audit.resources import resource_dir

_SPACES = str.maketrans({"\t": " ", "\n": " ", "\r": " "})
_UNPRINTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me"})
"""Unicode categories that are never printed as they are: controls, bidi and other format marks, surrogates,
and combining marks, which would pile up on their neighbours."""


@dataclass(frozen=True, slots=True)
class Face:
    """One font file: the CSS family and weight it is used as."""

    family: str
    weight: int
    file: str

    def read(self) -> bytes:
        """Return the woff2 file."""
        return resource_dir("templates").joinpath("static", "fonts", self.file).read_bytes()


FACES = (
    Face("IBM Plex Sans", 400, "ibm-plex-sans-latin-400-normal.woff2"),
    Face("IBM Plex Sans", 600, "ibm-plex-sans-latin-600-normal.woff2"),
    Face("IBM Plex Mono", 400, "ibm-plex-mono-latin-400-normal.woff2"),
)


@cache
def font_css() -> str:
    """Return the @font-face rules with the fonts inside, so that no reader has to fetch or own them."""
    return "".join(
        f'@font-face{{font-family:"{face.family}";font-weight:{face.weight};font-display:swap;'
        f'src:url(data:font/woff2;base64,{base64.b64encode(face.read()).decode()})format("woff2")}}\n'
        for face in FACES
    )


@cache
def printable_characters() -> frozenset[str]:
    """Return the characters that every bundled font has a glyph for and that show as themselves."""
    from fontTools.ttLib import TTFont

    maps = [frozenset(TTFont(BytesIO(face.read())).getBestCmap()) for face in FACES]
    return frozenset(c for c in map(chr, frozenset.intersection(*maps)) if unicodedata.category(c) not in _UNPRINTED)


def printable(text: str) -> str:
    """Return `text` with everything that the bundled fonts cannot show written as U+XXXX; line ends become spaces.

    A missing glyph would let a system font into the PDF, or leave a box (which PDF/A forbids); a control or a
    bidi mark would change what is read. The JSON and JSONL forms keep the text as it was.
    """
    known = printable_characters()
    return "".join(c if c in known else f"U+{ord(c):04X}" for c in text.translate(_SPACES))
