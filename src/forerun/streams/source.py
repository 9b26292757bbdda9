"""Where recorded or live streams come from: a function that yields slices from a position on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

from forerun.streams.log import ARRIVAL

if TYPE_CHECKING:
    from forerun.events.decode import Quarantined


@dataclass(frozen=True, slots=True)
class Slice:
    """The next part of a source.

    All arrivals of a slice are at or before those of the next one; within a table they never decrease.

    Args:
        position: Which part this is; the next one has `position + 1`.
        tables: By stream name: the stream's schema and, last, `_arrival` (int64 microseconds UTC).
        quarantined: Rows of this part that do not fit their declaration: stream name, row and reason.

    >>> part = Slice(0, {"Departed": pa.record_batch({"x": [1], "_arrival": [50]})})
    >>> part.rows, part.arrival_high_us
    (1, 50)
    """

    position: int
    tables: Mapping[str, pa.RecordBatch]
    quarantined: "Sequence[tuple[str, Quarantined]]" = field(default=())

    @property
    def rows(self) -> int:
        """Number of records."""
        return sum(table.num_rows for table in self.tables.values())

    @property
    def arrival_low_us(self) -> int | None:
        """Oldest arrival; None for a slice without records."""
        return min(
            (int(arrivals(table)[0]) for table in self.tables.values() if table.num_rows), default=None
        )

    @property
    def arrival_high_us(self) -> int | None:
        """Newest arrival; None for a slice without records."""
        return max(
            (int(arrivals(table)[-1]) for table in self.tables.values() if table.num_rows), default=None
        )


Source: TypeAlias = Callable[[int], Iterator[Slice]]
"""Called with the position to begin at (0 at first, later wherever it stopped), yields slices with
consecutive positions. Deterministic: the same position gives the same slice, always. Optional attributes
`total_events: int` and `span_us: tuple[int, int]` let the runtime show how far it is."""


def arrivals(table: pa.RecordBatch) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The `_arrival` column as numpy, without a copy.

    >>> arrivals(pa.record_batch({"_arrival": [1, 2]})).tolist()
    [1, 2]
    """
    column: np.ndarray[tuple[int], np.dtype[np.int64]] = table.column(ARRIVAL).to_numpy(zero_copy_only=True)
    return column


def take_until(
    tables: Mapping[str, pa.RecordBatch], arrival_us: int
) -> tuple[dict[str, pa.RecordBatch], dict[str, pa.RecordBatch]]:
    """Split tables into what arrived up to an instant, and the rest; empty tables are left out.

    Args:
        tables: By stream name, arrivals never decreasing.
        arrival_us: The instant; it belongs to the first part.

    >>> tables = {"a": pa.record_batch({"_arrival": [1, 5, 9]})}
    >>> first, rest = take_until(tables, 5)
    >>> first["a"].num_rows, rest["a"].num_rows
    (2, 1)
    """
    first, rest = {}, {}
    for name, table in tables.items():
        rows = int(np.searchsorted(arrivals(table), arrival_us, side="right"))
        if rows:
            first[name] = table.slice(0, rows)
        if rows < table.num_rows:
            rest[name] = table.slice(rows)
    return first, rest


def arrival_of_row(tables: Mapping[str, pa.RecordBatch], rows: int) -> int | None:
    """Arrival of the `rows`-th record of all tables together; None when there are not more than `rows`.

    Args:
        tables: By stream name.
        rows: How many records, 1 or more.

    >>> tables = {"a": pa.record_batch({"_arrival": [1, 5]}), "b": pa.record_batch({"_arrival": [3]})}
    >>> arrival_of_row(tables, 2)
    3
    """
    columns = [arrivals(table) for table in tables.values() if table.num_rows]
    if sum(map(len, columns)) <= rows:
        return None
    return int(np.partition(np.concatenate(columns), rows - 1)[rows - 1])
