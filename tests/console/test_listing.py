"""Reading the prediction log: every row once, wherever it is, and the filters of `forerun predictions`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.console.logged import LABELLED, ROWS, UNSCORED, write

from forerun.cli.new import make
from forerun.console.listing import Wanted, listing, one
from forerun.errors import ArgumentError, NotFoundError
from forerun.events.records import prediction_id
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.runtime.load import load

MODELS = {"WillReturn": None}
HOUR_US = 3_600_000_000
START_US = 1_740_787_200_000_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[History]:
    """A log of which one part is in files and one in the database."""
    make(tmp_path / "shop")
    app = load(tmp_path / "shop")
    write(tmp_path / "data", app)
    assert list(tmp_path.glob("data/predictions/WillReturn/*.parquet"))
    opened = History(Layout(app), tmp_path / "data")
    yield opened
    opened.close()


def offsets(log: History, wanted: Wanted) -> list[int]:
    """Which predictions are found."""
    return [int(row["key"][1:]) for row in listing(log, "WillReturn", wanted)]


def test_newest_first(log: History) -> None:
    """Without a wish the newest come first."""
    assert offsets(log, Wanted(limit=3)) == [999, 998, 997]


def test_highest_first_and_unscored_last(log: History) -> None:
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
def test_filters(log: History, wanted: Wanted, count: int) -> None:
    """Each filter keeps what it says; a missing score passes neither bound."""
    assert len(listing(log, "WillReturn", wanted)) == count


def test_true_and_false_labels_are_all_labels(log: History) -> None:
    """No label is both or neither."""
    both = [len(listing(log, "WillReturn", Wanted(label=value, limit=ROWS))) for value in ("true", "false")]
    assert sum(both) == LABELLED
    with pytest.raises(ArgumentError):
        listing(log, "WillReturn", Wanted(label="maybe"))


def test_one_by_the_beginning_of_its_id(log: History) -> None:
    """Eight characters of an id are enough, and the answer holds the vector as served and the label."""
    wanted = prediction_id("shop", "WillReturn", "Ordered", 0, 700)
    found = one(log, MODELS, wanted[:8])
    assert found["prediction_id"] == wanted
    assert found["inputs"]["price"] == 700.0
    assert found["inputs"]["ProductReturns.returns_3d"] is None
    assert (found["label"], found["label_source"]) == (0.0, "timeout")
    assert found["event_time"] == "2025-03-30T04:00:00.000000Z"


def test_one_that_is_none(log: History) -> None:
    """An unknown id and an id too short to mean one are refused."""
    with pytest.raises(NotFoundError):
        one(log, MODELS, "zzzzzzzz")
    with pytest.raises(ArgumentError):
        one(log, MODELS, "ab")
