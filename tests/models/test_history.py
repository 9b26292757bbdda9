"""From the prediction log to the training table: every labelled prediction, as served, once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forerun.errors import TrainingTableError
from forerun.events.records import LABEL_SCHEMA, prediction_schema
from forerun.models.history import from_history

START = datetime(2013, 1, 1, tzinfo=UTC)
INPUTS = ["distance", "OriginNow.delay_1h"]


def predictions(rows: Sequence[tuple[str, int, int, list[float | None]]], version: str = "f1") -> pa.Table:
    """A prediction log of (id, hour, offset, inputs)."""
    return pa.Table.from_pylist(
        [
            {
                "prediction_id": name, "model": "Late", "app_version": "a", "feature_version": version,
                "source": "stream", "stream": "Scheduled", "partition": offset % 2, "offset": offset,
                "key": "UA1", "event_time": START + timedelta(hours=hour), "grade": "default",
                "decisions": [], "predicted_at": START, "latency_us": 5,
                "inputs": dict(zip(INPUTS, inputs, strict=True)),
            }
            for name, hour, offset, inputs in rows
        ],
        schema=prediction_schema(INPUTS),
    )  # fmt: skip


def labels(rows: Sequence[tuple[str, float]]) -> pa.Table:
    """Labels that came at noon."""
    noon = START + timedelta(hours=12)
    return pa.Table.from_pylist(
        [
            {"prediction_id": name, "model": "Late", "label": label, "label_time": noon, "source": "event"}
            for name, label in rows
        ],
        schema=LABEL_SCHEMA,
    )


LOG = predictions(
    [
        ("c", 2, 4, [300.0, 0.1]),
        ("a", 1, 7, [100.0, None]),
        ("late label", 3, 9, [1.0, 1.0]),
        ("b", 1, 3, [200.0, -5.5]),
        ("b2", 1, 2, [250.0, 0.0]),
    ]
)
LABELS = labels([("b", 1.0), ("other", 1.0), ("a", 0.0), ("c", 0.0), ("b2", 1.0)])


def test_join() -> None:
    """Labelled predictions come in order of time and place; the others stay out; null is NaN."""
    table = from_history(LOG, LABELS)
    assert table.ids == ("b2", "b", "a", "c")
    assert table.names == tuple(INPUTS)
    assert table.label.tolist() == [1.0, 1.0, 0.0, 0.0]
    expected = np.array([[250, 0], [200, -5.5], [100, np.nan], [300, 0.1]], np.float32)
    assert np.array_equal(table.features, expected, equal_nan=True)
    start_us = int(START.timestamp()) * 1_000_000
    assert table.times.tolist() == [start_us + hour * 3_600_000_000 for hour in (1, 1, 1, 2)]
    assert table.label_times is not None
    assert set(table.label_times.tolist()) == {start_us + 12 * 3_600_000_000}
    assert table.partitions is not None
    assert table.offsets is not None
    assert list(zip(table.partitions.tolist(), table.offsets.tolist(), strict=True)) == [
        (0, 2),
        (1, 3),
        (1, 7),
        (0, 4),
    ]
    assert table.stream == "Scheduled"


def test_order_of_files_does_not_matter(tmp_path: str) -> None:
    """Rows in any order, in pieces, through Parquet, make the same table."""
    expected = from_history(LOG, LABELS).hash()
    shuffled = pa.concat_tables([LOG.slice(3), LOG.slice(0, 3)])
    assert from_history(shuffled, LABELS.take(pa.array([4, 0, 3, 1, 2]))).hash() == expected
    pq.write_table(shuffled, f"{tmp_path}/part-0.parquet")
    assert from_history(pq.read_table(f"{tmp_path}/part-0.parquet"), LABELS).hash() == expected


def test_served_bits_are_kept() -> None:
    """Inputs are the served float32 values to the last bit, subnormal and negative zero included."""
    values = np.array([1 / 3, 1e-42, -0.0, 16777217.0, np.pi * 1e30], np.float32)
    log = predictions([(f"p{i}", i, i, [float(value), None]) for i, value in enumerate(values)])
    table = from_history(log, labels([(f"p{i}", 1.0) for i in range(len(values))]))
    assert table.features[:, 0].view(np.uint32).tolist() == values.view(np.uint32).tolist()


def test_feature_versions_do_not_mix() -> None:
    """Inputs of two definitions are never one table; one of them can be chosen."""
    both = pa.concat_tables([LOG, predictions([("z", 9, 20, [1.0, 1.0])], "f2")])
    labelled = pa.concat_tables([LABELS, labels([("z", 1.0)])])
    with pytest.raises(TrainingTableError, match=r"2 feature versions \(f1, f2\)"):
        from_history(both, labelled)
    assert from_history(both, labelled, feature_version="f2").ids == ("z",)


def test_nothing_is_counted_twice() -> None:
    """A prediction or a label that is there twice is refused."""
    with pytest.raises(TrainingTableError, match="the same prediction is there twice"):
        from_history(pa.concat_tables([LOG, LOG.slice(0, 1)]), LABELS)
    with pytest.raises(TrainingTableError, match="the same label is there twice"):
        from_history(LOG, pa.concat_tables([LABELS, LABELS.slice(0, 1)]))


def test_no_labels_yet() -> None:
    """Before the first label the table is empty and knows its inputs."""
    table = from_history(LOG, LABEL_SCHEMA.empty_table())
    assert len(table) == 0
    assert table.names == tuple(INPUTS)
