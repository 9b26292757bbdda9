"""The training table: rows in order of time, cut by time, with nothing lost on the way."""

from datetime import UTC, datetime

import numpy as np
import pytest
from tests.models.specimen import HOUR_US, NAMES, START_US, table

from forerun.errors import TrainingTableError
from forerun.models.table import Table


def small(times: list[int]) -> Table:
    """Rows with one input, at these times."""
    n = len(times)
    return Table(
        features=np.arange(n, dtype=np.float32)[:, np.newaxis],
        label=np.zeros(n),
        names=("x",),
        times=np.array(times, np.int64),
    )


@pytest.mark.parametrize(
    ("times", "share", "earlier"),
    [
        ([1, 2, 3, 4], 0.5, [1, 2]),
        ([1, 2, 2, 2], 0.5, [1]),  # equal times stay together, in the later part
        ([1, 1, 1, 1], 0.5, []),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.8, [1, 2, 3, 4, 5, 6, 7, 8]),
        ([], 0.5, []),
    ],
)
def test_split_by_share(times: list[int], share: float, earlier: list[int]) -> None:
    """The earlier part has that share of the rows; no row of it is as late as one of the later part."""
    first, second = small(times).split(share)
    assert first.times.tolist() == earlier
    assert second.times.tolist() == times[len(earlier) :]
    assert small(times).tail(1 - share).times.tolist() == second.times.tolist() or share == 0.8


def test_split_at_a_moment() -> None:
    """The later part begins at the moment, itself included."""
    rows = table(100)
    first, second = rows.split(datetime(2013, 1, 2, tzinfo=UTC))
    assert (len(first), len(second)) == (24, 76)
    assert second.times[0] == START_US + 24 * HOUR_US


def test_parts_keep_every_column_in_step() -> None:
    """Whatever is cut, each row keeps its inputs, label, id and place in the log."""
    rows = table(100)
    assert rows.label_times is not None
    assert rows.offsets is not None
    for part, start in zip(rows.split(0.6), (0, 60), strict=True):
        stop = start + len(part)
        assert np.array_equal(part.features, rows.features[start:stop], equal_nan=True)
        assert part.label.tolist() == rows.label[start:stop].tolist()
        assert part.ids == rows.ids[start:stop]
        assert part.offsets is not None
        assert part.offsets.tolist() == rows.offsets[start:stop].tolist()
        assert part.label_times is not None
        assert part.label_times.tolist() == rows.label_times[start:stop].tolist()


def test_settled() -> None:
    """Only rows whose label had its whole time to come, even where one came early."""
    rows = table(100)
    assert len(rows.settled(START_US + 50 * HOUR_US, within_us=24 * HOUR_US)) == 27
    assert small([1, 2, 3]).settled(2, within_us=1).times.tolist() == [1]


def test_select() -> None:
    """Inputs are chosen by name, in the order asked for."""
    rows = table(10)
    two = rows.select(["hour", "distance"])
    assert two.names == ("hour", "distance")
    assert np.array_equal(two.features, rows.features[:, [5, 3]], equal_nan=True)
    with pytest.raises(TrainingTableError, match=r"no input 'Distance'; there are OriginNow\.count"):
        rows.select(["Distance"])


@pytest.mark.parametrize("at", [0, 1, 1.5, -0.2, datetime(2013, 1, 2)])  # noqa: DTZ001  # the missing zone is the point
def test_impossible_cuts(at: float | datetime) -> None:
    """A share outside 0 to 1 and a moment without a zone are refused."""
    with pytest.raises(TrainingTableError, match="split at"):
        table(10).split(at)


def test_rows_must_fit_together() -> None:
    """Columns of other lengths, and rows out of order, are refused."""
    with pytest.raises(TrainingTableError, match=r"shape \(2, 1\), not \(3, 1\)"):
        Table(features=np.zeros((2, 1), np.float32), label=np.zeros(3), names=("x",), times=np.arange(3))
    with pytest.raises(TrainingTableError, match="order of their event times"):
        small([2, 1])


def test_frames() -> None:
    """Arrow and pandas have the inputs under their names, then label and time; missing is null and NaN."""
    rows = table(50)
    arrow, frame = rows.to_arrow(), rows.to_pandas()
    assert arrow.column_names == list(frame.columns) == [*NAMES, "label", "event_time"]
    assert arrow["distance"].null_count == int(np.isnan(rows.features[:, 3]).sum()) > 0
    assert np.array_equal(frame[list(NAMES)].to_numpy(np.float32), rows.features, equal_nan=True)
    assert arrow["event_time"].to_pylist() == [moment.to_pydatetime() for moment in frame["event_time"]]
    assert arrow["event_time"][0].as_py() == datetime(2013, 1, 1, tzinfo=UTC)


def test_input_called_label() -> None:
    """An input that is called like the label column keeps its name, and its values."""
    rows = Table(
        features=np.ones((1, 1), np.float32), label=np.zeros(1), names=("label",), times=np.zeros(1, np.int64)
    )
    assert rows.to_arrow().column_names == ["label", "label_", "event_time"]
    assert rows.to_pandas()["label_"].tolist() == [0.0]


def test_hash_is_of_the_content() -> None:
    """The same rows have the same hash; a change of any cell, name or id has another."""
    rows = table(50)
    assert rows.hash() == table(50).hash()
    odd_nan = rows.features.copy()
    odd_nan.view(np.uint32)[np.isnan(odd_nan)] = 0x7FC00001
    others = [
        ("features", np.nan_to_num(rows.features)),
        ("label", 1 - rows.label),
        ("names", (*NAMES[:5], "minute")),
        ("ids", ("x", *rows.ids[1:])),
        ("times", rows.times + 1),
        ("label_times", None),
        ("offsets", rows.times),
    ]
    assert rows._with(features=odd_nan).hash() == rows.hash()
    assert len({rows.hash(), *(rows._with(**{name: value}).hash() for name, value in others)}) == 1 + len(
        others
    )


def test_repr_tells_what_it_is() -> None:
    """A table prints as a summary, not as numbers."""
    assert repr(table(100)) == "Table(100 rows, 6 inputs, 2013-01-01 to 2013-01-05, mean label 0.350)"
    assert repr(small([])) == "Table(0 rows, 1 inputs)"
