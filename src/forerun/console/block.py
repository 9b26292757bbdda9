"""Blocks of styled lines with an exact size, set side by side and under one another.

The live view is redrawn four times a second; exact sizes keep it from jumping when a number grows.
"""

from collections.abc import Iterable, Sequence

from rich.text import Text

Part = str | tuple[str, str]
"""Some text, alone or with its rich style."""


def line(*parts: Part) -> Text:
    """One line from parts; it never wraps.

    >>> line("a", ("b", "bold")).plain
    'ab'
    """
    text = Text(no_wrap=True, overflow="ellipsis")
    for part in parts:
        text.append(part) if isinstance(part, str) else text.append(part[0], part[1])
    return text


def fit(text: Text, width: int) -> Text:
    """The same line at exactly `width` columns: cut with an ellipsis or filled with blanks.

    >>> fit(line("watermark"), 5).plain, fit(line("ok"), 4).plain
    ('wate…', 'ok  ')
    """
    text = text.copy()
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def spread(left: Text, right: Text, width: int) -> Text:
    """Two texts at the two ends of a line; the left one gives way when there is no room.

    >>> spread(line("left"), line("right"), 12).plain
    'left   right'
    """
    room = max(width - right.cell_len - 1, 0)
    return fit(Text.assemble(fit(left, room), " ", right), width)


def cells(values: Iterable[tuple[str, int, str]], gap: int = 1) -> Text:
    """A row of a table: each cell is text, width (negative: to the right) and style.

    >>> cells([("Departed", 9, ""), ("12", -4, "bold")]).plain
    'Departed    12'
    """
    out = Text(no_wrap=True, overflow="ellipsis")
    for index, (value, width, style) in enumerate(values):
        if index:
            out.append(" " * gap)
        room = abs(width)
        value = value if len(value) <= room else value[: room - 1] + "…"
        out.append(value.rjust(room) if width < 0 else value.ljust(room), style)
    return out


def section(title: str, body: Sequence[Text], width: int, note: str = "") -> list[Text]:
    """A heading on a thin rule, then the body, all `width` wide.

    >>> [row.plain for row in section("Quality", [line("AUC")], 14)]
    ['Quality ──────', 'AUC           ']
    """
    head = line((title, "bold"), (f" {note}" if note else "", "bright_black"), " ")
    rule = "─" * max(width - head.cell_len, 0)
    head.append(rule, "bright_black")
    return [fit(head, width), *(fit(row, width) for row in body)]


def tall(block: Sequence[Text], height: int) -> list[Text]:
    """The block at exactly `height` lines: blank lines are added, the last ones cut.

    >>> [row.plain for row in tall([line("a")], 2)]
    ['a', '']
    """
    return [*block[:height], *(Text("") for _ in range(height - len(block)))]


def beside(left: Sequence[Text], right: Sequence[Text], left_width: int, gap: int = 3) -> list[Text]:
    """Two blocks side by side, as tall as the taller.

    >>> [row.plain for row in beside([line("a"), line("b")], [line("c")], 1)]
    ['a   c', 'b   ']
    """
    height = max(len(left), len(right))
    return [
        Text.assemble(fit(one, left_width), " " * gap, two)
        for one, two in zip(tall(left, height), tall(right, height), strict=True)
    ]
