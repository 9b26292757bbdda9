"""Crash histories of the tiny app, from a seed: what `make test` runs many of, and what replays one."""

import tempfile
from pathlib import Path

from tests.crash import till

from forerun.testing.histories import Histories
from forerun.testing.outcome import Outcome
from forerun.testing.trial import Client, Traffic

BLOCK = 1000
"""Seeds that share their events and their undisturbed runs."""


def histories(block: int, directory: Path, expected: Outcome | None = None, faults: float = 0.1) -> Histories:
    """The histories of a block of seeds.

    Args:
        block: The seed, without its last digits.
        directory: For scratch.
        expected: What every run must leave; None: what an undisturbed one leaves.
        faults: Share of the restarts whose disk gives an error.
    """
    rows = till.events(block)
    source = till.source_of(rows)
    asked = [{"payment": f"q{number}", "shop": "a", "amount": number / 4} for number in range(8)]
    client = None
    if block % 2:  # on every second log; it takes time
        sent = [till.table([row]) for row in till.sent(rows)]
        client = Client("Paid", sent, sum(row["stream"] == "Paid" for row in rows))
    return Histories(
        Traffic(till.make(source), source, {"Fraud": asked}, client), directory, expected, faults
    )


def scratch() -> "tempfile.TemporaryDirectory[str]":
    """A directory in memory, where there is one."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="forerun-", dir=memory if memory.is_dir() else None)
