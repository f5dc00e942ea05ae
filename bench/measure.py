"""Run a program to its end, and say how long it took and how much memory it had."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# ru_maxrss counts kibibytes on Linux and bytes on macOS (getrusage(2) of each).
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program: wall time in seconds, largest resident memory in bytes."""

    seconds: float
    memory: int


def run(command: Sequence[str], accepted: frozenset[int] = frozenset({0})) -> Run:
    """Run `command`, keeping its output to itself; raises RuntimeError for an exit code that is not accepted."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in accepted:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Run(seconds, usage.ru_maxrss * _RSS_UNIT)


def fastest(*commands: Callable[[], Run], times: int) -> tuple[Run, ...]:
    """Return the fastest of `times` runs of each command, run in turns, so that a busy moment meets all alike."""
    rounds = [tuple(command() for command in commands) for _ in range(times)]
    return tuple(min(runs, key=lambda each: each.seconds) for runs in zip(*rounds, strict=True))
