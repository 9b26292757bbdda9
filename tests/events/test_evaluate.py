"""Evaluating an expression over columns is evaluating it row by row, in SQL's logic."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.flights import Flown

import forerun as fr
from forerun.events.evaluate import _CALLS, evaluate
from forerun.events.expression import INT_MAX, Call, Constant, Expr, Field, as_expr, call
from forerun.events.moments import TIME_US_MAX
from forerun.events.table import ARROW_TYPES
from forerun.events.types import TypeName

Value = bool | int | float | str | None
Row = Mapping[str, Value]


# The reference: one row, plain Python, no Arrow -----------------------------------------------------------


def whole(value: int) -> int | None:
    """A whole number if 64 bits hold it."""
    return value if -INT_MAX - 1 <= value <= INT_MAX else None


def finite(value: float) -> float | None:
    """A float if it is a number."""
    return value if math.isfinite(value) else None


def arithmetic(a: Value, b: Value, of: Callable[[float, float], float]) -> Value:
    """Sum, difference or product of two numbers of one type."""
    assert isinstance(a, int | float)
    assert isinstance(b, int | float)
    if isinstance(a, float):
        return finite(of(a, b))
    return whole(int(of(a, b)))


def three_valued(a: Value, b: Value, winner: bool) -> Value:
    """`and` is won by False, `or` by True, and null wins over the other."""
    if winner in (a, b):
        return winner
    return None if None in (a, b) else not winner


def guarded(of: Callable[[float], float], value: float) -> float | None:
    """The function's value where it has one."""
    try:
        return finite(of(value))
    except (ValueError, OverflowError):
        return None


def row_value(expr: Expr, row: Row) -> Value:
    """The value of an expression for one row."""
    if isinstance(expr, Field):
        return row[expr.field]
    if isinstance(expr, Constant):
        return expr.value
    assert isinstance(expr, Call)
    args = [row_value(arg, row) for arg in expr.args]
    match expr.op, args:
        case "is_null", [a]:
            return a is None
        case "coalesce", _:
            return next((arg for arg in args if arg is not None), None)
        case "if", [a, b, c]:
            return b if a is True else c
        case (("and" | "or"), [a, b]):
            return three_valued(a, b, expr.op == "or")
    if None in args:
        return None
    return strict_value(expr.op, args)


def strict_value(op: str, args: list[Value]) -> Value:
    """The value of an operator that gives null for null, without nulls."""
    match op, args:
        case "add", [a, b]:
            return arithmetic(a, b, lambda x, y: x + y)
        case "sub", [a, b]:
            return arithmetic(a, b, lambda x, y: x - y)
        case "mul", [a, b]:
            return arithmetic(a, b, lambda x, y: x * y)
        case "div", [int() | float() as a, int() | float() as b]:
            return finite(float(a) / float(b)) if b else None
        case "neg", [int() as a]:
            return whole(-a)
        case "neg", [float() as a]:
            return -a
        case "abs", [int() as a]:
            return whole(abs(a))
        case "abs", [float() as a]:
            return abs(a)
        case "not", [a]:
            return not a
        case "eq", [a, b]:
            return a == b
        case "ne", [a, b]:
            return a != b
        case "lt", [int() | float() as a, int() | float() as b]:
            return a < b
        case "le", [int() | float() as a, int() | float() as b]:
            return a <= b
        case "gt", [int() | float() as a, int() | float() as b]:
            return a > b
        case "ge", [int() | float() as a, int() | float() as b]:
            return a >= b
        case "in", [a, *items]:
            return a in items
        case "min2", [int() | float() as a, int() | float() as b]:
            return min(a, b)
        case "max2", [int() | float() as a, int() | float() as b]:
            return max(a, b)
        case "clip", [int() | float() as a, int() | float() as low, int() | float() as high]:
            return min(max(a, low), high)
        case "log", [float() as a]:
            return guarded(math.log, a)
        case "exp", [float() as a]:
            return guarded(math.exp, a)
        case "seconds", [int() as a]:
            return float(a) / 1e6
        case "to_float", [int() as a]:
            return float(a)
    raise AssertionError(op)


# Rows and expressions -------------------------------------------------------------------------------------

# Per type, values where something happens. No negative zero: which zero is smaller no user can tell.
TELLING: Mapping[TypeName, tuple[Value, ...]] = {
    "bool": (None, False, True),
    "int": (None, 0, 1, -1, 3, 2**62, 3_037_000_500, INT_MAX, -INT_MAX - 1),
    "float": (None, 0.0, 1.0, -1.5, 15.0, 1e308, -1e308, 5e-324),
    "string": (None, "JFK", "LGA", "", "é"),
    "time": (None, 0, 5, -(10**15), TIME_US_MAX),
    "duration": (None, 0, 5, -60_000_000, INT_MAX, -INT_MAX - 1),
}
ALL: tuple[TypeName, ...] = ("bool", "int", "float", "string", "time", "duration")
ORDERED: tuple[TypeName, ...] = ("int", "float", "time", "duration")

SIGNATURES: tuple[tuple[str, tuple[TypeName, ...]], ...] = (
    ("and", ("bool", "bool")),
    ("or", ("bool", "bool")),
    ("not", ("bool",)),
    *((op, (t, t)) for op in ("eq", "ne", "coalesce") for t in ALL),
    *((op, (t, t)) for op in ("lt", "le", "gt", "ge", "min2", "max2") for t in ORDERED),
    *(("clip", (t, t, t)) for t in ORDERED),
    *(("is_null", (t,)) for t in ALL),
    *(("if", ("bool", t, t)) for t in ALL),
    *((op, (t, t)) for op in ("add", "sub") for t in ("int", "float", "duration")),
    *((op, (t,)) for op in ("neg", "abs") for t in ("int", "float", "duration")),
    ("add", ("time", "duration")),
    ("add", ("duration", "time")),
    ("add", ("int", "float")),
    ("sub", ("time", "time")),
    ("sub", ("time", "duration")),
    *(("mul", (t, t)) for t in ("int", "float")),
    ("mul", ("duration", "int")),
    *(("div", (t, t)) for t in ("int", "float", "duration")),
    ("log", ("float",)),
    ("exp", ("float",)),
    ("seconds", ("duration",)),
    ("gt", ("float", "int")),
)


def slots(types: tuple[TypeName, ...]) -> list[Expr]:
    """A field for each argument, called a, b, c; its type is what matters."""
    return [Field(Flown, name, type) for name, type in zip("abc", types, strict=False)]


def table_of(types: Sequence[TypeName], rows: Sequence[Sequence[Value]]) -> dict[str, "pa.Array[Any]"]:
    """Rows of arguments as columns a, b, c."""
    stored = [pa.int64() if type == "time" else ARROW_TYPES[type] for type in types]
    columns = zip("abc", zip(*rows, strict=True), stored, strict=False)
    return {name: pa.array(values, type) for name, values, type in columns}


def bits(value: object) -> object:
    """A float rounded to 14 digits, since libraries differ in the last bits of log and exp."""
    return float(f"{value:.14g}") if isinstance(value, float) else value


@pytest.mark.parametrize(
    ("op", "types"), SIGNATURES, ids=lambda part: "-".join([part] if isinstance(part, str) else part)
)
def test_operator_equals_its_meaning(op: str, types: tuple[TypeName, ...]) -> None:
    """Every operator, over every combination of telling values: columns equal rows."""
    expr = call(op, *slots(types))
    rows = list(product(*(TELLING[type] for type in types)))
    expected = [row_value(expr, dict(zip("abc", row, strict=False))) for row in rows]

    actual = evaluate(expr, table_of(types, rows)).to_pylist()

    assert list(zip(rows, map(bits, expected), strict=True)) == list(
        zip(rows, map(bits, actual), strict=True)
    )


def test_every_operator_has_a_meaning_here() -> None:
    """The table above leaves none out."""
    assert {op for op, _ in SIGNATURES} | {"in", "to_float"} == set(_CALLS)


@pytest.mark.parametrize(("value", "expected"), [("JFK", True), ("", False), (None, None)])
def test_in_a_list(value: Value, expected: Value) -> None:
    """A null is neither in nor out."""
    expr = as_expr(fr.is_in(Flown.tailnum, ["JFK", "LGA"]))

    assert evaluate(expr, {"tailnum": pa.array([value], pa.string())}).to_pylist() == [expected]


@cache
def nested(type: TypeName, depth: int) -> st.SearchStrategy[Expr]:
    """An expression of a type over the fields a (bool), b (int) and c (float), so deep at most."""
    fields = {"bool": "a", "int": "b", "float": "c"}
    options: list[st.SearchStrategy[Expr]] = [
        st.sampled_from(TELLING[type][1:]).map(lambda value: Constant(value, type))
    ]
    if type in fields:
        options.append(st.just(Field(Flown, fields[type], type)))
    for op, types in SIGNATURES if depth else ():
        if call(op, *slots(types)).type == type:
            parts = st.tuples(*(nested(part, depth - 1) for part in types))
            options.append(parts.map(lambda args, op=op: call(op, *args)))  # type: ignore[misc]  # op's default
    return st.one_of(options)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ALL).flatmap(lambda kind: nested(kind, 2)), st.data())
def test_operators_compose(expr: Expr, data: st.DataObject) -> None:
    """Whatever is put into whatever: columns equal rows."""
    types: tuple[TypeName, ...] = ("bool", "int", "float")
    row = st.tuples(*(st.sampled_from(TELLING[type]) for type in types))
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    expected = [row_value(expr, dict(zip("abc", values, strict=True))) for values in rows]

    actual = evaluate(expr, table_of(types, rows)).to_pylist()

    assert [bits(value) for value in expected] == [bits(value) for value in actual]


def test_columns_may_come_in_other_widths() -> None:
    """Timestamps, float conditions as a model's inputs have them, chunks and dictionaries are all taken."""
    at = pa.array([5, None]).cast(pa.timestamp("us", "UTC"))
    condition = as_expr(fr.if_else((Flown.tailnum == "N1") & fr.coalesce(Flown.towed, False), Flown.gate, 0))

    assert evaluate(as_expr(Flown.at), {"at": at}).to_pylist() == [5, None]
    assert evaluate(
        condition,
        {
            "towed": pa.array([1.0, 0.0]),
            "tailnum": pa.chunked_array([["N1"], ["N1"]]).dictionary_encode(),
            "gate": pa.array([7.0, 8.0]),
        },
    ).to_pylist() == [7, 0]


def test_no_rows_give_no_rows() -> None:
    """An empty batch is no special case."""
    empty = evaluate(as_expr(fr.not_(fr.is_null(Flown.delay))), {"delay": pa.array([], pa.float64())})

    assert (len(empty), empty.type) == (0, pa.bool_())
