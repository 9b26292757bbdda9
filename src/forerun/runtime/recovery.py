"""From the disk to the state that a process had when it ended, however it ended.

A checkpoint holds the state after one step. The steps after it are taken again from the log: a step is pure,
so the state comes out the same, bit for bit, and what they gave is committed already.
"""

from collections.abc import Iterator

import pyarrow as pa

from forerun.errors import StateError
from forerun.runtime.journal import Asked, Entry
from forerun.runtime.layout import Layout
from forerun.runtime.room import Room
from forerun.runtime.rows import Records, keys, times_us
from forerun.runtime.state import State
from forerun.runtime.step import follow
from forerun.runtime.tables import Tables
from forerun.streams.log import Log, Range


def recover(layout: Layout, tables: Tables, room: Room | None = None) -> State:
    """The state after the last committed step.

    Args:
        layout: The app.
        tables: The database.
        room: The memory for entities and open windows, and where those are that do not fit; None: all are in
            memory.

    Raises:
        StateError: The data is damaged: the journal and the log do not fit.
    """
    checkpoint = tables.states.load(None if room is None else room.share())
    if checkpoint is None:
        state = State.empty(layout, room)
    else:
        state = State.restore(layout, checkpoint, room)
    _await_requests(layout, tables, state)
    for entry in tables.journal.entries(after=state.step):
        if entry.step != state.step + 1:
            raise StateError(
                f"the journal has step {entry.step} after {state.step}; restore a copy of the data"
            )
        follow(layout, state, read_records(layout, tables.log, entry))
        # What has changed since the checkpoint stays, as it did before the end.
        state.kernel.relieve(stored=True)
        _await_requests(layout, tables, state)
    for (topic, partition), end in ends(layout, state).items():
        if tables.log.end(topic, partition) != end:
            raise StateError(
                f"{topic}/{partition} ends at {tables.log.end(topic, partition)} in the log and at {end} in "
                "the journal; restore the data from a copy"
            )
    return state


def ends(layout: Layout, state: State) -> dict[tuple[str, int], int]:
    """By topic and partition, the offset of the next record to take.

    Args:
        layout: The app.
        state: The state.
    """
    return {
        (layout.streams[counts["stream"]].topic, counts["partition"]): counts["next_offset"]
        for counts in state.kernel.counters()
    }


def read_records(layout: Layout, log: Log, entry: Entry) -> list[Records]:
    """The records of a step, from the log.

    Args:
        layout: The app.
        log: The log.
        entry: The step.
    """
    return [
        Records(layout.topic(taken.topic), taken.partition, taken.start, _batch(log.read(taken), taken))
        for taken in entry.ranges
    ]


def _batch(chunks: Iterator[tuple[int, pa.RecordBatch]], taken: Range) -> pa.RecordBatch:
    batches = [batch for _, batch in chunks]
    if not batches:
        raise StateError(f"the journal names an empty range, {taken}; restore the data from a copy")
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _await_requests(layout: Layout, tables: Tables, state: State) -> None:
    """Let the predictions of requests after the state's step wait for their labels again."""
    for asked in tables.journal.requests(state.step):
        if asked.start < state.requests:
            continue  # in the checkpoint already: it was written between two groups
        await_labels(layout, state, asked)
        state.requests = asked.stop


def await_labels(layout: Layout, state: State, asked: Asked) -> None:
    """Let the predictions of requests wait for their labels.

    Args:
        layout: The app.
        state: Its label joins are moved on.
        asked: The requests.
    """
    on, join = layout.models[asked.model].spec.on, state.joins[asked.model]
    made_us = times_us(on, asked.fields).tolist()
    join.predicted_all(keys(on.key, asked.fields), asked.ids(layout.app), made_us)
