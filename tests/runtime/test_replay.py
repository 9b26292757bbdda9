"""A replay gives every bit again, and finds the one that is wrong."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.runtime import shop
from tests.runtime.conftest import Served

from forerun.errors import AppChangedError, NothingYetError
from forerun.runtime.layout import Layout
from forerun.runtime.replay import replay


def test_every_bit_comes_out_again(served: Served) -> None:
    """All vectors, scores, baselines, grades and labels of a day."""
    told: list[tuple[int, int]] = []
    found = replay(
        served.layout, served.directory, on_progress=lambda done, total: told.append((done, total))
    )
    assert found.equal, found.first
    assert found.events == sum(table.num_rows for table in served.events.values())
    assert found.predictions > 2000 < found.labels
    assert found.cells > 16 * found.predictions
    assert told[-1] == (found.steps, found.steps)
    assert found.to_json()["first"] is None


@pytest.fixture
def copy(served: Served, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    shutil.copytree(served.directory, tmp_path / "data")
    return tmp_path / "data"


def change(directory: Path, kind: str, row: int, column: str) -> str:
    """Change the last bit of one logged float; returns the prediction it belongs to."""
    [path] = sorted((directory / kind / "Refunded").glob("*.parquet"))
    table = pq.read_table(path)
    top = column.partition(".")[0]
    values: Any = table[top].combine_chunks()
    parts = {f"inputs.{part.name}": index for index, part in enumerate(values.type)} if "." in column else {}
    flat = values.field(parts[column]) if parts else values
    bits = flat.to_numpy(zero_copy_only=False).copy()
    bits.view(np.int32 if bits.dtype == np.float32 else np.int64)[row] ^= 1
    changed: Any = pa.array(bits, from_pandas=True)
    if parts:
        columns = [changed if name == column else values.field(index) for name, index in parts.items()]
        changed = pa.StructArray.from_arrays(columns, fields=list(values.type))
    place = table.schema.get_field_index(top)
    pq.write_table(table.set_column(place, table.schema.field(place), changed), path)
    return str(table["prediction_id"][row].as_py())


@pytest.mark.parametrize(
    ("kind", "column"),
    [("predictions", "score"), ("predictions", "inputs.Orders.mean"), ("labels", "label")],
)
def test_one_wrong_bit_is_found_and_named(served: Served, copy: Path, kind: str, column: str) -> None:
    """The first difference says where, what was logged and what came out."""
    changed = change(copy, kind, 2000, column)
    found = replay(served.layout, copy)
    assert not found.equal
    assert found.differences == 1
    assert found.first is not None
    assert (found.first.prediction_id, found.first.column) == (changed, column)
    assert found.first.logged != found.first.replayed
    assert found.to_json()["first"] is not None


def test_a_missing_row_is_found(served: Served, copy: Path) -> None:
    """A prediction that the journal calls for and the log does not have."""
    [path] = sorted((copy / "predictions" / "Refunded").glob("*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.slice(0, len(table) - 1), path)
    found = replay(served.layout, copy)
    assert found.differences == 1
    assert found.first is not None
    assert found.first.column == "row"
    assert found.first.prediction_id == table["prediction_id"][-1].as_py()


def test_an_app_that_was_edited_is_named(served: Served) -> None:
    """Labels of another rule differ, and the replay says that the app is another than the run's."""
    before = served.app.models["Refunded"]
    app = shop.make()
    label = replace(app.models["Refunded"].label, within_us=before.label.within_us // 2)
    app.models["Refunded"] = replace(app.models["Refunded"], label=label)
    found = replay(Layout(app), served.directory)
    assert not found.equal
    assert found.edited == [served.app.version]
    assert found.app_version == app.version != served.app.version
    assert replay(served.layout, served.directory).edited == []


def test_another_app_cannot_be_replayed(served: Served, tmp_path: Path) -> None:
    """Neither with other features nor where nothing was run."""
    with pytest.raises(AppChangedError):
        replay(Layout(shop.make(window="2h")), served.directory)
    with pytest.raises(NothingYetError):
        replay(served.layout, tmp_path)
