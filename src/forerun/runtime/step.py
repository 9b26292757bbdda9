"""The step: records in, state moved on, effects out. No clock, no randomness, no input or output.

    step(layout, state, records, models) -> effects

The same state, records and models give the same effects, bit for bit, on any machine and any day. That is
what lets a restart, a replay and a simulator redo what was done. What depends on the day (when a prediction
was made, how long it took) is stamped on afterwards.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa

from forerun.events.records import REJECTED_SCHEMA, TIME, VERDICTS
from forerun.runtime.freshness import Freshness
from forerun.runtime.kernel import kernel_errors
from forerun.runtime.layout import Layout
from forerun.runtime.outcomes import join_labels
from forerun.runtime.overflow import Overflow, overflow_of
from forerun.runtime.predictions import Active, Made, Triggered, predict, triggered
from forerun.runtime.rows import Column, Ints, Records, StepRows, times_us
from forerun.runtime.state import State
from forerun.runtime.windows import closed_windows, sent_windows
from forerun.streams.source import arrivals


@dataclass(frozen=True, slots=True)
class Effects:
    """What a step gave. Nothing of it may be seen outside before it is committed.

    Args:
        predictions: By model, the predictions and the decisions made on them.
        decisions: By topic, the decisions of all models in order of arrival.
        labels: By model, rows of `LABEL_SCHEMA`.
        rejected: Rows of `REJECTED_SCHEMA`.
        windows: By windows class, the windows that closed.
        sent: By topic, those of them that go to one; the last column is `_arrival`.
        overflow: What could not be computed and was served null.
    """

    predictions: Mapping[str, Made]
    decisions: Mapping[str, pa.RecordBatch]
    labels: Mapping[str, pa.RecordBatch]
    rejected: pa.RecordBatch | None
    windows: Mapping[str, pa.RecordBatch]
    sent: Mapping[str, pa.RecordBatch]
    overflow: Overflow


def step(
    layout: Layout, state: State, records: Sequence[Records], models: Mapping[str, Active | None]
) -> Effects:
    """Take a step.

    Args:
        layout: The app.
        state: Moved on in place; after an exception it must not be used any more.
        records: The records, at most one item per stream and partition.
        models: By name, the version that scores; None: no version yet.

    Returns:
        The effects.

    Raises:
        ConservationError: The kernel lost or doubled an event.
    """
    result = _apply(layout, state, records)
    rows, made, freshness = result.rows, result.made, result.freshness
    predictions = {
        name: predict(
            layout,
            layout.models[name],
            work,
            freshness.reasons(layout.models[name], work.numbers),
            models[name],
        )
        for name, work in made.items()
        if work.numbers is not None
    }
    labels = _label(layout, state, rows, made)
    decisions, rejected = by_topic(predictions.values()), _rejected(layout, rows, result.rejected)
    windows = closed_windows(layout, result.emitted)
    sent = sent_windows(layout, windows, state.arrival_us or 0)
    return Effects(predictions, decisions, labels, rejected, windows, sent, result.overflow)


def by_topic(predictions: Iterable[Made]) -> dict[str, pa.RecordBatch]:
    """The decisions of several models, per topic and in order of arrival.

    Args:
        predictions: What the models gave.
    """
    found: dict[str, list[pa.RecordBatch]] = {}
    for made in predictions:
        for topic, decisions in made.decisions.items():
            found.setdefault(topic, []).append(decisions)
    joined = {}
    for topic, parts in found.items():
        table = pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
        joined[topic] = table.take(np.argsort(arrivals(table), kind="stable"))
    return joined


def follow(layout: Layout, state: State, records: Sequence[Records]) -> None:
    """Take a step again whose effects are committed: only the state moves on.

    Args:
        layout: The app.
        state: Moved on in place.
        records: The records of that step.

    Raises:
        ConservationError: The kernel lost or doubled an event.
    """
    result = _apply(layout, state, records)
    _label(layout, state, result.rows, result.made)


@dataclass(frozen=True, slots=True)
class _Applied:
    """What the kernel made of the records."""

    rows: StepRows
    made: dict[str, Triggered]
    freshness: Freshness
    rejected: pa.RecordBatch
    emitted: list[pa.RecordBatch]
    overflow: Overflow


def _apply(layout: Layout, state: State, records: Sequence[Records]) -> _Applied:
    """Let the kernel take the records, and read its result."""
    with kernel_errors():
        result = state.kernel.apply(
            [(item.stream, item.partition, item.offset, item.batch) for item in records]
        )
    verdicts = np.concatenate([pa.array(cast(Any, verdict)).to_numpy() for verdict in result.verdicts])
    rows = StepRows(records, verdicts == 0)
    vectors = [pa.record_batch(batch) for batch in result.vectors]
    overflow = overflow_of(result.overflow)
    made = {
        name: triggered(layout, model, rows, vectors[model.vector], overflow)
        for name, model in layout.models.items()
        if vectors[model.vector].num_rows
    }
    freshness = Freshness(layout, rows, state.highs_us)
    state.step += 1
    state.consumed += len(rows)
    _move_on(layout, state, rows)
    state.check_conservation()
    emitted = [pa.record_batch(batch) for batch in result.emitted]
    return _Applied(rows, made, freshness, pa.record_batch(result.rejected), emitted, overflow)


def _move_on(layout: Layout, state: State, rows: StepRows) -> None:
    """Note how far the streams have come."""
    newest = int(rows.arrival.max())
    state.arrival_us = newest if state.arrival_us is None else max(newest, state.arrival_us)
    for number, spec in enumerate(layout.streams):
        table = rows.table(number)
        if table is None:
            continue
        own = rows.of(number)
        if state.first_us[number] is None:
            state.first_us[number] = int(rows.arrival[own].min())
        state.arrivals_us[number] = int(rows.arrival[own].max())
        accepted = times_us(spec, table)[rows.applied[own]]
        if len(accepted):
            high, before = int(accepted.max()), state.highs_us[number]
            state.highs_us[number] = high if before is None else max(high, before)


def _label(
    layout: Layout, state: State, rows: StepRows, made: Mapping[str, Triggered]
) -> dict[str, pa.RecordBatch]:
    watermarks = state.kernel.watermarks()
    labels = {}
    for name, model in layout.models.items():
        batch = join_labels(model, state.joins[name], rows, made.get(name), watermarks[model.label])
        if batch is not None:
            labels[name] = batch
    return labels


def _rejected(layout: Layout, rows: StepRows, rejected: pa.RecordBatch) -> pa.RecordBatch | None:
    """The kernel's list of rows not applied, with the place of each in the log."""
    if not rejected.num_rows:
        return None
    numbers = rows.numbers(rejected["batch"].to_numpy(), rejected["row"].to_numpy())
    names = np.array([spec.name for spec in layout.streams], object)
    return pa.record_batch(
        [
            pa.array(names[rows.stream[numbers]], pa.string()),
            pa.array(rows.partition[numbers], pa.int32()),
            pa.array(rows.offset[numbers]),
            pa.array(np.array(VERDICTS, object)[rejected["verdict"].to_numpy()], pa.string()),
            rejected["field"].cast(pa.string()),
            _event_times(layout, rows, numbers),
            pa.array(rows.arrival[numbers]).cast(TIME),
            rejected["watermark"].cast(TIME),
        ],
        schema=REJECTED_SCHEMA,
    )


def _event_times(layout: Layout, rows: StepRows, numbers: Ints) -> Column:
    """Event time of records given by number; null where the record has none."""
    every = np.zeros(len(rows), np.int64)
    missing = np.zeros(len(rows), bool)
    for number, spec in enumerate(layout.streams):
        table = rows.table(number)
        if table is not None:
            own = rows.of(number)
            every[own] = times_us(spec, table)
            missing[own] = table.column(spec.time).is_null().to_numpy(zero_copy_only=False)
    return pa.array(every[numbers], mask=missing[numbers]).cast(TIME)
