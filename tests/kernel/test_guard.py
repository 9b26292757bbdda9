"""What becomes of an event: invalid, early, late, duplicate or applied; and the watermarks behind it."""

import math

import pytest
from tests.kernel.ticks import apply, batch, feature, plan, rows_of, verdicts, view

from forerun._core import BatchError, Kernel

APPLIED, INVALID, EARLY, LATE, DUPLICATE = range(5)
COUNT = view(feature("count", over=1000))


def test_an_invalid_field_is_named() -> None:
    """Null where it may not be, NaN and infinities are refused; the first such field is named."""
    kernel = Kernel(plan(COUNT))
    step = apply(
        kernel,
        {"at": 1, "x": math.nan},
        {"at": 2, "x": -math.inf, "n": None},
        {"at": 3, "b": None},
        {"at": None, "_arrival": 4},
        {"at": 5, "x": None, "k": None},
    )
    assert verdicts(step) == [INVALID, INVALID, INVALID, INVALID, APPLIED]
    assert [row["field"] for row in rows_of(step.rejected)] == ["x", "x", "b", "at"]


def test_an_early_event_moves_no_watermark() -> None:
    """More than max_skew ahead of its arrival is refused; exactly that much is not."""
    kernel = Kernel(plan(COUNT, max_skew=50, lateness=10))
    step = apply(kernel, {"at": 150, "_arrival": 100}, {"at": 152, "_arrival": 101})
    assert verdicts(step) == [APPLIED, EARLY]
    assert kernel.watermarks() == [140]


def test_late_is_older_than_the_watermark_at_arrival() -> None:
    """At the watermark is in time, one before it is late, and the watermark is reported."""
    kernel = Kernel(plan(COUNT, lateness=10))
    step = apply(kernel, {"at": 100}, {"at": 90}, {"at": 89}, {"at": 105}, {"at": 94})
    assert verdicts(step) == [APPLIED, APPLIED, LATE, APPLIED, LATE]
    assert [(row["row"], row["watermark"]) for row in rows_of(step.rejected)] == [(2, 90), (4, 95)]


def test_the_watermark_is_the_slowest_partitions() -> None:
    """A stream waits for its slowest partition; one that has not begun is not waited for."""
    kernel = Kernel(plan(COUNT, lateness=10))
    apply(kernel, {"at": 100}, partition=0)
    assert kernel.watermarks() == [90]
    apply(kernel, {"at": 95}, partition=3)
    assert kernel.watermarks() == [90]  # never back
    apply(kernel, {"at": 500}, partition=0, offset=1)
    assert kernel.watermarks() == [90]
    step = apply(kernel, {"at": 200}, partition=3, offset=1)
    assert (verdicts(step), kernel.watermarks()) == ([APPLIED], [190])


def test_a_silent_partition_is_not_waited_for() -> None:
    """After idle the others go on; what the silent one then brings is judged by the stream's watermark."""
    kernel = Kernel(plan(COUNT, lateness=10, idle=1000))
    apply(kernel, {"at": 100, "_arrival": 100}, partition=0)
    apply(kernel, {"at": 100, "_arrival": 100}, partition=1)
    apply(kernel, {"at": 1090, "_arrival": 1100}, partition=0, offset=1)
    assert kernel.watermarks() == [90]
    apply(kernel, {"at": 1095, "_arrival": 1101}, partition=0, offset=2)
    assert kernel.watermarks() == [1085]
    step = apply(kernel, {"at": 1000, "_arrival": 1102}, partition=1, offset=1)
    assert verdicts(step) == [LATE]


def test_a_duplicate_is_the_same_id_near_in_time() -> None:
    """Within the horizon of an applied event's time an id is a duplicate; beyond it, or null, it is not."""
    kernel = Kernel(plan(COUNT, id=["k", "n"], dedup=50, lateness=1000))
    step = apply(
        kernel,
        {"at": 100, "n": 1},
        {"at": 150, "n": 1},
        {"at": 50, "n": 1},
        {"at": 151, "n": 1},
        {"at": 49, "n": 1},
        {"at": 100, "n": 2},
        {"at": 100, "n": 1, "k": None},
        {"at": 100, "n": 1, "k": None},
    )
    assert verdicts(step) == [APPLIED, DUPLICATE, DUPLICATE, *[APPLIED] * 5]


def test_what_was_refused_is_no_duplicate() -> None:
    """Only applied events leave their id."""
    kernel = Kernel(plan(COUNT, id=["k"], dedup=1000, lateness=10, max_skew=0))
    early, fine, again = (
        {"at": 200, "_arrival": 100},
        {"at": 100, "_arrival": 100},
        {"at": 95, "_arrival": 101},
    )
    step = apply(kernel, early, fine, again)
    assert verdicts(step) == [EARLY, APPLIED, DUPLICATE]


def test_every_event_is_counted_once() -> None:
    """In each partition, consumed = applied + invalid + early + late + duplicate."""
    kernel = Kernel(plan(COUNT, id=["k"], dedup=5, lateness=10, max_skew=50))
    apply(
        kernel,
        {"at": 100, "_arrival": 100},
        {"at": 100, "_arrival": 100},
        {"at": 10, "_arrival": 100},
        {"at": 900, "_arrival": 100},
        {"at": 100, "x": math.nan},
        partition=2,
        offset=7,
    )
    assert kernel.counters() == [
        {
            "stream": 0,
            "partition": 2,
            "consumed": 5,
            "applied": 1,
            "duplicate": 1,
            "late": 1,
            "early": 1,
            "invalid": 1,
            "watermark_us": 90,
            "next_offset": 12,
        }
    ]


def test_a_batch_has_its_place_in_the_log() -> None:
    """Offsets once consumed and arrivals that go back are refused, and nothing of the step is applied."""
    kernel = Kernel(plan(COUNT))
    apply(kernel, {"at": 1}, {"at": 2}, offset=5)
    before = kernel.state_hash()
    with pytest.raises(BatchError, match="starts at offset 6, but 7 is next"):
        apply(kernel, {"at": 3}, offset=6)
    with pytest.raises(BatchError, match="arrival 1 at offset 7 is before the previous one, 2"):
        apply(kernel, {"at": 3, "_arrival": 1}, offset=7)
    with pytest.raises(BatchError, match="goes back after row 0"):
        apply(kernel, {"at": 3, "_arrival": 9}, {"at": 3, "_arrival": 8}, offset=7)
    with pytest.raises(BatchError, match="starts at offset 8, but 9 is next"):
        kernel.apply([(0, 0, 7, batch({"at": 3}, {"at": 3})), (0, 0, 8, batch({"at": 3}))])
    assert kernel.state_hash() == before


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["k", "at"], "2 columns, expected its 5 fields and '_arrival'"),
        (["k", "at", "x", "n", "b"], "the last column must be '_arrival' int64"),
        (["at", "k", "x", "n", "b", "_arrival"], "column 0 is 'at', expected 'k'"),
        (["k", "at", "x", "n", "b", "x"], "column 5 is 'x', expected '_arrival'"),
    ],
)
def test_a_batch_has_the_streams_columns(columns: list[str], message: str) -> None:
    """Missing, misplaced and superfluous columns are named."""
    kernel = Kernel(plan(COUNT))
    with pytest.raises(BatchError, match=message):
        kernel.apply([(0, 0, 0, batch({"at": 1}).select(columns))])


def test_a_column_has_its_type() -> None:
    """A column of another type is refused, saying both types; a stream that is not there too."""
    kernel = Kernel(plan(COUNT))
    made = batch({"at": 1})
    wrong = made.set_column(3, "n", made.column("x"))
    with pytest.raises(BatchError, match="column 'n': expected int64, got Arrow type Float64"):
        kernel.apply([(0, 0, 0, wrong)])
    with pytest.raises(BatchError, match="there is no stream 1"):
        kernel.apply([(1, 0, 0, made)])
