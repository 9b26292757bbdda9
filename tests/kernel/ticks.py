"""One stream, `Tick`, and plans over it: the smallest world in which the kernel can be asked anything.

Times are plain microseconds; a row is a dict, and what it leaves out has a default.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import pyarrow as pa

from forerun._core import Kernel, StepResult

Json: TypeAlias = dict[str, Any]  # a plan is JSON, which has no closer type
Row: TypeAlias = Mapping[str, object]

FIELDS = {"k": "string", "at": "time", "x": "float", "n": "int", "b": "bool"}
TYPES: dict[str, pa.DataType] = {
    "k": pa.string(),
    "at": pa.timestamp("us", "UTC"),
    "x": pa.float64(),
    "n": pa.int64(),
    "b": pa.bool_(),
}
LIFETIME: Json = {"kind": "lifetime"}
DEFAULTS: Row = {"k": "a", "x": None, "n": 0, "b": False}

X, N, B, AT, K = ({"op": "field", "name": name} for name in ("x", "n", "b", "at", "k"))


def literal(kind: str, value: object) -> Json:
    """A constant expression."""
    return {"op": "lit", "type": kind, "value": value}


def call(op: str, *args: Json) -> Json:
    """An operation on expressions."""
    return {"op": op, "args": list(args)}


def feature(agg: str, arg: Json | None = None, **settings: object) -> Json:
    """A feature of a view: `name`, `where`, `over` and `per` by keyword."""
    return {
        "name": settings.get("name", agg),
        "agg": agg,
        "arg": arg,
        "where": settings.get("where"),
        "window": LIFETIME if settings.get("over") is None else sliding(settings["over"]),
        "params": {"per_us": settings["per"]} if "per" in settings else {},
    }


def sliding(over_us: object) -> Json:
    """A sliding window."""
    return {"kind": "sliding", "over_us": over_us, "ago_us": 0}


def view(*features: Json, by: Sequence[str] = ("k",), where: Json | None = None, stream: int = 0) -> Json:
    """A view of features, named "Now"."""
    return {"name": "Now", "stream": stream, "by": list(by), "where": where, "features": list(features)}


def fields(types: Mapping[str, str]) -> list[Json]:
    """Fields of a stream: name to type, with a "?" behind it where null is allowed."""
    return [
        {"name": name, "type": kind.rstrip("?"), "nullable": kind.endswith("?")}
        for name, kind in types.items()
    ]


def stream(name: str = "Tick", **settings: object) -> Json:
    """A stream with the fields of `FIELDS`; x may be null, k too."""
    return {
        "name": name,
        "fields": [{"name": f, "type": t, "nullable": f in ("k", "x")} for f, t in FIELDS.items()],
        "time": "at",
        "key": ["k"],
        "id": settings.get("id"),
        "lateness_us": settings.get("lateness", 100),
        "max_skew_us": settings.get("max_skew"),
        "idle_us": settings.get("idle"),
        "dedup_us": settings.get("dedup"),
    }


def plan(
    *views: Json, inputs: Mapping[str, Json] | None = None, hold_back: int | None = None, **settings: object
) -> str:
    """A plan over one stream; `inputs` makes a vector "M" on it."""
    vectors = [{"name": "M", "on": 0, "inputs": [{"name": n, "expr": e} for n, e in (inputs or {}).items()]}]
    made = {
        "format": 2,
        "streams": [stream("Tick", **settings)],
        "views": views,
        "vectors": vectors if inputs else [],
    }
    return json.dumps(made if hold_back is None else {**made, "hold_back_us": hold_back})


def read_of(index: int, view: int = 0) -> Json:
    """A feature as a vector's input, for the trigger's own k."""
    return {"op": "feature", "view": view, "feature": index, "key": [K]}


def requests(*rows: Row) -> pa.RecordBatch:
    """Rows without arrivals."""
    full = [{**DEFAULTS, **row} for row in rows]
    return pa.RecordBatch.from_pylist(full, schema=pa.schema(TYPES))


def batch(*rows: Row) -> pa.RecordBatch:
    """Rows with arrivals: `_arrival`, by default the highest event time so far."""
    arrivals: list[int] = []
    for row in rows:
        known = row["_arrival"] if "_arrival" in row else max([cast(int, row["at"]), *arrivals[-1:]])
        arrivals.append(cast(int, known))
    return requests(*rows).append_column("_arrival", pa.array(arrivals, pa.int64()))


def apply(kernel: Kernel, *rows: Row, offset: int = 0, partition: int = 0, stream: int = 0) -> StepResult:
    """One step with one batch."""
    return kernel.apply([(stream, partition, offset, batch(*rows))])


def verdicts(step: StepResult, index: int = 0) -> list[int]:
    """The verdicts on one input batch."""
    return cast("list[int]", pa.array(cast(Any, step.verdicts[index])).to_pylist())


def rows_of(made: object) -> list[dict[str, Any]]:
    """A batch made by the kernel, as dicts."""
    return pa.record_batch(cast(Any, made)).to_pylist()


def keys(*values: str | None) -> pa.RecordBatch:
    """Keys of a view by k."""
    return pa.record_batch({"k": pa.array(values, pa.string())})


def values(kernel: Kernel, at: int, key: str | None = "a", view: int = 0) -> dict[str, Any]:
    """All features of one entity at a time."""
    return rows_of(kernel.values(view, keys(key), at))[0]
