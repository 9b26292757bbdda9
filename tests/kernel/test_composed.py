"""Random typed expressions inside a plan, as inputs, arguments and conditions, mean what the oracle says."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.flights import Flown
from tests.events.test_evaluate import FIELDS, SIGNATURES, TELLING, Value, nested, row_value
from tests.kernel.ticks import Json, feature, keys, read_of, rows_of, stream, view

from forerun._core import Kernel
from forerun.events.expression import Expr, Field, call
from forerun.events.table import ARROW_TYPES
from forerun.events.types import TypeName
from forerun.testing.oracle import Arrival, Oracle

NUMBERS: tuple[TypeName, ...] = ("bool", "int", "float")
Slot: TypeAlias = tuple[str, TypeName]
NAMES: tuple[Slot, ...] = tuple(zip("abcde", FIELDS, strict=True))


def plan_of(expr: Expr, condition: Expr, nullable: list[bool]) -> Json:
    """The expression as an input, what is counted and last, and what is counted of it under a condition."""
    arg, where = expr.canonical(), condition.canonical()
    features = [feature("count", arg), feature("count", arg, name="some", where=where)]
    inputs = []
    if expr.type in NUMBERS:
        features += [feature("last", arg), feature("last", arg, name="last_of_some", where=where)]
        inputs = [("value", arg)]
    inputs += [(item["name"], read_of(index)) for index, item in enumerate(features)]
    return plan_over(NAMES, nullable, features, inputs)


def plan_over(
    slots: Sequence[Slot], nullable: Sequence[bool], features: list[Json], inputs: Sequence[tuple[str, Json]]
) -> Json:
    """A plan over one stream of k, at and other fields."""
    own = [
        {"name": name, "type": type, "nullable": null}
        for (name, type), null in zip(slots, nullable, strict=True)
    ]
    declared = stream()
    kept = [field for field in declared["fields"] if field["name"] in ("k", "at")]
    return {
        "format": 2,
        "streams": [{**declared, "fields": kept + own}],
        "views": [view(*features)],
        "vectors": [
            {"name": "M", "on": 0, "inputs": [{"name": name, "expr": made} for name, made in inputs]},
        ],
    }


def table_of(slots: Sequence[Slot], rows: Sequence[tuple[Value, ...]]) -> pa.RecordBatch:
    """Events of one entity, a microsecond apart."""
    count = len(rows)
    columns: dict[str, Any] = {
        "k": pa.array(["x"] * count),
        "at": pa.array(range(count), pa.int64()).cast(ARROW_TYPES["time"]),
    }
    for (name, type), values in zip(slots, zip(*rows, strict=True), strict=True):
        stored = pa.int64() if type == "time" else ARROW_TYPES[type]
        columns[name] = pa.array(values, stored).cast(ARROW_TYPES[type])
    columns["_arrival"] = pa.array(range(count), pa.int64())
    return pa.RecordBatch.from_pydict(columns)


def test_operators_know_when_they_can_be_null() -> None:
    """Over fields that may not be null, what an operator makes null is not counted."""
    slots = [(f"{slot}_{type}", type) for slot in "abcd" for type in FIELDS]
    exprs = [
        call(op, *(Field(Flown, f"{slot}_{type}", type) for slot, type in zip("abcd", types, strict=False)))
        for op, types in SIGNATURES
        if "duration" not in types
    ]
    count = 30 * 31
    rows: list[tuple[Value, ...]] = []
    for row in range(count):  # 30 and 31 share no factor: the first two arguments meet in every combination
        at = {"a": row % 30, "b": row % 31, "c": row % 7, "d": row % 11}
        known = {type: [value for value in TELLING[type] if value is not None] for type in FIELDS}
        rows.append(tuple(known[type][at[name[0]] % len(known[type])] for name, type in slots))
    features = [feature("count", expr.canonical(), name=str(index)) for index, expr in enumerate(exprs)]
    kernel = Kernel(json.dumps(plan_over(slots, [False] * len(slots), features, [])))

    kernel.apply([(0, 0, 0, table_of(slots, rows))])

    columns = [dict(zip([name for name, _ in slots], row, strict=True)) for row in rows]
    expected = {
        str(index): sum(row_value(expr, row) is not None for row in columns)
        for index, expr in enumerate(exprs)
    }
    assert rows_of(kernel.values(0, keys("x"), count)) == [expected]


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from((*FIELDS, "duration")).flatmap(lambda kind: nested(kind, 2)),
    nested("bool", 2),
    st.lists(st.booleans(), min_size=len(FIELDS), max_size=len(FIELDS)),
    st.data(),
)
def test_kernel_and_oracle_agree(
    expr: Expr, condition: Expr, nullable: list[bool], data: st.DataObject
) -> None:
    """Whatever may be null: what the plan's compiler concludes from fields that may not be is true."""
    values = [
        [value for value in TELLING[type] if null or value is not None]
        for type, null in zip(FIELDS, nullable, strict=True)
    ]
    rows = data.draw(st.lists(st.tuples(*map(st.sampled_from, values)), min_size=1, max_size=6))
    text = json.dumps(plan_of(expr, condition, nullable))
    oracle = Oracle(text)
    arrivals = [
        Arrival(0, 0, at, at, {"k": "x", "at": at, **dict(zip("abcde", row, strict=True))})
        for at, row in enumerate(rows)
    ]
    expected = [oracle.apply(arrival).vectors["M"] for arrival in arrivals]

    served = rows_of(Kernel(text).apply([(0, 0, 0, table_of(NAMES, rows))]).vectors[0])

    for wanted, got in zip(expected, served, strict=True):
        assert {name: got[name] for name in wanted} == {
            name: None if value is None else float(cast(float, value)) for name, value in wanted.items()
        }
