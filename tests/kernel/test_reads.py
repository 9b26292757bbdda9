"""Vectors, point reads, requests, events behind a value, and reads that come too late."""

import json
import threading
from typing import Any

import pyarrow as pa
import pytest
from tests.kernel.ticks import (
    AT,
    K,
    N,
    X,
    apply,
    batch,
    call,
    feature,
    keys,
    literal,
    plan,
    read_of,
    requests,
    rows_of,
    stream,
    values,
    verdicts,
    view,
)

from forerun._core import BatchError, Kernel, StaleReadError

COUNT = feature("count", over=100)
SUM = feature("sum", X, over=100)


def test_a_vector_includes_its_own_event_and_none_after() -> None:
    """Each trigger reads as of its own time: its own event in, later event times out."""
    kernel = Kernel(plan(view(COUNT, SUM), inputs={"n": read_of(0), "x": read_of(1), "own": X}))
    step = apply(
        kernel, {"at": 10, "x": 1.0}, {"at": 30, "x": 2.0}, {"at": 20, "x": 4.0}, {"at": 5, "k": "b"}
    )
    assert rows_of(step.vectors[0]) == [
        {"batch": 0, "row": 0, "time": 10, "n": 1.0, "x": 1.0, "own": 1.0},
        {"batch": 0, "row": 1, "time": 30, "n": 2.0, "x": 3.0, "own": 2.0},
        {"batch": 0, "row": 2, "time": 20, "n": 2.0, "x": 5.0, "own": 4.0},
        {"batch": 0, "row": 3, "time": 5, "n": 1.0, "x": None, "own": None},
    ]


def test_features_and_fields_in_one_expression() -> None:
    """Seconds since the last event, as a user would write it."""
    since = call("seconds", call("sub", AT, read_of(0)))
    kernel = Kernel(plan(view(feature("first", AT, over=10**7)), inputs={"s": since}))
    step = apply(kernel, {"at": 1_000_000}, {"at": 3_500_000})
    assert [row["s"] for row in rows_of(step.vectors[0])] == [0.0, 2.5]


def test_a_vector_may_read_another_streams_view_by_another_key() -> None:
    """The key is an expression over the trigger; a null key reads as empty."""
    other = {"op": "feature", "view": 0, "feature": 0, "key": [call("coalesce", K, literal("string", "a"))]}
    plain = {"op": "feature", "view": 0, "feature": 0, "key": [K]}
    made = json.loads(plan(view(COUNT)))
    made["streams"].append(stream("Ask"))
    made["vectors"] = [
        {"name": "M", "on": 1, "inputs": [{"name": "c", "expr": other}, {"name": "p", "expr": plain}]}
    ]
    kernel = Kernel(json.dumps(made))
    step = kernel.apply(
        [(1, 0, 0, batch({"at": 20, "k": None}, {"at": 21})), (0, 0, 0, batch({"at": 10}, {"at": 20}))]
    )
    # The same arrival: stream 0 comes first.
    assert [(row["c"], row["p"]) for row in rows_of(step.vectors[0])] == [(2.0, 0.0), (2.0, 2.0)]


def test_a_refused_event_triggers_nothing() -> None:
    """Only applied events are predicted on."""
    kernel = Kernel(plan(view(COUNT), inputs={"n": read_of(0)}, lateness=0))
    step = apply(kernel, {"at": 10}, {"at": 9})
    assert (verdicts(step), len(step.vectors[0])) == ([0, 3], 1)


def test_a_request_reads_and_changes_nothing() -> None:
    """A request row reads the inputs at its own time and leaves the state as it was."""
    kernel = Kernel(plan(view(COUNT), inputs={"n": read_of(0), "x": X}))
    apply(kernel, {"at": 10}, {"at": 20})
    before = kernel.state_hash()
    made, _ = kernel.vector(0, requests({"at": 15, "x": 7.0}, {"at": 25, "k": "z"}, {"at": 115}))
    assert rows_of(made) == [
        {"time": 15, "n": 1.0, "x": 7.0},
        {"time": 25, "n": 0.0, "x": None},
        {"time": 115, "n": 1.0, "x": None},
    ]
    assert kernel.state_hash() == before


def test_a_request_must_be_valid() -> None:
    """A null where none may be is refused with row and field; so is a vector that is not there."""
    kernel = Kernel(plan(view(COUNT), inputs={"n": read_of(0)}))
    with pytest.raises(BatchError, match="row 1: field 'n' is missing or not finite"):
        kernel.vector(0, requests({"at": 1}, {"at": 1, "n": None}))
    with pytest.raises(BatchError, match="there is no vector 4"):
        kernel.vector(4, requests({"at": 1}))


def test_a_read_before_the_horizon_is_refused() -> None:
    """At the watermark a read is exact; before it events may be gone, and the error says from when on."""
    kernel = Kernel(plan(view(COUNT), inputs={"n": read_of(0)}, lateness=100))
    apply(kernel, {"at": 10}, {"at": 1000})
    assert kernel.horizons() == [900]
    assert values(kernel, 900) == {"count": 0}
    message = "view 'Now' cannot be read at 899: events are kept for reads from 900 on"
    with pytest.raises(StaleReadError, match=message):
        values(kernel, 899)
    with pytest.raises(StaleReadError, match=message):
        kernel.vector(0, requests({"at": 899}))


def _two_streams(hold_back: int) -> Kernel:
    made = json.loads(plan(view(COUNT, feature("sum", N)), lateness=0, hold_back=hold_back))
    made["streams"].append(stream("Ask", lateness=0))
    inputs = [{"name": f"f{index}", "expr": read_of(index)} for index in (0, 1)]
    made["vectors"] = [{"name": "M", "on": 1, "inputs": inputs}]
    return Kernel(json.dumps(made))


def test_events_are_kept_for_a_slower_reader() -> None:
    """A view read by a stream that lags keeps what that stream may still see."""
    kernel = _two_streams(hold_back=10_000)
    apply(kernel, {"at": 500, "n": 3, "_arrival": 9000}, stream=1)
    apply(kernel, *({"at": at, "n": 1} for at in range(100, 9000, 100)))
    assert kernel.horizons() == [500]
    step = apply(kernel, {"at": 600, "_arrival": 9001}, stream=1, offset=1)
    assert [(row["f0"], row["f1"]) for row in rows_of(step.vectors[0])] == [(1.0, 6.0)]
    assert len(step.stale) == 0


def test_a_reader_too_slow_is_told_and_served_null() -> None:
    """Beyond the hold-back a value could be wrong, so it is null and listed as stale."""
    kernel = _two_streams(hold_back=1000)
    apply(kernel, {"at": 500, "n": 3, "_arrival": 9000}, stream=1)
    apply(kernel, {"at": 8000, "n": 1})
    step = apply(kernel, {"at": 6999, "_arrival": 9001}, {"at": 7000, "_arrival": 9001}, stream=1, offset=1)
    assert [(row["f0"], row["f1"]) for row in rows_of(step.vectors[0])] == [(None, None), (0.0, None)]
    assert rows_of(step.stale) == [{"vector": 0, "row": 0, "view": 0, "earliest_us": 7000}]


def test_the_events_behind_a_value() -> None:
    """The events kept up to a time, with arguments, filters and their place in the log."""
    large = call("gt", X, literal("float", 2.0))
    kernel = Kernel(plan(view(SUM, feature("count", name="large", where=large, over=50)), lateness=0))
    apply(kernel, {"at": 20, "x": 3.0}, {"at": 40, "x": None}, {"at": 90, "x": 1.0}, partition=1, offset=5)
    made = pa.record_batch(kernel.events(0, keys("a"), 89))
    assert made.schema.names == ["x", "where x > 2", "time", "partition", "offset"]
    got: list[dict[str, Any]] = made.to_pylist()
    assert [(row["x"], row["where x > 2"], row["time"].microsecond, row["offset"]) for row in got] == [
        (3.0, True, 20, 5),
        (None, False, 40, 6),
    ]
    assert len(kernel.events(0, keys("z"), 89)) == 0


def test_provenance_is_the_newest_event_applied() -> None:
    """Event time, partition and offset of the newest event by event time; nothing for who is unknown."""
    kernel = Kernel(plan(view(COUNT)))
    apply(kernel, {"at": 90}, {"at": 95}, {"at": 93}, partition=2, offset=10)
    assert kernel.provenance(0, keys("a")) == (95, 2, 11)
    assert kernel.provenance(0, keys("z")) == (None, None, None)
    with pytest.raises(BatchError, match="one key is asked for, got 2 rows"):
        kernel.provenance(0, keys("a", "b"))


def test_keys_must_be_the_views() -> None:
    """Another number or type of key columns is refused with the key the view has."""
    kernel = Kernel(plan(view(COUNT, by=("k", "n"))))
    with pytest.raises(BatchError, match=r"view 'Now': its key is \(k, n\), got 1 columns"):
        kernel.values(0, keys("a"), 0)
    with pytest.raises(BatchError, match="key 'n': expected int64, got Arrow type Utf8"):
        kernel.values(0, pa.record_batch({"k": ["a"], "n": ["b"]}), 0)
    with pytest.raises(BatchError, match="there is no view 3"):
        kernel.values(3, keys("a"), 0)


def test_sliced_and_large_columns_are_read_in_place() -> None:
    """A slice of a batch and 64-bit string offsets are what they look like."""
    kernel = Kernel(plan(view(SUM)))
    whole = batch({"at": 1, "x": 1.0}, {"at": 2, "x": 2.0}, {"at": 3, "x": 4.0, "k": "b"})
    large = whole.set_column(0, "k", whole.column("k").cast(pa.large_string()))
    kernel.apply([(0, 0, 0, large.slice(1, 1)), (0, 0, 1, large.slice(2))])
    assert [values(kernel, 9, key)["sum"] for key in ("a", "b")] == [2.0, 4.0]


def test_what_is_no_batch_is_refused() -> None:
    """Objects without Arrow data and arrays that are no batch raise, and do no harm."""
    kernel = Kernel(plan(view(COUNT)))
    with pytest.raises(TypeError, match="expected an Arrow record batch, got int"):
        kernel.apply([(0, 0, 0, 7)])  # type: ignore[list-item]  # the mistake under test
    with pytest.raises(BatchError, match="expected a record batch, got an array of Int64"):
        kernel.values(0, pa.array([1]), 0)


def test_threads_take_turns() -> None:
    """One kernel read and written from several threads gives every read a consistent answer."""
    kernel = Kernel(plan(view(COUNT, feature("sum", N, over=100)), lateness=10**6))
    failures: list[object] = []

    def read() -> None:
        for _ in range(200):
            got = values(kernel, 50)
            if got["sum"] not in (None, 3 * got["count"]):
                failures.append(got)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for step in range(200):
        apply(kernel, {"at": 1, "n": 3, "_arrival": step}, offset=step)
    for thread in threads:
        thread.join()
    assert failures == []
    assert values(kernel, 50)["count"] == 200
