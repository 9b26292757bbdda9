"""What an entity's features are or were, and why a prediction was what it was."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from forerun._core import Kernel
from forerun.errors import EventError
from forerun.events.evaluate import evaluate
from forerun.events.expression import Expr, FeatureRef
from forerun.events.nearest import nearest
from forerun.events.table import ARROW_TYPES, schema_of
from forerun.features.definition import ViewSpec
from forerun.models.explain import contributions
from forerun.models.statistics import InputStatistics
from forerun.runtime.active import Roster
from forerun.runtime.history import History
from forerun.runtime.kernel import kernel_errors
from forerun.runtime.layout import ModelLayout
from forerun.runtime.past import Moved, kernel_after_step, kernel_at_arrival, kernel_at_record, unwatched
from forerun.runtime.processor import Processor
from forerun.runtime.scratch import Scratch
from forerun.runtime.tables import DATABASE, Tables
from forerun.serving.backend import Reading
from forerun.state.database import Connect, Database
from forerun.streams.log import Range

_NEVER = np.iinfo(np.int64).min

EVENTS_SHOWN = 50
"""Newest events behind a feature that an explanation lists."""


class Reader:
    """Reads features now and at a time, and explains predictions.

    Args:
        processor: The state.
        roster: The versions.
        directory: The data directory.
        connect: How to open its database.
        memory: Bytes that entities and open windows may take in memory when the log is read again; None: as
            many as they take.
    """

    def __init__(
        self,
        processor: Processor,
        roster: Roster,
        directory: Path,
        connect: Connect | None = None,
        memory: int | None = None,
    ) -> None:
        self._processor = processor
        self._layout = processor.layout
        self._roster = roster
        self._directory = directory
        self._connect = connect
        self._memory = memory

    def read(self, view: str, key: Mapping[str, object], at_us: int | None = None) -> Reading:
        """The features of one entity.

        Args:
            view: The view.
            key: A value for each part of its key.
            at_us: As of then, with what had arrived by then (the log is read again); None: now.

        Raises:
            NotFoundError: There is no such view.
            EventError: The key does not fit the view.
        """
        keys = key_batch(self._layout.view(view), key)
        with self._at(at_us, unwatched) as (kernel, when_us), kernel_errors():
            return self._read(kernel, view, key, keys, when_us)

    def look(
        self,
        view: str,
        key: Mapping[str, object],
        at_us: int | None = None,
        on_progress: Moved = unwatched,
    ) -> tuple[Reading, dict[str, pa.RecordBatch]]:
        """The features of one entity and the events behind them, oldest first.

        Args:
            view: The view.
            key: A value for each part of its key.
            at_us: As of then; None: now.
            on_progress: Told steps done and steps in all, while the log is read again.

        Returns:
            What `read` gives; and by stream the events, with the columns of `Kernel.events`.
        """
        keys = key_batch(self._layout.view(view), key)
        with self._at(at_us, on_progress) as (kernel, when_us), kernel_errors():
            return self._read(kernel, view, key, keys, when_us), {
                self._layout.views[number].stream.name: pa.record_batch(kernel.events(number, keys, when_us))
                for number in self._layout.parts(view)
            }

    def _read(
        self,
        kernel: Kernel,
        view: str,
        key: Mapping[str, object],
        keys: pa.RecordBatch,
        when_us: int,
    ) -> Reading:
        spec = self._layout.view(view)
        values: dict[str, Any] = {}
        failed: set[str] = set()
        newest: list[tuple[int | None, int | None, int | None]] = []
        watermarks: list[int | None] = []
        for number in self._layout.parts(view):
            read = pa.record_batch(kernel.values(number, keys, when_us))
            values |= zip(read.schema.names, read.columns, strict=True)
            failed |= failures(kernel, number, keys, when_us)
            newest.append(kernel.provenance(number, keys))
            stream = self._layout.stream(self._layout.views[number].stream.name)
            watermarks.append(kernel.watermarks()[stream])
        # Of several streams, the newest event of any, and the watermark that all have reached.
        high_us, partition, offset = max(newest, key=lambda found: _NEVER if found[0] is None else found[0])
        known = [mark for mark in watermarks if mark is not None]
        watermark_us = min(known) if len(known) == len(watermarks) else None
        return {
            "view": view,
            "key": dict(key),
            "at_us": when_us,
            "values": {
                name: plain(values[name])[0]
                for feature in spec.shown
                for name in (feature.name, f"{feature.name}.bound")  # a tiled value has one
                if name in values
            },
            "not_computed": [feature.name for feature in spec.shown if feature.name in failed],
            "provenance": {
                "event_time_high_us": high_us,
                "partition": partition,
                "offset": offset,
                "feature_version": spec.version,
                "watermark_us": watermark_us,
                "age_s": None if high_us is None else (when_us - high_us) / 1_000_000,
            },
        }

    def explain(self, prediction_id: str, on_progress: Moved = unwatched) -> dict[str, object]:
        """Why a prediction was what it was, rebuilt from the log.

        Args:
            prediction_id: The prediction.
            on_progress: Told steps done and steps in all, while the log is read again.

        Returns:
            `prediction`: its record. `contributions`: per input, largest effect first, the value, what was
            usual in training, and how the score would change if it were usual; None without a model.
            `features`: per view that the inputs read, the key, all values, and the newest events behind them.

        Raises:
            NotFoundError: There is no such prediction.
        """
        history = History(self._layout, self._directory, connect=self._connect)
        try:
            [record] = history.find(prediction_id).to_pylist()
        finally:
            history.close()
        model = self._layout.models[record["model"]]
        with closing(Scratch(self._memory)) as scratch:
            with self._logged() as tables:
                kernel, event = self._moment(model, tables, record, scratch, on_progress)
            return {
                "prediction": record,
                "contributions": self._contributions(model, record),
                "features": self._behind(model, kernel, event),
            }

    @contextmanager
    def _at(self, at_us: int | None, on_progress: Moved) -> Iterator[tuple[Kernel, int]]:
        """A kernel that knows what had arrived by a time, and that time."""
        if at_us is None or at_us >= self._processor.now_us():
            with self._processor.looking() as state:
                yield state.kernel, self._processor.now_us() if at_us is None else at_us
            return
        with closing(Scratch(self._memory)) as scratch:
            with self._logged() as tables:
                kernel = kernel_at_arrival(self._layout, tables, at_us, scratch, on_progress)
            yield kernel, at_us

    @contextmanager
    def _logged(self) -> Iterator[Tables]:
        """What is committed now, beside whoever goes on."""
        with (
            closing(Database(self._directory / DATABASE, read_only=True, connect=self._connect)) as database,
            database.snapshot() as connection,
        ):
            yield Tables(connection)

    def _moment(
        self,
        model: ModelLayout,
        tables: Tables,
        record: Mapping[str, Any],
        scratch: Scratch,
        on_progress: Moved,
    ) -> tuple[Kernel, pa.RecordBatch]:
        """The kernel as the prediction saw it, and the event it was made for."""
        if record["source"] == "http":
            request = tables.journal.request(record["offset"])
            return kernel_after_step(self._layout, tables, request.step, scratch, on_progress), request.fields
        partition, offset = record["partition"], record["offset"]
        kernel = kernel_at_record(
            self._layout, tables, model.trigger, partition, offset, scratch, on_progress
        )
        [(_, event)] = tables.log.read(Range(model.spec.on.topic, partition, offset, offset + 1))
        return kernel, event

    def _contributions(self, model: ModelLayout, record: Mapping[str, Any]) -> list[dict[str, object]] | None:
        if record["model_version"] is None:
            return None
        scorer, facts = self._roster.scorer(model.spec.name, record["model_version"])
        statistics = [InputStatistics.from_json(known) for known in facts["inputs"]]
        values = [record["inputs"][item.name] for item in model.spec.inputs]
        row = np.array([np.nan if value is None else value for value in values], np.float32)
        return [part.to_json() for part in contributions(scorer, row, statistics)]

    def _behind(self, model: ModelLayout, kernel: Kernel, event: pa.RecordBatch) -> list[dict[str, object]]:
        """Per view and key that the inputs read: values and events at the prediction's time."""
        spec = model.spec.on
        columns = dict(zip(event.schema.names, event.columns, strict=True))
        at_us = int(event.column(spec.time).cast(pa.int64())[0].as_py())
        found: dict[tuple[int, str], dict[str, object]] = {}
        for item in model.spec.inputs:
            for part in item.expr.walk():
                if isinstance(part, FeatureRef):
                    view = self._layout.part(part)
                    key = _key(part, self._layout.views[view], columns)
                    place = (view, repr(key))
                    if place not in found:
                        found[place] = {"view": part.view, **self._entity(kernel, view, key, at_us)}
                    inputs = found[place]["inputs"]
                    assert isinstance(inputs, list)
                    if item.name not in inputs:
                        inputs.append(item.name)
        return list(found.values())

    def _entity(self, kernel: Kernel, view: int, key: Mapping[str, object], at_us: int) -> dict[str, object]:
        spec = self._layout.views[view]
        keys = key_batch(spec, key)
        with kernel_errors():
            values = pa.record_batch(kernel.values(view, keys, at_us))
            failed = failures(kernel, view, keys, at_us)
            events = pa.record_batch(kernel.events(view, keys, at_us))
        newest = events.slice(max(events.num_rows - EVENTS_SHOWN, 0))
        columns = {name: plain(newest.column(name)) for name in newest.schema.names}
        return {
            "stream": spec.stream.name,
            "key": dict(key),
            "at_us": at_us,
            "inputs": [],
            "values": {name: plain(values.column(name))[0] for name in values.schema.names},
            "not_computed": sorted(failed),
            "windows": {feature.name: feature.words for feature in spec.shown},
            "events_kept": events.num_rows,
            "events": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
        }


def key_batch(view: ViewSpec, key: Mapping[str, object]) -> pa.RecordBatch:
    """A key as the kernel takes it.

    Args:
        view: The view.
        key: A value for each part.

    Raises:
        EventError: A part is missing, unknown, or of another type; the field is named.
    """
    for name in key:
        if name not in view.by:
            raise EventError(
                f"{view.name} is kept by {', '.join(view.by)}.{nearest(name, view.by)}", field=name
            )
    schema = schema_of(view.stream)
    columns = []
    for name in view.by:
        if name not in key:
            raise EventError(f"{name}: missing; {view.name} is kept by {', '.join(view.by)}.", field=name)
        kind = schema.field(name).type
        try:
            columns.append(pa.array([key[name]], kind))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as exc:
            raise EventError(f"{name}: {key[name]!r} is no {kind}.", field=name) from exc
    return pa.record_batch(columns, names=list(view.by))


def failures(kernel: Kernel, view: int, keys: pa.RecordBatch, at_us: int) -> set[str]:
    """The features that `Kernel.values` has null because they cannot be computed.

    Args:
        kernel: The kernel.
        view: The number of the view.
        keys: One key.
        at_us: The time of the read.
    """
    return {feature.rpartition(".")[2] for _, feature in kernel.overflows(view, keys, at_us)}


def plain(column: "pa.Array[Any]") -> list[Any]:
    """A column as plain values, times and durations as int microseconds.

    Args:
        column: Of any type of a feature.

    >>> plain(pa.array([5], pa.timestamp("us", "UTC"))), plain(pa.array([["a", "b"], []]))
    ([5], [['a', 'b'], []])
    """
    kind = column.type.value_type if pa.types.is_list(column.type) else column.type
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        column = column.cast(pa.int64() if kind == column.type else pa.list_(pa.int64()))
    return column.to_pylist()


def _key(part: FeatureRef, view: ViewSpec, columns: Mapping[str, Any]) -> dict[str, object]:
    """The key that an input reads, from the event's fields."""
    values = [
        columns[name] if given is None else _value(given, columns)
        for name, given in zip(part.by, part.key, strict=True)
    ]
    kinds = [schema_of(view.stream).field(name).type for name in view.by]
    return {
        name: plain(value.cast(kind))[0] for name, value, kind in zip(view.by, values, kinds, strict=True)
    }


def _value(given: Expr, columns: Mapping[str, Any]) -> Any:
    return evaluate(given, columns).cast(ARROW_TYPES[given.type])
