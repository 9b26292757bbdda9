"""Expressions over Arrow columns, for what runs beside the kernel: labels and decision rules.

Means the same as the kernel, operator by operator: null in, null out; a whole number that overflows, a
division by zero and any float that is not finite are null; `and` and `or` are three-valued; `if` takes its
second branch where the condition is null.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, TypeAlias

import pyarrow as pa
from pyarrow import compute

from forerun.events.expression import INT_MAX, Call, Constant, Expr, Field
from forerun.events.table import ARROW_TYPES
from forerun.events.types import TypeName

# An Arrow array of any type: only the expression knows which. The stubs have an overload per type, so the
# functions of Arrow are Any here too.
Column: TypeAlias = Any
pc: Any = compute

_INT_MIN = -INT_MAX - 1


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
    rows = len(next(iter(columns.values())))
    return _value(expr, columns, rows)


def _value(expr: Expr, columns: Mapping[str, Column], rows: int) -> Column:
    if isinstance(expr, Field):
        return _typed(columns[expr.field], expr.type)
    if isinstance(expr, Constant):
        constant: Any = pa.scalar(expr.value, _stored(expr.type))
        return pa.repeat(constant, rows)
    assert isinstance(expr, Call), f"{expr!r} is no column"
    result = _CALLS[expr.op](*(_value(arg, columns, rows) for arg in expr.args))
    return _null_where(pc.invert(pc.is_finite(result)), result) if expr.type == "float" else result


def _stored(type: TypeName) -> pa.DataType:
    return pa.int64() if type == "time" else ARROW_TYPES[type]


def _typed(column: Column, type: TypeName) -> Column:
    """The column as the expression's type says, whatever width or encoding it came in."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if type == "time" and pa.types.is_timestamp(column.type):
        column = column.cast(ARROW_TYPES["time"])
    return column.cast(_stored(type))


def _null_where(condition: Column, column: Column) -> Column:
    return pc.if_else(condition, pa.scalar(None, column.type), column)


def _is_whole(column: Column) -> bool:
    return pa.types.is_integer(column.type)


def _add(a: Column, b: Column) -> Column:
    total = pc.add(a, b)
    if not _is_whole(a):
        return total
    flipped = pc.bit_wise_and(pc.bit_wise_xor(a, total), pc.bit_wise_xor(b, total))
    return _null_where(pc.less(flipped, 0), total)


def _sub(a: Column, b: Column) -> Column:
    difference = pc.subtract(a, b)
    if not _is_whole(a):
        return difference
    flipped = pc.bit_wise_and(pc.bit_wise_xor(a, b), pc.bit_wise_xor(a, difference))
    return _null_where(pc.less(flipped, 0), difference)


def _mul(a: Column, b: Column) -> Column:
    product = pc.multiply(a, b)
    if not _is_whole(a):
        return product
    # A wrapped product is off by at least 2**64, and a float of the true one by far less than half of that.
    error = pc.abs(pc.subtract(pc.multiply(_to_float(a), _to_float(b)), _to_float(product)))
    return _null_where(pc.greater(error, 2.0**63), product)


def _div(a: Column, b: Column) -> Column:
    return pc.divide(_to_float(a), _to_float(b))


def _neg(a: Column) -> Column:
    return _null_where(pc.equal(a, _INT_MIN), pc.negate(a)) if _is_whole(a) else pc.negate(a)


def _abs(a: Column) -> Column:
    return _null_where(pc.equal(a, _INT_MIN), pc.abs(a)) if _is_whole(a) else pc.abs(a)


def _to_float(a: Column) -> Column:
    return a.cast(pa.float64(), safe=False)  # whole numbers beyond 2**53 are rounded, as the kernel does


def _least(a: Column, b: Column) -> Column:
    return pc.min_element_wise(a, b, skip_nulls=False)


def _greatest(a: Column, b: Column) -> Column:
    return pc.max_element_wise(a, b, skip_nulls=False)


_CALLS: Mapping[str, Callable[..., Column]] = {
    "abs": _abs,
    "add": _add,
    "and": pc.and_kleene,
    "clip": lambda value, low, high: _least(_greatest(value, low), high),
    "coalesce": pc.coalesce,
    "div": _div,
    "eq": pc.equal,
    "exp": pc.exp,
    "ge": pc.greater_equal,
    "gt": pc.greater,
    "if": lambda condition, then, otherwise: pc.if_else(condition.fill_null(False), then, otherwise),
    "in": lambda value, *items: reduce(pc.or_, [pc.equal(value, item) for item in items]),
    "is_null": pc.is_null,
    "le": pc.less_equal,
    "log": pc.ln,
    "lt": pc.less,
    "max2": _greatest,
    "min2": _least,
    "mul": _mul,
    "ne": pc.not_equal,
    "neg": _neg,
    "not": pc.invert,
    "or": pc.or_kleene,
    "seconds": lambda length: pc.divide(_to_float(length), 1e6),
    "sub": _sub,
    "to_float": _to_float,
}
