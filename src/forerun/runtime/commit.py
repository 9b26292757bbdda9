"""Group commit: whoever waits for the disk first writes for everybody who is waiting.

Work is committed in the order in which it was queued, so what depends on earlier work is never durable
without it. After a failed commit everything queued fails, and everything after it: the process must stop.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from forerun.errors import CommitError
from forerun.runtime.clock import Clock
from forerun.state.database import Database

Write: TypeAlias = Callable[[sqlite3.Connection], None]

GROUP_MAX = 1024
"""Pieces of work in one transaction."""


class Ticket:
    """A piece of work on its way to the disk.

    Args:
        write: What it does to the database.
    """

    __slots__ = ("error", "settled", "write")

    def __init__(self, write: Write) -> None:
        self.write = write
        self.settled = False
        self.error: BaseException | None = None


class Commits:
    """The queue in front of a database.

    Args:
        database: The database.
        clock: Says how long a commit took.
        observe: Told the length of each commit, seconds.

    >>> from pathlib import Path
    >>> from forerun.runtime.clock import SystemClock
    >>> database = Database(Path(":memory:"))
    >>> commits = Commits(database, SystemClock())
    >>> ticket = commits.queue(lambda connection: connection.execute("CREATE TABLE t (x)") and None)
    >>> commits.wait(ticket)
    >>> database.rows("SELECT * FROM t")
    []
    """

    def __init__(
        self, database: Database, clock: Clock, observe: Callable[[float], None] | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._observe = observe
        self._queue: deque[Ticket] = deque()
        self._writing = threading.Lock()
        self._failed: BaseException | None = None

    @property
    def failed(self) -> bool:
        """Whether nothing can be committed any more."""
        return self._failed is not None

    def queue(self, write: Write) -> Ticket:
        """Put work in line; it is not durable yet.

        Args:
            write: Called with the connection, inside a transaction, once.
        """
        ticket = Ticket(write)
        self._queue.append(ticket)
        return ticket

    def wait(self, ticket: Ticket) -> None:
        """Return when the work, and all that was queued before it, is on the disk.

        Args:
            ticket: What `queue` gave.

        Raises:
            CommitError: The disk refused, now or earlier.
        """
        while not ticket.settled:
            with self._writing:
                # Someone else may have written it while we waited for the lock.
                if not ticket.settled:
                    self._write()
        if ticket.error is not None:
            raise CommitError(f"not committed: {ticket.error}") from ticket.error

    def run(self, write: Write) -> None:
        """Queue work and wait for it.

        Args:
            write: See `queue`.
        """
        self.wait(self.queue(write))

    def fail(self, error: BaseException) -> None:
        """Let nothing be committed any more, because the state in memory is not to be trusted.

        Args:
            error: Why.
        """
        with self._writing:
            self._give_up([], error)

    def _write(self) -> None:
        group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_MAX))]
        if self._failed is not None:
            self._give_up(group, self._failed)
            return
        start_us = self._clock.tick_us()
        try:
            with self._database.transaction() as connection:
                for ticket in group:
                    ticket.write(connection)
        except BaseException as exc:
            self._give_up(group, exc)
            raise
        for ticket in group:
            ticket.settled = True
        if self._observe is not None:
            self._observe((self._clock.tick_us() - start_us) / 1_000_000)

    def _give_up(self, group: list[Ticket], error: BaseException) -> None:
        self._failed = self._failed or error
        while self._queue:
            group.append(self._queue.popleft())
        for ticket in group:
            ticket.error = self._failed
            ticket.settled = True
