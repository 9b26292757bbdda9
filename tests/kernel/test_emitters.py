"""Closed windows: emitted once, with the oracle's values, whatever the batching, lateness or restarts."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from tests.kernel.ticks import AT, B, Json, K, N, X, apply, call, literal, rows_of, stream

from forerun._core import Kernel, PlanError, StateFormatError
from forerun.testing.events import SECOND_US, cut, nasty_arrivals
from forerun.testing.oracle import Arrival
from forerun.testing.oracle.emitted import emitted
from forerun.testing.oracle.interpreter import Expected
from forerun.testing.oracle.tolerance import within

TUMBLING = {"kind": "hopping", "size_us": 100, "hop_us": 100}
SESSION = {"kind": "session", "gap_us": 30, "max_us": None}
FIELDS = {"k": "string?", "at": "time", "x": "float?", "n": "int", "b": "bool"}
ARROW: dict[str, pa.DataType] = {
    "k": pa.string(),
    "at": pa.timestamp("us", "UTC"),
    "x": pa.float64(),
    "n": pa.int64(),
    "b": pa.bool_(),
}


def column(agg: str, arg: Json | None = None, **settings: object) -> Json:
    """A feature of an emitter: `name`, `where` and `per` by keyword."""
    params = {"per_us": settings["per"]} if "per" in settings else settings.get("params", {})
    where = settings.get("where")
    return {"name": settings.get("name", agg), "agg": agg, "arg": arg, "where": where, "params": params}


def emitter(window: Json, *features: Json, name: str = "Closed", **settings: object) -> Json:
    """An emitter by k: `by` and `where` by keyword."""
    return {
        "name": name,
        "stream": 0,
        "by": settings.get("by", ["k"]),
        "where": settings.get("where"),
        "window": window,
        "features": list(features or [column("count")]),
    }


def plan(*emitters: Json, **settings: object) -> str:
    """A plan of emitters over one stream."""
    streams = [stream("Tick", **settings)]
    return json.dumps({"format": 2, "streams": streams, "views": [], "vectors": [], "emitters": emitters})


def closed(result: Any, index: int = 0) -> list[tuple[object, ...]]:
    """What a step emitted, as tuples."""
    return [tuple(row.values()) for row in rows_of(result.emitted[index])]


def test_a_window_is_emitted_when_the_watermark_reaches_its_end() -> None:
    """Not before, and once; ordered by end and then by key."""
    kernel = Kernel(plan(emitter(TUMBLING, column("count"), column("sum", N)), lateness=10))
    assert closed(apply(kernel, {"at": 5, "k": "b", "n": 2}, {"at": 99, "k": "a", "n": 3})) == []
    assert closed(apply(kernel, {"at": 109, "k": "b", "n": 4}, offset=2)) == []
    assert closed(apply(kernel, {"at": 110, "k": "b"}, offset=3)) == [
        ("a", 0, 100, 1, 3),
        ("b", 0, 100, 1, 2),
    ]
    assert closed(apply(kernel, {"at": 111, "k": "b"}, offset=4)) == []
    assert closed(apply(kernel, {"at": 500, "k": "b"}, offset=5)) == [("b", 100, 200, 3, 4)]


def test_late_events_count_until_the_window_is_closed() -> None:
    """An event within the lateness is in its window; a later one changes nothing that was emitted."""
    kernel = Kernel(
        plan(emitter(TUMBLING, column("count"), column("first", N), column("last", N)), lateness=50)
    )
    apply(kernel, {"at": 90, "n": 1}, {"at": 120, "n": 2}, {"at": 80, "n": 3}, {"at": 95, "n": 4})
    result = apply(kernel, {"at": 150, "n": 5}, {"at": 99, "n": 6}, offset=4)
    assert closed(result) == [("a", 0, 100, 3, 3, 4)]
    assert closed(apply(kernel, {"at": 400}, offset=6)) == [("a", 100, 200, 2, 2, 5)]


def test_hopping_windows_overlap() -> None:
    """An event is in every window that holds its time, from the first that ends after it."""
    window = {"kind": "hopping", "size_us": 60, "hop_us": 20}
    kernel = Kernel(plan(emitter(window, column("count"), column("max", X)), lateness=0))
    result = apply(kernel, {"at": 19, "x": 4.0}, {"at": 20, "x": 2.0}, {"at": 1000})
    assert closed(result) == [
        ("a", -40, 20, 1, 4.0),
        ("a", -20, 40, 2, 4.0),
        ("a", 0, 60, 2, 4.0),
        ("a", 20, 80, 1, 2.0),
    ]


def test_a_hop_need_not_divide_the_size() -> None:
    """Panes are as long as the greatest length that divides both."""
    window = {"kind": "hopping", "size_us": 50, "hop_us": 20}
    kernel = Kernel(plan(emitter(window), lateness=0))
    result = apply(kernel, {"at": 9}, {"at": 10}, {"at": 1000})
    assert closed(result) == [("a", -30, 20, 2), ("a", -10, 40, 2), ("a", 10, 60, 1)]


def test_a_session_closes_a_gap_after_its_last_event() -> None:
    """An event exactly a gap later belongs to it; the end must be behind the watermark, not at it."""
    kernel = Kernel(plan(emitter(SESSION), lateness=0))
    assert closed(apply(kernel, {"at": 0}, {"at": 30}, {"at": 60, "k": "b"})) == []
    assert closed(apply(kernel, {"at": 61, "k": "b"}, offset=3)) == [("a", 0, 60, 2)]
    assert closed(apply(kernel, {"at": 300, "k": "b"}, offset=4)) == [("b", 60, 91, 2)]


def test_a_late_event_joins_two_sessions() -> None:
    """Two that are too far apart become one by an event between them."""
    kernel = Kernel(
        plan(emitter(SESSION, column("count"), column("first", N), column("last", N)), lateness=100)
    )
    apply(kernel, {"at": 0, "n": 1}, {"at": 50, "n": 2}, {"at": 30, "n": 3})
    assert closed(apply(kernel, {"at": 500}, offset=3)) == [("a", 0, 80, 3, 1, 2)]


def test_a_long_session_is_cut() -> None:
    """No session holds an event `max` or more after its first; the next begins with that event."""
    kernel = Kernel(plan(emitter({**SESSION, "max_us": 50}), lateness=0))
    result = apply(kernel, *({"at": at} for at in (0, 20, 40, 49, 50, 70)), {"at": 500})
    assert closed(result) == [("a", 0, 50, 4), ("a", 50, 100, 2)]


def test_conditions_and_keys() -> None:
    """Without a key, or where `where` does not hold, an event is in no window; a feature's filters."""
    features = column("count"), column("count", name="big", where=call("gt", N, literal("int", 5)))
    kernel = Kernel(plan(emitter(TUMBLING, *features, by=["b", "k"], where=B), lateness=0))
    rows: list[Json] = [
        {"at": 1, "b": True, "n": 6},
        {"at": 2, "b": True},
        {"at": 3},
        {"at": 4, "k": None, "b": True},
    ]
    assert closed(apply(kernel, *rows, {"at": 500})) == [(True, "a", 0, 100, 2, 1)]


def test_idle_partitions_do_not_hold_windows_open() -> None:
    """After its silence a partition no longer counts; before, the window waits for it."""
    kernel = Kernel(plan(emitter(TUMBLING), lateness=0, idle=50))
    apply(kernel, {"at": 10, "_arrival": 10}, partition=1)
    assert closed(apply(kernel, {"at": 55, "_arrival": 60})) == []
    assert closed(apply(kernel, {"at": 110, "_arrival": 61}, offset=1)) == [("a", 0, 100, 2)]


def test_what_cannot_be_windows_is_refused() -> None:
    """The message names the emitter and what is wrong with it."""
    hop = {"kind": "hopping", "size_us": 10, "hop_us": 20}
    for window, features, message in (
        (hop, [column("count")], "emitter 'Closed': a window of 10 us every 20 us leaves events out"),
        ({**SESSION, "gap_us": 0}, [column("count")], "emitter 'Closed': a session with a gap of 0 us"),
        ({"kind": "lifetime"}, [column("count")], "emitter 'Closed', window: unknown variant `lifetime`"),
        (TUMBLING, [column("count", name="end")], "emitter 'Closed': column 'end' is there twice"),
        (TUMBLING, [column("sum")], "emitter 'Closed', feature 'sum': sum: needs an argument"),
        (
            SESSION,
            [column("ewm_mean", X, params={"half_life_us": 5})],
            "emitter 'Closed', feature 'ewm_mean': ewm_mean: weights that fade need no window",
        ),
        (SESSION, [column("rate")], "emitter 'Closed', feature 'rate': a rate needs a window"),
        (
            SESSION,
            [{**column("count"), "window": SESSION}],
            "emitter 'Closed', feature 'count': has a window of its own",
        ),
    ):
        with pytest.raises(PlanError, match=message):
            Kernel(plan(emitter(window, *features)))
    with pytest.raises(PlanError, match="emitter 'Closed' is there twice"):
        Kernel(plan(emitter(TUMBLING), emitter(SESSION)))


def test_a_value_out_of_range_is_null_and_told() -> None:
    """The window closes with the other features; the next one has them all."""
    for window in (TUMBLING, SESSION):
        kernel = Kernel(
            plan(emitter(window, column("sum", N), column("mean", X), column("count")), lateness=0)
        )
        huge = {"n": 2**62, "x": 1.5e308}
        step = apply(
            kernel,
            {"at": 1, **huge},
            {"at": 2, **huge},
            {"at": 2, "k": "b"},
            {"at": 200, **huge},
            {"at": 500},
        )
        ends = [row[2] for row in closed(step)]
        assert closed(step) == [
            ("a", *closed(step)[0][1:3], None, None, 2),
            ("b", *closed(step)[1][1:3], 0, None, 1),
            ("a", *closed(step)[2][1:3], 2**62, 1.5e308, 1),
        ], ends
        assert rows_of(step.overflow) == [
            {"vector": None, "emitter": 0, "row": 0, "feature": "Closed.sum", "why": None},
            {"vector": None, "emitter": 0, "row": 0, "feature": "Closed.mean", "why": None},
        ]


def test_what_is_made_of_others_is_as_of_the_end() -> None:
    """The time of the read is the end; parts stay hidden; of texts as many are listed as asked for."""
    since = {
        "name": "since",
        "expr": call("seconds", call("sub", {"op": "now"}, {"op": "own", "feature": 0})),
    }
    features = [column("last", AT, name="since#last"), since, column("top_k", K, params={"n": 1})]
    kernel = Kernel(plan(emitter(TUMBLING, *features, by=["b"]), lateness=0))
    names = ["a long name", "a long name", "another long name", "b"]
    rows = [{"at": 10 * nth, "k": name} for nth, name in enumerate(names)]
    assert rows_of(apply(kernel, *rows, {"at": 100}).emitted[0]) == [
        {"b": False, "start": 0, "end": 100, "since": 7e-5, "top_k": ["a long name"]}
    ]


def test_a_function_of_a_closed_window_that_gives_no_number_is_null_and_told() -> None:
    """NaN and infinities do not get out, nor does an exception stop a window from closing."""

    def odd(values: list[float], times_us: list[int], t_us: int) -> float:
        return {1: 0.5, 2: float("nan"), 3: float("inf"), 4: 1 / (t_us - 500)}[len(values)]

    made = column("custom", X, name="odd", params={"function": "odd"})
    kernel = Kernel(plan(emitter(TUMBLING, made), lateness=0), {"odd": odd})
    rows = [{"at": 100 * window + nth, "x": 1.0} for window in range(1, 5) for nth in range(window)]
    result = apply(kernel, *rows, {"at": 600})
    assert [row[-1] for row in closed(result)] == [0.5, None, None, None]
    told = [(row["emitter"], row["row"], row["feature"]) for row in rows_of(result.overflow)]
    assert told == [(0, row, "Closed.odd") for row in (1, 2, 3)]
    no_number = "which is no number; give nothing where there is no value"
    assert [row["why"] for row in rows_of(result.overflow)] == [
        f"it gave NaN, {no_number}",
        f"it gave inf, {no_number}",
        "ZeroDivisionError: division by zero",
    ]


def test_damaged_windows_are_refused() -> None:
    """State bytes that are cut, doubled or of another format are named and not used."""
    for window, name in ((TUMBLING, "pane"), (SESSION, "session")):
        text = plan(emitter(window), lateness=0)
        kernel = Kernel(text)
        apply(kernel, {"at": 1})
        apply(kernel, {"at": 2}, offset=1)
        [row] = rows_of(kernel.take_changed())
        header, state = kernel.header(), row["state"]
        assert row["view"] == 0, name
        for bad in (state[:-1], state + b"\0", b""):
            with pytest.raises(StateFormatError, match="emitter 'Closed': the state of a window is damaged"):
                Kernel.restore(text, header, _stored([{**row, "state": bad}]))
        with pytest.raises(StateFormatError, match="window state has format 99"):
            Kernel.restore(text, header, _stored([{**row, "state": b"\x63" + state[1:]}]))
        with pytest.raises(StateFormatError, match="damaged"):
            Kernel.restore(text, header, _stored([row, row]))


def _stored(rows: Sequence[Json]) -> pa.RecordBatch:
    kinds: dict[str, pa.DataType] = {"view": pa.int32(), "key": pa.binary(), "state": pa.binary()}
    schema = pa.schema(kinds)
    return pa.RecordBatch.from_pylist(list(rows), schema=schema)


def everything() -> dict[str, Any]:
    """Every kind of window, with aggregates that depend on order and such that do not."""
    order_free = [
        column("count"),
        column("count", X, name="known"),
        column("sum", X),
        column("sum", N, name="whole"),
        column("mean", N),
        column("mean", X, name="mean_x", where=B),
        column("min", X),
        column("max", N),
        column("std", X),
        column("var", N),
    ]
    rates = [column("rate", N, per=SECOND_US), column("rate", name="events", per=60 * SECOND_US)]
    ends = [column("first", X), column("last", N, where=B)]
    minute = 60 * SECOND_US
    hop = {"kind": "hopping", "size_us": 5 * minute, "hop_us": minute}
    tumbling = {"kind": "hopping", "size_us": minute, "hop_us": minute}
    session = {"kind": "session", "gap_us": 7 * SECOND_US, "max_us": None}
    emitters = [
        emitter(hop, *order_free, *rates, name="Hop"),
        emitter(tumbling, *order_free, *ends, *rates, name="Tumble", by=["k", "b"]),
        # So many panes a window that each key's are brought along from one window to the next.
        emitter({**hop, "hop_us": 10 * SECOND_US}, *order_free[:4], *ends, name="Slide"),
        emitter(session, *order_free, *ends, name="Visit", where=call("gt", N, literal("int", -1))),
        emitter({**session, "max_us": minute}, *order_free, *ends, name="Short"),
    ]
    streams = [stream("Tick", lateness=30 * SECOND_US, max_skew=60 * SECOND_US, idle=2 * minute)]
    return {"format": 2, "streams": streams, "views": [], "vectors": [], "emitters": emitters}


def batches(step: list[Arrival]) -> list[tuple[int, int, int, pa.RecordBatch]]:
    """The rows of a step, a batch per partition."""
    partitions: dict[int, list[Arrival]] = {}
    for arrival in step:
        partitions.setdefault(arrival.partition, []).append(arrival)
    made = []
    for partition, rows in partitions.items():
        columns: dict[str, Any] = {
            name: pa.array([row.values[name] for row in rows], kind) for name, kind in ARROW.items()
        }
        columns["_arrival"] = pa.array([row.arrival_us for row in rows], pa.int64())
        made.append((0, partition, rows[0].offset, pa.RecordBatch.from_pydict(columns)))
    return made


@pytest.mark.parametrize("seed", range(20))
def test_rows_are_those_of_the_oracle(seed: int) -> None:
    """For nasty streams, in steps of any length and with restarts between them: the oracle's rows, once each.

    The rows of all steps together are the same list for every way of cutting, and so is the state.
    """
    spec = everything()
    text = json.dumps(spec)
    arrivals = nasty_arrivals(seed, 400, [FIELDS])
    lists, hashes, rows = [], [], 0
    for longest, restarts in ((400, False), (25, True), (1, False)):
        kernel = Kernel(text)
        found: list[list[Json]] = [[] for _ in spec["emitters"]]
        stored: dict[tuple[int, bytes], bytes] = {}
        for number, step in enumerate(cut(seed, arrivals, longest=longest)):
            result = kernel.apply(batches(step))
            for into, batch in zip(found, result.emitted, strict=True):
                into += rows_of(batch)
            if restarts and number % 3 == 0:
                kernel = _restarted(text, kernel, stored)
        lists.append(found)
        hashes.append(kernel.state_hash())
    assert lists[0] == lists[1] == lists[2]
    assert len(set(hashes)) == 1
    for index, made in enumerate(lists[0]):
        expected = emitted(spec, index, arrivals)
        assert [row["end"] for row in made] == [row["end"].value for row in expected]
        _agree(spec["emitters"][index], made, expected)
        rows += len(made)
    assert rows > 200


def _restarted(text: str, kernel: Kernel, stored: dict[tuple[int, bytes], bytes]) -> Kernel:
    """A kernel from what is stored: the differences to the last time, put over what was there."""
    for row in rows_of(kernel.take_changed()):
        if row["state"] is None:
            stored.pop((row["view"], row["key"]), None)
        else:
            stored[row["view"], row["key"]] = row["state"]
    rows = [{"view": view, "key": key, "state": state} for (view, key), state in stored.items()]
    restored = Kernel.restore(text, kernel.header(), _stored(rows))
    assert restored.state_hash() == kernel.state_hash()
    return restored


def _agree(spec: Json, found: list[Json], expected: list[dict[str, Expected]]) -> None:
    """The same windows, and in each the same values within the tolerance of their aggregate."""

    def window(row: Json) -> tuple[object, ...]:
        return (row["end"], row["start"], *(row[part] for part in spec["by"]))

    wanted = {window({name: cell.value for name, cell in row.items()}): row for row in expected}
    assert Counter(map(window, found)) == Counter(wanted.keys())
    for row in found:
        for feature in spec["features"]:
            cell = wanted[window(row)][feature["name"]]
            told = (spec["name"], feature["name"], row, cell)
            assert within(cell.value, row[feature["name"]], cell.slack), told


def test_order_of_rows_is_by_end_and_key_bytes() -> None:
    """A text is its length and its letters: shorter ones first, and long ones are compared to the end."""
    kernel = Kernel(plan(emitter(TUMBLING), lateness=0))
    names = ["b", "a", "ab", "long enough to look further a", "long enough to look further b", ""]
    result = apply(kernel, *({"at": 1, "k": name} for name in reversed(names)), {"at": 500})
    assert [row[0] for row in closed(result)] == ["", "a", "b", "ab", *names[3:5]]


@pytest.mark.parametrize("window", [TUMBLING, {"kind": "hopping", "size_us": 100, "hop_us": 2}, SESSION])
def test_an_event_at_the_end_of_time_ends_nothing(window: Json) -> None:
    """No window ends after the latest time there is; closing windows comes to an end all the same."""
    kernel = Kernel(plan(emitter(window), lateness=0))
    apply(kernel, {"at": 7})
    result = closed(apply(kernel, {"at": 2**63 - 1}, offset=1))
    assert result[0][1] in (0, -92, 7)
    assert closed(apply(kernel, {"at": 2**63 - 1}, offset=2)) == []


@pytest.mark.parametrize("window", [TUMBLING, SESSION])
def test_keys_that_are_none_are_refused(window: Json) -> None:
    """The key of stored windows is made into columns one day: what cannot be is refused when it is read."""
    text = plan(emitter(window, column("last", N)), lateness=10)
    kernel = Kernel(text)
    apply(kernel, {"at": 100, "k": "ab"}, {"at": 120, "k": "ab"}, {"at": 150, "k": "ab"})
    [taken] = [row for row in rows_of(kernel.take_changed()) if b"ab" in row["key"] + row["state"]]
    header = kernel.header()
    good = b"\x02\0\0\0ab"
    assert header.count(good) == 1  # of the event that waits
    for bad in (b"", b"\x03\0\0\0ab", b"\x02\0\0\0a\xff", b"\x01\0\0\0ab", b"\xff\xff\xff\xffab"):
        stored = {
            name: taken[name].replace(
                len(good).to_bytes(4, "little") + good if name == "state" else good,
                len(bad).to_bytes(4, "little") + bad if name == "state" else bad,
            )
            for name in ("key", "state")
        }
        rows = pa.record_batch(
            {"view": pa.array([0], pa.int32()), "key": [stored["key"]], "state": [stored["state"]]}
        )
        with pytest.raises(StateFormatError, match="damaged"):
            Kernel.restore(text, header, rows)
        waiting = header.replace(len(good).to_bytes(4, "little") + good, len(bad).to_bytes(4, "little") + bad)
        with pytest.raises(StateFormatError, match="damaged"):
            Kernel.restore(text, waiting, rows.slice(0, 0))
