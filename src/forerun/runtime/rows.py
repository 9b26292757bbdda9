"""The records of one step: where each is, and in which order the kernel takes them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forerun.events.schema import StreamSpec
from forerun.streams.source import arrivals

Ints: TypeAlias = NDArray[np.int64]
Column: TypeAlias = "pa.Array[Any]"
"""A column of a batch; the type of its values is in its schema, not in its Python type."""


@dataclass(frozen=True, slots=True)
class Records:
    """Consecutive records of one partition of one stream.

    Args:
        stream: The stream's number.
        partition: The partition.
        offset: Offset of the first.
        batch: The stream's fields in order and, last, `_arrival`.
    """

    stream: int
    partition: int
    offset: int
    batch: pa.RecordBatch


class StepRows:
    """All records of a step as one numbered list, and each stream's as one table.

    Args:
        records: The step's records.
        applied: Which of the rows were applied, in the order of `records`.
    """

    def __init__(self, records: Sequence[Records], applied: NDArray[np.bool_]) -> None:
        self.records = records
        self.applied = applied
        counts = np.array([item.batch.num_rows for item in records], np.int64)
        self._base = np.concatenate([[0], np.cumsum(counts)])
        self.stream = np.repeat(np.array([item.stream for item in records], np.int64), counts)
        self.partition = np.repeat(np.array([item.partition for item in records], np.int64), counts)
        self.offset: Ints = _joined(
            [np.arange(item.offset, item.offset + item.batch.num_rows) for item in records]
        )
        self.arrival: Ints = _joined([arrivals(item.batch) for item in records])
        order = np.lexsort((self.offset, self.partition, self.stream, self.arrival))
        self.rank = np.empty(len(order), np.int64)
        self.rank[order] = np.arange(len(order))

    def __len__(self) -> int:
        return len(self.rank)

    def numbers(self, batch: Ints, row: Ints) -> Ints:
        """Numbers of rows given by the kernel as (index of the batch, row in it)."""
        numbers: Ints = self._base[batch] + row
        return numbers

    def of(self, stream: int) -> Ints:
        """Numbers of a stream's records, in the order of `table`."""
        return np.flatnonzero(self.stream == stream)

    def table(self, stream: int) -> pa.RecordBatch | None:
        """A stream's records as one batch; None when the step has none."""
        batches = [item.batch for item in self.records if item.stream == stream]
        if len(batches) <= 1:
            return batches[0] if batches else None
        return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]

    def position(self, stream: int, numbers: Ints) -> Ints:
        """Rows in the stream's `table` of records given by number."""
        positions: Ints = np.searchsorted(self.of(stream), numbers)
        return positions


def keys(names: Sequence[str], batch: pa.RecordBatch) -> list[str | None]:
    """The entity of each record as text: the value itself, or a JSON list when the key has several parts.

    Args:
        names: The fields of the key.
        batch: The records.

    Returns:
        None where a part of the key is null: such a record belongs to no entity.
    """
    columns = [batch.column(name) for name in names]
    if len(columns) == 1:
        return _texts(columns[0])
    values = [column.to_pylist() for column in columns]
    return [
        None if None in parts else json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
        for parts in zip(*values, strict=True)
    ]


def times_us(spec: StreamSpec, batch: pa.RecordBatch) -> Ints:
    """Event time of each record, microseconds; a null (an invalid record) reads as 0.

    Args:
        spec: The stream.
        batch: Its records.
    """
    column = batch.column(spec.time).cast(pa.int64())
    filled: Ints = (column.fill_null(0) if column.null_count else column).to_numpy(zero_copy_only=False)
    return filled


def _joined(parts: Sequence[NDArray[np.int64]]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _texts(column: Column) -> list[str | None]:
    """Values as JSON writes them, but texts as they are."""
    if pa.types.is_integer(column.type) or pa.types.is_string(column.type):
        # To a list through numpy: Arrow would make a scalar for each value first.
        texts: list[str | None] = column.cast(pa.string()).to_numpy(zero_copy_only=False).tolist()
        return texts
    return [None if value is None else json.dumps(value) for value in column.to_pylist()]
