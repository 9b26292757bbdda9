"""Bugs in what is committed together, and in what a start makes of it; see `planted`."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
from tests.crash.planting import all_of

from forerun._core import Kernel
from forerun.runtime import recovery
from forerun.runtime.engine import Engine
from forerun.runtime.journal import Journal
from forerun.runtime.labels import LabelJoin
from forerun.runtime.processor import Processor
from forerun.runtime.requests import Requests
from forerun.runtime.state import State
from forerun.runtime.tables import Tables
from forerun.state.store import Checkpoint


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

    return all_of([patch.object(Engine, "_prepare", remember), patch.object(Engine, "append", forgetful)])


def view_is_forgotten() -> AbstractContextManager[object]:
    """A start leaves out the entities of a view that no model reads."""
    restore = State.restore.__func__  # type: ignore[attr-defined]  # a class method's function

    def forgetful(cls: Any, layout: Any, checkpoint: Checkpoint, room: Any) -> State:
        def others(batch: pa.RecordBatch) -> pa.RecordBatch:
            return batch.filter(pc.not_equal(batch["view"], pa.scalar(1, pa.int32())))

        asleep = None if checkpoint.asleep is None else others(checkpoint.asleep)
        less = replace(checkpoint, entities=others(checkpoint.entities), asleep=asleep)
        state: State = restore(cls, layout, less, room)
        return state

    return patch.object(State, "restore", classmethod(forgetful))


def parts_of_windows_are_forgotten() -> AbstractContextManager[object]:
    """A start takes the first part of an open window, and not those that were stored after it."""
    restore = State.restore.__func__  # type: ignore[attr-defined]  # a class method's function

    def forgetful(cls: Any, layout: Any, checkpoint: Checkpoint, room: Any) -> State:
        def firsts(batch: pa.RecordBatch) -> pa.RecordBatch:
            # Windows are numbered behind the views; the key of a first part is just where the window starts.
            places = zip(batch["view"].to_pylist(), batch["key"].to_pylist(), strict=True)
            is_first = [view != len(layout.views) or len(key or b"") == 8 for view, key in places]
            return batch.filter(pa.array(is_first, pa.bool_()))

        asleep = None if checkpoint.asleep is None else firsts(checkpoint.asleep)
        less = replace(checkpoint, entities=firsts(checkpoint.entities), asleep=asleep)
        state: State = restore(cls, layout, less, room)
        return state

    return patch.object(State, "restore", classmethod(forgetful))
