"""The tiny app gives what an oracle says that shares no code with it."""

import datetime
from pathlib import Path

import pytest
from tests.crash import till
from tests.crash.oracle import Oracle
from tests.crash.simulated import histories

from forerun.runtime.engine import Engine


def micros(moment: datetime.datetime) -> int:
    """Microseconds since 1970."""
    return round(moment.timestamp() * 1_000_000)


@pytest.mark.parametrize("seed", range(40))
def test_the_undisturbed_run_gives_what_the_oracle_says(tmp_path: Path, seed: int) -> None:
    """Predictions with inputs and scores in order, labels, decisions, refusals and counts, all of them."""
    found = histories(seed, tmp_path).undisturbed(seed % 3).found
    assert found is not None
    rows = till.events(seed)
    oracle = Oracle([*rows, *till.sent(rows)] if seed % 2 else rows)
    assert [
        (
            row["prediction_id"],
            row["key"],
            micros(row["event_time"]),
            tuple(row["inputs"].values()),
            row["score"],
        )
        for row in found.rows["predictions"]
        if row["source"] == "stream"
    ] == [(row["id"], row["payment"], row["at"], row["values"], row["score"]) for row in oracle.predictions]
    streamed = {row["id"] for row in oracle.predictions}
    assert {
        row["prediction_id"]: (row["label"], micros(row["label_time"]))
        for row in found.rows["labels"]
        if row["prediction_id"] in streamed
    } == oracle.labels
    decided = [row["decision_id"] for row in found.rows["decisions"] if row["prediction_id"] in streamed]
    assert decided == oracle.decisions
    refused = [(row["stream"], row["offset"], row["verdict"]) for row in found.rows["refused"]]
    assert sorted(refused) == sorted(oracle.refused)


@pytest.mark.parametrize("seed", range(10))
def test_features_and_counts_are_the_oracles(tmp_path: Path, seed: int) -> None:
    """Features as they are at the end; per stream, consumed is the sum of what became of the records."""
    oracle = Oracle(till.events(seed))
    source = till.source_of(till.events(seed))
    with Engine.open(till.make(source), tmp_path) as engine:
        engine.run(source, until_us=7 * till.MINUTE)
        oracle = Oracle([row for row in till.events(seed) if row["_arrival"] <= 7 * till.MINUTE])
        at = engine.now_us()
        for shop in "ab":
            values = engine.read("Sales", {"shop": shop})["values"]
            assert tuple(values.values()) == oracle.features(shop, at)
        for stream in engine.status().streams:
            parts = {name: getattr(stream, name) for name in oracle.counts[stream.name]}
            assert parts == oracle.counts[stream.name]
            assert stream.consumed == sum(parts.values())
