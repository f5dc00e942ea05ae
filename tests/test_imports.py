"""The import contracts of pyproject.toml hold, and starting the program loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("boto3", "botocore", "pandas", "jinja2", "weasyprint", "duckdb", "rich", "moto", "flask")
PROBE = f"""
import sys
from fluo_audit.cli.main import run
sys.argv = ["fluo-audit", *sys.argv[1:]]
try:
    run()
except SystemExit as end:
    print("exit code", end.code)
print("loaded", *sorted({{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r})))
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_packages_import_each_other_in_one_direction():
    done = run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache")

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]], ids=" ".join)
def test_starting_the_program_loads_nothing_heavy(arguments: list[str]):
    done = run(sys.executable, "-c", PROBE, *arguments)

    assert done.stderr == ""
    assert done.stdout.splitlines()[-2:] == ["exit code 0", "loaded"]


def test_the_help_of_a_command_loads_nothing_heavy():
    done = run(sys.executable, "-c", PROBE, "report", "--help")

    assert done.stdout.splitlines()[-2:] == ["exit code 0", "loaded"]
