"""python -m bench [--write] [--events 10M] [--only trail]: measure, print, and compare with the goals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial

from bench import figures, table
from bench.figure import Figure, NotMeasured
from bench.trail import trail_figures

_UNITS = {"k": 1000, "M": 1_000_000}
Measure = Callable[[], Iterator[Figure | NotMeasured]]


def main(arguments: list[str]) -> int:
    """Measure everything, print it, and return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--write", action="store_true", help="record the figures in docs/performance.md")
    parser.add_argument("--events", type=_number, default=1_000_000, help="100k, 1M or 10M events (1M)")
    parser.add_argument("--only", choices=("start", "report", "size", "trail"), help="measure only this")
    asked = parser.parse_args(arguments)
    if asked.write and asked.only:
        parser.error("--write records every figure")
    measures: dict[str, tuple[Measure, ...]] = {
        "start": (figures.start_up,),
        "report": (figures.demo, figures.render),
        "trail": (partial(trail_figures, asked.events),),
        "size": (figures.install_size,),
    }
    names = [asked.only] if asked.only else list(measures)
    found = [figure for name in names for measure in measures[name] for figure in measure()]
    print(table.text(found))
    if asked.write:
        table.write(found)
    return 0 if all(each.met for each in found if isinstance(each, Figure)) else 1


def _number(text: str) -> int:
    return int(text.rstrip("kM")) * _UNITS.get(text[-1], 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
