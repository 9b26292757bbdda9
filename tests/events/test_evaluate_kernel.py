"""What is evaluated beside the kernel means what the kernel means."""

from itertools import product

import pyarrow as pa
from tests.events.test_evaluate import SIGNATURES, TELLING, bits

from forerun._core import Kernel
from forerun.events.evaluate import evaluate
from forerun.events.event import Event
from forerun.events.expression import Expr, Field, call
from forerun.events.moments import EventTime, Time
from forerun.events.schema import StreamSpec
from forerun.events.stream import stream_of
from forerun.events.table import schema_of
from forerun.events.types import TypeName
from forerun.events.vector import InputSpec, VectorSpec
from forerun.features.plan import compile_plan


class Telling(Event):
    """Three nullable fields of every type."""

    key: str
    at: EventTime
    a_bool: bool | None
    b_bool: bool | None
    c_bool: bool | None
    a_int: int | None
    b_int: int | None
    c_int: int | None
    a_float: float | None
    b_float: float | None
    c_float: float | None
    a_string: str | None
    b_string: str | None
    c_string: str | None
    a_time: Time | None
    b_time: Time | None
    c_time: Time | None


def stream() -> StreamSpec:
    """Its stream."""
    return stream_of(
        Telling,
        key="key",
        lateness="0s",
        freshness=None,
        max_skew="5m",
        duplicates=None,
        id=None,
        idle=None,
        topic=None,
    )


def argument(slot: str, type: TypeName) -> Expr:
    """A field of a type; of durations, the difference of two."""
    if type == "duration":
        return call("sub", argument(slot, "time"), argument({"a": "b", "b": "c", "c": "a"}[slot], "time"))
    return Field(Telling, f"{slot}_{type}", type)


def inputs() -> list[InputSpec]:
    """Every operator over such arguments, as a model's input."""
    found = []
    for op, types in SIGNATURES:
        expr = call(op, *(argument(slot, type) for slot, type in zip("abc", types, strict=False)))
        if expr.type == "duration":
            expr = call("seconds", expr)
        if expr.type in ("bool", "int", "float"):
            found.append(InputSpec(f"{op}-{'-'.join(types)}", expr))
    return found


def rows() -> pa.RecordBatch:
    """Every combination of telling values in a, b and c."""
    combinations = list(product(range(max(map(len, TELLING.values()))), repeat=3))
    columns: dict[str, list[object]] = {"key": ["x"] * len(combinations), "at": [0] * len(combinations)}
    for type, values in TELLING.items():
        for place, slot in enumerate("abc"):
            columns[f"{slot}_{type}"] = [values[row[place] % len(values)] for row in combinations]
    schema = schema_of(stream())
    return pa.RecordBatch.from_arrays([pa.array(columns[f.name], f.type) for f in schema], schema=schema)


def test_kernel_and_columns_agree() -> None:
    """Over every combination of telling values, the kernel's vector and `evaluate` give the same numbers."""
    batch = rows()
    columns = {name: batch[name] for name in batch.schema.names}
    wanted = inputs()
    kernel = Kernel(compile_plan([stream()], [], [VectorSpec("Telling", stream(), tuple(wanted))]))

    vector = pa.record_batch(kernel.vector(0, batch))

    for item in wanted:
        expected = evaluate(item.expr, columns).cast(pa.float64(), safe=False)
        actual = vector[item.name]
        assert [bits(value) for value in actual.to_pylist()] == [
            bits(value) for value in expected.to_pylist()
        ], item
