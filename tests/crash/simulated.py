"""Crash histories of the tiny app, from a seed: what `make test` runs many of, and what replays one."""

import tempfile
from collections.abc import Collection
from pathlib import Path

from tests.crash import till
from tests.crash.oracle import Oracle

from forerun.testing.histories import Expected, Histories
from forerun.testing.invariants import EVERYTHING
from forerun.testing.trial import Client, Traffic

BLOCK = 1000
"""Seeds that share their events and their undisturbed runs."""


def histories(
    block: int,
    directory: Path,
    expected: Expected | None = None,
    faults: float = 0.1,
    consult: Collection[str] = EVERYTHING,
) -> Histories:
    """The histories of a block of seeds.

    Args:
        block: The seed, without its last digits.
        directory: For scratch.
        expected: What every run must leave; None: what an undisturbed one leaves.
        faults: Share of the restarts whose disk gives an error.
        consult: Which invariants are checked.
    """
    rows = till.events(block)
    source = till.source_of(rows)
    asked = [{"payment": f"q{number}", "shop": "a", "amount": number / 4} for number in range(8)]
    client = None
    if _is_sent_to(block):
        sent = [till.table([row]) for row in till.sent(rows)]
        client = Client("Paid", sent, sum(row["stream"] == "Paid" for row in rows))
    traffic = Traffic(till.make(source, _hop(block)), source, {"Fraud": asked}, client)
    return Histories(traffic, directory, expected, faults, consult)


def oracle_of(block: int) -> Oracle:
    """What the oracle says of a block's events.

    Args:
        block: The block.
    """
    rows = till.events(block)
    return Oracle([*rows, *till.sent(rows)] if _is_sent_to(block) else rows, _hop(block))


def _hop(block: int) -> str:
    """How far apart windows end: on every fourth log they overlap; twice as many take time."""
    return till.OVERLAPPING if block % 4 == 1 else till.SIDE_BY_SIDE


def _is_sent_to(block: int) -> bool:
    """Whether a client sends events when the log has ended: on every second log; it takes time."""
    return block % 2 == 1


def scratch() -> "tempfile.TemporaryDirectory[str]":
    """A directory in memory, where there is one."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="forerun-", dir=memory if memory.is_dir() else None)
