"""Write the tables of inputs and outputs in the Terraform module's README, or check that they are what the .tf say.

::

    python scripts/terraform_docs.py            write them
    python scripts/terraform_docs.py --check    write nothing; exit 1 when they differ
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MODULE = Path(__file__).parent.parent / "provision" / "terraform" / "aws-kms"
_MARKED = re.compile(r"(<!-- generated: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A variable or an output: its arguments as they are written, but for the description, which is read."""

    name: str
    arguments: Mapping[str, str]

    @property
    def description(self) -> str:
        """Return the description."""
        return str(json.loads(self.arguments["description"]))

    @property
    def is_required(self) -> bool:
        """Return whether a variable has no default."""
        return "default" not in self.arguments

    @property
    def default(self) -> Any:
        """Return the default of a variable. The literals that the module uses are the same in HCL and in JSON."""
        return json.loads(self.arguments["default"])


def blocks(kind: str, folder: Path = MODULE) -> list[Block]:
    """Return the blocks of a kind, `variable` or `output`, in the file where modules keep them.

    Reads what `terraform fmt` writes: a block ends at the margin, and its arguments stand two columns from it.
    """
    text = (folder / f"{kind}s.tf").read_text(encoding="utf-8")
    found = re.finditer(rf'^{kind} "(\w+)" {{\n(.*?)^}}$', text, re.MULTILINE | re.DOTALL)
    return [Block(match[1], dict(_arguments(match[2]))) for match in found]


def _arguments(body: str) -> Iterator[tuple[str, str]]:
    return ((match[1], match[2]) for match in re.finditer(r"^  (\w+) += (.+)$", body, re.MULTILINE))


def inputs_table() -> str:
    """Return the table of variables."""
    rows = [
        (f"`{each.name}`", f"`{each.arguments['type']}`", "" if each.is_required else f"`{each.arguments['default']}`")
        for each in blocks("variable")
    ]
    texts = [each.description for each in blocks("variable")]
    head = ("name", "type", "default", "description")
    return table(head, [(*row, text) for row, text in zip(rows, texts, strict=True)])


def outputs_table() -> str:
    """Return the table of outputs."""
    return table(("name", "description"), [(f"`{each.name}`", each.description) for each in blocks("output")])


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    cells = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


TABLES: Mapping[str, Callable[[], str]] = {"inputs": inputs_table, "outputs": outputs_table}


def with_tables(text: str) -> str:
    """Return `text` with the tables between their markers."""
    return _MARKED.sub(lambda found: f"{found[1]}\n{TABLES[found['name']]()}\n\n{found[3]}", text)


def main(arguments: Sequence[str]) -> int:
    """Write or check, and return the exit code."""
    readme = MODULE / "README.md"
    current = readme.read_text(encoding="utf-8")
    expected = with_tables(current)
    if arguments == ["--check"]:
        print("terraform docs: ok" if current == expected else "terraform docs: run python scripts/terraform_docs.py")
        return int(current != expected)
    if arguments:
        print("usage: terraform_docs.py [--check]", file=sys.stderr)
        return 2
    readme.write_text(expected, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
