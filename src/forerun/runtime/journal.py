"""The step journal: which records each step took, and with which models. Read again, it gives the same bits.

Requests are journaled beside the steps: the state a request read is the state after its step.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from forerun.events.records import request_id
from forerun.streams.ipc import decode, encode
from forerun.streams.log import Range

SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    step INTEGER PRIMARY KEY,        -- from 1, without gaps
    ranges TEXT NOT NULL,            -- JSON [[topic, partition, start, stop], ...]
    models TEXT NOT NULL,            -- JSON {model: version or null}
    app_version TEXT NOT NULL,
    committed_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS request (
    start INTEGER PRIMARY KEY,       -- number of the first request of a group, from 0, without gaps
    step INTEGER NOT NULL,           -- the step whose state they read
    model TEXT NOT NULL,
    version TEXT,
    fields BLOB NOT NULL             -- Arrow IPC stream: a row of the trigger stream for each
);
CREATE INDEX IF NOT EXISTS request_step ON request (step);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One step.

    Args:
        step: Its number, from 1.
        ranges: The records it took.
        models: Version of each model that scored; None: the model had none yet.
        app_version: The app that ran.
        committed_us: When it was committed.
    """

    step: int
    ranges: tuple[Range, ...]
    models: Mapping[str, str | None]
    app_version: str
    committed_us: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Predictions asked for together.

    Args:
        start: Number of the first; the others follow.
        step: They read the state after this step.
        model: The model.
        version: The version that scored; None: the model had none yet.
        fields: A row of the trigger stream's fields for each.
    """

    start: int
    step: int
    model: str
    version: str | None
    fields: pa.RecordBatch

    @property
    def stop(self) -> int:
        """Number after the last."""
        return self.start + self.fields.num_rows

    def ids(self, app: str) -> list[str]:
        """Ids of the predictions that answered them.

        Args:
            app: The app's name.
        """
        return [request_id(app, self.model, number) for number in range(self.start, self.stop)]


class Journal:
    """The journal in an SQLite connection; whoever holds the connection commits.

    Args:
        connection: An open connection.

    >>> journal = Journal(sqlite3.connect(":memory:"))
    >>> journal.create()
    >>> journal.add(Entry(1, (Range("departed", 0, 0, 5),), {"Late": None}, "9c1d", 0))
    >>> [entry.ranges for entry in journal.entries(after=0)]
    [(Range(topic='departed', partition=0, start=0, stop=5),)]
    >>> journal.last_step()
    1
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def create(self) -> None:
        """Make the tables unless they are there."""
        for statement in SCHEMA.split(";\n"):
            self._connection.execute(statement)

    def add(self, entry: Entry) -> None:
        """Write down a step."""
        ranges = [[item.topic, item.partition, item.start, item.stop] for item in entry.ranges]
        self._connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?)",
            (entry.step, json.dumps(ranges), json.dumps(entry.models), entry.app_version, entry.committed_us),
        )

    def add_requests(self, asked: Asked) -> None:
        """Write down requests."""
        self._connection.execute(
            "INSERT INTO request VALUES (?, ?, ?, ?, ?)",
            (asked.start, asked.step, asked.model, asked.version, encode(asked.fields)),
        )

    def last_step(self) -> int:
        """Number of the last step; 0 before the first."""
        return int(self._connection.execute("SELECT coalesce(max(step), 0) FROM journal").fetchone()[0])

    def last_committed_us(self) -> int | None:
        """When the last step was committed; None before the first."""
        row = self._connection.execute(
            "SELECT committed_us FROM journal ORDER BY step DESC LIMIT 1"
        ).fetchone()
        return None if row is None else int(row[0])

    def entries(self, after: int) -> Iterator[Entry]:
        """Yield the steps after one, in order.

        Args:
            after: Number of the step before the first wanted; 0 for all.
        """
        # In portions, not with a live cursor: the caller may write while it reads.
        while rows := self._connection.execute(
            "SELECT step, ranges, models, app_version, committed_us FROM journal WHERE step > ?"
            " ORDER BY step LIMIT 256",
            (after,),
        ).fetchall():
            for step, ranges, models, app_version, committed_us in rows:
                taken = tuple(Range(*item) for item in json.loads(ranges))
                yield Entry(step, taken, json.loads(models), app_version, committed_us)
            after = rows[-1][0]

    def request(self, number: int) -> Asked:
        """One request, as a group of its own.

        Args:
            number: Its number.
        """
        start, step, model, version, fields = self._connection.execute(
            "SELECT start, step, model, version, fields FROM request WHERE start <= ?"
            " ORDER BY start DESC LIMIT 1",
            (number,),
        ).fetchone()
        return Asked(number, step, model, version, decode(fields).slice(number - start, 1))

    def group(self, start: int) -> Asked:
        """Requests that were journaled together.

        Args:
            start: Number of the first.
        """
        step, model, version, fields = self._connection.execute(
            "SELECT step, model, version, fields FROM request WHERE start = ?", (start,)
        ).fetchone()
        return Asked(start, step, model, version, decode(fields))

    def requests(self, step: int) -> list[Asked]:
        """The requests that read the state after one step, in order.

        Args:
            step: The step; 0 is the state before the first.
        """
        rows = self._connection.execute(
            "SELECT start, step, model, version, fields FROM request WHERE step = ? ORDER BY start", (step,)
        ).fetchall()
        return [
            Asked(start, step, model, version, decode(fields)) for start, step, model, version, fields in rows
        ]
