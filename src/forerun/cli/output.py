"""What a command prints: JSON for programs, tables for people; never colour into a pipe."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_PIPE_WIDTH = 200
"""Columns where there is no terminal: a row stays on one line for grep."""


def out() -> "Console":
    """Where tables and words go: stdout, styled only on a terminal."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


def print_json(content: object) -> None:
    """One JSON value, indented when a person may be looking at it.

    >>> print_json({"app": "flights"})
    {"app": "flights"}
    """
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False))


def print_rows(rows: Iterable[Mapping[str, object]]) -> None:
    """One JSON object a line (NDJSON), as they come.

    >>> print_rows([{"a": 1}, {"a": 2}])
    {"a": 1}
    {"a": 2}
    """
    for row in rows:
        print(json.dumps(row, ensure_ascii=False, allow_nan=False))


def table(*heads: str, right: Sequence[int] = ()) -> "Table":
    """An empty table in the house style: no frame, dim headings.

    Args:
        heads: Column headings.
        right: Indices of columns that hold numbers.
    """
    from rich.table import Table

    made = Table(box=None, header_style="bright_black", padding=(0, 2, 0, 0), pad_edge=False)
    for index, head in enumerate(heads):
        made.add_column(head, justify="right" if index in right else "left", no_wrap=index == 0)
    return made


def pairs() -> "Table":
    """An empty table of names and values, without headings."""
    from rich.table import Table

    made = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    return made
