"""The fixed parts of a bundle: a BagIt 1.0 bag (RFC 8493, https://www.rfc-editor.org/rfc/rfc8493)."""

from __future__ import annotations

DECLARATION = "bagit.txt"
INFO = "bag-info.txt"
GUIDE = "VERIFY.md"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
TAG_FILES = (DECLARATION, INFO, GUIDE, MANIFEST, TAG_MANIFEST)

PAYLOAD = "data/"
DECLARATION_TEXT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
OXUM = "Payload-Oxum"


def oxum(sizes: list[int]) -> str:
    """Return the Payload-Oxum of files of these sizes in bytes: ``<bytes in all>.<number of files>``."""
    return f"{sum(sizes)}.{len(sizes)}"
