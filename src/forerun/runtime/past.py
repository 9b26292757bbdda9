"""The features as they were: the journal taken again into a fresh kernel, up to a place in it."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from forerun._core import Kernel
from forerun.errors import NotFoundError
from forerun.runtime.journal import Entry
from forerun.runtime.kernel import kernel_errors
from forerun.runtime.layout import Layout
from forerun.runtime.recovery import read_records
from forerun.runtime.rows import Records
from forerun.runtime.scratch import Scratch
from forerun.runtime.tables import Tables
from forerun.streams.source import arrivals

Cut: TypeAlias = Callable[[Sequence[Records]], "list[Records] | None"]
"""What to take of a step's records; None: all of them, and go on to the next step."""

Moved: TypeAlias = Callable[[int, int], None]
"""Told steps done and steps in all."""


def unwatched(_done: int, _total: int) -> None:
    """Nobody is told."""


def kernel_after_step(
    layout: Layout, tables: Tables, step: int, scratch: Scratch, on_progress: Moved = unwatched
) -> Kernel:
    """A kernel that has taken every step up to one.

    Args:
        layout: The app.
        tables: The database.
        step: The last step to take; 0 gives an empty kernel.
        scratch: Memory for the kernel; it must last as long as the kernel is used.
        on_progress: Told steps done and steps in all.

    Raises:
        LogRangeError: Retention has dropped records from the log.
    """
    entries = (entry for entry in tables.journal.entries(after=0) if entry.step <= step)
    return _taken(layout, tables, entries, lambda _: None, scratch, on_progress)


def kernel_at_arrival(
    layout: Layout, tables: Tables, arrival_us: int, scratch: Scratch, on_progress: Moved = unwatched
) -> Kernel:
    """A kernel that has taken everything that had arrived by an instant.

    Args:
        layout: The app.
        tables: The database.
        arrival_us: The instant, on the log's clock.
        scratch: Memory for the kernel; it must last as long as the kernel is used.
        on_progress: Told steps done and steps in all.

    Raises:
        LogRangeError: Retention has dropped records from the log.
    """

    def cut(records: Sequence[Records]) -> list[Records] | None:
        if max(int(arrivals(item.batch)[-1]) for item in records) <= arrival_us:
            return None
        return [
            _first(item, int(np.searchsorted(arrivals(item.batch), arrival_us, "right"))) for item in records
        ]

    return _taken(layout, tables, tables.journal.entries(after=0), cut, scratch, on_progress)


def kernel_at_record(
    layout: Layout,
    tables: Tables,
    stream: int,
    partition: int,
    offset: int,
    scratch: Scratch,
    on_progress: Moved = unwatched,
) -> Kernel:
    """A kernel that has just taken one record: it knows all that the record's prediction knew.

    Args:
        layout: The app.
        tables: The database.
        stream: The record's stream.
        partition: Its partition.
        offset: Its offset.
        scratch: Memory for the kernel; it must last as long as the kernel is used.
        on_progress: Told steps done and steps in all.

    Raises:
        LogRangeError: Retention has dropped records from the log.
        NotFoundError: No step has taken it.
    """
    found = False

    def cut(records: Sequence[Records]) -> list[Records] | None:
        nonlocal found
        for item in records:
            row = offset - item.offset
            if (item.stream, item.partition) == (stream, partition) and 0 <= row < item.batch.num_rows:
                found = True
                arrival_us = int(arrivals(item.batch)[row])
                return [_up_to(other, arrival_us, (stream, partition), row) for other in records]
        return None

    kernel = _taken(layout, tables, tables.journal.entries(after=0), cut, scratch, on_progress)
    if not found:
        name = layout.streams[stream].name
        raise NotFoundError(f"no step has taken {name} partition {partition} offset {offset}")
    return kernel


def _taken(
    layout: Layout, tables: Tables, entries: Iterator[Entry], cut: Cut, scratch: Scratch, on_progress: Moved
) -> Kernel:
    """A kernel that has taken steps up to the first that is cut."""
    kernel = Kernel(layout.plan, layout.functions)
    scratch.give(kernel)
    total = tables.journal.last_step()
    for entry in entries:
        on_progress(entry.step, total)
        records = read_records(layout, tables.log, entry)
        kept = cut(records)
        batches = [item for item in (records if kept is None else kept) if item.batch.num_rows]
        if batches:
            with kernel_errors():
                kernel.apply([(item.stream, item.partition, item.offset, item.batch) for item in batches])
            scratch.relieve(kernel)
        if kept is not None:
            break
    return kernel


def _up_to(records: Records, arrival_us: int, where: tuple[int, int], row: int) -> Records:
    """Those of a partition's records that the kernel takes before a row, or that row."""
    if (records.stream, records.partition) == where:
        return _first(records, row + 1)
    # Arrivals are whole microseconds, so those before an instant are those up to the microsecond before.
    last_us = arrival_us if (records.stream, records.partition) < where else arrival_us - 1
    return _first(records, int(np.searchsorted(arrivals(records.batch), last_us, "right")))


def _first(records: Records, rows: int) -> Records:
    return Records(records.stream, records.partition, records.offset, records.batch.slice(0, rows))
