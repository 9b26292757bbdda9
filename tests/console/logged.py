"""A data directory with a prediction log, written the way the runtime writes it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from forerun.events.records import LABEL_SCHEMA, prediction_id, prediction_schema
from forerun.models.definition import ModelSpec
from forerun.runtime.app import App
from forerun.runtime.export import Exporter
from forerun.runtime.outputs import Outputs
from forerun.state.database import Database
from forerun.state.files import RealFiles

START = datetime(2025, 3, 1, tzinfo=UTC)
ROWS = 1_000
UNSCORED = 100
LABELLED = 900


def write(data: Path, app: App, *, rows: int = ROWS) -> None:
    """Log predictions an hour apart: the first 100 have no score, the last 100 no label.

    A prediction's score is the share of the way through the log; labels are true for the upper half of each
    ten. The first 600 are in files, the rest is still in the database.
    """
    [model] = app.models.values()
    data.mkdir(parents=True, exist_ok=True)
    database = Database(data / "forerun.db")
    with database.transaction() as connection:
        Outputs(connection).create()
    for first in range(0, rows, 200):
        with database.transaction() as connection:
            Outputs(connection).add("prediction", model.name, predictions(model, range(first, first + 200)))
    with database.transaction() as connection:
        Outputs(connection).add("label", model.name, labels(model.name, range(LABELLED)))
    Exporter(database, RealFiles(), data, part_rows=300).export()
    database.close()


def score(index: int) -> float | None:
    """The score of a prediction."""
    return None if index < UNSCORED else (index % 100) / 100


def label(index: int) -> float:
    """The label of a prediction: what the score said, a third of the time not."""
    return float(((index % 100) >= 50) != (index % 3 == 0))


def predictions(spec: ModelSpec, indices: Sequence[int]) -> pa.RecordBatch:
    """Prediction records."""
    model, inputs = spec.name, [item.name for item in spec.inputs]
    columns: dict[str, list[Any]] = {
        "prediction_id": [prediction_id("shop", model, "Ordered", 0, index) for index in indices],
        "model": [model] * len(indices),
        "model_version": [None if score(index) is None else "v1-3f2a9c01" for index in indices],
        "app_version": ["a1"] * len(indices),
        "feature_version": ["f1"] * len(indices),
        "source": ["stream"] * len(indices),
        "stream": ["Ordered"] * len(indices),
        "partition": [0] * len(indices),
        "offset": list(indices),
        "key": [f"o{index:05d}" for index in indices],
        "event_time": [START + timedelta(hours=index) for index in indices],
        "score": [score(index) for index in indices],
        "baseline": [None if score(index) is None else (index % 7) / 7 for index in indices],
        "grade": ["default" if score(index) is None else "fresh" for index in indices],
        "reason": ["no version is trained yet" if score(index) is None else None for index in indices],
        "decisions": [["help"] if (score(index) or 0) > 0.9 else [] for index in indices],
        "predicted_at": [START] * len(indices),
        "latency_us": [40 + index % 10 for index in indices],
        "inputs": [dict.fromkeys(inputs) | {"price": float(index)} for index in indices],
    }
    schema = prediction_schema(inputs)
    return pa.RecordBatch.from_pydict(columns, schema=schema)


def labels(model: str, indices: Sequence[int]) -> pa.RecordBatch:
    """Label records: every fifth by time, the others by an event."""
    columns: dict[str, list[Any]] = {
        "prediction_id": [prediction_id("shop", model, "Ordered", 0, index) for index in indices],
        "model": [model] * len(indices),
        "label": [label(index) for index in indices],
        "label_time": [START + timedelta(hours=index, days=7) for index in indices],
        "source": ["timeout" if index % 5 == 0 else "event" for index in indices],
        "arrived_partition": [None if index % 5 == 0 else 0 for index in indices],
        "arrived_offset": [None if index % 5 == 0 else index for index in indices],
    }
    return pa.RecordBatch.from_pydict(columns, schema=LABEL_SCHEMA)


def expected_auc(stop: int) -> float:
    """AUC over all pairs of the scored rows before one, by counting."""
    rows = range(UNSCORED, stop)
    scores = np.array([score(index) or 0.0 for index in rows])
    truth = np.array([label(index) for index in rows]) > 0.5
    above = (scores[truth][:, None] > scores[~truth][None, :]).mean()
    equal = (scores[truth][:, None] == scores[~truth][None, :]).mean()
    return float(above + equal / 2)
