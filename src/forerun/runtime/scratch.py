"""Where entities of a state that is computed anew sleep: a temporary database, when memory is limited.

A run has its checkpoint for that. Replay, the late ledger and reads of the past have states of their own that
are worth nothing once they are done. The system deletes the file when the process ends, however it ends.
"""

import sqlite3

import pyarrow as pa

from forerun._core import Kernel
from forerun.errors import StateError
from forerun.runtime.room import checked
from forerun.state.backends.sqlite import SqliteStateStore
from forerun.state.database import CACHE_KIB
from forerun.state.store import Checkpoint


class Scratch:
    """The memory for the entities of one kernel, and where the others are.

    Args:
        memory: Bytes; None: as much as they take, and there is no file.

    Raises:
        ArgumentError: Not a byte.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import plan_of
    >>> scratch, kernel = Scratch(1), Kernel(plan_of(count()))
    >>> scratch.give(kernel)
    >>> scratch.relieve(kernel)
    >>> scratch.close()
    """

    def __init__(self, memory: int | None) -> None:
        self._memory = None if memory is None else checked(memory)
        self._connection: sqlite3.Connection | None = None

    def give(self, kernel: Kernel) -> None:
        """Let a kernel use the memory.

        Args:
            kernel: The kernel; it has taken nothing yet.
        """
        if self._memory is not None:
            kernel.spill(self._memory, self._fetch)

    def relieve(self, kernel: Kernel) -> None:
        """Put entities to sleep if there are too many in memory, and write them if they have changed.

        Args:
            kernel: The one that has the memory.

        Raises:
            StateError: The disk is full, or cannot be written.
        """
        if self._memory is None or not kernel.relieve(stored=True):
            return
        changed = Checkpoint(0, b"", pa.record_batch(kernel.take_changed()), {})
        try:
            connection = self._opened()
            connection.execute("BEGIN")
            SqliteStateStore(connection).save(changed)
            connection.execute("COMMIT")
        except sqlite3.Error as exc:
            raise StateError(
                f"cannot put entities aside in a temporary file: {exc}; let TMPDIR name a directory with "
                "enough space, or give more --memory"
            ) from exc
        kernel.relieve(stored=True)

    def close(self) -> None:
        """Delete the file; calling it twice is harmless."""
        if self._connection is not None:
            self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            # A database without a name is a file that is deleted as soon as it is open. Nobody needs what a
            # failed write leaves, so nothing is written twice.
            self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            for setting in (f"cache_size = -{CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF"):
                self._connection.execute(f"PRAGMA {setting}").fetchall()
            SqliteStateStore(self._connection).create()
        return self._connection

    def _fetch(self, asked: object) -> pa.RecordBatch:
        """The entities that the kernel asks for, with their state."""
        try:
            return SqliteStateStore(self._opened()).fetch(pa.record_batch(asked))
        except sqlite3.Error as exc:
            raise StateError(
                f"cannot read entities from a temporary file: {exc}; repair the disk that TMPDIR names"
            ) from exc
