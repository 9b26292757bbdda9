"""The outbox: decisions are in a topic of the log from their commit on; a relay carries each to sinks once.

The relay keeps, per sink and topic, the offset of the next decision to carry. It reads some, hands them to
the sink, and moves the offset once the sink says that they are durable. A crash between the two hands the
same decisions over again, with the same offsets and ids; the sink recognises them.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Protocol

import pyarrow as pa

from forerun.state.database import Database
from forerun.streams.log import Log, Range

BATCH_ROWS = 1_000
"""Decisions handed to a sink together; all that a relay holds in memory, however far behind a sink is."""

SCHEMA = """CREATE TABLE IF NOT EXISTS outbox (
    sink TEXT NOT NULL,
    topic TEXT NOT NULL,
    next INTEGER NOT NULL,           -- offset of the next decision to carry
    PRIMARY KEY (sink, topic)
) WITHOUT ROWID"""


class Sink(Protocol):
    """Where decisions go."""

    name: str
    """Names it in the outbox, for ever."""

    def deliver(self, topic: str, offset: int, decisions: pa.RecordBatch) -> None:
        """Take decisions, in order; they are durable on return.

        Args:
            topic: The topic.
            offset: Offset of the first. One that was delivered before must not take effect again.
            decisions: Rows of `DECISION_SCHEMA` and, last, `_arrival`.

        Raises:
            OSError: Not delivered, or not known; the same decisions come again after a restart.
        """


class Outbox:
    """Carries the decisions of some topics to some sinks.

    Args:
        database: Holds the log and how far each sink is.
        log: The log in a connection of that database.
        topics: Topics that rules emit to.
        sinks: Where they go.
    """

    def __init__(
        self,
        database: Database,
        log: Callable[[sqlite3.Connection], Log],
        topics: Sequence[str],
        sinks: Sequence[Sink],
    ) -> None:
        self._database = database
        self._log = log
        self._topics = topics
        self._sinks = sinks

    @staticmethod
    def create(connection: sqlite3.Connection) -> None:
        """Make the table unless it is there.

        Args:
            connection: Inside a transaction.
        """
        connection.execute(SCHEMA)

    def relay(self) -> int:
        """Carry everything that is waiting; returns how many decisions were delivered."""
        delivered = 0
        for sink in self._sinks:
            for topic in self._topics:
                while rows := self._relay_some(sink, topic):
                    delivered += rows
        return delivered

    def pending(self) -> int:
        """How many deliveries are waiting, over all sinks."""
        with self._database.snapshot() as connection:
            log = self._log(connection)
            return sum(
                log.end(topic, 0) - _next(connection, sink, topic)
                for sink in self._sinks
                for topic in self._topics
            )

    def _relay_some(self, sink: Sink, topic: str) -> int:
        with self._database.snapshot() as connection:
            log = self._log(connection)
            start = _next(connection, sink, topic)
            stop = min(log.end(topic, 0), start + BATCH_ROWS)
            batches = list(log.read(Range(topic, 0, start, stop)))
        for offset, batch in batches:
            sink.deliver(topic, offset, batch)
        if stop > start:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO outbox VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next",
                    (sink.name, topic, stop),
                )
        return stop - start


def _next(connection: sqlite3.Connection, sink: Sink, topic: str) -> int:
    row = connection.execute(
        "SELECT next FROM outbox WHERE sink = ? AND topic = ?", (sink.name, topic)
    ).fetchone()
    return 0 if row is None else int(row[0])
