"""Bugs that are planted on purpose, to see that the crash histories find each of them.

Nothing of this is in the product: each bug puts something else in the place of a function or two while it is
planted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa

from forerun._core import Kernel
from forerun.actions import jsonl
from forerun.actions.jsonl import JsonlSink
from forerun.actions.outbox import Outbox, Sink
from forerun.runtime import engine, recovery, step
from forerun.runtime.engine import Engine
from forerun.runtime.export import Exporter
from forerun.runtime.followup import FollowUp
from forerun.runtime.journal import Journal
from forerun.runtime.labels import LabelJoin
from forerun.runtime.outputs import Outputs, Part
from forerun.runtime.processor import Processor
from forerun.runtime.requests import Requests
from forerun.runtime.state import State
from forerun.runtime.tables import Tables
from forerun.state import database, files
from forerun.state.store import Checkpoint
from forerun.streams.log import Range
from forerun.testing.files import SimulatedFiles

LATE = 3
"""The kernel's number for it."""

Plant = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug.

    Args:
        name: What is wrong.
        plant: Puts it in, until the end of the block.
        faults: Share of the restarts whose disk gives an error; some bugs show only then.
    """

    name: str
    plant: Plant
    faults: float = 0.1


def commits_are_not_synced() -> AbstractContextManager[object]:
    """The database leaves it to the system when bytes reach the disk."""
    configure = database.configure

    def careless(connection: Any, *, read_only: bool) -> None:
        configure(connection, read_only=read_only)
        if not read_only:
            connection.execute("PRAGMA synchronous = OFF")

    return patch.object(database, "configure", careless)


def without_sync(of: str) -> Plant:
    """Files whose names contain something are not synced."""
    sync = SimulatedFiles.sync

    def careless(self: SimulatedFiles, path: Path) -> None:
        if of not in path.name:
            sync(self, path)

    return lambda: patch.object(SimulatedFiles, "sync", careless)


def names_are_not_synced() -> AbstractContextManager[object]:
    """A rename is taken for durable."""
    sync = SimulatedFiles.sync_directory

    def careless(self: SimulatedFiles, path: Path) -> None:
        if path.name == "data" or path.parent.name == "data":
            sync(self, path)

    return patch.object(SimulatedFiles, "sync_directory", careless)


def new_directories_are_not_synced() -> AbstractContextManager[object]:
    """A directory is made, and used."""

    def careless(to: files.Files, path: Path) -> None:
        if to.size(path) is None:
            careless(to, path.parent)
            to.make_directory(path)

    return _all(patch.object(module, "make_durably", careless) for module in (files, jsonl, engine))


def errors_of_sync_are_ignored() -> AbstractContextManager[object]:
    """A failed fsync is taken for a good one."""
    sync = SimulatedFiles.sync

    def careless(self: SimulatedFiles, path: Path) -> None:
        with suppress(OSError):
            sync(self, path)

    return patch.object(SimulatedFiles, "sync", careless)


def work_goes_on_after_a_failed_sync() -> AbstractContextManager[object]:
    """The end of the process tries again what the disk has refused."""
    return patch.object(FollowUp, "_unless_failed", lambda self, work: work())


def position_before_state() -> AbstractContextManager[object]:
    """The source's position is committed before what was read from it."""
    take = Processor.take

    def hasty(self: Processor, tables: Any, *, place: Any = None, **more: Any) -> Any:
        if place is not None:
            self.commits.run(lambda connection: Tables(connection).set_place(place))
        return take(self, tables, place=place, **more)

    return patch.object(Processor, "take", hasty)


def position_is_not_in_the_commit() -> AbstractContextManager[object]:
    """Where the source was is forgotten with the process."""
    return patch.object(Tables, "set_place", lambda self, place: None)


def journal_after_the_rest() -> AbstractContextManager[object]:
    """The journal is written with the next step's commit."""
    add, late = Journal.add, []

    def lazy(self: Journal, entry: Any) -> None:
        late.append(entry)
        if len(late) > 1 and late[-2].step == entry.step - 1:
            add(self, late[-2])

    return patch.object(Journal, "add", lazy)


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

    return _all([patch.object(FollowUp, "__init__", remember), patch.object(Processor, "_queue", hasty)])


def snapshot_in_place() -> AbstractContextManager[object]:
    """A checkpoint is written over the last one, outside of the commit of its step."""
    changes = Processor._changes

    def in_place(self: Processor) -> Checkpoint:
        made = changes(self)
        self.commits.run(lambda connection: Tables(connection).states.save(made))
        return made

    return patch.object(Processor, "_changes", in_place)


def lost_watermark() -> AbstractContextManager[object]:
    """A restored kernel begins with the watermarks and counters of a new one."""
    restore = State.restore.__func__  # type: ignore[attr-defined]  # a class method's function

    def forgetful(cls: Any, layout: Any, checkpoint: Checkpoint, room: Any) -> State:
        header = Kernel(layout.plan).header()
        state: State = restore(cls, layout, replace(checkpoint, header=header), room)
        return state

    return patch.object(State, "restore", classmethod(forgetful))


def sleepers_are_forgotten() -> AbstractContextManager[object]:
    """A start does not note which entities it left in the database."""
    restore = State.restore.__func__  # type: ignore[attr-defined]  # a class method's function

    def forgetful(cls: Any, layout: Any, checkpoint: Checkpoint, room: Any) -> State:
        state: State = restore(cls, layout, replace(checkpoint, asleep=None), room)
        return state

    return patch.object(State, "restore", classmethod(forgetful))


def changes_sleep_unsaved() -> AbstractContextManager[object]:
    """What has changed is put to sleep, and the checkpoint that should have it is not written."""

    def forgetful(self: Processor) -> bool:
        kernel = self.state.kernel
        if kernel.relieve(stored=True):
            kernel.take_changed()
            kernel.relieve(stored=True)
        return False

    return patch.object(Processor, "relieve", forgetful)


def steps_taken_twice() -> AbstractContextManager[object]:
    """Recovery takes the last step of the checkpoint again, as if it were not in it."""
    restore = State.restore.__func__  # type: ignore[attr-defined]  # a class method's function

    def behind(cls: Any, layout: Any, checkpoint: Checkpoint, room: Any) -> State:
        state: State = restore(cls, layout, checkpoint, room)
        state.step -= 1
        return state

    return patch.object(State, "restore", classmethod(behind))


def lost_label_joins() -> AbstractContextManager[object]:
    """Predictions that waited for their label at the checkpoint wait no more."""
    return patch.object(LabelJoin, "load", lambda self, saved: None)


def lost_requests() -> AbstractContextManager[object]:
    """Recovery forgets the requests after the checkpoint, and uses their numbers again."""
    return patch.object(recovery, "_await_requests", lambda layout, tables, state: None)


def answer_before_commit() -> AbstractContextManager[object]:
    """Whoever asked is answered while the commit is still in line."""
    answer = Requests._answer

    def hasty(self: Requests, group: Any) -> Any:
        with patch.object(Processor, "wait", lambda self, ticket: None):
            return answer(self, group)

    return patch.object(Requests, "_answer", hasty)


def append_before_commit() -> AbstractContextManager[object]:
    """Whoever sent an event is told that it is there while the commit is still in line."""
    take = Processor.take

    def hasty(self: Processor, tables: Any, *, place: Any = None, **more: Any) -> Any:
        if place is not None:
            return take(self, tables, place=place, **more)
        with patch.object(Processor, "wait", lambda self, ticket: None):
            return take(self, tables, **more)

    return patch.object(Processor, "take", hasty)


def retries_are_new_events() -> AbstractContextManager[object]:
    """After a restart, what was sent before it is not known again by its id."""
    append, prepare = Engine.append, Engine._prepare
    restarted: dict[Engine, bool] = {}

    def remember(self: Engine) -> Processor:
        processor = prepare(self)
        restarted[self] = processor.state.step > 0
        return processor

    def forgetful(self: Engine, stream: str, batch: pa.RecordBatch) -> Any:
        names = batch["payment"].to_pylist() if restarted[self] else []
        again = pa.array([f"{name} again" for name in names])
        place = batch.schema.get_field_index("payment")
        return append(self, stream, batch.set_column(place, "payment", again) if names else batch)

    return _all([patch.object(Engine, "_prepare", remember), patch.object(Engine, "append", forgetful)])


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


def late_is_not_told() -> AbstractContextManager[object]:
    """Records that came too late are counted, and written down nowhere."""
    rejected = step._rejected

    def silent(layout: Any, rows: Any, found: pa.RecordBatch) -> pa.RecordBatch | None:
        told = [verdict != LATE for verdict in found["verdict"].to_pylist()]
        return rejected(layout, rows, found.filter(pa.array(told, pa.bool_())))

    return patch.object(step, "_rejected", silent)


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

    return _all(
        [patch.object(State, "empty", cooked(empty)), patch.object(State, "restore", cooked(restore))]
    )


@contextmanager
def _all(patches: Iterable[AbstractContextManager[object]]) -> Iterator[None]:
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


BUGS = (
    Bug("commits are not synced", commits_are_not_synced),
    Bug("temporary files are not synced before their rename", without_sync(".tmp")),
    Bug("decision files are not synced", without_sync(".jsonl")),
    Bug("directories are not synced after a rename", names_are_not_synced),
    Bug("new directories are not synced", new_directories_are_not_synced),
    Bug("an error of fsync is ignored", errors_of_sync_are_ignored, faults=1.0),
    Bug("work goes on after a failed fsync", work_goes_on_after_a_failed_sync, faults=1.0),
    Bug("the position is committed before the state", position_before_state),
    Bug("the position is not committed", position_is_not_in_the_commit),
    Bug("the journal is a commit behind", journal_after_the_rest),
    Bug("the sink gets decisions before the journal", sink_before_journal),
    Bug("the outbox notes before the sink has them", relay_notes_first),
    Bug("the sink delivers again what it has", outbox_not_deduplicated),
    Bug("a torn line stays in a decision file", torn_line_left),
    Bug("a checkpoint is written in place", snapshot_in_place),
    Bug("a checkpoint loses the watermarks", lost_watermark),
    Bug("entities that sleep are forgotten at a start", sleepers_are_forgotten),
    Bug("entities sleep before they are saved", changes_sleep_unsaved),
    Bug("a checkpoint loses the waiting labels", lost_label_joins),
    Bug("a step is applied twice in recovery", steps_taken_twice),
    Bug("requests are forgotten in recovery", lost_requests),
    Bug("an answer leaves before its commit", answer_before_commit),
    Bug("an event is acknowledged before its commit", append_before_commit),
    Bug("an event sent again is taken for another", retries_are_new_events),
    Bug("exported rows go before their file is durable", export_done_before_its_file),
    Bug("late records are written down nowhere", late_is_not_told),
    Bug("late records count as applied", late_counts_as_applied),
)
