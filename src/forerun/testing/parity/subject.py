"""What is put to the test: an app's plan, with a vector that reads every feature as of every event."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from forerun._core import Kernel
from forerun.features.custom import NO_FUNCTIONS, Functions
from forerun.testing.shapes import Shapes, shapes_of

PROBE = "every feature of "
"""Beginning of the names of the vectors that read what no model reads."""


class Subject:
    """A plan to test.

    Args:
        plan: Its JSON text, as `App.plan()` gives it.
        functions: What it calls by name, as `App.functions` gives them.

    Attributes:
        text: The plan with a probe for each view: a vector that its own events trigger, with all its features
            as numbers: every element of a list, the length of a text.
        columns: Per view, the Arrow type of every feature by name, as `Kernel.values` gives them.

    >>> from forerun.runtime.app import App
    >>> Subject(App("empty").plan()).columns
    []
    """

    def __init__(self, plan: str, functions: Functions = NO_FUNCTIONS) -> None:
        spec: dict[str, Any] = json.loads(plan)
        self.functions = functions
        kernel = Kernel(plan, functions)
        self.shapes: Shapes = shapes_of(plan)
        self.columns = [_types(kernel, spec, view) for view in range(len(spec["views"]))]
        self.probes: list[int] = []
        for number, view in enumerate(spec["views"]):
            self.probes.append(len(spec["vectors"]))
            inputs = [
                {"name": name, "expr": expr}
                for feature, kind in self.columns[number].items()
                for name, expr in _numbers(number, view, feature, kind)
            ]
            spec["vectors"].append({"name": PROBE + view["name"], "on": view["stream"], "inputs": inputs})
        self.spec = spec
        self.text = json.dumps(spec)

    def kernel(self) -> Kernel:
        """A kernel without state."""
        return Kernel(self.text, self.functions)

    def batch(
        self, stream: int, rows: Sequence[Mapping[str, object]], arrivals: Sequence[int]
    ) -> pa.RecordBatch:
        """Rows of a stream as the kernel takes them."""
        columns = [
            pa.array([row[field["name"]] for row in rows], _ARROW[field["type"]])
            for field in self.spec["streams"][stream]["fields"]
        ]
        names = [field["name"] for field in self.spec["streams"][stream]["fields"]]
        return pa.record_batch([*columns, pa.array(arrivals, pa.int64())], names=[*names, "_arrival"])

    def keys(self, view: int, keys: Sequence[tuple[object, ...]]) -> pa.RecordBatch:
        """Entities of a view as the kernel takes them."""
        return _keys(self.spec, view, keys)

    def index(self, view: int, feature: str) -> int:
        """The index of a feature in its view."""
        return [item["name"] for item in self.spec["views"][view]["features"]].index(feature)


_ARROW: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "duration": pa.int64(),
    "float": pa.float64(),
    "int": pa.int64(),
    "string": pa.string(),
    "time": pa.timestamp("us", "UTC"),
}


def _keys(spec: Mapping[str, Any], view: int, keys: Sequence[tuple[object, ...]]) -> pa.RecordBatch:
    by = spec["views"][view]["by"]
    fields = {
        field["name"]: field["type"] for field in spec["streams"][spec["views"][view]["stream"]]["fields"]
    }
    columns = [pa.array([key[part] for key in keys], _ARROW[fields[name]]) for part, name in enumerate(by)]
    return pa.record_batch(columns, names=by)


def _types(kernel: Kernel, spec: Mapping[str, Any], view: int) -> dict[str, Any]:
    """The type of every feature, asked of the kernel for no entity at all."""
    schema = pa.record_batch(kernel.values(view, _keys(spec, view, []), 0)).schema
    return dict(zip(schema.names, schema.types, strict=True))


def _numbers(
    view: int, spec: Mapping[str, Any], name: str, kind: Any
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Expressions that read a feature of the event's own entity as numbers: all elements of a list.

    Past the end of a list they are null, so that its length is seen, too.
    """
    found = [place for place, feature in enumerate(spec["features"]) if feature["name"] == name]
    if not found:  # the bound of a tiled feature, which only `Kernel.values` gives
        return
    key = [{"op": "field", "name": part} for part in spec["by"]]
    read: dict[str, Any] = {"op": "feature", "view": view, "feature": found[0], "key": key}
    if not pa.types.is_list(kind):
        yield name, _number(read, kind)
        return
    feature = spec["features"][found[0]]
    params = feature["params"]
    for at in range(len(params["edges"]) + 1 if "edges" in params else params["n"]):
        yield f"{name}[{at}]", _number({**read, "at": at}, kind.value_type)


def _number(read: Mapping[str, Any], kind: Any) -> Mapping[str, Any]:
    """A value as a number; of a text its length, for no number tells more of it."""
    if pa.types.is_string(kind):
        return {"op": "length", "args": [read]}
    if pa.types.is_timestamp(kind):
        epoch = {"op": "lit", "type": "time", "value": 0}
        read, kind = {"op": "sub", "args": [read, epoch]}, pa.duration("us")
    return {"op": "seconds", "args": [read]} if pa.types.is_duration(kind) else read
