"""Write plain SVG: no dependency, the same bytes every time, readable without colour.

Every data mark is a stroke, so that one CSS property recolours it: presentation attributes carry the print
colours (WeasyPrint reads nothing else inside an SVG), and the classes let a browser's dark mode override them.
"""

from __future__ import annotations

from html import escape

from markupsafe import Markup

from fluo_audit.render.text import printable

INK, MUTED, GRID, HATCH, LATE, TODAY = "#1b1f24", "#5b6470", "#dfe3e8", "#a4adb8", "#7d1420", "#2b45d8"
WIDTH = 680
_CHARACTER = 6.1  # mean advance of Plex Sans at 11 px


def short(value: float) -> str:
    """Return a coordinate with at most two decimals, without trailing zeros and without a negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def text_width(text: str) -> float:
    """Return about how wide a label is, in pixels."""
    return len(printable(text)) * _CHARACTER


class Svg:
    """A drawing under construction. `name` is its place in the page, never a value from AWS."""

    def __init__(self, name: str, height: float, title: str, description: str) -> None:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" id="{name}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {WIDTH} {short(height)}" '
            f'width="{WIDTH}" height="{short(height)}" font-family="IBM Plex Sans" font-size="11">'
        )
        self._parts = [
            head,
            f'<title id="{name}-title">{_text(title)}</title>',
            f'<desc id="{name}-desc">{_text(description)}</desc>',
        ]

    def text(self, x: float, y: float, text: str, style: str = "tick", fill: str = MUTED, *, anchor: str = "") -> None:
        """Write a label with its baseline at y."""
        where = f' text-anchor="{anchor}"' if anchor else ""
        self._parts.append(
            f'<text x="{short(x)}" y="{short(y)}" class="{style}" fill="{fill}"{where}>{_text(text)}</text>'
        )

    def path(self, data: str, style: str, stroke: str, width: float = 1, dash: str = "") -> None:
        """Stroke a path."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<path d="{data}" class="{style}" fill="none" stroke="{stroke}" stroke-width="{short(width)}"{dashes}/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, *, style: str = "grid", stroke: str = GRID) -> None:
        """Draw a hairline."""
        self.path(f"M{short(x1)} {short(y1)}L{short(x2)} {short(y2)}", style, stroke)

    def bar(self, x: float, y: float, width: float, height: float, *, style: str, stroke: str) -> None:
        """Draw a horizontal bar with its upper left corner at (x, y)."""
        self.path(f"M{short(x)} {short(y + height / 2)}h{short(width)}", style, stroke, height)

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """Draw a dashed outline: something expected that has not happened yet."""
        box = f"M{short(x)} {short(y)}h{short(width)}v{short(height)}h{short(-width)}z"
        self.path(box, "todo", MUTED, dash="3 2")

    def hatch(self, x: float, y: float, width: float, height: float) -> None:
        """Fill an area with diagonal lines: data that was not collected."""
        lines = []
        for step in range(3, int(width + height), 6):
            x1, y1 = x + max(0, step - height), y + min(step, height)
            x2, y2 = x + min(step, width), y + max(0, step - width)
            lines.append(f"M{short(x1)} {short(y1)}L{short(x2)} {short(y2)}")
        self.path("".join(lines), "hatch", HATCH, 0.7)

    def legend(self, x: float, y: float, entries: list[tuple[str, str, str]]) -> None:
        """Write (name, class, colour) entries on one line."""
        for name, style, colour in entries:
            self.bar(x, y - 8, 9, 9, style=style, stroke=colour)
            self.text(x + 13, y, name, "label", INK)
            x += 13 + text_width(name) + 16

    def markup(self) -> Markup:
        """Return the drawing; its texts are escaped, so a template may print it as it is."""
        return Markup("".join(self._parts) + "</svg>")  # noqa: S704, every text went through _text


def _text(text: str) -> str:
    return escape(printable(text))
