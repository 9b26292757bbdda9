"""The log: every record that ever came in or went out, in topics of ordered partitions.

A record's place is (topic, partition, offset). Offsets begin at 0, have no gaps and are never used twice;
old records may be dropped from the front. What is in the log never changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

ARRIVAL = "_arrival"
"""Name of the last column of every record batch: the append time, int64 microseconds UTC."""


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Offsets of one partition of one topic.

    Args:
        topic: Name of the topic.
        partition: Number of the partition.
        start: First offset.
        stop: Offset after the last.

    >>> len(Range("departed", 0, 10, 15))
    5
    """

    topic: str
    partition: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class Log(Protocol):
    """What the runtime asks of a log, embedded or a cluster."""

    def append(self, topic: str, partition: int, batch: pa.RecordBatch) -> Range:
        """Add records at the end of a partition.

        Args:
            topic: The topic; it is made by the first append.
            partition: The partition.
            batch: At least one row; the last column is `_arrival`, never decreasing within a partition.

        Raises:
            LogRangeError: The arrivals go back.
        """

    def end(self, topic: str, partition: int) -> int:
        """Offset the next record will get."""

    def start(self, topic: str, partition: int) -> int:
        """Offset of the oldest record still kept."""

    def read(self, records: Range) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (offset of the first row, batch) in order, together exactly the range.

        Raises:
            LogRangeError: Some of these records were dropped, or are not there yet.
        """

    def arrival_high_us(self) -> int | None:
        """Newest arrival in any topic; None for an empty log."""

    def drop_before(self, topic: str, partition: int, offset: int) -> int:
        """Retention: forget whole chunks of records below an offset; returns how many records went."""
