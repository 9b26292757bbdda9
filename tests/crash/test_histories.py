"""A few crash histories of the tiny app; `make test` lives through a hundred thousand others."""

from pathlib import Path

import pytest
from tests.crash.simulated import BLOCK, histories, scratch

import forerun as fr
from forerun.testing.histories import Histories, Tally
from forerun.testing.traffic import traffic_of


@pytest.mark.parametrize("block", range(3))
def test_nobody_can_tell_that_there_was_a_crash(block: int) -> None:
    """Power cuts anywhere, up to three in a row, with errors of the disk among them."""
    with scratch() as directory:
        found = histories(block, Path(directory), faults=0.3)
        assert [problem for seed in range(60) for problem in found.chain(block * BLOCK + seed)] == []
        assert found.tally.histories > 60
        assert found.tally.recovering > 10
        assert found.tally.faults.total() > 0
        assert (found.tally.retries > 0) == (block % 2 == 1)


@pytest.mark.parametrize("kind", [str, int])
def test_clients_of_any_app_send_again(kind: type, tmp_path: Path) -> None:
    """Where a stream looks for duplicates, what is sent twice is in the log twice, and counts once."""
    app = fr.App("orders")
    made = {"order": kind, "shop": str, "at": fr.EventTime}
    ordered = type("Ordered", (fr.Event,), {"__annotations__": made})
    app.stream(key="shop", lateness="1m", max_skew="1m", duplicates="1h", id=["order"])(ordered)
    app.features(ordered, by="shop")(type("Shop", (), {"orders": fr.count(over=None)}))
    traffic = traffic_of(app, 1)
    assert traffic.client is not None
    found = Histories(traffic, tmp_path)
    assert [problem for seed in range(60) for problem in found.chain(seed)] == []
    assert found.tally.retries > 1


def test_without_ids_nobody_sends_again() -> None:
    """A stream that does not look for duplicates would count an event twice: no client relies on it."""
    app = fr.App("orders")
    ordered = type("Ordered", (fr.Event,), {"__annotations__": {"shop": str, "at": fr.EventTime}})
    app.stream(key="shop", lateness="1m")(ordered)
    assert traffic_of(app, 1).client is None


def test_a_seed_gives_the_same_history_again() -> None:
    """Whatever was lived through before it: the same disks, in the same order."""
    images = []
    for before in (0, 5):
        with scratch() as directory:
            found = histories(7, Path(directory))
            for seed in range(before):
                found.chain(seed)
            found.tally = Tally()
            for seed in (1_000, 1_001, 1_002):
                found.chain(seed)
            images.append(found.tally.images)
    assert images[0] == images[1]
    assert len(images[0]) > 3
