"""Predictions that somebody asks for: read, scored, journaled and on the disk before the answer.

One thread takes all requests that are waiting, reads their vectors as one batch per model, and commits them
together; while it waits for the disk the next ones gather.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pyarrow as pa

from forerun.errors import ForerunError, StateError
from forerun.events.records import request_id
from forerun.events.table import schema_of
from forerun.runtime.commit import Ticket
from forerun.runtime.freshness import reason_now
from forerun.runtime.journal import Asked
from forerun.runtime.kernel import kernel_errors
from forerun.runtime.layout import ModelLayout
from forerun.runtime.overflow import Overflow, overflow_of
from forerun.runtime.predictions import Made, Triggered, as_served, predict
from forerun.runtime.processor import Processor
from forerun.runtime.rows import Ints, keys, times_us
from forerun.runtime.step import by_topic
from forerun.runtime.tables import Tables
from forerun.serving.backend import Prediction

GROUP_MAX = 512
"""Requests read and committed together."""

Done = Callable[[Prediction | BaseException], None]


@dataclass(frozen=True, slots=True)
class Pending:
    """One request in the queue.

    Args:
        model: The model.
        fields: The trigger stream's fields, valid; the time may be missing: then it is now.
        done: Called once with the answer or what stopped it.
        start_us: When it came.
    """

    model: str
    fields: Mapping[str, object]
    done: Done
    start_us: int


class Requests:
    """The queue of requests and the thread that answers them.

    Args:
        processor: The state.
    """

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._waiting: deque[Pending] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, model: str, fields: Mapping[str, object], done: Done) -> None:
        """Queue a request; see `forerun.serving.backend.Backend.submit_predict`."""
        asked = Pending(model, fields, done, self._processor.clock.tick_us())
        with self._wake:
            if self._closed:
                raise StateError("the engine is closed; start the process again")
            self._waiting.append(asked)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="forerun-requests", daemon=True)
                self._thread.start()
            self._wake.notify()

    def answer(self) -> int:
        """Answer what is waiting, at most `GROUP_MAX`; returns how many."""
        group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))]
        if group:
            try:
                answers = self._answer(group)
            except Exception as exc:  # noqa: BLE001  # every caller must hear what stopped it
                answers = [exc] * len(group)
            for asked, answer in zip(group, answers, strict=True):
                asked.done(answer)
        return len(group)

    def close(self) -> None:
        """Answer what is waiting, then take no more."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closed:
                    self._wake.wait()
                if not self._waiting:
                    return
            self.answer()

    def _answer(self, group: Sequence[Pending]) -> list[Prediction | BaseException]:
        processor = self._processor
        answers: list[Prediction | BaseException] = [StateError("a request was lost")] * len(group)
        by_model: dict[str, list[int]] = {}
        for index, asked in enumerate(group):
            by_model.setdefault(asked.model, []).append(index)
        answered = []
        with processor.moving():
            processor.relieve()
            for name, indices in by_model.items():
                model = processor.layout.models[name]
                read, refused = self._read(model, [group[index].fields for index in indices])
                for place, error in refused.items():
                    answers[indices[place]] = error
                kept = [index for place, index in enumerate(indices) if place not in refused]
                if kept:
                    answered.append(self._predict(model, kept, *read))
            scored_us = processor.clock.tick_us()
            for part in answered:
                part.latencies_us = scored_us - np.array([group[index].start_us for index in part.indices])
            ticket = self._queue(answered)
        processor.wait(ticket)
        end_us = processor.clock.tick_us()
        for part in answered:
            for index, prediction in zip(part.indices, part.answers(), strict=True):
                answers[index] = {**prediction, "latency_us": end_us - group[index].start_us}
        return answers

    def _read(
        self, model: ModelLayout, fields: Sequence[Mapping[str, object]]
    ) -> tuple[tuple[pa.RecordBatch, pa.RecordBatch, Overflow], dict[int, ForerunError]]:
        """Read the vectors of one model; what cannot be read is set apart, by its place."""
        spec = model.spec.on
        now_us = self._processor.now_us()
        schema = pa.schema([pa.field(field.name, field.type) for field in schema_of(spec)])
        batch = pa.RecordBatch.from_pylist(
            [{spec.time: now_us, **values} for values in fields], schema=schema
        )
        refused: dict[int, ForerunError] = {}
        try:
            return (batch, *self._vectors(model, batch)), refused
        except ForerunError:
            for row in range(batch.num_rows):
                try:
                    self._vectors(model, batch.slice(row, 1))
                except ForerunError as exc:
                    refused[row] = exc
        batch = batch.take(np.array([row for row in range(batch.num_rows) if row not in refused], np.int64))
        return (batch, *self._vectors(model, batch)), refused

    def _vectors(self, model: ModelLayout, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Overflow]:
        with kernel_errors():
            vectors, overflow = self._processor.state.kernel.vector(model.vector, batch)
        return pa.record_batch(vectors), overflow_of(overflow)

    def _predict(
        self,
        model: ModelLayout,
        indices: list[int],
        batch: pa.RecordBatch,
        vectors: pa.RecordBatch,
        overflow: Overflow,
    ) -> "Answered":
        """Number and score what was read, and let it wait for its labels."""
        processor = self._processor
        name, rows = model.spec.name, batch.num_rows
        numbers = np.arange(processor.state.requests, processor.state.requests + rows)
        processor.state.requests += rows
        processor.arrival_us = now_us = processor.now_us()
        inputs, failures = as_served(model, vectors, overflow)
        work = Triggered(
            source="http",
            ids=[request_id(processor.layout.app, name, number) for number in numbers.tolist()],
            keys=keys(model.spec.on.key, batch),
            times_us=times_us(model.spec.on, batch),
            partitions=np.full(rows, -1),
            offsets=numbers,
            arrivals_us=np.full(rows, now_us),
            events=batch,
            inputs=inputs,
            failures=failures,
        )
        highs_us = processor.state.highs_us
        reason = reason_now(processor.layout, model, now_us, highs_us)
        made = predict(processor.layout, model, work, [reason] * rows, processor.models[name])
        processor.tally.made(name, made)
        processor.tally.unserved(overflow)
        processor.state.joins[name].predicted_all(work.keys, work.ids, work.times_us.tolist())
        newest_us = max(
            (high for number in model.reads if (high := highs_us[number]) is not None), default=None
        )
        return Answered(indices, work, made, newest_us)

    def _queue(self, answered: "Sequence[Answered]") -> Ticket:
        processor = self._processor
        step, tally, now_us = processor.state.step, processor.tally.to_json(), processor.clock.now_us()

        def write(connection: sqlite3.Connection) -> None:
            stored = Tables(connection)
            for part in answered:
                batch, events = part.made.stamped(now_us, part.latencies_us), part.work.events
                model, version = batch["model"][0].as_py(), batch["model_version"][0].as_py()
                stored.journal.add_requests(Asked(int(part.work.offsets[0]), step, model, version, events))
                stored.outputs.add("prediction", model, batch)
            for topic, decisions in by_topic([part.made for part in answered]).items():
                stored.log.append(topic, 0, decisions)
            stored.set_fact("tally", tally)

        return processor.queue(write)


@dataclass(slots=True)
class Answered:
    """The requests of a group that one model answered.

    Args:
        indices: Their places in the group.
        work: Their vectors.
        made: Their predictions.
        newest_us: Newest event time their features could see; None: there is no event yet.
        latencies_us: From submission until scored.
    """

    indices: list[int]
    work: Triggered
    made: Made
    newest_us: int | None
    latencies_us: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def answers(self) -> list[Prediction]:
        """The answers, with the latency still to be set."""
        names = [name for name in Prediction.__annotations__ if name in self.made.batch.schema.names]
        rows = self.made.batch.select(names).to_pylist()
        answers: list[Prediction] = []
        for row, time_us in zip(rows, self.work.times_us.tolist(), strict=True):
            age_us = None if self.newest_us is None else time_us - self.newest_us
            # The names are those of the answer; the columns' types are checked by a test.
            answers.append(
                cast(Prediction, {**row, "event_time_us": time_us, "age_us": age_us, "latency_us": 0})
            )
        return answers
