"""The kernel's expressions over columns are the oracle's over rows, operator by operator and composed."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.flights import Flown

import forerun as fr
from forerun._core import zone_names
from forerun.events.evaluate import evaluate
from forerun.events.expression import DEPTH_MAX, INT_MAX, Constant, Expr, Field, as_expr, call
from forerun.events.moments import TIME_US_MAX, TIME_US_MIN
from forerun.events.table import ARROW_TYPES
from forerun.events.types import _ARITHMETIC, _CALENDAR, _SAME, TypeName
from forerun.testing.oracle import expressions as oracle

Value = bool | int | float | str | None
Row = Mapping[str, Value]


def row_value(expr: Expr, row: Row) -> Value:
    """The value of an expression for one row, as the oracle has it."""
    value = oracle.evaluate(expr.canonical(), lambda leaf: row[leaf["name"]])
    assert not isinstance(value, list)
    return value


# Rows and expressions -------------------------------------------------------------------------------------

# Per type, values where something happens.
TELLING: Mapping[TypeName, tuple[Value, ...]] = {
    "bool": (None, False, True),
    "int": (None, 0, 1, -1, 3, 2**62, 3_037_000_500, INT_MAX, -INT_MAX - 1),
    "float": (None, 0.0, 1.0, -1.5, 0.5, 15.0, 95.25, 2.0**63, 1e308, -1e308, 5e-324),
    "string": (
        *(None, "JFK", "LGA", "", "é", "ÉCOLE", "ΟΔΟΣ", "K", "FK"),
        *("12", "-7", "+3", "007", "1e3", ".5", "5.", "-1.5e-3", "1e400", str(INT_MAX), str(INT_MAX + 1)),
        *(" 1", "1 ", "1_0", "inf", "nan", "0x1", "-", ".", "e1", "1e", "\u0661"),
    ),
    "time": (
        *(None, 0, 5, -1, -(10**15), TIME_US_MIN, TIME_US_MAX, INT_MAX, -INT_MAX - 1),
        *(TIME_US_MIN + 43_200_000_000, TIME_US_MAX - 43_200_000_000),
        *(1_382_833_800_000_000, 1_382_837_400_000_000),  # half past two comes twice in Paris
        *(1_330_516_800_000_000, 4_102_444_800_000_000, 7_258_118_400_000_000),  # leap day; 2100; 2200
    ),
    "duration": (None, 0, 5, -60_000_000, INT_MAX, -INT_MAX - 1),
}
ALL: tuple[TypeName, ...] = ("bool", "int", "float", "string", "time", "duration")
ORDERED: tuple[TypeName, ...] = ("int", "float", "time", "duration")
FIELDS: tuple[TypeName, ...] = ("bool", "int", "float", "string", "time")
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe")

SIGNATURES: tuple[tuple[str, tuple[TypeName, ...]], ...] = (
    ("and", ("bool", "bool")),
    ("or", ("bool", "bool")),
    ("not", ("bool",)),
    *((op, (t, t)) for op in ("eq", "ne", "coalesce") for t in ALL),
    *((op, (t, t)) for op in ("lt", "le", "gt", "ge", "min2", "max2") for t in ORDERED),
    *(("clip", (t, t, t)) for t in ORDERED),
    *(("is_null", (t,)) for t in ALL),
    *(("if", ("bool", t, t)) for t in ALL),
    *((op, (t, t)) for op in ("add", "sub", "mod") for t in ("int", "float", "duration")),
    *((op, (t,)) for op in ("neg", "abs") for t in ("int", "float", "duration")),
    ("add", ("time", "duration")),
    ("add", ("duration", "time")),
    ("add", ("int", "float")),
    ("sub", ("time", "time")),
    ("sub", ("time", "duration")),
    *(("mul", (t, t)) for t in ("int", "float")),
    ("mul", ("duration", "int")),
    ("mul", ("int", "duration")),
    *(("div", (t, t)) for t in ("int", "float", "duration")),
    *((op, ("float",)) for op in ("log", "exp", "sqrt", "floor", "ceil", "round")),
    ("pow", ("float", "float")),
    ("distance_km", ("float", "float", "float", "float")),
    ("seconds", ("duration",)),
    ("gt", ("float", "int")),
    *(("to_float", (t,)) for t in ("bool", "int", "string")),
    *(("to_int", (t,)) for t in ("bool", "float", "string")),
    *(("to_string", (t,)) for t in ("bool", "int")),
    *((op, ("string", "string")) for op in ("starts_with", "ends_with", "contains")),
    *((op, ("string",)) for op in ("length", "lower")),
)

# Python's own functions are good to the last bit or two, the kernel's too; both need not be the same bit.
ROUGH = ("log", "exp", "pow", "distance_km")


def slots(types: tuple[TypeName, ...]) -> list[Expr]:
    """A field for each argument, called a, b, c; its type is what matters."""
    return [Field(Flown, name, type) for name, type in zip("abcde", types, strict=False)]


def table_of(types: Sequence[TypeName], rows: Sequence[Sequence[Value]]) -> dict[str, "pa.Array[Any]"]:
    """Rows of arguments as columns a to e."""
    stored = [pa.int64() if type == "time" else ARROW_TYPES[type] for type in types]
    columns = zip("abcde", zip(*rows, strict=True), stored, strict=False)
    return {name: pa.array(values, type) for name, values, type in columns}


def alike(op: str, expected: Value, actual: Value) -> bool:
    """Whether two values are the same; of a function that both round in their own way, almost."""
    if op not in ROUGH or not isinstance(expected, float) or not isinstance(actual, float):
        return (type(expected), expected) == (type(actual), actual)
    if op == "distance_km":  # no formula is good to the millimetre at the antipodes
        return math.isclose(expected, actual, rel_tol=1e-12, abs_tol=1e-3)
    return math.isclose(expected, actual, rel_tol=1e-15, abs_tol=5e-324)


@pytest.mark.parametrize(
    ("op", "types"), SIGNATURES, ids=lambda part: "-".join([part] if isinstance(part, str) else part)
)
def test_operator_equals_its_meaning(op: str, types: tuple[TypeName, ...]) -> None:
    """Every operator, over every combination of telling values: columns equal rows."""
    expr = call(op, *slots(types))
    rows = list(product(*(TELLING[type] for type in types)))
    expected = [row_value(expr, dict(zip("abcd", row, strict=False))) for row in rows]

    actual = evaluate(expr, table_of(types, rows)).to_pylist()

    assert len(rows) == len(actual)
    assert [
        found for found in zip(rows, expected, actual, strict=True) if not alike(op, found[1], found[2])
    ] == []


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("part", sorted(_CALENDAR))
def test_parts_of_a_time(part: str, zone: str) -> None:
    """Python's zoneinfo and datetime read the same clocks and calendar, from the first year to the last."""
    expr = call(part, Field(Flown, "a", "time"), zone)
    rows = [(at,) for at in TELLING["time"]]
    expected = [row_value(expr, {"a": at}) for (at,) in rows]

    assert list(zip(rows, expected, strict=True)) == list(
        zip(rows, evaluate(expr, table_of(("time",), rows)).to_pylist(), strict=True)
    )


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(zone_names()), st.lists(st.integers(TIME_US_MIN, TIME_US_MAX), min_size=1))
def test_any_time_in_any_zone(zone: str, times: list[int]) -> None:
    """Two readings of the tz database agree: what the clock shows, to the microsecond."""
    rows = [(at,) for at in times]
    for part in ("year", "day_of_year", "seconds_of_day"):
        expr = call(part, Field(Flown, "a", "time"), zone)
        expected = [row_value(expr, {"a": at}) for at in times]

        assert evaluate(expr, table_of(("time",), rows)).to_pylist() == expected


def test_every_operator_has_a_meaning_here() -> None:
    """The table above leaves none out."""
    declared = {*_SAME, *(op for op, _, _ in _ARITHMETIC), "if"}

    assert {op for op, _ in SIGNATURES} | {"in"} == declared


@pytest.mark.parametrize(("value", "expected"), [("JFK", True), ("", False), (None, None)])
def test_in_a_list(value: Value, expected: Value) -> None:
    """A null is neither in nor out."""
    expr = as_expr(fr.is_in(Flown.tailnum, ["JFK", "LGA"]))

    assert evaluate(expr, {"tailnum": pa.array([value], pa.string())}).to_pylist() == [expected]


@cache
def nested(type: TypeName, depth: int) -> st.SearchStrategy[Expr]:
    """An expression of a type, so deep at most, over fields of any type but duration; nothing rough."""
    fields = dict(zip(FIELDS, "abcde", strict=True))
    constants = [value for value in TELLING[type] if value is not None]
    if type == "time":  # a field may be computed to be anything, a constant is a time of the calendar
        constants = [value for value in constants if TIME_US_MIN <= int(value) <= TIME_US_MAX]
    options: list[st.SearchStrategy[Expr]] = [
        st.sampled_from(constants).map(lambda value: Constant(value, type))
    ]
    if type in fields:
        options.append(st.just(Field(Flown, fields[type], type)))
    for op, types in SIGNATURES if depth else ():
        if op not in ROUGH and call(op, *slots(types)).type == type:
            parts = st.tuples(*(nested(part, depth - 1) for part in types))
            options.append(parts.map(lambda args, op=op: call(op, *args)))  # type: ignore[misc]  # op's default
    for part in sorted(_CALENDAR) if depth else ():
        if _CALENDAR[part] == type:
            parts = st.tuples(nested("time", depth - 1), st.sampled_from(ZONES))
            options.append(parts.map(lambda args, op=part: call(op, *args)))  # type: ignore[misc]  # op's default
    return st.one_of(options)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(ALL).flatmap(lambda kind: nested(kind, 2)), st.data())
def test_operators_compose(expr: Expr, data: st.DataObject) -> None:
    """Whatever is put into whatever: columns equal rows."""
    row = st.tuples(*(st.sampled_from(TELLING[type]) for type in FIELDS))
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    expected = [row_value(expr, dict(zip("abcde", values, strict=True))) for values in rows]

    assert evaluate(expr, table_of(FIELDS, rows)).to_pylist() == expected


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


def test_the_deepest_expression_runs() -> None:
    """What may be written is what the kernel takes."""
    expr: Expr = Field(Flown, "gate", "int")
    for _ in range(DEPTH_MAX):
        expr = -expr

    assert evaluate(expr, {"gate": pa.array([1])}).to_pylist() == [1]


def test_no_rows_give_no_rows() -> None:
    """An empty batch is no special case."""
    empty = evaluate(as_expr(fr.not_(fr.is_null(Flown.delay))), {"delay": pa.array([], pa.float64())})

    assert (len(empty), empty.type) == (0, pa.bool_())
