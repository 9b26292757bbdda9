"""Bugs in what comes out: sinks, files, refused records and counts; see `planted`."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
from tests.crash.planting import all_of

from forerun._core import Kernel
from forerun.actions import jsonl
from forerun.actions.jsonl import JsonlSink
from forerun.actions.outbox import Outbox, Sink
from forerun.runtime import export, step
from forerun.runtime.export import Exporter
from forerun.runtime.followup import FollowUp
from forerun.runtime.outputs import Outputs, Part
from forerun.runtime.processor import Processor
from forerun.runtime.state import State
from forerun.state.files import write_durably
from forerun.streams.log import Range
from forerun.testing.files import SimulatedFiles

LATE = 3
"""The kernel's number for it."""


def sink_before_journal() -> AbstractContextManager[object]:
    """Decisions are delivered when they are made, and committed afterwards."""
    queue = Processor._queue
    sinks: list[tuple[Outbox, Sink]] = []
    make = FollowUp.__init__

    def remember(self: FollowUp, db: Any, directory: Path, topics: Sequence[str], world: Any) -> None:
        make(self, db, directory, topics, world)
        sinks[:] = [(self._outbox, sink) for sink in self._outbox._sinks]

    def hasty(self: Processor, taken: Any, *more: Any) -> Any:
        for outbox, sink in sinks if taken is not None else []:
            with outbox._database.snapshot() as connection:
                ends = {topic: outbox._log(connection).end(topic, 0) for topic in taken.effects.decisions}
            for topic, decisions in taken.effects.decisions.items():
                sink.deliver(topic, ends[topic], decisions)
        return queue(self, taken, *more)

    return all_of([patch.object(FollowUp, "__init__", remember), patch.object(Processor, "_queue", hasty)])


def outbox_not_deduplicated() -> AbstractContextManager[object]:
    """The sink does not look what it has already."""
    return patch.object(JsonlSink, "_repair", lambda self, path: 0)


def torn_line_left() -> AbstractContextManager[object]:
    """A half line at the end of a decision file stays there."""
    return patch.object(SimulatedFiles, "truncate", lambda self, path, size: None)


def relay_notes_first() -> AbstractContextManager[object]:
    """The outbox moves on before the sink has taken the decisions."""

    def hasty(self: Outbox, sink: Sink, topic: str) -> int:
        with self._database.snapshot() as connection:
            log = self._log(connection)
            row = connection.execute("SELECT next FROM outbox WHERE topic = ?", (topic,)).fetchone()
            start, stop = row[0] if row else 0, log.end(topic, 0)
            batches = list(log.read(Range(topic, 0, start, stop)))
        if stop > start:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO outbox VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next",
                    (sink.name, topic, stop),
                )
        for offset, batch in batches:
            sink.deliver(topic, offset, batch)
        return int(stop - start)

    return patch.object(Outbox, "_relay_some", hasty)


def export_done_before_its_file() -> AbstractContextManager[object]:
    """Rows leave the database before the file that takes them is durable."""
    write = Exporter._write

    def hasty(self: Exporter, part: Part) -> None:
        with self._database.snapshot() as connection:
            batches = Outputs(connection).read(part)
        with self._database.transaction() as connection:
            Outputs(connection).finish(part)
        read = patch.object(Outputs, "read", lambda _self, _part: batches)
        with read, patch.object(Outputs, "finish", lambda _self, _part: None):
            write(self, part)

    return patch.object(Exporter, "_write", hasty)


def newest_rows_first() -> AbstractContextManager[object]:
    """What several steps gave goes into a file from the last step to the first."""
    read = Outputs.read
    return patch.object(Outputs, "read", lambda self, part: read(self, part)[::-1])


def file_named_before_its_rows() -> AbstractContextManager[object]:
    """A file with half of the rows has the name that the whole one will have."""
    write = write_durably

    def hasty(to: Any, path: Path, data: bytes) -> None:
        table, begun = pq.read_table(io.BytesIO(data), use_threads=False), io.BytesIO()
        pq.write_table(table.slice(0, len(table) // 2), begun)
        write(to, path, begun.getvalue())
        write(to, path, data)

    return patch.object(export, "write_durably", hasty)


def late_is_not_told() -> AbstractContextManager[object]:
    """Records that came too late are counted, and written down nowhere."""
    rejected = step._rejected

    def silent(layout: Any, rows: Any, found: pa.RecordBatch) -> pa.RecordBatch | None:
        told = [verdict != LATE for verdict in found["verdict"].to_pylist()]
        return rejected(layout, rows, found.filter(pa.array(told, pa.bool_())))

    return patch.object(step, "_rejected", silent)


def refused_without_reason() -> AbstractContextManager[object]:
    """What is kept of a refused record does not say which watermark it was behind."""
    rejected = step._rejected

    def silent(layout: Any, rows: Any, found: pa.RecordBatch) -> pa.RecordBatch | None:
        made = rejected(layout, rows, found)
        if made is None:
            return None
        at = made.schema.get_field_index("watermark")
        field = made.schema.field(at)
        return made.set_column(at, field, pa.nulls(len(made), field.type))

    return patch.object(step, "_rejected", silent)


def delivered_as_the_first() -> AbstractContextManager[object]:
    """Of decisions that are delivered together, all say what the first of them says."""
    lines = jsonl._lines

    def alike(offset: int, decisions: pa.RecordBatch) -> bytes:
        return b"".join(lines(offset + row, decisions.slice(0, 1)) for row in range(decisions.num_rows))

    return patch.object(jsonl, "_lines", alike)


def late_counts_as_applied() -> AbstractContextManager[object]:
    """The books say that nothing was late."""

    class Books:
        """A kernel whose counters are cooked."""

        def __init__(self, kernel: Kernel) -> None:
            self._kernel = kernel

        def __getattr__(self, name: str) -> Any:
            return getattr(self._kernel, name)

        def counters(self) -> list[dict[str, Any]]:
            return [
                {**counts, "late": 0, "applied": counts["applied"] + counts["late"]}
                for counts in self._kernel.counters()
            ]

    empty = State.empty.__func__  # type: ignore[attr-defined]  # a class method's function
    restore = State.restore.__func__  # type: ignore[attr-defined]  # a class method's function

    def cooked(make: Any) -> Any:
        def made(cls: Any, *args: Any) -> State:
            state: State = make(cls, *args)
            state.kernel = Books(state.kernel)  # type: ignore[assignment]  # it answers as one
            return state

        return classmethod(made)

    return all_of(
        [patch.object(State, "empty", cooked(empty)), patch.object(State, "restore", cooked(restore))]
    )
