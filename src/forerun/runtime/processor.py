"""Takes steps and requests one after the other, and commits what they gave.

One lock guards the state. Whoever holds it moves the state on and queues the commit before letting go, so
commits are in the order of the changes, and nothing is durable without what it was computed from. Waiting for
the disk happens outside the lock.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from forerun.errors import StateError
from forerun.events.records import QUARANTINE_SCHEMA, TIME
from forerun.monitoring.timing import Stopwatch
from forerun.runtime.clock import Clock
from forerun.runtime.commit import Commits, Ticket, Write
from forerun.runtime.feed import Place
from forerun.runtime.journal import Entry
from forerun.runtime.layout import Layout
from forerun.runtime.predictions import Active
from forerun.runtime.rows import Records
from forerun.runtime.state import State
from forerun.runtime.step import Effects, step
from forerun.runtime.tables import Tables
from forerun.runtime.tally import Tally
from forerun.state.store import Checkpoint
from forerun.streams.log import ARRIVAL, Range

if TYPE_CHECKING:
    from forerun.events.decode import Quarantined

CHECKPOINT_ROWS = 262_144
"""Records between checkpoints, at least."""

CHECKPOINT_ROWS_TIMES = 4
"""At most so many times as many: a restart takes them again, a few hundred thousand or more a second."""

ENTITY_BYTES = 512
"""Writing an entity costs as if it had so many bytes more: its place in the table must be found."""

CHECKPOINT_US = 60_000_000
"""Time between checkpoints while records come slowly."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that is durable.

    Args:
        step: Its number.
        ranges: The records, by topic.
        effects: What they gave.
        latency_us: From its beginning until its predictions were scored.
    """

    step: int
    ranges: Sequence[Range]
    effects: Effects
    latency_us: int


@dataclass(slots=True)
class Processor:
    """The state, and the only way to move it on.

    Args:
        layout: The app.
        state: As recovered.
        commits: The way to the disk.
        clock: Stamps and measures; no value depends on it.
        ends: By topic and partition, the offset of the next record.
        models: By name, the version that scores from the next step on.
        tally: Totals, as recovered.
        recorded: Whether time is the log's own (a source replays the past) or the wall clock's.
        arrival_us: Newest arrival handed out.
        checkpoint_rows: Records between checkpoints.
    """

    layout: Layout
    state: State
    commits: Commits
    clock: Clock
    ends: dict[tuple[str, int], int]
    models: dict[str, Active | None]
    tally: Tally
    recorded: bool
    arrival_us: int = 0
    checkpoint_rows: int = CHECKPOINT_ROWS
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    last_commit_us: int | None = None
    _checkpoint_consumed: int = 0
    _checkpoint_us: int = 0
    _checkpoint_bytes: int = 0
    _taken_bytes: int = 0
    _queued: Ticket | None = None
    _checkpoint: Ticket | None = None

    def __post_init__(self) -> None:
        self._checkpoint_consumed = self.state.consumed
        self._checkpoint_us = self.clock.tick_us()

    def now_us(self) -> int:
        """The log's clock: the newest arrival; while live, the wall clock unless that is behind."""
        if self.recorded:
            return self.arrival_us
        return max(self.arrival_us, self.clock.now_us())

    def take(
        self,
        tables: Mapping[str, pa.RecordBatch],
        *,
        partition: int = 0,
        place: Place | None = None,
        quarantined: "Sequence[tuple[str, Quarantined]]" = (),
    ) -> Taken | None:
        """Take one step and commit it; durable on return.

        Args:
            tables: By stream name, its fields. With `place` the last column is `_arrival`; without, they
                arrive now.
            partition: The partition all of them belong to.
            place: How far the source has been read with this; None: it does not come from the source.
            quarantined: Refused rows to keep: stream name and row.

        Returns:
            The step, or None when there was no record (then only `place` and `quarantined` were committed).

        Raises:
            ForerunError: The step or the commit failed; the process must stop.
        """
        start_us = self.clock.tick_us()
        with self.moving():
            self.relieve()
            tables = {name: table for name, table in tables.items() if table.num_rows}
            if place is None:
                tables = {name: _arrived(table, self.now_us()) for name, table in tables.items()}
            taken = self._step(tables, partition, start_us)
            ticket = self._queue(taken, tables, partition, place, quarantined)
        self.wait(ticket)
        if taken is not None:
            self.stopwatch.observe((self.clock.tick_us() - start_us) / 1_000_000)
        return taken

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Hold the state while it is moved on; if that fails, nothing is ever committed again."""
        with self.lock:
            try:
                yield
            except BaseException as exc:
                self.commits.fail(exc)
                raise

    @contextmanager
    def looking(self) -> Iterator[State]:
        """Hold the state while it is looked at; on leaving, all that was seen is on the disk.

        A kernel that cannot fetch an entity does not work any more, so nothing is committed after that.
        """
        with self.lock:
            try:
                self.relieve()
                yield self.state
            except StateError as exc:
                self.commits.fail(exc)
                raise
            seen = self._queued
        if seen is not None:
            self.commits.wait(seen)

    def relieve(self) -> bool:
        """Put entities to sleep that are in the last checkpoint as they are, if there are too many in memory.

        Returns:
            Whether a checkpoint is needed, because those in memory are not in one.
        """
        last = self._checkpoint
        return self.state.kernel.relieve(last is None or (last.settled and last.error is None))

    def queue(self, write: Write) -> Ticket:
        """Put a commit in line, while the state is held.

        Args:
            write: What it does to the database.
        """
        self._queued = self.commits.queue(write)
        return self._queued

    def wait(self, ticket: Ticket) -> None:
        """Return when a commit is on the disk.

        Args:
            ticket: The commit.
        """
        self.commits.wait(ticket)
        self.last_commit_us = self.clock.now_us()

    def checkpoint(self) -> None:
        """Write a checkpoint now, so that the next start has nothing to take again."""
        with self.moving():
            if self.state.consumed == self._checkpoint_consumed:
                return
            changes = self._changes()
            ticket = self.queue(lambda connection: Tables(connection).states.save(changes))
            self._checkpoint = ticket
        self.wait(ticket)

    def _step(self, tables: Mapping[str, pa.RecordBatch], partition: int, start_us: int) -> Taken | None:
        if not tables:
            return None
        records, ranges = [], []
        for name, table in tables.items():
            number = self.layout.stream(name)
            topic = self.layout.streams[number].topic
            offset = self.ends.get((topic, partition), 0)
            records.append(Records(number, partition, offset, table))
            ranges.append(Range(topic, partition, offset, offset + table.num_rows))
            self.ends[topic, partition] = offset + table.num_rows
        self._taken_bytes += sum(table.nbytes for table in tables.values())
        effects = step(self.layout, self.state, records, self.models)
        self.arrival_us = max(self.arrival_us, self.state.arrival_us or 0)
        for model, made in effects.predictions.items():
            self.tally.made(model, made)
        for name, closed in effects.windows.items():
            self.tally.closed(name, closed.num_rows)
        self.tally.unserved(effects.overflow)
        return Taken(self.state.step, ranges, effects, self.clock.tick_us() - start_us)

    def _queue(
        self,
        taken: Taken | None,
        tables: Mapping[str, pa.RecordBatch],
        partition: int,
        place: Place | None,
        quarantined: "Sequence[tuple[str, Quarantined]]",
    ) -> Ticket:
        """Put everything the step did in line for one transaction."""
        now_us = self.clock.now_us()
        for stream, _ in quarantined:
            self.tally.refused(stream, 1)
        refused = _refused(quarantined, self.arrival_us) if quarantined else None
        tally = self.tally.to_json()
        versions = {name: None if active is None else active.version for name, active in self.models.items()}
        checkpoint = self._changes() if taken is not None and self._is_due() else None

        def write(connection: sqlite3.Connection) -> None:
            stored = Tables(connection)
            if taken is not None:
                appended = [
                    stored.log.append(expected.topic, partition, table)
                    for expected, table in zip(taken.ranges, tables.values(), strict=True)
                ]
                if appended != list(taken.ranges):
                    raise StateError(f"the log gave {appended} to records taken as {taken.ranges}")
                entry = Entry(taken.step, tuple(taken.ranges), versions, self.layout.version, now_us)
                stored.journal.add(entry)
                _write_effects(stored, taken, now_us)
            if place is not None:
                stored.set_place(place)
            if refused is not None:
                stored.outputs.add("quarantine", "", refused)
            if checkpoint is not None:
                stored.states.save(checkpoint)
            stored.set_fact("tally", tally)

        ticket = self.queue(write)
        if checkpoint is not None:
            self._checkpoint = ticket
        return ticket

    def _is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        if self.relieve():
            return True
        if self.clock.tick_us() - self._checkpoint_us >= CHECKPOINT_US:
            return True
        rows = self.state.consumed - self._checkpoint_consumed
        if rows < self.checkpoint_rows:
            return False
        # Entities are written whole, with the events they keep. Where they keep a lot, or are many, a
        # checkpoint is many times what came in since the last one; waiting until as much has come bounds
        # what it costs a record.
        cost = max(self._checkpoint_bytes, ENTITY_BYTES * self.state.kernel.changes())
        return self._taken_bytes >= cost or rows >= CHECKPOINT_ROWS_TIMES * self.checkpoint_rows

    def _changes(self) -> Checkpoint:
        self._checkpoint_consumed = self.state.consumed
        self._checkpoint_us = self.clock.tick_us()
        changes = self.state.changes()
        self._checkpoint_bytes = changes.entities.nbytes + ENTITY_BYTES * changes.entities.num_rows
        self._taken_bytes = 0
        return changes


def _write_effects(stored: Tables, taken: Taken, now_us: int) -> None:
    effects = taken.effects
    for model, made in effects.predictions.items():
        stored.outputs.add("prediction", model, made.stamped(now_us, taken.latency_us))
    for topic, decisions in effects.decisions.items():
        stored.log.append(topic, 0, decisions)
    for model, labels in effects.labels.items():
        stored.outputs.add("label", model, labels)
    if effects.rejected is not None:
        stored.outputs.add("rejected", "", effects.rejected)
    for name, closed in effects.windows.items():
        stored.outputs.add("window", name, closed)
    for topic, rows in effects.sent.items():
        stored.log.append(topic, 0, rows)


def _refused(quarantined: "Sequence[tuple[str, Quarantined]]", arrival_us: int) -> pa.RecordBatch:
    columns = [
        pa.array([stream for stream, _ in quarantined]),
        pa.array([row.reason for _, row in quarantined]),
        pa.array([row.field for _, row in quarantined], pa.string()),
        pa.array([row.payload for _, row in quarantined], pa.binary()),
        pa.array([arrival_us] * len(quarantined), pa.int64()).cast(TIME),
    ]
    return pa.record_batch(columns, schema=QUARANTINE_SCHEMA)


def _arrived(table: pa.RecordBatch, arrival_us: int) -> pa.RecordBatch:
    return pa.record_batch(
        [*table.columns, pa.repeat(pa.scalar(arrival_us, pa.int64()), table.num_rows)],
        names=[*table.schema.names, ARRIVAL],
    )
