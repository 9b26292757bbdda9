"""A plotting area in SVG: scales, axes and marks, coloured by the page's style sheet.

Colours come from CSS classes (`s0`, `s1`, `grid`, `tick`), so one drawing serves light and dark.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape


@dataclass(slots=True)
class Plot:
    """A rectangle with two linear scales, and the marks drawn in it so far.

    Args:
        width: Width of the whole picture in pixels.
        height: Height of the whole picture in pixels.
        x: Values at the left and right edge.
        y: Values at the bottom and top edge.
        left: Room for the labels of the y axis, in pixels.
        bottom: Room for the labels of the x axis, in pixels.

    >>> plot = Plot(width=120, height=60, x=(0, 1), y=(0, 1), left=10, bottom=10)
    >>> plot.at(0, 0), plot.at(1, 1)
    ((10.0, 50.0), (100.0, 8.0))
    """

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    left: int = 44
    bottom: int = 26
    top: int = 8
    right: int = 20
    marks: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixel position of a point."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        wide = self.width - self.left - self.right
        high = self.height - self.top - self.bottom
        return self.left + across * wide, self.top + (1.0 - up) * high

    def y_axis(self, ticks: Iterable[tuple[float, str]]) -> None:
        """Horizontal grid lines with their labels."""
        for value, label in ticks:
            _, y = self.at(self.x[0], value)
            ends = f'x1="{self.left}" x2="{self.width - self.right}"'
            self.marks.append(
                f'<line class="grid" {ends} y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text x="{self.left - 7}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
            )

    def x_axis(self, ticks: Iterable[tuple[float, str]]) -> None:
        """Labels under the drawing."""
        for value, label in ticks:
            x, _ = self.at(value, self.y[0])
            self.marks.append(
                f'<text x="{x:.1f}" y="{self.height - self.bottom + 17}" '
                f'text-anchor="middle">{escape(label)}</text>'
            )

    def line(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """A line through the points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        self.marks.append(f'<polyline class="line {style}" points="{path}"/>')

    def band(
        self, lows: Sequence[tuple[float, float]], highs: Sequence[tuple[float, float]], style: str
    ) -> None:
        """The area between two lines."""
        edge = [self.at(*point) for point in (*lows, *reversed(highs))]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in edge)
        self.marks.append(f'<polygon class="band {style}" points="{path}"/>')

    def dot(self, x: float, y: float, style: str, title: str, *, radius: float = 3.5) -> None:
        """A point that says its value when pointed at."""
        px, py = self.at(x, y)
        self.marks.append(
            f'<circle class="dot {style}" cx="{px:.1f}" cy="{py:.1f}" r="{radius}">'
            f"<title>{escape(title)}</title></circle>"
        )

    def whisker(self, x: float, low: float, high: float, style: str) -> None:
        """The interval of a point."""
        px, bottom = self.at(x, low)
        _, top = self.at(x, high)
        self.marks.append(
            f'<line class="whisker {style}" x1="{px:.1f}" x2="{px:.1f}" y1="{bottom:.1f}" y2="{top:.1f}"/>'
        )

    def bar(self, low: float, high: float, value: float, style: str, title: str) -> None:
        """A bar from the x axis up, a pixel of air on its right."""
        left, top = self.at(low, value)
        right, bottom = self.at(high, self.y[0])
        size = f'width="{max(right - left - 1, 0.5):.1f}" height="{max(bottom - top, 0):.1f}"'
        place = f'x="{left:.1f}" y="{top:.1f}"'
        self.marks.append(f'<rect class="bar {style}" {place} {size}><title>{escape(title)}</title></rect>')

    def svg(self, label: str) -> str:
        """The finished picture.

        Args:
            label: What it shows, for people who hear the page.
        """
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" '
            f'role="img" aria-label="{escape(label)}">{"".join(self.marks)}</svg>'
        )


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values between two ends, about as many as wanted.

    >>> ticks(0.0, 1.0), ticks(0.61, 0.83)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.65, 0.7, 0.75, 0.8])
    """
    if not high > low:
        return [low]
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def outward(low: float, high: float, step: float) -> tuple[float, float]:
    """The range widened to whole steps, so that no point lies on the edge.

    >>> outward(0.652, 0.811, 0.05)
    (0.65, 0.85)
    """
    return round(math.floor(low / step) * step, 12), round(math.ceil(high / step) * step, 12)
