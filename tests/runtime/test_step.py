"""A step: pure, and the same whatever the size of the steps around it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.runtime import shop

import forerun as fr
from forerun.errors import ConservationError
from forerun.runtime.feed import Feed, Place
from forerun.runtime.layout import Layout
from forerun.runtime.predictions import NO_MODEL, NO_SCORE, Active
from forerun.runtime.rows import Records
from forerun.runtime.state import State
from forerun.runtime.step import Effects, follow, step

APP = shop.make()
LAYOUT = Layout(APP)
EVENTS = shop.events(20)


def by_amount(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """A model: large amounts are refunded; without an amount it gives no score."""
    return np.minimum(rows[:, 0].astype(np.float64) / 400.0, 1.0)


MODELS: Mapping[str, Active | None] = {
    "Refunded": Active("v1-test", by_amount, lambda rows: by_amount(rows) / 2)
}


def take(
    rows: int, models: Mapping[str, Active | None] = MODELS, events: dict[str, pa.RecordBatch] = EVENTS
) -> tuple[State, list[Effects]]:
    """All events in steps of about so many rows."""
    state = State.empty(LAYOUT)
    effects = [step(LAYOUT, state, records, models) for records in steps(rows, events)]
    return state, effects


def steps(rows: int, events: dict[str, pa.RecordBatch] = EVENTS) -> list[list[Records]]:
    """The events cut into steps."""
    feed = Feed(shop.source_of(events), APP.streams, Place(), rows=rows)
    offsets = [0] * len(LAYOUT.streams)
    found = []
    while (portion := feed.take()) is not None:
        records = []
        for name, table in portion.tables.items():
            number = LAYOUT.stream(name)
            records.append(Records(number, 0, offsets[number], table))
            offsets[number] += table.num_rows
        found.append(records)
    return found


def joined(effects: list[Effects]) -> dict[str, pa.Table]:
    """Everything that steps gave, as tables."""
    predictions = [made.batch for effect in effects for made in effect.predictions.values()]
    labels = [batch for effect in effects for batch in effect.labels.values()]
    rejected = [effect.rejected for effect in effects if effect.rejected is not None]
    decisions = [batch for effect in effects for batch in effect.decisions.values()]
    return {
        "predictions": pa.Table.from_batches(predictions),
        # The order of timeouts within a step is by horizon, so only the set is the same for all sizes.
        "labels": pa.Table.from_batches(labels).sort_by("prediction_id"),
        "rejected": pa.Table.from_batches(rejected),
        "decisions": pa.Table.from_batches(decisions),
    }


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_effects_do_not_depend_on_the_size_of_steps(rows: int) -> None:
    """Predictions, labels, decisions, refusals, counts and state: the same bits for steps of any size."""
    events = {name: table.slice(0, 150) for name, table in EVENTS.items()} if rows == 1 else EVENTS
    whole_state, whole = take(65_536, events=events)
    state, effects = take(rows, events=events)
    assert {name: len(table) for name, table in joined(whole).items()}["labels"] > 50
    for name, table in joined(whole).items():
        assert joined(effects)[name].equals(table), name
    assert state.kernel.state_hash() == whole_state.kernel.state_hash()
    assert state.joins["Refunded"].save().equals(whole_state.joins["Refunded"].save())
    assert (state.highs_us, state.consumed) == (whole_state.highs_us, whole_state.consumed)


def test_following_a_step_moves_the_state_as_taking_it_does() -> None:
    """Recovery needs no scores to come to the same state."""
    state, _ = take(500)
    again = State.empty(LAYOUT)
    for records in steps(500):
        follow(LAYOUT, again, records)
    assert again.kernel.state_hash() == state.kernel.state_hash()
    assert again.joins["Refunded"].save().equals(state.joins["Refunded"].save())
    assert replace_kernel(again) == replace_kernel(state)


def replace_kernel(state: State) -> object:
    """The plain parts of a state."""
    return replace(state, kernel=None, joins={})  # type: ignore[arg-type]  # compared without them


def test_a_state_comes_back_from_its_changes() -> None:
    """What was saved after a step goes on like the original, bit for bit."""
    all_steps = steps(500)
    state = State.empty(LAYOUT)
    for records in all_steps[:5]:
        step(LAYOUT, state, records, MODELS)
    again = State.restore(LAYOUT, state.changes())
    for records in all_steps[5:]:
        ours, theirs = (step(LAYOUT, one, records, MODELS) for one in (again, state))
        assert joined([ours])["predictions"].equals(joined([theirs])["predictions"])
    assert again.kernel.state_hash() == state.kernel.state_hash()


def test_predictions_carry_grade_reason_and_decisions() -> None:
    """Without a version: default. Without a score: default, and why. Else fresh, and the rules speak."""
    _, without = take(65_536, {"Refunded": None})
    rows = joined_predictions(without)
    assert {(row["grade"], row["reason"], row["score"]) for row in rows} == {("default", NO_MODEL, None)}
    _, scored = take(65_536)
    for row in joined_predictions(scored):
        amount = row["inputs"]["amount"]
        if amount is None:
            assert (row["grade"], row["reason"], row["score"]) == ("default", NO_SCORE, None)
            assert row["decisions"] == []
        else:
            assert row["score"] == min(np.float64(np.float32(amount)) / 400.0, 1.0)
            assert row["baseline"] == row["score"] / 2
            assert row["decisions"] == (["review"] if row["score"] > 0.15 else [])
            assert row["grade"] in ("fresh", "stale")


def joined_predictions(effects: list[Effects]) -> list[dict[str, Any]]:
    """The predictions of all steps as dicts."""
    return joined_tables(effects).to_pylist()


def joined_tables(effects: list[Effects]) -> pa.Table:
    """The predictions of all steps."""
    return pa.Table.from_batches([made.batch for one in effects for made in one.predictions.values()])


def test_the_event_itself_is_in_its_features() -> None:
    """`ever` counts from 1; the vector is what the kernel read at the event."""
    _, effects = take(65_536)
    rows = joined_tables(effects)
    first: dict[str, float] = {}
    events = {row["order"]: row["shop"] for row in EVENTS["Ordered"].to_pylist()}
    for key, inputs in zip(rows["key"].to_pylist(), rows["inputs"].to_pylist(), strict=True):
        assert key is not None
        assert inputs is not None
        first.setdefault(events[key], inputs["Orders.ever"])
    assert first == dict.fromkeys(first, 1.0)
    assert len(first) == 5


def test_a_stream_older_than_promised_makes_answers_stale() -> None:
    """After an hour without orders the next one is fresh again: it is the newest event itself."""
    app = fr.App("quiet")

    @app.stream(key="name", lateness="1m", freshness="10m")
    class Beat(fr.Event):
        name: str
        at: fr.EventTime

    @app.stream(key="name", lateness="1m")
    class Ask(fr.Event):
        name: str
        at: fr.EventTime
        good: bool

    @app.features(Beat, by="name")
    class Beats:
        ever = fr.count()

    @app.model(on=Ask, label=fr.label(Ask, Ask.good, within="1h"), warmup="1d")
    class Alive(fr.Model):
        inputs = [Beats]

        def fit(self, table: fr.Table) -> object:
            return table

    layout = Layout(app)
    state = State.empty(layout)
    minute = shop.MINUTE

    def table(names: dict[str, object], *minutes: int) -> pa.RecordBatch:
        at = [number * minute for number in minutes]
        base = {"name": ["a"] * len(at), "at": pa.array(at, pa.timestamp("us", "UTC"))}
        return pa.record_batch({**base, **names, "_arrival": pa.array(at, pa.int64())})

    records = [
        Records(0, 0, 0, table({}, 10, 30)),
        Records(1, 0, 0, table({"good": [True] * 5}, 5, 12, 20, 21, 41)),
    ]
    constant = Active("v", lambda rows: np.ones(len(rows)))
    effects = step(layout, state, records, {"Alive": constant})
    found = effects.predictions["Alive"].batch
    assert found["reason"].to_pylist() == [
        "Beat has no event yet",
        None,
        None,
        "Beat is 660 s old, 600 s promised",
        "Beat is 660 s old, 600 s promised",
    ]
    assert found["grade"].to_pylist() == ["stale", "fresh", "fresh", "stale", "stale"]


def test_decisions_have_ids_that_a_replay_gives_again() -> None:
    """Each decision names its prediction, and its id follows from both."""
    _, effects = take(65_536)
    _, again = take(333)
    ids = joined(effects)["decisions"]["decision_id"].to_pylist()
    assert len(set(ids)) == len(ids) > 100
    assert joined(again)["decisions"]["decision_id"].to_pylist() == ids


def test_refused_records_say_where_why_and_when() -> None:
    """Each verdict appears with the place of its record in the log."""
    _, effects = take(65_536)
    rejected = joined(effects)["rejected"].to_pylist()
    assert {row["verdict"] for row in rejected} == {"late", "early", "invalid", "duplicate"}
    for row in rejected:
        source = EVENTS[row["stream"]].slice(row["offset"], 1).to_pylist()[0]
        assert row["event_time"] == source["at"]
        if row["verdict"] == "late":
            assert row["event_time"] < row["watermark"]
        if row["verdict"] == "invalid":
            assert row["field"] == "amount"


@pytest.mark.parametrize("part", ["consumed", "state"])
def test_a_lost_event_is_noticed(part: str) -> None:
    """Counts that do not add up stop everything."""
    state, _ = take(65_536)
    state.check_conservation()
    if part == "state":
        state.consumed += 1
        with pytest.raises(ConservationError, match=f"{state.consumed} records went in, the kernel counted"):
            state.check_conservation()
    else:
        state.kernel = Miscounting()  # type: ignore[assignment]  # stands in for a kernel with a bug
        with pytest.raises(ConservationError, match="5 records went in, 4 came out"):
            state.check_conservation()


class Miscounting:
    """A kernel that lost an event."""

    def counters(self) -> list[dict[str, int]]:
        """Counts that do not add up."""
        parts = dict.fromkeys(["invalid", "early", "late", "duplicate"], 0)
        return [{"stream": 0, "partition": 0, "consumed": 5, "applied": 4, **parts}]
