"""Kernel and naive oracle agree on every verdict, watermark and value, however the log is cut."""

import json
import math
from typing import Any, cast

import pyarrow as pa
import pytest
from tests.kernel.ticks import LIFETIME, fields, sliding

from forerun._core import Kernel
from forerun.testing.events import SECOND_US, cut, nasty_arrivals
from forerun.testing.oracle import Arrival, Oracle, Value

FIELDS = [
    {"shop": "string", "item": "string?", "at": "time", "amount": "float?", "units": "int?", "paid": "bool"},
    {"shop": "string", "item": "string?", "at": "time", "limit": "float"},
]
NAMES = ["Sale", "Ask"]
ARROW: dict[str, pa.DataType] = {
    "time": pa.timestamp("us", "UTC"),
    "string": pa.string(),
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
}


def _field(name: str) -> dict[str, Any]:
    return {"op": "field", "name": name}


def _call(op: str, *args: dict[str, Any]) -> dict[str, Any]:
    return {"op": op, "args": list(args)}


def _literal(value: float) -> dict[str, Any]:
    return {"op": "lit", "type": "float", "value": value}


def _plan() -> dict[str, Any]:
    """Every aggregate over every kind of argument, several windows, filters, two keys."""
    streams = [
        {
            "name": name,
            "fields": fields(types),
            "time": "at",
            "key": ["shop"],
            "id": ["shop", "item", "units"] if name == "Sale" else None,
            "lateness_us": 10 * SECOND_US if name == "Sale" else 0,
            "max_skew_us": 60 * SECOND_US,
            "idle_us": 120 * SECOND_US,
            "dedup_us": 300 * SECOND_US if name == "Sale" else None,
        }
        for name, types in zip(NAMES, FIELDS, strict=True)
    ]
    amount, units, paid = _field("amount"), _field("units"), _field("paid")
    arguments = {
        "amount": amount,
        "units": units,
        "paid": paid,
        "share": _call("div", amount, _call("to_float", units)),
        "large": _call("gt", amount, _literal(10.0)),
    }
    features: list[dict[str, Any]] = []
    for over in (SECOND_US, 60 * SECOND_US, 3600 * SECOND_US, None):
        for agg in ("count", "sum", "mean", "min", "max", "var", "std", "rate", "first", "last"):
            for label, argument in [("events", None), *arguments.items()]:
                if (argument is None and agg not in ("count", "rate")) or (agg == "rate" and over is None):
                    continue
                if agg in ("min", "max", "first", "last") and label in ("large", "paid"):
                    continue
                features.append(
                    {
                        "name": f"{agg}_{label}_{over}",
                        "agg": agg,
                        "arg": argument,
                        "where": _call("gt", amount, _literal(0.0)) if len(features) % 3 == 0 else None,
                        "window": LIFETIME if over is None else sliding(over),
                        "params": {"per_us": 60 * SECOND_US} if agg == "rate" else {},
                    }
                )
    views: list[dict[str, Any]] = [
        {"name": "Shop", "stream": 0, "by": ["shop"], "where": None, "features": features},
        {"name": "Both", "stream": 0, "by": ["shop", "item"], "where": paid, "features": features},
    ]
    inputs: list[dict[str, Any]] = [
        {"name": f"{view['name']}.{spec['name']}", "expr": _feature(number, at, view["by"])}
        for number, view in enumerate(views)
        for at, spec in enumerate(features)
    ]
    inputs.append({"name": "limit", "expr": _call("sub", _field("limit"), inputs[0]["expr"])})
    vectors = [{"name": name, "on": 1, "inputs": inputs} for name in ("Score",)]
    vectors.append({"name": "Own", "on": 0, "inputs": inputs[:80]})
    return {"format": 2, "streams": streams, "views": views, "vectors": vectors}


def _feature(view: int, feature: int, by: list[str]) -> dict[str, Any]:
    return {"op": "feature", "view": view, "feature": feature, "key": [_field(name) for name in by]}


def _batches(step: list[Arrival]) -> list[tuple[int, int, int, pa.RecordBatch]]:
    grouped: dict[tuple[int, int], list[Arrival]] = {}
    for arrival in step:
        grouped.setdefault((arrival.stream, arrival.partition), []).append(arrival)
    batches = []
    for (stream, partition), rows in grouped.items():
        columns: dict[str, pa.Array[Any]] = {}
        for name, kind in FIELDS[stream].items():
            arrow = ARROW[kind.rstrip("?")]
            columns[name] = pa.array([row.values[name] for row in rows], type=arrow)
        columns["_arrival"] = pa.array([row.arrival_us for row in rows], type=pa.int64())
        batches.append((stream, partition, rows[0].offset, pa.RecordBatch.from_pydict(columns)))
    return batches


def _same(expected: Value, actual: float | None, name: str) -> bool:
    if expected is None or actual is None:
        return expected is None and actual is None
    assert not isinstance(expected, list | str)
    wanted = float(expected)
    if actual == wanted:
        return True
    exact = not any(f".{agg}_" in name for agg in ("sum", "mean", "rate", "var", "std")) and name != "limit"
    return not exact and abs(actual - wanted) <= 2 * math.ulp(wanted) + (2.3e-162 if ".std_" in name else 0.0)


@pytest.mark.parametrize("seed", range(12))
def test_every_value_equals_the_oracle(seed: int) -> None:
    """Verdicts, watermarks and vectors are the oracle's for a nasty stream cut at random."""
    text = json.dumps(_plan())
    names = [item["name"] for item in _plan()["vectors"][0]["inputs"]]
    kernel, oracle = Kernel(text), Oracle(text)
    arrivals = nasty_arrivals(seed, 150, FIELDS)
    compared = 0
    for step in cut(seed, arrivals, longest=20):
        outcomes = [oracle.apply(arrival) for arrival in step]
        batches = _batches(step)
        result = kernel.apply(batches)
        at = {
            (b[0], b[1], b[2] + row): (i, row) for i, b in enumerate(batches) for row in range(b[3].num_rows)
        }
        verdicts = [pa.array(cast(Any, verdict)).to_pylist() for verdict in result.verdicts]
        for outcome in outcomes:
            batch, row = at[outcome.arrival.stream, outcome.arrival.partition, outcome.arrival.offset]
            assert (seed, outcome.arrival, verdicts[batch][row]) == (seed, outcome.arrival, outcome.verdict)
        for index, name in enumerate(("Score", "Own")):
            expected = [outcome.vectors[name] for outcome in outcomes if name in outcome.vectors]
            actual = pa.record_batch(result.vectors[index]).to_pylist()
            assert len(expected) == len(actual)
            for wanted, served in zip(expected, actual, strict=True):
                for column, value in wanted.items():
                    compared += 1
                    assert _same(value, served[column], column), (seed, column, value, served[column])
        assert kernel.watermarks() == [oracle.watermark(stream) for stream in range(2)]
    assert compared > 100 * len(names) // 4
