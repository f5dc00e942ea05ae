"""The documentation says what the code does: generated pages are current, and named commands and files exist."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

ROOT = Path(__file__).parent.parent
RECORDS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "adr").glob("*.md"))
WRITTEN = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", *RECORDS)

docs = SimpleNamespace(**runpy.run_path(str(ROOT / "scripts" / "docs.py")))
COMMANDS: dict[str, click.Command] = dict(docs.commands())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with the generated pages as they are committed."""
    for name in (*docs.PAGES, "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_generated_pages_are_current():
    assert docs.differences(ROOT) == ""


@pytest.mark.parametrize("name", [*docs.PAGES, "README.md"])
def test_a_page_that_differs_is_shown_and_then_put_right(copy: Path, name: str, capsys: pytest.CaptureFixture[str]):
    page = copy / name
    current = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r"[|{].*\n", "", current, count=3), encoding="utf-8")

    assert docs.main(["--check"], copy) == 1
    assert f"+++ {name} (generated)" in capsys.readouterr().out
    assert docs.main([], copy) == 0
    assert page.read_text(encoding="utf-8") == current


def test_what_is_written_by_hand_around_a_block_stays():
    text = "before\n<!-- generated: exit-codes -->\nold\n<!-- end -->\nafter\n"

    filled = docs.with_blocks(text)

    assert filled.startswith("before\n<!-- generated: exit-codes -->\n\n| code |")
    assert filled.endswith("\n<!-- end -->\nafter\n")
    assert "old" not in filled


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_says_what_it_does(name: str):
    command = COMMANDS[name]
    silent = [each.name for each in command.params if isinstance(each, click.Option) and not (each.help or each.hidden)]

    assert command.help
    assert silent == []


@pytest.mark.parametrize("name", WRITTEN)
def test_commands_and_options_in_hand_written_pages_exist(name: str):
    lines = re.findall(
        r"(?:^|`|-- )\s*(fluo-audit(?: [^`\n#]+)?)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE
    )

    assert [line for line in lines if not is_known(line.split()[1:])] == []


def is_known(words: list[str]) -> bool:
    """Return whether the options and the command in `words` exist; values of options are not looked at."""
    command, path = COMMANDS[docs.PROGRAM], docs.PROGRAM
    options = known_options(command)
    for word in words:
        if f"{path} {word}" in COMMANDS:
            path = f"{path} {word}"
            options |= known_options(COMMANDS[path])
        elif word.startswith("-") and word not in options:
            return False
    return path != docs.PROGRAM or not any(word.isalpha() and word.islower() for word in words[:1])


def known_options(command: click.Command) -> set[str]:
    return {"--help", *(name for each in command.params for name in (*each.opts, *each.secondary_opts))}


@pytest.mark.parametrize("name", WRITTEN)
def test_links_between_pages_lead_somewhere(name: str):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text(encoding="utf-8"))

    assert [each for each in targets if not (ROOT / name).parent.joinpath(each).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_in_pages_exist(name: str):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert (
        set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)) - targets
        == set()
    )
