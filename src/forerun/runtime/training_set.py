"""The table a model learns from: as it was served, or as it would have been served with hindsight."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from forerun.errors import ArgumentError
from forerun.models.history import from_history
from forerun.models.table import Table
from forerun.runtime.chronology import Chronology
from forerun.runtime.hindsight import Hindsight
from forerun.runtime.layout import Layout
from forerun.runtime.snapshot import snapshot
from forerun.state.database import Connect

AsOf: TypeAlias = Literal["served", "corrected"]
AS_OF: tuple[AsOf, ...] = ("served", "corrected")


def training_set(
    layout: Layout,
    directory: Path,
    model: str,
    *,
    as_of: AsOf = "served",
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    connect: Connect | None = None,
    memory: int | None = None,
) -> Table:
    """Every labelled prediction of a model.

    Args:
        layout: The app.
        directory: The data directory.
        model: The model.
        as_of: "served": the vectors as they were logged, bit for bit. "corrected": each vector read again for
            the same entity and time with every event that is in the log by now, those that were too late
            included. Labels are the same in both.
        on_progress: For "corrected", told steps done and steps in all.
        connect: How to open the database.
        memory: For "corrected": bytes that entities and open windows may take in memory; those beyond sleep
            in a temporary file. None: as many as they take.

    Raises:
        ArgumentError: `as_of` is something else.
        NothingYetError: The app has not been run here.
        AppChangedError: The data is of other features.
        LogRangeError: For "corrected": retention has dropped records from the log.
    """
    if as_of not in AS_OF:
        raise ArgumentError(f"as_of={as_of!r}: a training set is as 'served' or as 'corrected'")
    with snapshot(layout, directory, connect) as (tables, history):
        version = layout.model(model).spec.feature_version
        predictions, labels = history.predictions(model), history.labels(model)
        if as_of == "corrected":
            chronology = Chronology(layout, tables, tables.rejected(), on_progress)
            predictions = _corrected(layout, chronology, model, predictions, memory)
    return from_history(predictions, labels, feature_version=version)


def _corrected(
    layout: Layout, chronology: Chronology, model: str, predictions: pa.Table, memory: int | None
) -> pa.Table:
    """The same predictions with what their inputs should have been."""
    spec = layout.models[model].spec
    rows = len(predictions)
    values = np.empty((len(spec.inputs), rows), np.float32)
    missing = np.ones((len(spec.inputs), rows), np.bool_)
    read = np.zeros(rows, np.bool_)
    for seen in Hindsight(layout, chronology, {model: predictions}, late=(True,), memory=memory).read():
        read[seen.rows] = True
        [inputs] = seen.inputs
        for index, column in enumerate(inputs):
            values[index, seen.rows] = column.to_numpy(zero_copy_only=False)
            missing[index, seen.rows] = column.is_null().to_numpy(zero_copy_only=False)
    columns = [pa.array(column, mask=null) for column, null in zip(values, missing, strict=True)]
    place = predictions.schema.get_field_index("inputs")
    field = predictions.schema.field(place)
    struct = pa.StructArray.from_arrays(columns, fields=list(field.type))
    # What was predicted since the snapshot began is not in it, and waits for the next time.
    return predictions.set_column(place, field, struct).filter(pa.array(read))
