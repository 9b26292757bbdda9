"""What follows a commit: decisions to sinks, predictions and labels to files."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from forerun.actions.jsonl import JsonlSink
from forerun.actions.outbox import Outbox
from forerun.runtime.export import Exporter
from forerun.runtime.worker import Work
from forerun.runtime.world import World
from forerun.state.database import Database
from forerun.streams.backends.sqlite import SqliteLog


class FollowUp:
    """The relay and the export, beside the steps or in line with them.

    Args:
        database: Holds what was committed.
        directory: The data directory.
        topics: Topics that rules emit to.
        world: Files, sizes, and what runs the two.
    """

    def __init__(self, database: Database, directory: Path, topics: Sequence[str], world: World) -> None:
        sink = JsonlSink(world.files, directory / "decisions")
        self._outbox = Outbox(database, SqliteLog, topics, [sink])
        self._exporter = Exporter(database, world.files, directory, part_rows=world.part_rows)
        self._workers = [
            world.worker("relay", lambda: self._unless_failed(self._outbox.relay)),
            world.worker("export", lambda: self._unless_failed(self._exporter.export)),
        ]
        self._failed: BaseException | None = None
        self._left = 0

    def create(self, connection: sqlite3.Connection) -> None:
        """Make the tables unless they are there.

        Args:
            connection: Inside a transaction.
        """
        self._outbox.create(connection)

    def recover(self) -> None:
        """Finish the files that a crash interrupted."""
        self._unless_failed(self._exporter.recover)

    def follow(self) -> None:
        """Something was committed: let sinks and files follow.

        Raises:
            BaseException: What stopped one of them earlier.
        """
        for worker in self._workers:
            worker.nudge()

    def finish(self) -> None:
        """Deliver and write everything that is waiting; after an error, nothing: the next start does it."""
        if self._failed is not None:
            self._left = self._outbox.pending()
            return
        for worker in self._workers:
            worker.close()
        self._unless_failed(self._outbox.relay)
        self._unless_failed(lambda: self._exporter.export(everything=True))
        self._left = self._outbox.pending()

    def pending(self, *, closed: bool) -> int:
        """How many deliveries are waiting.

        Args:
            closed: Whether the database is closed; then, how many were at the end.
        """
        return self._left if closed else self._outbox.pending()

    def _unless_failed(self, work: Work) -> None:
        """Do a piece of work, unless one has failed: what the disk holds since then, nobody knows."""
        if self._failed is not None:
            raise self._failed
        try:
            work()
        except BaseException as exc:
            self._failed = exc
            raise
