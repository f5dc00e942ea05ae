"""Log files of a trail: unpacked and parsed, brought into the events store, queried, and validated."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import floors
from bench.figure import Figure, NotMeasured
from bench.figures import PROGRAM
from bench.generate import DAYS, END, Plan, generate
from bench.measure import MIB, Run, fastest, run
from bench.records import REGION

CACHE = Path(__file__).parent.parent / ".bench"
"""Generated data, kept from run to run."""
MEMORY = 2048  # MiB
QUERIES = 3  # seconds
QUICKER = 15  # times
LATENCY = 10  # ms
VALIDATED = Plan(30_000, 30, files_an_hour=4)  # 720 digests, 2,880 log files
EXPORTED = Plan(20_000, 91, files_an_hour=4)
_ONCE_FROM = 5_000_000  # events of a set that is read once; smaller ones are read three times


def trail_figures(events: int) -> Iterator[Figure | NotMeasured]:
    """Yield every figure about log files, on a generated set with so many KMS events."""
    folder = CACHE / str(events)
    truth = generate(folder, Plan(events, DAYS.get(events, 30)))
    with TemporaryDirectory(dir=CACHE) as stores:
        yield from reading(folder, truth, Path(stores))
        yield from asking(folder, truth, Path(stores) / "2")
    yield from exporting()
    yield from validating()


def reading(folder: Path, truth: Mapping[str, Any], stores: Path) -> Iterator[Figure | NotMeasured]:
    """Yield ways to read the log files, and the ingest into the store beside the least that reading can cost."""
    size = f"{truth['plan']['events']:,} events"
    least = {name: _seconds(_floor(folder, name, 1)()) for name in floors.names()}
    floor = min(least.keys() & set(floors.PARSERS), key=least.__getitem__)
    for name, seconds in least.items():
        yield Figure(f"{name}, {size}", "s", seconds, floor, least[floor])
    if floors.ORJSON not in least:
        yield NotMeasured(floors.ORJSON, "orjson is not installed")
    times = 1 if truth["plan"]["events"] >= _ONCE_FROM else 3
    for count, processes in ((1, "1 process"), (2, "2 processes")):
        ours, beside = fastest(_ingest(folder, stores, count), _floor(folder, floor, count), times=times)
        found = json.loads(ours.output)
        _expect(truth["records"], found["records"], "records")
        name = f"ingest, {size}, {processes}"
        rate = f"{truth['records'] / found['seconds']:,.0f} records/s"
        yield Figure(f"{name} ({rate})", "s", found["seconds"], f"{floor}, {processes}", _seconds(beside), 2)
        yield Figure(f"{name}, memory of all", "MiB", ours.memory / MIB, "goal", MEMORY, 1)


def asking(folder: Path, truth: Mapping[str, Any], store: Path) -> Iterator[Figure]:
    """Yield the time of the queries of a report, from files that are not in memory and from those that are."""
    found = json.loads(_product("queries", str(folder), str(store)).output)
    _expect(truth["events_of_key"], found["calls"], "events of the key")
    for name in ("cold", "warm"):
        yield Figure(
            f"queries of a report, {name}, {truth['events_of_key']:,} events of the key",
            "s",
            found[name],
            "goal",
            QUERIES,
            1,
        )


def exporting() -> Iterator[Figure]:
    """Yield how many objects the second of two daily exports fetches, each of the 90 days before it."""
    folder = CACHE / "exported"
    generate(folder, EXPORTED)
    with TemporaryDirectory(dir=CACHE) as store:
        found = json.loads(_product("exports", str(folder), store).output)
    yield Figure("export of 90 days a day later", "objects fetched", found["fetched"], "new objects", found["new"], 1)


def validating() -> Iterator[Figure | NotMeasured]:
    """Yield the time of validating a month of log files beside that of the AWS CLI, at the same latency."""
    name = f"trail verify, 720 digests, 2,880 log files, {LATENCY} ms latency"
    cli = shutil.which("aws")
    if cli is None:
        yield NotMeasured(name, "the AWS CLI is not installed")
        return
    folder = CACHE / "validated"
    generate(folder, VALIDATED)
    about = json.loads((folder / "trail.json").read_bytes())
    arn, start, end = about["trail"]["TrailARN"], about["start"], about["end"]
    theirs = (cli, "cloudtrail", "validate-logs", "--trail-arn", arn, "--start-time", start, "--end-time", end)
    first, until = (str(day.date()) for day in (VALIDATED.start, END))
    mine = (PROGRAM, "trail", "verify", "--trail", arn, "--from", first, "--to", until, "-o", "json")
    with served(folder) as environment:
        (ours,) = fastest(lambda: run(mine, more=environment), times=3)
        beside = run(theirs, more=environment)
    _expect("VERIFIED", json.loads(ours.output)["verdict"], "verdict")
    for said in ("720/720 digest files valid", "2880/2880 log files valid"):
        _expect(said, said if said in beside.output else beside.output, "the AWS CLI")
    yield Figure(name, "s", ours.seconds, "aws cloudtrail validate-logs", beside.seconds, 1 / QUICKER)


@contextmanager
def served(folder: Path, latency: int = LATENCY) -> Iterator[dict[str, str]]:
    """Serve a generated folder; give the environment in which AWS clients ask it."""
    command = (sys.executable, "-m", "bench.latency_server", str(folder), str(latency))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield {
            "AWS_ENDPOINT_URL": server.stdout.readline().strip(),
            "AWS_ACCESS_KEY_ID": "AKIABENCH",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        server.stdin.close()  # which ends it


def _floor(folder: Path, name: str, processes: int) -> Callable[[], Run]:
    command = (sys.executable, "-m", "bench.floors", name, str(folder / "bucket"), str(processes))
    return lambda: run(command)


def _ingest(folder: Path, stores: Path, processes: int) -> Callable[[], Run]:
    store = stores / str(processes)

    def once() -> Run:
        shutil.rmtree(store, ignore_errors=True)
        return _product("ingest", str(folder), str(store), str(processes), whole=True)

    return once


def _product(*words: str, whole: bool = False) -> Run:
    return run((sys.executable, "-m", "bench.product", *words), whole=whole)


def _seconds(one: Run) -> float:
    seconds: float = json.loads(one.output)["seconds"]
    return seconds


def _expect(wanted: object, found: object, what: str) -> None:
    """Raise RuntimeError when a program was quick and wrong."""
    if wanted != found:
        raise RuntimeError(f"{what}: {found}, not {wanted}")
