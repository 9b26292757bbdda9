"""Slices, and how they are cut at an arrival."""

import pyarrow as pa
import pytest

from forerun.streams.source import Slice, arrival_of_row, take_until


def table(*arrivals: int) -> pa.RecordBatch:
    """A table of arrivals."""
    return pa.record_batch({"_arrival": pa.array(arrivals, pa.int64())})


def test_a_cut_takes_ties_together() -> None:
    """All records of one arrival are on the same side, in every table; empty sides are left out."""
    first, rest = take_until({"a": table(1, 2, 2, 3), "b": table(2), "c": table(4)}, 2)
    assert {name: part["_arrival"].to_pylist() for name, part in first.items()} == {"a": [1, 2, 2], "b": [2]}
    assert {name: part["_arrival"].to_pylist() for name, part in rest.items()} == {"a": [3], "c": [4]}


@pytest.mark.parametrize(("rows", "expected"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (6, None), (9, None)])
def test_the_nth_arrival_is_counted_over_all_tables(rows: int, expected: int | None) -> None:
    """None says that everything fits."""
    assert arrival_of_row({"a": table(1, 2, 2, 3), "b": table(2, 9)}, rows) == expected


def test_an_empty_slice_has_no_arrivals() -> None:
    """A part of a source may hold nothing but quarantined rows."""
    empty = Slice(0, {"a": table()})
    assert (empty.arrival_low_us, empty.arrival_high_us, empty.rows) == (None, None, 0)
