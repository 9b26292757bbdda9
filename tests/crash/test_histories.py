"""A few crash histories of the tiny app; `make test` lives through a hundred thousand others."""

from pathlib import Path

import pytest
from tests.crash.simulated import BLOCK, histories, scratch

from forerun.testing.histories import Tally


@pytest.mark.parametrize("block", range(3))
def test_nobody_can_tell_that_there_was_a_crash(block: int) -> None:
    """Power cuts anywhere, up to three in a row, with errors of the disk among them."""
    with scratch() as directory:
        found = histories(block, Path(directory), faults=0.3)
        assert [problem for seed in range(60) for problem in found.chain(block * BLOCK + seed)] == []
        assert found.tally.histories > 60
        assert found.tally.recovering > 10
        assert found.tally.faults.total() > 0


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
