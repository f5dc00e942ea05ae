"""Start-up, report and installed size: what is measured, beside what, and the goal it is held against."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

from bench.figure import Figure
from bench.measure import MIB, Run, fastest, run

PROGRAM = str(Path(sys.executable).with_name("fluo-audit"))
# A report with exceptions or gaps is a report: the sample has both.
REPORTED = frozenset({0, 1, 3})
IMPORTS = "import boto3, jinja2, pandas, weasyprint"
START_RUNS = 15
REPORT_RUNS = 3


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
    """Yield the size of the packages that a user installs, without the simulated account."""
    names = sorted(_runtime("fluo-audit"))
    unpacked = sum(map(_unpacked, names))
    yield Figure("installed packages, as unpacked", "MB", unpacked / 1e6, "goal", 300, 1)
    on_disk = sum(map(_on_disk, names))
    name = "installed packages, with bytecode, whole disk blocks"
    yield Figure(name, "MB", on_disk / 1e6, "as unpacked", unpacked / 1e6)


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


def _files(name: str) -> set[Path]:
    """Return the files of a distribution, compiled ones included, whoever compiled them."""
    listed = {Path(str(each.locate())) for each in distribution(name).files or ()}
    compiled = (found for each in listed for found in each.parent.glob(f"__pycache__/{each.stem}.*.pyc"))
    return {path for path in (*listed, *compiled) if path.is_file()}


def _unpacked(name: str) -> int:
    """Return the bytes that the wheel of a distribution unpacks to."""
    return sum(path.stat().st_size for path in _files(name) if path.suffix != ".pyc")


def _on_disk(name: str) -> int:
    """Return what a distribution takes on disk, in whole blocks as `du` counts."""
    return 512 * sum(path.stat().st_blocks for path in _files(name))
