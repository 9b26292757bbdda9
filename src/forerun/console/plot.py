"""Lines drawn with braille dots: a chart that fits a terminal.

Each character cell is two dots wide and four high, so a chart of 40 x 6 cells shows 80 x 24 points.
"""

from collections.abc import Sequence

from rich.text import Text

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800


def lines(
    series: Sequence[tuple[Sequence[float | None], str]],
    *,
    width: int,
    height: int,
    low: float,
    high: float,
) -> list[Text]:
    """Draw several series over one another, two dots thick; the first is on top in a shared cell.

    Args:
        series: Pairs of values, oldest first (`None` leaves a gap), and a rich style.
        width: Columns of the drawing.
        height: Rows of the drawing.
        low: Value at the bottom edge.
        high: Value at the top edge; values outside are drawn at the edge.

    Returns:
        One `Text` a row, top first, each exactly `width` columns.

    >>> [row.plain for row in lines([([0.0, 1.0], "cyan")], width=1, height=1, low=0.0, high=1.0)]
    ['⣸']
    """
    cells = [[_BLANK] * width for _ in range(height)]
    styles = [[""] * width for _ in range(height)]
    for values, style in reversed(series):
        previous: int | None = None
        for x, value in enumerate(_resample(values, 2 * width)):
            if value is None:
                previous = None
                continue
            y = _row(value, low, high, 4 * height)
            start, stop = (y, y) if previous is None else _between(previous, y)
            for dot in range(start, min(stop + 1, 4 * height - 1) + 1):
                cells[dot // 4][x // 2] |= _DOTS[dot % 4][x % 2]
                styles[dot // 4][x // 2] = style
            previous = y
    return [
        Text.assemble(*((chr(cell), style) for cell, style in zip(row, row_styles, strict=True)))
        for row, row_styles in zip(cells, styles, strict=True)
    ]


def _between(previous: int, here: int) -> tuple[int, int]:
    """The dots to fill in this column so that a steep line has no holes."""
    if previous < here:
        return previous + 1, here
    if previous > here:
        return here, previous - 1
    return here, here


def _row(value: float, low: float, high: float, dots: int) -> int:
    """The dot row of a value, 0 at the top."""
    share = 0.5 if high <= low else (min(max(value, low), high) - low) / (high - low)
    return round((1.0 - share) * (dots - 1))


def _resample(values: Sequence[float | None], columns: int) -> list[float | None]:
    """One value a dot column: between two values when they are few, the mean of several when many."""
    if len(values) < 2:
        return [*values, *[None] * (columns - len(values))]
    if len(values) < columns:
        return [_between_values(values, x * (len(values) - 1) / (columns - 1)) for x in range(columns)]
    out: list[float | None] = []
    for column in range(columns):
        bounds = column * len(values) // columns, (column + 1) * len(values) // columns
        known = [value for value in values[slice(*bounds)] if value is not None]
        out.append(sum(known) / len(known) if known else None)
    return out


def _between_values(values: Sequence[float | None], position: float) -> float | None:
    """The straight line between two neighbours; nothing where one of them is missing."""
    before = int(position)
    left, right = values[before], values[min(before + 1, len(values) - 1)]
    if left is None or right is None:
        return left if position == before else None
    return left + (right - left) * (position - before)
