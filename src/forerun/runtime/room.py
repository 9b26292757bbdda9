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
from forerun.errors import StateError
from forerun.state.backends.sqlite import SqliteStateStore
from forerun.state.database import Connect, connect_sqlite
from forerun.state.store import Share

LOADED = 4
"""At a start a quarter of the memory is filled from the checkpoint: there, entities take less."""

LOADED_MAX = 1024**3
"""And at most so many bytes: they are loaded as one batch."""

LOOKING = 256 * 1024**2
"""Memory of an engine that only looks: it reads a few entities."""


class Room:
    """The memory for entities, and its own connection to where the others are.

    Args:
        memory: Bytes.
        path: The database.
        connect: How to open it; None: SQLite.
    """

    def __init__(self, memory: int, path: Path, connect: Connect | None = None) -> None:
        self.memory = memory
        self._path = path
        try:
            self._connection = (connect or connect_sqlite)(path, read_only=True)
        except sqlite3.Error as exc:
            raise StateError(
                f"cannot read the database {path}: {exc}; check the path and its rights"
            ) from exc
        self._store = SqliteStateStore(self._connection)

    def share(self, views: int) -> Share:
        """What to load at a start.

        Args:
            views: How many views the app has.
        """
        return Share(min(self.memory // LOADED, LOADED_MAX), views)

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
