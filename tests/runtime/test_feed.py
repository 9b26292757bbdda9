"""Portions: right size, cut at arrivals, and the same after a restart at any of their ends."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import forerun as fr
from forerun.errors import SourceOrderError
from forerun.events.decode import Quarantined
from forerun.events.schema import StreamSpec
from forerun.runtime.feed import Feed, Place, Portion
from forerun.streams.source import Slice, Source

Rows = list[list[tuple[str, int]]]


def streams() -> dict[str, StreamSpec]:
    """Two streams with nothing but a time."""
    app = fr.App("feed")

    @app.stream(key="name", lateness="1h")
    class A(fr.Event):
        name: str
        at: fr.EventTime

    @app.stream(key="name", lateness="1h")
    class B(fr.Event):
        name: str
        at: fr.EventTime

    return app.streams


STREAMS = streams()


def table(arrivals: list[int]) -> pa.RecordBatch:
    """Events that arrived then; the columns are in another order than declared."""
    return pa.record_batch(
        {
            "_arrival": pa.array(arrivals, pa.int64()),
            "name": [f"n{arrival}" for arrival in arrivals],
            "at": pa.array(arrivals, pa.timestamp("us", "UTC")),
        }
    )


def arrived(arrivals: list[Any], type: pa.DataType) -> pa.RecordBatch:
    """Events with arrivals that are none."""
    made = table(list(range(len(arrivals)))).drop_columns(["_arrival"])
    return made.append_column("_arrival", pa.array(arrivals, type))


def source_of(slices: Rows) -> Source:
    """A source with one refused row per slice."""

    def source(position: int) -> Iterator[Slice]:
        for number in range(position, len(slices)):
            tables = {
                name: table([arrival for stream, arrival in slices[number] if stream == name])
                for name in "AB"
            }
            yield Slice(number, tables, [("A", Quarantined("odd", None, str(number).encode(), 0))])

    return source


def taken(portion: Portion) -> tuple[dict[str, list[int | None]], list[bytes]]:
    """What a portion holds, as plain values."""
    return (
        {name: part["_arrival"].to_pylist() for name, part in sorted(portion.tables.items())},
        [row.payload for _, row in portion.quarantined],
    )


def portions(source: Source, place: Place, rows: int) -> list[Portion]:
    """All portions from a place on, at full speed."""
    feed = Feed(source, STREAMS, place, rows=rows)
    found = []
    while (portion := feed.take()) is not None:
        found.append(portion)
    assert feed.ended
    return found


@st.composite
def sources(draw: st.DrawFn) -> Rows:
    """Slices of a few records, ordered by arrival, with ties within and across them."""
    arrival = 0
    slices: Rows = []
    for _ in range(draw(st.integers(0, 6))):
        rows = []
        for _ in range(draw(st.integers(0, 5))):
            arrival += draw(st.sampled_from([0, 0, 1, 3]))
            rows.append((draw(st.sampled_from("AB")), arrival))
        slices.append(rows)
    return slices


@given(sources(), st.integers(1, 7))
def test_a_restart_at_any_portion_gives_the_same_portions(slices: Rows, rows: int) -> None:
    """Wherever a run was killed, the next one takes the very portions that were left."""
    source = source_of(slices)
    whole = portions(source, Place(), rows)
    for index, portion in enumerate(whole):
        again = portions(source, portion.after, rows)
        assert [taken(part) for part in again] == [taken(part) for part in whole[index + 1 :]]


@given(sources(), st.integers(1, 7), st.lists(st.integers(0, 40), max_size=5))
def test_nothing_is_lost_or_doubled_however_it_is_cut(slices: Rows, rows: int, stops: list[int]) -> None:
    """With limits in time as well, every record and every refused row comes once, in order, and resumes."""
    source = source_of(slices)
    feed = Feed(source, STREAMS, Place(), rows=rows)
    found: list[Portion] = []
    place = Place()
    for stop in sorted(stops):
        while (portion := feed.take(stop)) is not None:
            found.append(portion)
            place = portion.after
        assert all(arrival is not None and arrival <= stop for arrival in _arrivals(found))
        feed = Feed(source, STREAMS, place, rows=rows)
    found += portions(source, place, rows)
    assert _arrivals(found) == [arrival for slice_ in slices for _, arrival in slice_]
    refused = [row.payload for portion in found for _, row in portion.quarantined]
    assert refused == [str(number).encode() for number in range(len(slices))]


def _arrivals(found: list[Portion]) -> list[int | None]:
    return [
        arrival
        for portion in found
        for arrival in sorted(a for values in taken(portion)[0].values() for a in values if a is not None)
    ]


def test_portions_have_the_size_asked_for() -> None:
    """Small slices are put together, large ones are taken apart; records of one arrival stay together."""
    small = [[("A", number)] for number in range(10)]
    assert [taken(part)[0] for part in portions(source_of(small), Place(), 4)] == [
        {"A": [0, 1, 2, 3]},
        {"A": [4, 5, 6, 7]},
        {"A": [8, 9]},
    ]
    large = [[("A", arrival) for arrival in [0, 1, 1, 1, 2, 3]]]
    assert [taken(part)[0] for part in portions(source_of(large), Place(), 2)] == [
        {"A": [0, 1, 1, 1]},
        {"A": [2, 3]},
    ]


def test_columns_are_put_in_order() -> None:
    """Whatever the source's order, a portion has the declared fields and then the arrival."""
    (portion,) = portions(source_of([[("A", 1)]]), Place(), 4)
    assert portion.tables["A"].schema.names == ["name", "at", "_arrival"]


doubled = pa.record_batch(
    [*table([5]).columns, table([5])["_arrival"]], names=[*table([5]).schema.names, "_arrival"]
)
whole_table: Any = pa.Table.from_batches([table([5])])


@pytest.mark.parametrize(
    ("slices", "message"),
    [
        ([Slice(1, {})], "slice 1 where 0 was due"),
        ([Slice(0, {"A": table([5])}), Slice(1, {"B": table([4])})], "begins with arrival 4"),
        ([Slice(0, {"C": table([5])})], "table 'C'; the app's streams are A, B"),
        ([Slice(0, {"A": table([5]).drop_columns(["at"])})], "no column 'at'"),
        ([{"A": table([5])}], "yielded a dict; it yields slices"),
        (None, "returned None; it yields slices"),
        ([Slice(0, {"A": table([5])}), None], "yielded a NoneType; it yields slices"),
        ([Slice(0, None)], "slice 0 of the source has a NoneType for tables"),  # type: ignore[arg-type]
        ([Slice(0, [table([5])])], "slice 0 of the source has a list for tables"),  # type: ignore[arg-type]
        ([Slice(0, {"A": {"at": [5]}})], r"'A' is a builtins.dict; it is a"),  # type: ignore[dict-item]
        ([Slice(0, {"A": doubled})], "'A' has more than one column '_arrival'"),
        ([Slice(0, {"A": whole_table})], r"'A' is a pyarrow.lib.Table; it is a"),
        ([Slice(0, {"A": arrived([None], pa.int64())})], "'_arrival' has 1 nulls"),
        ([Slice(0, {"A": arrived([1.5], pa.float64())})], "'_arrival' is double"),
        ([Slice(0, {"A": arrived([10**18], pa.int64())})], "1000000000000000000 us since 1970, which is not"),
        (
            [Slice(0, {"A": pa.record_batch({"name": ["a"], "at": ["noon"], "_arrival": [5]})})],
            "has string in 'at', which cannot become timestamp",
        ),
    ],
)
def test_a_source_out_of_order_is_refused(slices: Any, message: str) -> None:
    """A source whose replay would differ is an error that says what is wrong."""
    with pytest.raises(SourceOrderError, match=message):
        portions(lambda _: slices and iter(slices), Place(), 4)
