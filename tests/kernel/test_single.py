"""One event at a time, and one read at a time, without Arrow: what batches give, bit for bit."""

import json
import threading
from typing import Any, cast

import pyarrow as pa
import pytest
from tests.kernel.ticks import (
    B,
    Json,
    K,
    N,
    X,
    call,
    feature,
    fields,
    keys,
    literal,
    plan,
    read_of,
    rows_of,
    view,
)

from forerun._core import BatchError, Kernel, Reader, StaleReadError
from forerun.testing.events import SECOND_US, nasty_arrivals
from forerun.testing.oracle import Arrival

FIELDS = [
    {"k": "string?", "at": "time", "x": "float?", "n": "int", "b": "bool"},
    {"k": "string?", "at": "time", "limit": "float"},
]
ARROW: dict[str, pa.DataType] = {
    "time": pa.timestamp("us", "UTC"),
    "string": pa.string(),
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
}
WINDOW = {"kind": "sliding", "over_us": 60 * SECOND_US, "ago_us": 0}
LIFETIME = {"kind": "lifetime"}


def _feature(name: str, agg: str, arg: Json | None = None, window: Json = WINDOW, **more: Any) -> Json:
    params = more.get("params", {})
    return {
        "name": name,
        "agg": agg,
        "arg": arg,
        "where": more.get("where"),
        "window": window,
        "params": params,
    }


def _read(view: int, feature: int, **more: Any) -> Json:
    return {"op": "feature", "view": view, "feature": feature, "key": [K], **more}


def _plan() -> str:
    """Two streams, one of which reads the other's entities too late now and then; values of every shape."""
    own = {"op": "own", "feature": 0}
    features = [
        _feature("sum", "sum", X),
        _feature("std", "std", X, LIFETIME),
        _feature("last", "last", K),
        _feature("three", "last_n", X, params={"n": 3}),
        _feature("names", "last_n", K, params={"n": 2}),
        _feature("some", "count", where=B),
        _feature("all", "first_n", X, params={"n": 50}),
        {"name": "twice", "expr": call("mul", own, literal("float", 2.0))},
        _feature("when", "last", {"op": "field", "name": "at"}),
        {"name": "since", "expr": call("seconds", call("sub", {"op": "now"}, {"op": "own", "feature": 8}))},
    ]
    half = call("div", {"op": "field", "name": "x"}, literal("float", 2.0))
    inputs = {
        "sum": _read(0, 0),
        "half": half,
        "n": N,
        "b": B,
        "is_a": call("eq", _read(0, 2), literal("string", "a")),
        "three": _read(0, 3),
        "second": _read(0, 3, at=1),
        "all": _read(0, 6),
        "twice": _read(0, 7),
        "other": {**_read(1, 0), "key": [K, N]},
    }
    other = {"sum": _read(0, 0), "over": call("sub", {"op": "field", "name": "limit"}, _read(0, 0))}
    other["std"] = _read(0, 1)

    def vector(name: str, on: int, made: dict[str, Json]) -> Json:
        return {"name": name, "on": on, "inputs": [{"name": n, "expr": e} for n, e in made.items()]}

    streams = [
        {
            "name": name,
            "fields": fields(types),
            "time": "at",
            "key": ["k"],
            "id": ["k", "n"] if name == "Tick" else None,
            "lateness_us": (10 if name == "Tick" else 200) * SECOND_US,
            "max_skew_us": 60 * SECOND_US,
            "idle_us": 120 * SECOND_US,
            "dedup_us": 30 * SECOND_US if name == "Tick" else None,
        }
        for name, types in zip(("Tick", "Ask"), FIELDS, strict=True)
    ]
    closed = {"name": "Closed", "stream": 0, "by": ["k"], "where": None}
    size = {"kind": "hopping", "size_us": 60 * SECOND_US, "hop_us": 60 * SECOND_US}
    columns = [{"name": "n", "agg": "count", "arg": None, "where": None}]
    return json.dumps(
        {
            "format": 2,
            "hold_back_us": 0,
            "streams": streams,
            "views": [
                {"name": "Key", "stream": 0, "by": ["k"], "where": None, "features": features},
                {"name": "Both", "stream": 0, "by": ["k", "n"], "where": B, "features": features[:1]},
            ],
            "vectors": [vector("Own", 0, inputs), vector("Other", 1, other)],
            "emitters": [{**closed, "window": size, "features": columns}],
        }
    )


def _batch(arrival: Arrival) -> pa.RecordBatch:
    columns = {
        name: pa.array([arrival.values[name]], ARROW[kind.rstrip("?")])
        for name, kind in FIELDS[arrival.stream].items()
    }
    return pa.RecordBatch.from_pydict({**columns, "_arrival": pa.array([arrival.arrival_us])})


def _plain(value: object) -> object:
    """Times as microseconds, as the way without Arrow has them."""
    return value.value // 1000 if hasattr(value, "value") else value


@pytest.mark.parametrize("seed", range(8))
def test_an_event_is_a_batch_of_one_row(seed: int) -> None:
    """Verdict, reject, vector, stale read and closed window of each event are the same; and the state."""
    single, batched = Kernel(_plan()), Kernel(_plan())
    seen = {"rejected": 0, "stale": 0, "emitted": 0}
    for arrival in nasty_arrivals(seed, 300, FIELDS):
        place = (arrival.stream, arrival.partition, arrival.offset)
        step = batched.apply([(*place, _batch(arrival))])
        found = single.event(*place, arrival.arrival_us, tuple(arrival.values.values()))
        [verdict] = pa.array(cast(Any, step.verdicts[0])).to_pylist()
        assert found.verdict == verdict
        rejected = [(row["field"], row["watermark"]) for row in rows_of(step.rejected)]
        assert rejected == ([(found.field, found.watermark)] if verdict else [])
        for index, vector in enumerate(found.vectors):
            expected = [tuple(row.values())[3:] for row in rows_of(step.vectors[index])]
            assert expected == ([] if vector is None else [_lists(vector)])
        stale = [(row["vector"], row["view"], row["earliest_us"]) for row in rows_of(step.stale)]
        assert found.stale == stale
        assert [rows_of(one) for one in found.emitted] == [rows_of(one) for one in step.emitted]
        seen["rejected"] += len(rejected)
        seen["stale"] += len(stale)
        seen["emitted"] += sum(len(one) for one in found.emitted)
    assert single.state_hash() == batched.state_hash()
    assert single.header() == batched.header()
    assert single.counters() == batched.counters()
    assert min(seen.values()) > 0, seen


def _lists(vector: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(list(value) if isinstance(value, list) else value for value in vector)


@pytest.mark.parametrize("seed", range(4))
def test_a_reader_reads_what_values_gives(seed: int) -> None:
    """Of known, unknown and null keys, at any time that can be read; each type as Python has it."""
    kernel = Kernel(_plan())
    reader, some = kernel.reader(0), kernel.reader(0, ["twice", "some"])
    for arrival in nasty_arrivals(seed, 200, FIELDS):
        place = (arrival.stream, arrival.partition, arrival.offset)
        kernel.event(*place, arrival.arrival_us, tuple(arrival.values.values()))
    [horizon, _] = kernel.horizons()
    assert horizon is not None
    for t in (horizon, horizon + SECOND_US, horizon + 90 * SECOND_US):
        for key in ("hot", "a", "", "é", "unknown", None):
            table = pa.record_batch(cast(Any, kernel.values(0, keys(key), t)))
            schema = [f.with_type(pa.int64()) if f.name == "when" else f for f in table.schema]
            [expected] = table.cast(pa.schema(schema)).to_pylist()
            assert reader.read((key,), t) == tuple(expected.values())
            assert some.read((key,), t) == (expected["twice"], expected["some"])
    with pytest.raises(StaleReadError):
        reader.read(("a",), horizon - 1)


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    """Wrong types, counts, streams, offsets and arrivals raise; the state is as before."""
    kernel = Kernel(plan(view(feature("sum", X, over=10)), inputs={"sum": read_of(0)}))
    kernel.event(0, 0, 5, 100, ("a", 100, 1, 0, False))  # an int does for a float
    before = kernel.state_hash()
    good = ("a", 101, 1.0, 0, False)
    for stream, offset, arrival, values, message in [
        (0, 6, 101, good[:-1], "stream 'Tick': 4 values, expected 5"),
        (0, 6, 101, (1, *good[1:]), "stream 'Tick', field 'k': expected a str, got int"),
        (0, 6, 101, ("a", 101, "x", 0, False), "field 'x': expected a float, got str"),
        (0, 6, 101, ("a", 101, 1.0, True, False), "field 'n': expected an int of 64 bits, got bool"),
        (0, 6, 101, ("a", 101, 1.0, 2**63, False), "field 'n': expected an int of 64 bits, got int"),
        (0, 6, 101, ("a", 101, 1.0, 0, 1), "field 'b': expected a bool, got int"),
        (0, 6, 101, ("a", 1.5, 1.0, 0, True), "field 'at': expected an int of microseconds, got float"),
        (1, 6, 101, good, "there is no stream 1"),
        (0, 5, 101, good, "a batch starts at offset 5, but 6 is next"),
        (0, 6, 99, good, "arrival 99 at offset 6 is before the previous one, 100"),
        (0, 2**48, 101, good, "is beyond the largest"),
    ]:
        with pytest.raises(BatchError, match=message.replace("(", "\\(")):
            kernel.event(stream, 0, offset, arrival, values)
    assert kernel.state_hash() == before
    assert kernel.event(0, 0, 6, 101, good).vectors == [(2.0,)]
    for view_index, names, message in [(1, None, "there is no view 1"), (0, ["x"], "has no feature 'x'")]:
        with pytest.raises(BatchError, match=message):
            kernel.reader(view_index, names)
    with pytest.raises(BatchError, match="key, part 0: expected a str, got int"):
        kernel.reader(0).read((1,), 200)


def test_events_and_reads_of_several_threads_take_turns() -> None:
    """Threads that put events into partitions of their own and read beside them lose nothing."""
    kernel = Kernel(plan(view(feature("count")), inputs={"n": read_of(0)}, lateness=10**9))
    reader: Reader = kernel.reader(0)
    begin = threading.Barrier(3)

    def put(partition: int) -> None:
        begin.wait()
        for offset in range(500):
            kernel.event(0, partition, offset, offset, ("a", offset, None, 0, False))
            reader.read(("a",), 10**6)

    def apply() -> None:
        begin.wait()
        rows = pa.record_batch(
            {
                "k": ["a"] * 2000,
                "at": pa.array(range(2000), pa.timestamp("us", "UTC")),
                "x": pa.nulls(2000, pa.float64()),
                "n": [0] * 2000,
                "b": [False] * 2000,
                "_arrival": range(2000),
            }
        )
        for start in range(0, 2000, 100):
            kernel.apply([(0, 9, start, rows.slice(start, 100))])

    threads = [threading.Thread(target=put, args=(0,)), threading.Thread(target=put, args=(1,))]
    threads.append(threading.Thread(target=apply))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reader.read(("a",), 10**6) == (3000,)
