"""What is measured, beside what, and the goal it is held against."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

from bench.measure import MIB, Run, fastest, run

PROGRAM = str(Path(sys.executable).with_name("fluo-audit"))
# A report with exceptions or gaps is a report: the sample has both.
REPORTED = frozenset({0, 1, 3})
IMPORTS = "import boto3, jinja2, pandas, weasyprint"
START_RUNS = 15
REPORT_RUNS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, the value beside it from the same run, and how large their ratio may be; None: no goal."""

    name: str
    unit: str
    value: float
    beside_name: str
    beside: float
    goal: float | None = None

    @property
    def ratio(self) -> float:
        """Return the value as a multiple of what stands beside it."""
        return self.value / self.beside

    @property
    def met(self) -> bool:
        """Return whether the ratio is within its goal, if there is one."""
        return self.goal is None or self.ratio <= self.goal


def start_up() -> Iterator[Figure]:
    """Yield the time of `--version` and `--help` beside that of a Python which does nothing."""
    for option in ("--version", "--help"):
        ours, bare = fastest(_command(PROGRAM, option), _python("pass"), times=START_RUNS)
        yield Figure(f"fluo-audit {option}", "ms", ours.seconds * 1000, "python -c pass", bare.seconds * 1000, 6)


def demo() -> Iterator[Figure]:
    """Yield time and memory of a year's report about the simulated account, beside goals and the bare imports."""
    with TemporaryDirectory() as folder:
        ours, bare = fastest(
            _fresh(folder, PROGRAM, "--demo", "report", "--last", "365d", "-d"), _python(IMPORTS), times=REPORT_RUNS
        )
    yield Figure("demo report, 365 days", "s", ours.seconds, "goal", 10, 1)
    yield Figure("demo report, memory", "MiB", ours.memory / MIB, "goal", 400, 1)
    yield Figure("demo report, 365 days", "s", ours.seconds, "its imports alone", bare.seconds)


def render() -> Iterator[Figure]:
    """Yield the time of a report from a saved snapshot, beside that of collecting it first."""
    with TemporaryDirectory() as folder:
        snapshot = f"{folder}/snapshot"
        run([PROGRAM, "--demo", "collect", "--last", "365d", "-d", snapshot], REPORTED)
        ours, whole = fastest(
            _fresh(folder, PROGRAM, "report", snapshot, "-d"),
            _fresh(folder, PROGRAM, "--demo", "report", "--last", "365d", "-d"),
            times=REPORT_RUNS,
        )
    yield Figure("report of a saved snapshot", "s", ours.seconds, "collect and report", whole.seconds)


def install_size() -> Iterator[Figure]:
    """Yield the size on disk of the packages that a user installs, without the simulated account."""
    sizes = {name: _size(name) for name in sorted(_runtime("fluo-audit"))}
    yield Figure("installed packages", "MB", sum(sizes.values()) / 1e6, "goal", 300, 1)


FIGURES: tuple[Callable[[], Iterator[Figure]], ...] = (start_up, demo, render, install_size)


def _command(*words: str) -> Callable[[], Run]:
    return lambda: run(words)


def _python(code: str) -> Callable[[], Run]:
    return _command(sys.executable, "-c", code)


def _fresh(folder: str, *words: str) -> Callable[[], Run]:
    """Return a command whose last argument is another new folder in each run."""

    def once() -> Run:
        with TemporaryDirectory(dir=folder) as parent:
            return run([*words, f"{parent}/out"], REPORTED)

    return once


def _runtime(name: str) -> set[str]:
    """Return the distributions that `name` needs at run time, without extras, itself included."""
    found: set[str] = set()
    waiting = [Requirement(name)]
    while waiting:
        requirement = waiting.pop()
        key = requirement.name.lower()
        if key in found:
            continue
        found.add(key)
        for line in distribution(key).requires or ():
            needed = Requirement(line)
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return found


def _size(name: str) -> int:
    """Return what the files of a distribution take on disk, in whole blocks as `du` counts."""
    files = distribution(name).files or ()
    return 512 * sum(path.stat().st_blocks for each in files if (path := Path(str(each.locate()))).is_file())
