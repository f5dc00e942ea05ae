"""The conventions of CONTRIBUTING.md that a reader of a change should not have to look for."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "fluo_audit"
TESTS = ROOT / "tests"
LAST_RESORT = PACKAGE / "cli" / "main.py"
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
WITHOUT_MODULE = {
    "tests/frameworks/test_mapping.py": "tests what the framework files say",
    "tests/render/test_determinism.py": "holds every format against itself in other places",
}
BROAD = {"Exception", "BaseException"}
# Put together here, so that this file does not hold what it looks for.
UNFINISHED = re.compile(
    "|".join(("TO" + "DO", "FIX" + "ME", "pragma: no " + "cover", "raise NotImplemented" + "Error"))
)
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:root|work|home/\w+|Users/\w+)/\w")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def place(path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(ROOT)}" + (f":{getattr(node, 'lineno', '?')}" if node else "")


def text_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    suffixes = {".py", ".md", ".toml", ".lock", ".txt", ".sh", ".j2", ".css", ".json", ".tf", ""}
    return [path for name in listed if name and (path := ROOT / name).is_file() and path.suffix in suffixes]


def names(node: ast.expr | None) -> set[str]:
    """Return the names in an except clause; a bare except catches BaseException."""
    if node is None:
        return {"BaseException"}
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def test_modules_stay_short():
    lengths = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(PACKAGE)}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_functions_stay_short():
    found = {
        f"{place(path, node)} {node.name}": lines
        for path in modules(PACKAGE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    }

    assert found == {}


def test_only_the_last_resort_of_the_command_line_catches_everything():
    found = [
        place(path, node)
        for path in modules(PACKAGE)
        if path != LAST_RESORT
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and names(node.type) & BROAD
    ]

    assert found == []


def test_tests_patch_nothing():
    """Collaborators are parameters, so a test passes its own."""
    found = [
        place(path, node)
        for path in modules(TESTS)
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in {"setattr", "patch"} and is_name(node.value))
        or (isinstance(node, ast.ImportFrom) and node.module == "unittest.mock")
    ]

    assert found == []


def is_name(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id in {"monkeypatch", "mock", "mocker", "mp"}) or (
        isinstance(node, ast.Attribute) and node.attr == "mock"
    )


def test_nothing_is_left_unfinished():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (*modules(PACKAGE), *modules(TESTS), *modules(ROOT / "scripts"), *modules(ROOT / "bench"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]

    assert found == []


def test_no_module_is_a_drawer_for_everything():
    found = [place(path) for path in modules(PACKAGE) if path.stem in {"utils", "util", "helpers", "common", "misc"}]

    assert found == []


def test_every_package_tells_what_is_in_it():
    found = [place(path) for path in PACKAGE.rglob("__init__.py") if not ast.get_docstring(tree(path))]

    assert found == []


def test_every_module_of_the_package_says_what_it_does():
    found = [place(path) for path in modules(PACKAGE) if not ast.get_docstring(tree(path))]

    assert found == []


@pytest.mark.parametrize(
    "package", sorted(str(each.parent.relative_to(PACKAGE)) for each in PACKAGE.rglob("*/__init__.py"))
)
def test_tests_lie_where_their_module_lies(package: str):
    """tests/policy/test_parse.py tests fluo_audit/policy/parse.py."""
    found = [path for path in (TESTS / package).glob("test_*.py") if not is_mirror(path, PACKAGE / package)]

    assert [place(path) for path in found if place(path) not in WITHOUT_MODULE] == []


def is_mirror(test: Path, folder: Path) -> bool:
    name = test.stem.removeprefix("test_")
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


def test_no_file_holds_a_path_of_somebodys_machine():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]

    assert found == []
