"""How much memory entities may take; others sleep in the last checkpoint, and are fetched when needed.

The checkpoint is the store: what has not changed since it was committed need not be in memory. Nothing is
written that would not be written anyway, and a crash leaves nothing to clear up.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from forerun._core import Kernel
from forerun.errors import ArgumentError, StateError
from forerun.state.backends.sqlite import SqliteStateStore
from forerun.state.store import Share

LOADED = 10
"""At a start a tenth of the memory is filled from the checkpoint: there, entities take that much less."""

LOADED_MAX = 1024**3
"""And at most so many bytes: they are loaded as one batch."""

MEMORY_MAX = 2**62
"""More than any machine has, and what the kernel can count."""

LOOKING = 256 * 1024**2
"""Memory of an engine that only looks: it reads a few entities."""


def checked(memory: int) -> int:
    """Bytes of memory that a kernel can be given.

    Args:
        memory: Bytes.

    Raises:
        ArgumentError: Not a byte.

    >>> checked(2**80) == 2**62
    True
    """
    if memory < 1:
        raise ArgumentError(
            f"memory={memory}: give the bytes that entities and open windows may take, or None for no limit"
        )
    return min(memory, MEMORY_MAX)


class Room:
    """The memory for entities and open windows, and a connection to where the others are.

    Args:
        memory: Bytes.
        path: The database, for messages.
        connection: To it, for reading; what it sees must be the last checkpoint that was told to be stored.

    Raises:
        ArgumentError: Not a byte.
    """

    def __init__(self, memory: int, path: Path, connection: sqlite3.Connection) -> None:
        self.memory = checked(memory)
        self._path = path
        self._connection = connection
        self._store = SqliteStateStore(connection)

    def share(self) -> Share:
        """What to load at a start."""
        return Share(min(self.memory // LOADED, LOADED_MAX))

    def give(self, kernel: Kernel) -> None:
        """Let a kernel use the memory.

        Args:
            kernel: The kernel.
        """
        kernel.spill(self.memory, self._fetch)

    @contextmanager
    def hold(self) -> Iterator[sqlite3.Connection]:
        """Fetch from now on from what is committed now, whatever a process beside this one commits."""
        self._connection.execute("BEGIN")
        yield self._connection

    def close(self) -> None:
        """Close the connection; calling it twice is harmless."""
        self._connection.close()

    def _fetch(self, asked: object) -> pa.RecordBatch:
        """The entities that the kernel asks for, with their state."""
        keys = pa.record_batch(asked)
        try:
            return self._store.fetch(keys)
        except sqlite3.Error as exc:
            raise StateError(
                f"cannot read entities from {self._path}: {exc}; repair the disk, then start again"
            ) from exc
