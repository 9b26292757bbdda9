"""The tiny app gives what an oracle says that shares no code with it."""

from pathlib import Path

import pytest
from tests.crash import till
from tests.crash.agreement import unlike_oracle
from tests.crash.oracle import Oracle
from tests.crash.simulated import histories, oracle_of

from forerun.runtime.engine import Engine


@pytest.mark.parametrize("seed", range(40))
def test_the_undisturbed_run_gives_what_the_oracle_says(tmp_path: Path, seed: int) -> None:
    """Predictions with inputs and scores in order, labels, decisions, refusals and counts, all of them."""
    found = histories(seed, tmp_path).undisturbed(seed % 3).found
    assert found is not None
    assert unlike_oracle(found, oracle_of(seed)) == []


@pytest.mark.parametrize("seed", [1, 5, 9])
def test_windows_that_overlap_are_not_those_that_do_not(tmp_path: Path, seed: int) -> None:
    """Where the app's windows overlap, an oracle whose windows are side by side finds them wrong."""
    found = histories(seed, tmp_path).undisturbed(0).found
    assert found is not None
    rows = till.events(seed)
    other = unlike_oracle(found, Oracle([*rows, *till.sent(rows)], till.SIDE_BY_SIDE))
    assert [problem.split(":")[1].split(",")[1] for problem in other] == [
        " windows of Takings",
        " windows of the topic takings",
    ]


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
