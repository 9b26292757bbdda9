"""A few crash histories of the tiny app; `make test` lives through a hundred thousand others."""

from pathlib import Path

import pytest
from tests.crash.simulated import BLOCK, histories, scratch


@pytest.mark.parametrize("block", range(3))
def test_nobody_can_tell_that_there_was_a_crash(block: int) -> None:
    """Power cuts anywhere, up to three in a row, with errors of the disk among them."""
    with scratch() as directory:
        found = histories(block, Path(directory))
        assert [problem for seed in range(60) for problem in found.chain(block * BLOCK + seed)] == []
        assert found.tally.histories > 60
        assert found.tally.recovering > 10
        assert found.tally.faults.total() > 0


def test_a_seed_gives_the_same_history_again() -> None:
    """Whatever was lived through before it: the same disks, in the same order."""
    with scratch() as directory:
        images = []
        for before in (0, 5):
            found = histories(7, Path(directory))
            for seed in range(before):
                found.chain(seed)
            earlier = set(found.tally.images)
            found.chain(1_000)
            images.append(found.tally.images - earlier)
    assert images[0] == images[1]
