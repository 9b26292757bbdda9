"""From the prediction log and the labels to a training table."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.errors import TrainingTableError
from forerun.models.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORDER = ("event_time", "stream", "partition", "offset")
"""Ties of event time are ordered by the place of the triggering event, so that the table is one and the same
however the log was cut into files."""


def from_history(predictions: pa.Table, labels: pa.Table, *, feature_version: str | None = None) -> Table:
    """Join the prediction log of one model with the labels that came, by prediction id.

    Args:
        predictions: Rows of `events.records.prediction_schema`, in any order.
        labels: Rows of `events.records.LABEL_SCHEMA`, in any order; those of other predictions are ignored.
        feature_version: Take only predictions made with these inputs; None: all must have the same.

    Returns:
        The labelled predictions, ordered by event time and then by their place in the log.

    Raises:
        TrainingTableError: Predictions of several feature versions, or one prediction or label twice.

    >>> from forerun.events.records import LABEL_SCHEMA, prediction_schema
    >>> schema = prediction_schema(["distance"])
    >>> len(from_history(schema.empty_table(), LABEL_SCHEMA.empty_table()))
    0
    """
    if feature_version is not None:
        predictions = predictions.filter(pc.field("feature_version") == feature_version)
    versions = sorted(set(_strings(predictions, "feature_version")))
    if len(versions) > 1:
        raise TrainingTableError(
            f"predictions of {len(versions)} feature versions ({', '.join(versions)}) do not mix: "
            "their inputs mean different things; choose one with feature_version="
        )
    for table, what in ((predictions, "prediction"), (labels, "label")):
        if len(set(_strings(table, "prediction_id"))) != len(table):
            raise TrainingTableError(f"the same {what} is there twice; give each file of the log once")

    ids = pa.array(_strings(labels, "prediction_id"), pa.string())
    place = pc.index_in(predictions["prediction_id"], value_set=ids)
    for name in ("label", "label_time"):
        predictions = predictions.append_column(name, labels[name].take(place))
    predictions = predictions.filter(predictions["label"].is_valid())
    predictions = predictions.sort_by([(name, "ascending") for name in _ORDER])

    inputs = predictions["inputs"]
    names = tuple(field.name for field in inputs.type)
    features = np.empty((len(predictions), len(names)), np.float32)
    for i, column in enumerate(inputs.flatten()):
        features[:, i] = column.to_numpy()  # a null becomes NaN
    return Table(
        features=features,
        label=predictions["label"].to_numpy(),
        names=names,
        times=_microseconds(predictions["event_time"]),
        label_times=_microseconds(predictions["label_time"]),
        ids=tuple(_strings(predictions, "prediction_id")),
        stream=", ".join(sorted(set(_strings(predictions, "stream")))),
        partitions=predictions["partition"].to_numpy(),
        offsets=predictions["offset"].to_numpy(),
    )


def _strings(table: pa.Table, name: str) -> list[str]:
    return [str(value) for value in table[name].to_pylist()]


def _microseconds(column: "pa.ChunkedArray[Any]") -> "NDArray[np.int64]":  # Any: timestamps of any unit
    return column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
