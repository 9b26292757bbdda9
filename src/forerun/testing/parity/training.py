"""P5: what a model learns from is, byte for byte, what was served; and the log gives it again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forerun.models.table import Table
from forerun.runtime.app import App
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.runtime.replay import replay
from forerun.runtime.training_set import training_set
from forerun.testing.parity.level import Difference, Level

PROMISE = "What a model learns from is what was served, byte for byte, and the log gives it again."


def training(
    app: App,
    directory: Path,
    *,
    progress: Callable[[float], None] = lambda _done: None,
    doctor: Callable[[Table], None] = lambda _table: None,
) -> Level:
    """Take an app's journal again, and compare every vector with what was logged; and every training set.

    Args:
        app: The app.
        directory: Its data directory; it has been run there.
        progress: Told how much is done, from 0 to 1.
        doctor: Gets each training set, and may falsify it: a test of this test.

    Returns:
        The level: values of predictions taken again, and values of the training sets.

    Raises:
        NothingYetError: The app has not been run here.
    """
    level = Level("P5 training", PROMISE)
    layout = Layout(app)
    found = replay(layout, directory, on_progress=lambda done, total: progress(done / max(total, 1)))
    level.bits += found.cells
    level.notes.append(f"{found.predictions} predictions taken again from the journal")
    if found.first is not None:
        first = found.first
        key = {"prediction": first.prediction_id}
        what = "taken again from the journal"
        difference = Difference(what, "prediction", first.column, key, None, first.logged, first.replayed)
        level.differ(difference, found.differences)
    for name in layout.models:
        table = training_set(layout, directory, name, as_of="served")
        doctor(table)
        _compare(level, layout, directory, name, table)
    return level


def _compare(level: Level, layout: Layout, directory: Path, name: str, table: Table) -> None:
    """The rows of a training set beside the predictions as they were logged."""
    history = History(layout, directory)
    try:
        logged = history.predictions(name, columns=["prediction_id", "inputs"])
    finally:
        history.close()
    places = {row: place for place, row in enumerate(logged["prediction_id"].to_pylist())}
    rows = np.array([places[row] for row in table.ids], np.int64)
    level.notes.append(f"{len(rows)} rows of the training set of {name}")
    inputs: Any = logged["inputs"].combine_chunks()
    for column, feature in enumerate(table.names):
        values = inputs.field(feature).to_numpy(zero_copy_only=False)[rows]
        ours, theirs = _bits(values), _bits(table.features[:, column])
        level.bits += len(rows)
        unlike = np.flatnonzero(ours != theirs)
        if len(unlike):
            row = int(unlike[0])
            key = {"prediction": table.ids[row]}
            expected, actual = float(values[row]), float(table.features[row, column])
            what = "in the training set as served"
            level.differ(Difference(what, name, feature, key, None, expected, actual), len(unlike))


def _bits(values: NDArray[np.float32]) -> NDArray[np.int32]:
    """The bits of every value; a missing one is one and the same NaN."""
    whole = np.where(np.isnan(values), np.float32(np.nan), values).astype(np.float32)
    return np.ascontiguousarray(whole).view(np.int32)
