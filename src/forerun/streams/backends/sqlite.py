"""The embedded log: chunks of records in SQLite, in the same file and commit as everything else."""

import sqlite3
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from forerun.errors import LogRangeError
from forerun.streams.ipc import decode, encode
from forerun.streams.log import ARRIVAL, Range

SCHEMA = """
CREATE TABLE IF NOT EXISTS log_chunk (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    start INTEGER NOT NULL,          -- offset of the first record
    stop INTEGER NOT NULL,           -- offset after the last
    arrival_high_us INTEGER NOT NULL,
    payload BLOB NOT NULL,           -- Arrow IPC stream of one batch
    PRIMARY KEY (topic, partition, start)
);
CREATE TABLE IF NOT EXISTS log_end (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    stop INTEGER NOT NULL,           -- offset of the next record, also when all chunks were dropped
    arrival_high_us INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
"""


class SqliteLog:
    """A log in an SQLite connection.

    It neither begins nor ends a transaction: whoever holds the connection decides what commits together.

    Args:
        connection: An open connection.

    >>> log = SqliteLog(sqlite3.connect(":memory:"))
    >>> log.create()
    >>> log.append("clicks", 0, pa.record_batch({"x": [1.5, 2.5], "_arrival": [10, 20]}))
    Range(topic='clicks', partition=0, start=0, stop=2)
    >>> [(offset, batch["x"].to_pylist()) for offset, batch in log.read(Range("clicks", 0, 1, 2))]
    [(1, [2.5])]
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def create(self) -> None:
        """Make the tables unless they are there."""
        for statement in SCHEMA.split(";\n"):
            self._connection.execute(statement)

    def append(self, topic: str, partition: int, batch: pa.RecordBatch) -> Range:
        """Add records at the end of a partition."""
        start, before_us = self._end(topic, partition)
        arrivals = batch.column(batch.num_columns - 1)
        if batch.schema.names[-1] != ARRIVAL or batch.num_rows == 0 or arrivals.null_count:
            raise LogRangeError(
                f"a batch for {topic}/{partition} needs rows and {ARRIVAL!r} without nulls as last column"
            )
        first_us, last_us = arrivals[0].as_py(), arrivals[-1].as_py()
        if (before_us is not None and first_us < before_us) or not _sorted(
            arrivals.to_numpy(zero_copy_only=True)
        ):
            raise LogRangeError(
                f"arrivals of {topic}/{partition} go back at offset {start} "
                f"(first {first_us}, the log has {before_us}); append records in the order they arrive"
            )
        stop = start + batch.num_rows
        self._connection.execute(
            "INSERT INTO log_chunk VALUES (?, ?, ?, ?, ?, ?)",
            (topic, partition, start, stop, last_us, encode(batch)),
        )
        self._connection.execute(
            "INSERT INTO log_end VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " stop = excluded.stop, arrival_high_us = excluded.arrival_high_us",
            (topic, partition, stop, last_us),
        )
        return Range(topic, partition, start, stop)

    def end(self, topic: str, partition: int) -> int:
        """Offset the next record will get."""
        return self._end(topic, partition)[0]

    def start(self, topic: str, partition: int) -> int:
        """Offset of the oldest record still kept."""
        row = self._connection.execute(
            "SELECT min(start) FROM log_chunk WHERE topic = ? AND partition = ?", (topic, partition)
        ).fetchone()
        return self.end(topic, partition) if row[0] is None else int(row[0])

    def read(self, records: Range) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (offset of the first row, batch) in order, together exactly the range."""
        at = records.start
        if not len(records):
            return
        # fetchall, not a live cursor: the caller may write to the connection between two chunks.
        chunks = self._connection.execute(
            "SELECT start, stop FROM log_chunk WHERE topic = ? AND partition = ? AND stop > ? AND start < ?"
            " ORDER BY start",
            (records.topic, records.partition, records.start, records.stop),
        ).fetchall()
        for start, stop in chunks:
            if start > at:
                break
            (payload,) = self._connection.execute(
                "SELECT payload FROM log_chunk WHERE topic = ? AND partition = ? AND start = ?",
                (records.topic, records.partition, start),
            ).fetchone()
            until = min(stop, records.stop)
            yield at, decode(payload).slice(at - start, until - at)
            at = until
        if at != records.stop:
            first = self.start(records.topic, records.partition)
            last = self.end(records.topic, records.partition) - 1
            raise LogRangeError(
                f"{records.topic}/{records.partition} has no record at offset {at}: "
                f"it keeps {first} to {last}"
            )

    def arrival_high_us(self) -> int | None:
        """Newest arrival in any topic; None for an empty log."""
        (high,) = self._connection.execute("SELECT max(arrival_high_us) FROM log_end").fetchone()
        return None if high is None else int(high)

    def drop_before(self, topic: str, partition: int, offset: int) -> int:
        """Retention: forget whole chunks of records below an offset; returns how many records went."""
        where = "FROM log_chunk WHERE topic = ? AND partition = ? AND stop <= ?"
        (dropped,) = self._connection.execute(
            f"SELECT coalesce(sum(stop - start), 0) {where}", (topic, partition, offset)
        ).fetchone()
        self._connection.execute(f"DELETE {where}", (topic, partition, offset))
        return int(dropped)

    def _end(self, topic: str, partition: int) -> tuple[int, int | None]:
        row = self._connection.execute(
            "SELECT stop, arrival_high_us FROM log_end WHERE topic = ? AND partition = ?", (topic, partition)
        ).fetchone()
        return (0, None) if row is None else (int(row[0]), int(row[1]))


def _sorted(values: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> bool:
    return bool((values[:-1] <= values[1:]).all())
