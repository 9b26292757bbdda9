"""Predictions and label events of one step meet in the order the kernel took them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from forerun.events.evaluate import evaluate
from forerun.events.records import LABEL_SCHEMA, TIME
from forerun.runtime.labels import LabelJoin, Outcome
from forerun.runtime.layout import ModelLayout
from forerun.runtime.predictions import Triggered
from forerun.runtime.rows import Ints, StepRows, keys, times_us

_NONE = np.zeros(0, np.int64)


def join_labels(
    model: ModelLayout, join: LabelJoin, rows: StepRows, made: Triggered | None, watermark_us: int | None
) -> pa.RecordBatch | None:
    """Let the predictions of a step wait, and give those decided their labels.

    Args:
        model: The model.
        join: Its label join, moved on in place.
        rows: The step's records.
        made: Its predictions in this step.
        watermark_us: Watermark of the label stream after the step.

    Returns:
        Rows of `LABEL_SCHEMA`, or None when nothing was decided.
    """
    spec = model.spec.label.stream
    outcomes: list[Outcome] = []
    labelled = rows.of(model.label)[rows.applied[rows.of(model.label)]]
    table = rows.table(model.label)
    events: list[tuple[str | None, float | None, int, int, int]] = []
    if table is not None and len(labelled):
        accepted = table.take(rows.position(model.label, labelled))
        values = (
            evaluate(model.spec.label.value, dict(zip(accepted.schema.names, accepted.columns, strict=True)))
            .cast(pa.float64())
            .to_pylist()
        )
        sources = (rows.partition[labelled].tolist(), rows.offset[labelled].tolist())
        events = list(
            zip(keys(spec.key, accepted), values, times_us(spec, accepted).tolist(), *sources, strict=True)
        )
    predicted: Ints = _NONE
    if made is not None and made.numbers is not None:
        predicted = rows.rank[made.numbers]  # ascending: vectors are in the processing order
    places = rows.rank[labelled]
    order = np.argsort(places, kind="stable")
    # A record that is a label and a trigger at once speaks about earlier predictions, not about its own.
    before = np.searchsorted(predicted, places[order], side="left")
    made_us = None if made is None else made.times_us.tolist()

    def wait(some: slice) -> None:
        if made is not None and made_us is not None:
            join.predicted_all(made.keys[some], made.ids[some], made_us[some])

    start = 0
    for index, stop in zip(order.tolist(), before.tolist(), strict=True):
        wait(slice(start, stop))
        start = stop
        key, label, time_us, partition, offset = events[index]
        if key is not None:
            outcomes += join.labelled(key, label, time_us, partition=partition, offset=offset)
    wait(slice(start, None))
    outcomes += join.passed(watermark_us)
    return label_batch(model.spec.name, outcomes) if outcomes else None


def label_batch(model: str, outcomes: Sequence[Outcome]) -> pa.RecordBatch:
    """Outcomes as rows of `LABEL_SCHEMA`.

    Args:
        model: The model.
        outcomes: What was decided.
    """
    return pa.record_batch(
        [
            pa.array([outcome.prediction_id for outcome in outcomes]),
            pa.array([model] * len(outcomes)),
            pa.array([outcome.label for outcome in outcomes], pa.float64()),
            pa.array([outcome.label_time_us for outcome in outcomes], pa.int64()).cast(TIME),
            pa.array(["timeout" if outcome.offset is None else "event" for outcome in outcomes]),
            pa.array([outcome.partition for outcome in outcomes], pa.int32()),
            pa.array([outcome.offset for outcome in outcomes], pa.int64()),
        ],
        schema=LABEL_SCHEMA,
    )
