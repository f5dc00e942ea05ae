"""Read application.properties as Quarkus does, and keep one block of it up to date without touching the rest.

A file is edited as Latin-1 text: every byte is a character, so what is not ours comes back as it was, whatever its
encoding and line ends. The block itself is ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from javaproperties import Comment, InvalidUEscapeError, KeyValue, PropertiesElement, parse

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.backend_settings import (
    KEY,
    PROPERTIES,
    PROVIDER,
    REGION,
    BackendSettings,
    Setting,
    stated,
)
from fluo_audit.provision.files.edited_file import edit_file

BEGIN = "# fluo-audit begin (written by fluo-audit: what stands between the two marks is replaced)"
END = "# fluo-audit end"
REPLACED = "# replaced by fluo-audit: "
DEFAULT_PROFILE = "prod"
"""The profile of a packaged Quarkus application: https://quarkus.io/guides/config-reference#profiles"""
_BEGIN, _END = re.compile(r"\s*[#!]\s*fluo-audit begin\b"), re.compile(r"\s*[#!]\s*fluo-audit end\b")
_PROFILED = re.compile(r"%(?:\{(?P<several>[^{}]*)\}|(?P<one>[^.{}]+))\.(?P<name>.+)", re.DOTALL)
_CONTINUED = re.compile(r"(?<!\\)(\\\\)*\\(\r\n?|\n)?\Z")


# --- reading -----------------------------------------------------------------------------------------------------


def read_properties(text: str, file: str, environment: str = "") -> BackendSettings:
    """Return the settings in the text of a properties file; of lines with the same name, the last one counts.

    A profile's line (%prod.name=value) wins over the plain one. The profile is the one called like the environment
    when the file knows such a profile, otherwise `prod`. Raises UsageError that names file and line.
    """
    lines: dict[str, dict[str, str | None]] = {}
    for each in _elements(text, file):
        if isinstance(each, KeyValue):  # a long file is dropped line by line
            profiles, name = _profiles(each.key)
            for profile in profiles:
                of_profile = lines.setdefault(profile, {})
                if name in PROPERTIES:
                    of_profile[name] = each.value
    profile = environment if environment and environment in lines else DEFAULT_PROFILE
    of_profile = {f"%{profile}.{name}": value for name, value in lines.get(profile, {}).items()}
    plain = lines.get("", {})

    def setting(name: str) -> Setting:
        profiled = f"%{profile}.{name}"
        return stated(of_profile, profiled, ":") if profiled in of_profile else stated(plain, name, ":")

    return BackendSettings(file, setting(KEY), setting(REGION), setting(PROVIDER))


def _profiles(name: str) -> tuple[tuple[str, ...], str]:
    """Return the profiles of a property and its name without them; the one profile of a plain property is empty."""
    if not (match := _PROFILED.fullmatch(name)):
        return ("",), name
    named = match["one"] or match["several"] or ""
    return tuple(profile.strip() for profile in named.split(",")), match["name"]


def _elements(text: str, file: str) -> Iterator[PropertiesElement]:
    line = 1
    try:
        for each in parse(StringIO(text, newline="")):
            yield each
            line += _ends(each)
    except InvalidUEscapeError:
        raise UsageError(f"{file}:{line}: \\u without four hexadecimal digits", "correct the line") from None


def _ends(element: PropertiesElement) -> int:
    return len(re.findall(r"\r\n?|\n", element.source))


def _line_after(elements: Sequence[PropertiesElement]) -> int:
    return 1 + sum(map(_ends, elements))


# --- writing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a file."""

    changed: bool
    backup: Path | None
    """The file as it was before; None when nothing changed, or when there was no file."""
    replaced: tuple[str, ...] = ()
    """Properties outside the block that were commented out, because the block has them too."""


def write_block(path: Path, block_text: str) -> Written:
    """Put the lines of `block_text` into the properties file at `path`, between two marks; the rest stays as it is.

    The second time the block is replaced where it stands, and nothing is written when it says the same. Before a
    change the file is copied to <file>.backup (or .backup.1, ...: a backup is never overwritten). Lines outside the
    block that set a property of the block would make it depend on their order which one holds: they are commented out.
    Raises UsageError for marks that were moved by hand and for a %prod line that would win over the block, OutputError
    when the file cannot be written. Nothing is changed then.
    """
    replaced: list[str] = []

    def edit(before: bytes) -> bytes:
        after, names = with_block(before.decode("latin-1"), block_text, str(path))
        replaced.extend(names)
        return after.encode("latin-1")

    edited = edit_file(path, edit)
    return Written(edited.changed, edited.backup, tuple(replaced))


def with_block(text: str, block_text: str, file: str) -> tuple[str, tuple[str, ...]]:
    """Return the text with the block in it, and the properties outside it that were commented out."""
    if "\0" in text:
        raise UsageError(f"{file}: not a properties file: it holds NUL bytes", "save it as UTF-8 or Latin-1")
    end_of_line = _end_of_line(text)
    lines = _block_lines(block_text)
    wanted = {each.key: each.value for each in parse("\n".join(lines)) if isinstance(each, KeyValue)}
    elements = [*_elements(text, file)]
    begin, end = _around_block(elements, file)
    _refuse_profiles(elements, range(begin, end), wanted, file)
    head, tail = elements[:begin], elements[end:]
    names = {each.key for each in (*head, *tail) if isinstance(each, KeyValue)}
    block = "".join(line + end_of_line for line in lines)
    after = _closed(_without(head, wanted), end_of_line) + block + _without(tail, wanted)
    return after, tuple(name for name in wanted if name in names)


def _block_lines(block_text: str) -> list[str]:
    """Return the lines of the block with its marks, in ASCII. Raises ValueError for text that would not stay inside."""
    text = block_text.encode("ascii", "javapropertiesreplace").decode("ascii").rstrip("\r\n")
    lines = [BEGIN, *re.split(r"\r\n?|\n", text), END]
    marks = [each.source for each in parse("\n".join(lines)) if _is_mark(each)]
    if marks != [BEGIN + "\n", END]:
        raise ValueError("the text of a block holds a mark, or ends in a backslash")
    return lines


def _is_mark(element: PropertiesElement) -> bool:
    return isinstance(element, Comment) and bool(_BEGIN.match(element.source) or _END.match(element.source))


def _end_of_line(text: str) -> str:
    windows = text.count("\r\n")
    return "\r\n" if windows > text.count("\n") - windows else "\n"


def _around_block(elements: Sequence[PropertiesElement], file: str) -> tuple[int, int]:
    """Return where the block begins and where what follows it begins; both are the end when there is none."""
    marks = [(number, bool(_BEGIN.match(each.source))) for number, each in enumerate(elements) if _is_mark(each)]
    if not marks:
        return len(elements), len(elements)
    if [begins for _, begins in marks] == [True, False]:
        return marks[0][0], marks[1][0] + 1
    places = ", ".join(
        f"line {_line_after(elements[:number])} {'begin' if begins else 'end'}" for number, begins in marks
    )
    raise UsageError(
        f"{file}: the marks of fluo-audit's block do not pair up: {places}",
        "a block is one begin mark and one end mark after it: remove the others, or the whole block",
    )


def _refuse_profiles(elements: Sequence[PropertiesElement], block: range, wanted: dict[str, str], file: str) -> None:
    for number, each in enumerate(elements):
        if not isinstance(each, KeyValue) or number in block:
            continue
        profiles, name = _profiles(each.key)
        if DEFAULT_PROFILE in profiles and name in wanted and each.value != wanted[name]:
            raise UsageError(
                f"{file}:{_line_after(elements[:number])}: {each.key} would win over {name} in the block",
                "remove that line, or give it the value of the block; nothing was written",
            )


def _without(elements: Sequence[PropertiesElement], names: dict[str, str]) -> str:
    return "".join(
        "".join(_commented(each)) if isinstance(each, KeyValue) and each.key in names else each.source
        for each in elements
    )


def _commented(element: PropertiesElement) -> Iterator[str]:
    """Give the lines of a property as comments: a comment has no continuation, so each line becomes one."""
    for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", element.source):
        if line:
            yield REPLACED + line


def _closed(text: str, end_of_line: str) -> str:
    """Return the text with its last line ended, so that the block begins on a line of its own."""
    if text and not text.endswith(("\n", "\r")):
        text += end_of_line
    if text and _CONTINUED.search(text) and not _ends_in_comment(text):
        # The empty line is the continuation. After a lone CR, a LF would only make it a CRLF.
        text += "\r" if text.endswith("\r") else end_of_line
    return text


def _ends_in_comment(text: str) -> bool:
    *_, last = parse(text)
    return isinstance(last, Comment)
