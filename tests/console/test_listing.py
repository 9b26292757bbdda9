"""Reading the prediction log: every row once, wherever it is, and the filters of `forerun predictions`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.console.logged import LABELLED, ROWS, UNSCORED, write

from forerun.console.listing import Wanted, listing, one
from forerun.console.log import PredictionLog
from forerun.errors import ArgumentError, NotFoundError
from forerun.events.records import prediction_id

MODELS = {"WillReturn": None}
HOUR_US = 3_600_000_000
START_US = 1_740_787_200_000_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    """A log of which one part is in files and one in the database."""
    write(tmp_path)
    assert list(tmp_path.glob("predictions/WillReturn/*.parquet"))
    opened = PredictionLog(tmp_path)
    yield opened
    opened.close()


def test_every_row_once_and_in_order(log: PredictionLog) -> None:
    """Rows in files and rows in the database are read once each, in the order they were made."""
    table = log.predictions("WillReturn")
    assert table is not None
    assert table["offset"].to_pylist() == list(range(ROWS))
    assert len(log.labels("WillReturn")) == LABELLED


def test_labels_stand_beside_their_predictions(log: PredictionLog) -> None:
    """A prediction has its own label or none."""
    table = log.labelled("WillReturn", ["offset"])
    assert table is not None
    assert [value is not None for value in table["label"].to_pylist()] == [True] * LABELLED + [False] * 100


def test_model_without_predictions(log: PredictionLog) -> None:
    """A model that has predicted nothing has an empty list."""
    assert listing(log, "Other", Wanted()) == []


def offsets(log: PredictionLog, wanted: Wanted) -> list[int]:
    """Which predictions are found."""
    return [int(row["key"][1:]) for row in listing(log, "WillReturn", wanted)]


def test_newest_first(log: PredictionLog) -> None:
    """Without a wish the newest come first."""
    assert offsets(log, Wanted(limit=3)) == [999, 998, 997]


def test_highest_first_and_unscored_last(log: PredictionLog) -> None:
    """Sorted by score, ties keep their order, and what has no score is at the end."""
    assert offsets(log, Wanted(sort="score", limit=2)) == [199, 299]
    assert offsets(log, Wanted(sort="score", limit=ROWS))[-UNSCORED:] == list(range(UNSCORED))


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Wanted(since_us=START_US + 10 * HOUR_US, until_us=START_US + 20 * HOUR_US, limit=ROWS), 10),
        (Wanted(above=0.5, limit=ROWS), 450),
        (Wanted(below=0.5, limit=ROWS), 450),
        (Wanted(above=0.5, below=0.6, limit=ROWS), 90),
        (Wanted(key="o00017", limit=ROWS), 1),
        (Wanted(decision="any", limit=ROWS), 81),
        (Wanted(decision="help", limit=ROWS), 81),
        (Wanted(decision="other", limit=ROWS), 0),
        (Wanted(label="known", limit=ROWS), LABELLED),
        (Wanted(label="none", limit=ROWS), ROWS - LABELLED),
        (Wanted(limit=7), 7),
    ],
)
def test_filters(log: PredictionLog, wanted: Wanted, count: int) -> None:
    """Each filter keeps what it says; a missing score passes neither bound."""
    assert len(listing(log, "WillReturn", wanted)) == count


def test_true_and_false_labels_are_all_labels(log: PredictionLog) -> None:
    """No label is both or neither."""
    both = [len(listing(log, "WillReturn", Wanted(label=value, limit=ROWS))) for value in ("true", "false")]
    assert sum(both) == LABELLED
    with pytest.raises(ArgumentError):
        listing(log, "WillReturn", Wanted(label="maybe"))


def test_one_by_the_beginning_of_its_id(log: PredictionLog) -> None:
    """Eight characters of an id are enough, and the answer holds the vector as served and the label."""
    wanted = prediction_id("shop", "WillReturn", "Ordered", 0, 700)
    found = one(log, MODELS, wanted[:8])
    assert found["prediction_id"] == wanted
    assert found["inputs"] == {"Ordered.price": 700.0, "ProductReturns.returns_7d": 0.5}
    assert (found["label"], found["label_source"]) == (0.0, "timeout")
    assert found["event_time_us"] == START_US + 700 * HOUR_US


def test_one_that_is_none(log: PredictionLog) -> None:
    """An unknown id and an id too short to mean one are refused."""
    with pytest.raises(NotFoundError):
        one(log, MODELS, "zzzzzzzz")
    with pytest.raises(ArgumentError):
        one(log, MODELS, "ab")
