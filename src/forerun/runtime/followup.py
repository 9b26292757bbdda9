"""What follows a commit: decisions to sinks, predictions and labels to files."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from forerun.actions.jsonl import JsonlSink
from forerun.actions.outbox import Outbox
from forerun.runtime.export import Exporter
from forerun.runtime.worker import Worker
from forerun.runtime.world import World
from forerun.state.database import Database
from forerun.streams.backends.sqlite import SqliteLog


class FollowUp:
    """The relay and the export, beside the steps or in line with them.

    Args:
        database: Holds what was committed.
        directory: The data directory.
        topics: Topics that rules emit to.
        world: Files, sizes, and whether there are threads.
    """

    def __init__(self, database: Database, directory: Path, topics: Sequence[str], world: World) -> None:
        sink = JsonlSink(world.files, directory / "decisions")
        self._outbox = Outbox(database, SqliteLog, topics, [sink])
        self._exporter = Exporter(database, world.files, directory, part_rows=world.part_rows)
        self._threads = world.threads
        self._workers = [Worker("relay", self._outbox.relay), Worker("export", self._exporter.export)]
        self._left = 0

    def create(self, connection: sqlite3.Connection) -> None:
        """Make the tables unless they are there.

        Args:
            connection: Inside a transaction.
        """
        self._outbox.create(connection)

    def recover(self) -> None:
        """Finish the files that a crash interrupted."""
        self._exporter.recover()

    def follow(self) -> None:
        """Something was committed: let sinks and files follow, in threads of their own if there may be any.

        Raises:
            BaseException: What stopped one of them earlier.
        """
        if self._threads:
            for worker in self._workers:
                worker.nudge()
        else:
            self._outbox.relay()
            self._exporter.export()

    def finish(self) -> None:
        """Deliver and write everything that is waiting."""
        for worker in self._workers:
            worker.close()
        self._outbox.relay()
        self._exporter.export(everything=True)
        self._left = self._outbox.pending()

    def pending(self, *, closed: bool) -> int:
        """How many deliveries are waiting.

        Args:
            closed: Whether the database is closed; then, how many were at the end.
        """
        return self._left if closed else self._outbox.pending()
