"""Batches survive the trip through bytes."""

import pyarrow as pa

from forerun.streams.ipc import decode, encode


def test_every_type_of_a_stream_comes_back_bit_for_bit() -> None:
    """Strings, floats with a negative zero, ints at their ends, times, bools and nulls are unchanged."""
    batch = pa.record_batch(
        {
            "s": pa.array(["", "ä", None]),
            "f": pa.array([-0.0, 1e308, None]),
            "i": pa.array([-(2**63), 2**63 - 1, None]),
            "t": pa.array([0, -1, None], pa.timestamp("us", "UTC")),
            "b": pa.array([True, False, None]),
        }
    )
    assert decode(encode(batch)).equals(batch)


def test_a_slice_is_encoded_without_what_it_was_cut_from() -> None:
    """The bytes of a short slice do not grow with the table it came from."""
    table = pa.record_batch({"i": pa.array(range(100_000))})
    assert decode(encode(table.slice(500, 3)))["i"].to_pylist() == [500, 501, 502]
    assert len(encode(table.slice(500, 3))) < 1_000
