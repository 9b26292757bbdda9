"""Seeds that every commit has of its own, so that each explores new ground and can be explored again."""

import itertools
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.crash import till
from tests.crash.oracle import Oracle

ROWS_MIN = 2
"""So many make an order, and one of them can be lost without all being."""


def seed_base() -> tuple[int, str]:
    """A number below 2**28 that names this commit, and in words where it comes from."""
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    if asked.returncode == 0:
        return int(asked.stdout[:7], 16), f"commit {asked.stdout[:7]}"
    return time.time_ns() // 1_000_000_000, "the time"


def telling(seed: int, log: Callable[[int], list[till.Row]] = till.events) -> int:
    """The first seed from there on whose log shows something of every invariant.

    One log in seven decides nothing, most often because the model comes too late; some refuse nothing. To
    kill a run on such a log would prove nothing about decisions.

    Args:
        seed: The first that may be.
        log: Gives a seed's log.
    """
    return next(one for one in itertools.count(seed) if _tells(Oracle(log(one))))


def _tells(oracle: Oracle) -> bool:
    """Whether a log has decisions, so also a model, closed windows, labels and a refused record."""
    several = (oracle.decisions, oracle.takings(), oracle.rushes())
    return all(len(rows) >= ROWS_MIN for rows in several) and bool(oracle.labels) and bool(oracle.refused)
