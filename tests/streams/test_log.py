"""The contract of a log, run against every backend."""

import sqlite3

import pyarrow as pa
import pytest

from forerun.errors import LogRangeError
from forerun.streams.backends.sqlite import SqliteLog
from forerun.streams.log import Log, Range


@pytest.fixture
def log() -> Log:
    """A log without records."""
    log = SqliteLog(sqlite3.connect(":memory:"))
    log.create()
    return log


def batch(first: int, rows: int) -> pa.RecordBatch:
    """Rows whose value is their arrival."""
    return pa.record_batch(
        {"x": list(range(first, first + rows)), "_arrival": list(range(first, first + rows))}
    )


def values(log: Log, records: Range) -> list[tuple[int, list[int | None]]]:
    """What a range holds, as plain values."""
    return [(offset, part["x"].to_pylist()) for offset, part in log.read(records)]


def test_offsets_continue_per_topic_and_partition(log: Log) -> None:
    """Each partition of each topic counts from 0 without gaps."""
    assert log.append("a", 0, batch(0, 3)) == Range("a", 0, 0, 3)
    assert log.append("a", 0, batch(3, 2)) == Range("a", 0, 3, 5)
    assert log.append("a", 1, batch(0, 1)) == Range("a", 1, 0, 1)
    assert log.append("b", 0, batch(0, 1)) == Range("b", 0, 0, 1)
    assert (log.end("a", 0), log.end("a", 1), log.end("a", 2), log.end("b", 0)) == (5, 1, 0, 1)


def test_a_range_is_read_across_chunks(log: Log) -> None:
    """Reading gives exactly the range asked for, however it was appended."""
    log.append("a", 0, batch(0, 3))
    log.append("a", 0, batch(3, 3))
    log.append("a", 0, batch(6, 3))
    assert values(log, Range("a", 0, 2, 7)) == [(2, [2]), (3, [3, 4, 5]), (6, [6])]
    assert values(log, Range("a", 0, 4, 5)) == [(4, [4])]
    assert values(log, Range("a", 0, 4, 4)) == []


def test_records_that_are_not_there_are_refused(log: Log) -> None:
    """A range beyond the end is an error that says what the log keeps, never a short answer."""
    log.append("a", 0, batch(0, 3))
    with pytest.raises(LogRangeError, match=r"no record at offset 3: it keeps 0 to 2"):
        values(log, Range("a", 0, 1, 4))
    with pytest.raises(LogRangeError, match="no record at offset 0"):
        values(log, Range("nothing", 0, 0, 1))


def test_retention_drops_whole_chunks_and_keeps_counting(log: Log) -> None:
    """Dropped records are refused by name; offsets go on as if nothing had happened."""
    log.append("a", 0, batch(0, 3))
    log.append("a", 0, batch(3, 3))
    assert log.drop_before("a", 0, 5) == 3
    assert (log.start("a", 0), log.end("a", 0)) == (3, 6)
    with pytest.raises(LogRangeError, match="no record at offset 2: it keeps 3 to 5"):
        values(log, Range("a", 0, 2, 4))
    assert log.drop_before("a", 0, 6) == 3
    assert (log.start("a", 0), log.end("a", 0)) == (6, 6)
    assert log.append("a", 0, batch(6, 1)) == Range("a", 0, 6, 7)


@pytest.mark.parametrize(
    "bad",
    [
        pa.record_batch({"x": [1]}),
        pa.record_batch({"_arrival": [9], "x": [1]}),
        pa.record_batch({"_arrival": pa.array([None], pa.int64())}),
        pa.record_batch({"_arrival": pa.array([], pa.int64())}),
    ],
)
def test_a_batch_without_arrivals_is_refused(log: Log, bad: pa.RecordBatch) -> None:
    """`_arrival` is last, has no null, and there is at least one row."""
    with pytest.raises(LogRangeError, match="_arrival"):
        log.append("a", 0, bad)
    assert log.end("a", 0) == 0


@pytest.mark.parametrize("arrivals", [[5, 4], [1]])
def test_arrivals_never_go_back(log: Log, arrivals: list[int]) -> None:
    """Neither within a batch nor against what the partition has."""
    log.append("a", 0, batch(2, 1))
    with pytest.raises(LogRangeError, match="go back at offset 1"):
        log.append("a", 0, pa.record_batch({"_arrival": arrivals}))


def test_the_newest_arrival_is_over_all_topics(log: Log) -> None:
    """It is the log's own clock."""
    assert log.arrival_high_us() is None
    log.append("a", 0, batch(0, 3))
    log.append("b", 0, batch(7, 1))
    log.append("a", 1, batch(1, 1))
    assert log.arrival_high_us() == 7
