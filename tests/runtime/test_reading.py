"""Features now and as they were, and why a prediction was what it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runtime import shop
from tests.runtime.conftest import Served

from forerun.errors import EventError, NotFoundError
from forerun.runtime.engine import Engine
from forerun.runtime.history import History


@pytest.fixture
def looking(served: Served) -> Iterator[Engine]:
    """The finished run, opened to look."""
    with Engine.open(served.app, served.directory, read_only=True) as engine:
        yield engine


def naive(served: Served, name: str, at_us: int) -> dict[str, Any]:
    """The shop's order features as of an instant, by adding up what had arrived and was accepted."""
    late = {(row["stream"], row["offset"]) for row in _rejected(served)}
    rows = [
        row
        for offset, row in enumerate(served.events["Ordered"].to_pylist())
        if row["_arrival"] <= at_us and ("Ordered", offset) not in late and row["shop"] == name
    ]
    amounts = [row["amount"] for row in rows if at_us - shop.HOUR < _us(row) <= at_us]
    known = [amount for amount in amounts if amount is not None]
    return {"recent": len(amounts), "mean": np.mean(known) if known else None, "ever": len(rows)}


def _rejected(served: Served) -> list[dict[str, Any]]:
    history = History(served.layout, served.directory)
    rows: list[dict[str, Any]] = history.rejected().to_pylist()
    history.close()
    return rows


def _us(row: dict[str, Any]) -> int:
    return int(row["at"].timestamp() * 1_000_000 + 0.5)


@pytest.mark.parametrize("hour", [1, 7, 13, 20])
def test_a_value_of_the_past_is_what_it_was(served: Served, looking: Engine, hour: int) -> None:
    """As of an instant: what had arrived by then, in the window that ended then."""
    for name in ("s0", "s4"):
        reading = looking.read("Orders", {"shop": name}, at_us=hour * shop.HOUR)
        assert reading["values"] == pytest.approx(naive(served, name, hour * shop.HOUR))
        high_us = reading["provenance"]["event_time_high_us"]
        assert high_us is not None
        assert high_us <= hour * shop.HOUR


def test_now_is_the_newest_arrival(served: Served, looking: Engine) -> None:
    """While the past is replayed, now is where the log ends; provenance names the newest event applied."""
    newest = max(int(table["_arrival"][-1].as_py()) for table in served.events.values())
    reading = looking.read("Refunds", {"shop": "s1"})
    assert reading["at_us"] == newest
    place = reading["provenance"]
    assert place["feature_version"] == served.app.views["Refunds"].version
    assert place["offset"] is not None
    row = served.events["Settled"].slice(place["offset"], 1).to_pylist()[0]
    assert row["shop"] == "s1"
    assert place["event_time_high_us"] == _us(row)


def test_an_unknown_entity_reads_as_empty(looking: Engine) -> None:
    """No event is no error."""
    reading = looking.read("Orders", {"shop": "nowhere"})
    assert reading["values"] == {"recent": 0, "mean": None, "ever": 0}
    assert reading["provenance"]["offset"] is None


@pytest.mark.parametrize(
    ("key", "field"),
    [({}, "shop"), ({"shop": "s1", "colour": "red"}, "colour"), ({"shop": 5}, "shop")],
)
def test_a_key_that_does_not_fit_names_the_part(looking: Engine, key: dict[str, object], field: str) -> None:
    """Missing, unknown, of another type."""
    with pytest.raises(EventError) as caught:
        looking.read("Orders", key)
    assert caught.value.field == field


def test_events_behind_a_feature(served: Served, looking: Engine) -> None:
    """They are the accepted events of the entity, by place, oldest first, none later than the time."""
    at_us = 6 * shop.HOUR
    told: list[tuple[int, int]] = []
    look = looking.look("Orders", {"shop": "s2"}, at_us, lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, total in told} == {looking.status().journal_step}
    events = look[1]["Ordered"].to_pylist()
    assert len(events) >= naive(served, "s2", at_us)["recent"] > 0
    source = served.events["Ordered"].to_pylist()
    for event in events:
        row = source[event["offset"]]
        assert (row["shop"], row["amount"], row["at"]) == ("s2", event["amount"], event["time"])
    times = [event["time"] for event in events]
    assert times == sorted(times)


def test_an_explanation_rebuilds_what_the_prediction_saw(
    served: Served, looking: Engine, history: History
) -> None:
    """The values read again from the log are the inputs that were served, all over the day."""
    rows = history.predictions("Refunded").to_pylist()
    for row in rows[:: len(rows) // 12]:
        found = looking.explain(row["prediction_id"])
        values = {
            f"{part['view']}.{name}": value
            for part in found["features"]  # type: ignore[attr-defined]  # a list of dicts
            for name, value in part["values"].items()
        }
        for name, served_value in row["inputs"].items():
            if "." in name:
                expected = None if values[name] is None else float(np.float32(values[name]))
                assert served_value == expected, (row["prediction_id"], name)


def test_an_explanation_says_what_each_input_did(looking: Engine, history: History) -> None:
    """Contributions are changes of the score; without a model there are none."""
    rows = history.labelled("Refunded").to_pylist()
    first, last = looking.explain(rows[0]["prediction_id"]), looking.explain(rows[-1]["prediction_id"])
    assert first["contributions"] is None
    parts: list[dict[str, Any]] = last["contributions"]  # type: ignore[assignment]  # there is a model
    assert {part["name"] for part in parts} == set(rows[-1]["inputs"])
    sizes = [abs(part["contribution"]) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert all(part["score"] == rows[-1]["score"] for part in parts)
    assert last["prediction"] == rows[-1]


def test_a_request_is_explained_like_a_record(served: Served, tmp_path: Path) -> None:
    """The features are those of the step it read, though more steps have been taken since."""
    with Engine.open(served.app, tmp_path) as engine:
        engine.run(served.source, until_us=5 * shop.HOUR)
        answer = engine.predict("Refunded", {"order": "x", "shop": "s4", "amount": None})
        engine.run(served.source, until_us=9 * shop.HOUR)
        found = engine.explain(answer["prediction_id"])
        record: dict[str, Any] = found["prediction"]  # type: ignore[assignment]  # a record
        [orders, _] = found["features"]  # type: ignore[misc]  # two views
        assert orders["values"]["ever"] == record["inputs"]["Orders.ever"]  # type: ignore[has-type]
        assert record["source"] == "http"
    with pytest.raises(NotFoundError):
        Engine.open(served.app, tmp_path, read_only=True).explain("nothing")
