"""python -m bench [--write]."""

from __future__ import annotations

import sys

from bench import table
from bench.figures import FIGURES


def main(arguments: list[str]) -> int:
    """Measure everything, print it, and return 1 when a goal is missed."""
    if arguments not in ([], ["--write"]):
        print("usage: python -m bench [--write]", file=sys.stderr)
        return 2
    figures = [figure for measure in FIGURES for figure in measure()]
    print(table.text(figures))
    if arguments:
        table.write(figures)
    return 0 if all(each.met for each in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
