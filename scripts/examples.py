"""Run commands on the simulated account, for pages that show what they print."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import tempfile
from functools import cache
from typing import TYPE_CHECKING

from fluo_audit.cli.main import execute
from scripts.command_tree import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOREIGN = ("AWS_", "FLUO_AUDIT_")
"""How the variables begin that would change an answer."""


@cache
def example(words: str) -> str:
    """Return `fluo-audit --demo <words>` and what it prints, as a console shows them. Files that it writes are lost."""
    printed = io.StringIO()
    with _elsewhere(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        code = execute(["--demo", *shlex.split(words)])
    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    return "\n".join(["```console", f"$ {PROGRAM} --demo {words}", *lines, "$ echo $?", str(int(code)), "```"])


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Be in an empty folder, with nothing of the user's own configuration, and come back."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(_FOREIGN)}
    for name in kept:
        del os.environ[name]
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            yield
    finally:
        os.environ.update(kept)
