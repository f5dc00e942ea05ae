"""Read the folder of a Terraform module: its blocks, and which variables they use. Nothing in it is evaluated.

No parser of the language: one pass tells code from comments, texts and heredocs, whatever the files say, in time that
grows with their size. https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fluo_audit.errors import UsageError
from fluo_audit.provision.files.key_files import text_of

LIMIT = 2**21
"""Bytes of all files of a folder together."""
_ONCE = frozenset({"variable", "output", "module", "resource", "data"})
"""Kinds of blocks of which a module has no two of one name."""
_OVERRIDE = re.compile(r"(.*_)?override\.tf")
"""Files that are meant to name blocks again: https://developer.hashicorp.com/terraform/language/files/override"""

_CODE = re.compile(
    r"(?P<skip>\s+|#[^\n]*|//[^\n]*|/\*(?:.*?\*/|.*))"
    r"|<<-?(?P<heredoc>[A-Za-z_][\w-]*)[ \t]*\r?\n"
    r"|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
_QUOTED = re.compile(r'(?:\$\$\{|%%\{|\\.|[$%](?!\{)|[^"\\$%]++)++|(?P<code>[$%]\{)|(?P<end>.)', re.DOTALL)
_HEREDOC = re.compile(r"(?:\$\$\{|%%\{|[$%](?!\{)|[^\n$%]++)*+(?:\n|(?P<code>[$%]\{)|\Z)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Block:
    """A block at the top of a file, such as variable "environment" or resource "aws_kms_key" "fluo"."""

    file: str
    kind: str
    labels: tuple[str, ...]
    arguments: Mapping[str, str]
    """Names of its own arguments -> their text, empty where it is not one plain quoted text or heredoc."""
    uses: frozenset[str]
    """Variables of the module that it reads."""

    @property
    def name(self) -> str:
        """Return the last label."""
        return self.labels[-1] if self.labels else ""

    @property
    def address(self) -> str:
        """Return kind and labels."""
        return " ".join((self.kind, *self.labels))


@dataclass(frozen=True, slots=True)
class Module:
    """The blocks in a folder; `missing` are the local folders that it calls modules and that are not there."""

    blocks: tuple[Block, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def declared(self) -> tuple[str, ...]:
        """Return the variables, in order."""
        return tuple(dict.fromkeys(block.name for block in self.blocks if block.kind == "variable"))

    @property
    def unused(self) -> tuple[str, ...]:
        """Return the variables that nothing reads. What a variable's own block says of it is no use."""
        used = {name for block in self.blocks if block.kind != "variable" for name in block.uses}
        return tuple(name for name in self.declared if name not in used)

    @property
    def doubled(self) -> tuple[str, ...]:
        """Return the addresses of blocks that Terraform takes only once, and that are there twice."""
        once = (b.address for b in self.blocks if b.kind in _ONCE and not _OVERRIDE.fullmatch(b.file))
        return tuple(address for address, number in Counter(once).items() if number > 1)

    @property
    def validation_commands(self) -> str | None:
        """Return the text of the output of this name, or None when it is not written out."""
        outputs = (b for b in self.blocks if (b.kind, b.name) == ("output", "validation_commands"))
        return next((text for block in outputs if (text := block.arguments.get("value"))), None)


def read_module(folder: Path) -> Module:
    """Return what the .tf files of a folder say, those of folders in it left out. Raises UsageError."""
    try:
        entries = sorted((entry for entry in os.scandir(folder) if entry.is_file()), key=lambda entry: entry.name)
        sizes = {entry.name: entry.stat().st_size for entry in entries if entry.name.endswith(".tf")}
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read: {error.strerror or error}", "name the module's folder") from None
    if not sizes:
        raise UsageError(f"{folder}: no .tf file", "name the folder that holds the module's .tf files")
    if any(entry.name.endswith(".tf.json") for entry in entries) or sum(sizes.values()) > LIMIT:
        raise UsageError(
            f"{folder}: holds .tf.json files, or more than {LIMIT >> 20} MiB", "only .tf files written by hand are read"
        )
    blocks = tuple(block for name in sizes for block in blocks_of(name, text_of(str(folder / name), None, LIMIT)))
    sources = {block.arguments.get("source", "") for block in blocks if block.kind == "module"}
    local = sorted(source for source in sources if source.startswith(("./", "../")))
    # os.path answers False for what is no possible name, which pathlib does not.
    return Module(blocks, tuple(source for source in local if not os.path.isdir(folder / source)))  # noqa: PTH112


# --- blocks ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """A block that is being read."""

    kind: str
    labels: tuple[str, ...]
    arguments: dict[str, str] = field(default_factory=dict)
    uses: set[str] = field(default_factory=set)
    last: tuple[_Token, ...] = ()
    """The three tokens before."""
    own: tuple[_Token, ...] = ()
    """The two tokens before that belong to the block itself, and to no block or text in it."""

    def take(self, token: _Token) -> None:
        """Look at the next token of the block."""
        words = tuple(each.text for each in self.last)
        if token.kind == "name" and words[-2:] == ("var", ".") and words[:-2] != (".",):
            self.uses.add(token.text)
        self.last = (*self.last[-2:], token)
        if token.depth > 1:
            return
        if [each.kind for each in self.own] == ["name", "sign"] and self.own[1].text == "=" != token.text:
            self.arguments[self.own[0].text] = token.text if token.kind == "text" else ""
        self.own = (*self.own[-1:], token)


def blocks_of(file: str, text: str) -> Iterator[Block]:
    """Give the blocks at the top of a file's text."""
    header: list[_Token] = []
    draft: _Draft | None = None
    for token in _tokens(text):
        if draft is not None and token.depth > 0:
            draft.take(token)
        elif draft is not None:  # the brace that closes it
            yield Block(file, draft.kind, draft.labels, draft.arguments, frozenset(draft.uses))
            draft, header = None, []
        elif token.kind == "sign" and token.text == "{":
            draft = _Draft(header[0].text if header else "", tuple(label.text for label in header[1:]))
        else:
            header = [*header, token] if token.kind in {"name", "text"} else []


# --- tokens ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Token:
    """A name, a sign, or a whole text. `depth` counts the braces around it, those of ${ } in texts included."""

    kind: str
    text: str
    depth: int


@dataclass(slots=True)
class _Frame:
    """Code, a quoted text or a heredoc that is being read: texts hold code in ${ }, and code holds texts."""

    kind: str
    begin: int
    depth: int
    end: str = ""


def _tokens(text: str) -> Iterator[_Token]:
    stack = [_Frame("code", 0, 0)]
    position = 0
    while position < len(text):
        frame = stack[-1]
        if frame.kind == "code":
            match = _CODE.match(text, position)
        elif frame.kind == "heredoc" and (end := _closing(text, position, frame.end)):
            stack.pop()
            yield _Token("text", text[frame.begin : position], frame.depth)
            position = end
            continue
        else:
            match = (_QUOTED if frame.kind == "quoted" else _HEREDOC).match(text, position)
        assert match is not None, "each pattern takes any character"  # noqa: S101
        yield from _step(stack, match)
        position = match.end()


def _step(stack: list[_Frame], match: re.Match[str]) -> Iterator[_Token]:
    frame, found = stack[-1], match.groupdict()
    if frame.kind != "code":
        if found["code"]:
            stack.append(_Frame("code", match.end(), frame.depth + 1))
        elif found.get("end"):
            stack.pop()
            raw = match.string[frame.begin : match.start()]
            yield _Token("text", re.sub(r"\\(.)", lambda each: _ESCAPES.get(each[1], each[1]), raw), frame.depth)
    elif found["heredoc"]:
        stack.append(_Frame("heredoc", match.end(), frame.depth, found["heredoc"]))
    elif found["name"]:
        yield _Token("name", found["name"], frame.depth)
    elif found["sign"]:
        yield from _sign(stack, match)


def _sign(stack: list[_Frame], match: re.Match[str]) -> Iterator[_Token]:
    frame, sign = stack[-1], match["sign"]
    if sign == '"':
        stack.append(_Frame("quoted", match.end(), frame.depth))
        return
    if sign == "}":
        frame.depth -= 1
        if len(stack) > 1 and frame.depth == stack[-2].depth:  # the end of ${ }
            stack.pop()
            return
        frame.depth = max(frame.depth, 0)
    yield _Token("sign", sign, frame.depth)
    if sign == "{":
        frame.depth += 1


def _closing(text: str, position: int, end: str) -> int:
    """Return where a heredoc's closing line ends when it begins here, otherwise 0."""
    if text[position - 1] != "\n":
        return 0
    line_end = text.find("\n", position)
    line_end = len(text) if line_end < 0 else line_end
    return line_end if text[position:line_end].strip() == end else 0
