"""Run a program to its end, and say how long it took and how much memory it had."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

# ru_maxrss counts kibibytes on Linux and bytes on macOS (getrusage(2) of each).
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
MIB = 1024 * 1024
_EVERY = 0.1  # seconds between two looks at the memory of a process and its children


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program: wall time in seconds, largest resident memory in bytes, and what it printed.

    `memory` is that of its one process; with `run(..., whole=True)` the largest sum over it and its children.
    """

    seconds: float
    memory: int
    output: str = ""


def run(
    command: Sequence[str],
    accepted: frozenset[int] = frozenset({0}),
    *,
    whole: bool = False,
    more: Mapping[str, str] | None = None,
) -> Run:
    """Run `command`, keeping its output to itself; raises RuntimeError for an exit code that is not accepted.

    `more` is added to the environment.
    """
    environment = {**os.environ, **(more or {})}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        watch = _Watch(process.pid) if whole else None
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        largest = max(usage.ru_maxrss * _RSS_UNIT, watch.stop() if watch else 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
        if process.returncode not in accepted:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Run(seconds, largest, said)


def fastest(*commands: Callable[[], Run], times: int) -> tuple[Run, ...]:
    """Return the fastest of `times` runs of each command, run in turns, so that a busy moment meets all alike."""
    rounds = [tuple(command() for command in commands) for _ in range(times)]
    return tuple(min(runs, key=lambda each: each.seconds) for runs in zip(*rounds, strict=True))


class _Watch:
    """Looks again and again at the memory of a process and all below it. Sees nothing where there is no /proc."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._largest = 0
        self._ended = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Return the largest sum that was seen, in bytes."""
        self._ended.set()
        self._thread.join()
        return self._largest

    def _look(self) -> None:
        while not self._ended.wait(_EVERY):
            self._largest = max(self._largest, sum(map(_share, _below(self._pid))))


def _below(pid: int) -> Iterator[int]:
    yield pid
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = listed.read_text(encoding="ascii").split()
        except OSError:  # it has just ended
            continue
        for child in children:
            yield from _below(int(child))


def _share(pid: int) -> int:
    """Return the resident memory of a process, with its part of what it shares with others."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
