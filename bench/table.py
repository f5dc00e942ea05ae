"""Print the figures, or write them to docs/performance.md with the machine they come from."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Figure

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
HEAD = ("what", "measured", "beside", "", "ratio", "goal", "")


def rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """Return one row of texts a figure."""
    return [
        (
            each.name,
            f"{each.value:.4g} {each.unit}",
            f"{each.beside:.4g} {each.unit}",
            each.beside_name,
            f"{each.ratio:.2f}",
            "" if each.goal is None else f"<= {each.goal:g}",
            "" if each.goal is None else "ok" if each.met else "!!",
        )
        for each in figures
    ]


def text(figures: Sequence[Figure]) -> str:
    """Return the figures as an aligned table."""
    lines = [HEAD, *rows(figures)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def page(figures: Sequence[Figure], at: datetime) -> str:
    """Return docs/performance.md."""
    cells = [HEAD, ("---",) * len(HEAD), *rows(figures)]
    return "\n".join(
        (
            "# Performance",
            "",
            "<!-- Written by `make bench ARGS=--write`. Do not edit. -->",
            "",
            f"Measured on {at:%Y-%m-%d}: {machine()}. Each figure is the fastest of several runs, taken in turns with",
            "what stands beside it; read the ratios, not the seconds.",
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


def write(figures: Sequence[Figure]) -> None:
    """Write docs/performance.md."""
    PAGE.write_text(page(figures, datetime.now(UTC)), encoding="utf-8")
    print(f"wrote {PAGE.name}", file=sys.stderr)
