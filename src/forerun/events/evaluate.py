"""Expressions over Arrow columns, for what runs beside a plan: labels, decision rules, keys of requests.

The kernel computes them, so they mean the same as in a feature: null in, null out; a whole number that
overflows, a division by zero and any float that is not finite are null; `and` and `or` are three-valued; `if`
takes its second branch where the condition is null.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import pyarrow as pa

from forerun._core import Formula
from forerun.events.canonical import canonical_json
from forerun.events.expression import Expr, Field
from forerun.events.table import ARROW_TYPES
from forerun.events.types import TypeName

# An Arrow array of any type: only the expression knows which.
Column: TypeAlias = Any

FORMULAS_MAX = 256
"""How many compiled expressions are kept; an app has a few rules and labels."""


def evaluate(expr: Expr, columns: Mapping[str, Column]) -> Column:
    """The value of an expression for every row.

    Args:
        expr: Fields, constants and operators; a rule's features are fields by now.
        columns: One array per field used, and at least one; all of one length. Times may be timestamps or
            int64 microseconds, numbers and conditions of any numeric type.

    Returns:
        An array of the expression's type; times and durations as int64 microseconds.

    >>> from forerun.events.event import Event
    >>> from forerun.events.moments import EventTime
    >>> class Arrived(Event):
    ...     at: EventTime
    ...     delay: float
    >>> evaluate(Arrived.delay > 15, {"delay": pa.array([20.0, 3.0, None])}).to_pylist()
    [True, False, None]
    """
    formula, fields = _compiled(expr)
    rows = len(next(iter(columns.values())))
    # A batch without columns would have no rows; one that nobody names stands in.
    arrays = [_typed(columns[name], type) for name, type in fields] or [pa.nulls(rows, pa.bool_())]
    names = [name for name, _ in fields] or [""]
    result: Any = formula.evaluate(pa.record_batch(arrays, names))
    value: Column = pa.array(result)
    return value.cast(pa.int64()) if expr.type in ("time", "duration") else value


@lru_cache(maxsize=FORMULAS_MAX)
def _compiled(expr: Expr) -> tuple[Formula, tuple[tuple[str, TypeName], ...]]:
    """The expression as the kernel runs it, and the fields that it reads."""
    fields = {part.field: part.type for part in expr.walk() if isinstance(part, Field)}
    columns = list(fields.items()) or [("", "bool")]
    return Formula(canonical_json(expr.canonical()), columns), tuple(fields.items())


def _typed(column: Column, type: TypeName) -> Column:
    """The column as the expression's type says, whatever width or encoding it came in."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if type == "time" and not pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    return column.cast(ARROW_TYPES[type])
