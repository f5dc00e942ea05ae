"""Print the figures, or write them to docs/performance.md with the machine they come from."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.figure import Figure, NotMeasured

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_SMALL, _LARGE = 0.1, 1000
HEAD = ("what", "measured", "beside", "", "ratio", "goal", "")


Result = Figure | NotMeasured


def rows(figures: Sequence[Result]) -> list[tuple[str, ...]]:
    """Return one row of texts a figure."""
    return [_measured(each) if isinstance(each, Figure) else _not_measured(each) for each in figures]


def _measured(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        f"{_short(figure.value)} {figure.unit}",
        f"{_short(figure.beside)} {figure.unit}",
        figure.beside_name,
        f"{figure.ratio:.2f}" if figure.ratio >= _SMALL else f"{figure.ratio:.3f}",
        "" if figure.goal is None else f"<= {figure.goal:.3g}",
        "" if figure.goal is None else "ok" if figure.met else "!!",
    )


def _not_measured(figure: NotMeasured) -> tuple[str, ...]:
    return (figure.name, "not measured", "", figure.reason, "", "", "")


def _short(value: float) -> str:
    return f"{value:.4g}" if value < _LARGE else f"{value:.0f}"


def text(figures: Sequence[Result]) -> str:
    """Return the figures as an aligned table."""
    lines = [HEAD, *rows(figures)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def page(figures: Sequence[Result], at: datetime) -> str:
    """Return docs/performance.md."""
    cells = [HEAD, ("---",) * len(HEAD), *rows(figures)]
    return "\n".join(
        (
            "# Performance",
            "",
            '<!-- Written by `make bench ARGS="--events 10M --write"`. Do not edit. -->',
            "",
            f"Measured on {at:%Y-%m-%d}: {machine()}.",
            "Each figure stands beside another of the same run, most are the fastest of several in turns: read the",
            "ratios, not the seconds. Log files are generated (`bench/generate.py`): to four KMS events comes one of",
            "another service. They are read from the disk cache.",
            "",
            *(f"| {' | '.join(line)} |" for line in cells),
            "",
        )
    )


def machine() -> str:
    """Return system, processor architecture, cores and Python version of this machine."""
    system = platform.mac_ver()[0] and f"macOS {platform.mac_ver()[0]}"
    if not system:
        system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{system}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def write(figures: Sequence[Result]) -> None:
    """Write docs/performance.md."""
    PAGE.write_text(page(figures, datetime.now(UTC)), encoding="utf-8")
    print(f"wrote {PAGE.name}", file=sys.stderr)
