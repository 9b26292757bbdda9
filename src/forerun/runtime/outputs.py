"""What steps gave, committed with them, as numbered rows per kind: predictions, labels, windows, refusals.

Rows of a kind are numbered from 0 without gaps, in the order of their steps. The first three move on to
Parquet files: an export is written down, then its file is made durable, then one commit writes it down as
done and lets the rows go. Whatever the moment of a crash, a row is in the database or in a file that is
written down as done, never in both and never in neither.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pyarrow as pa

from forerun.streams.ipc import decode, encode

Kind: TypeAlias = Literal["prediction", "label", "window", "rejected", "quarantine"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS output (
    kind TEXT NOT NULL,
    model TEXT NOT NULL,             -- a model, or a windows class; '' for rows of neither
    start INTEGER NOT NULL,          -- number of the first row
    stop INTEGER NOT NULL,           -- number after the last
    payload BLOB NOT NULL,           -- Arrow IPC stream of one batch
    PRIMARY KEY (kind, model, start)
);
CREATE TABLE IF NOT EXISTS output_end (
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    stop INTEGER NOT NULL,           -- number of the next row
    PRIMARY KEY (kind, model)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS export (
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    done INTEGER NOT NULL,           -- 0: planned, the file may be missing; 1: durable
    PRIMARY KEY (kind, model, start)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """Rows of one kind and model that are, or will be, one file.

    Args:
        kind: The kind.
        model: The model or windows class, or '' for rows of neither.
        start: Number of the first row.
        stop: Number after the last.
    """

    kind: Kind
    model: str
    start: int
    stop: int

    @property
    def path(self) -> str:
        """Where the file is, under the data directory.

        >>> Part("label", "LateArrival", 0, 50_000).path
        'labels/LateArrival/part-000000000000-000000050000.parquet'
        """
        return f"{self.kind}s/{self.model}/part-{self.start:012d}-{self.stop:012d}.parquet"


class Outputs:
    """The committed rows in an SQLite connection; whoever holds the connection commits.

    Args:
        connection: An open connection.

    >>> outputs = Outputs(sqlite3.connect(":memory:"))
    >>> outputs.create()
    >>> outputs.add("label", "LateArrival", pa.record_batch({"label": [1.0, 0.0]}))
    >>> outputs.count("label", "LateArrival")
    2
    >>> [batch["label"].to_pylist() for batch in outputs.rows("label", "LateArrival")]
    [[1.0, 0.0]]
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def create(self) -> None:
        """Make the tables unless they are there."""
        for statement in SCHEMA.split(";\n"):
            self._connection.execute(statement)

    def add(self, kind: Kind, model: str, batch: pa.RecordBatch) -> None:
        """Number the rows and keep them."""
        start = self.count(kind, model)
        stop = start + batch.num_rows
        self._connection.execute(
            "INSERT INTO output VALUES (?, ?, ?, ?, ?)", (kind, model, start, stop, encode(batch))
        )
        self._connection.execute(
            "INSERT INTO output_end VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET stop = excluded.stop",
            (kind, model, stop),
        )

    def count(self, kind: Kind, model: str = "") -> int:
        """How many rows there have been in all, exported ones included."""
        row = self._connection.execute(
            "SELECT stop FROM output_end WHERE kind = ? AND model = ?", (kind, model)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def rows(self, kind: Kind, model: str = "", start: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield the rows that are still in the database, from one number on, in order."""
        chunks = self._connection.execute(
            "SELECT start FROM output WHERE kind = ? AND model = ? AND stop > ? ORDER BY start",
            (kind, model, start),
        ).fetchall()
        for (first,) in chunks:
            (payload,) = self._connection.execute(
                "SELECT payload FROM output WHERE kind = ? AND model = ? AND start = ?", (kind, model, first)
            ).fetchone()
            yield decode(payload).slice(max(start - first, 0))

    def waiting(self, kind: Kind) -> list[Part]:
        """Per model, the rows that no export has been planned for."""
        rows = self._connection.execute(
            "SELECT e.model, coalesce((SELECT max(x.stop) FROM export x WHERE x.kind = e.kind"
            " AND x.model = e.model), 0), e.stop FROM output_end e WHERE e.kind = ? ORDER BY e.model",
            (kind,),
        ).fetchall()
        return [Part(kind, model, start, stop) for model, start, stop in rows if stop > start]

    def cut(self, part: Part, rows: int) -> Part:
        """The first of these rows, cut where a chunk ends: at least `rows` when there are as many."""
        row = self._connection.execute(
            "SELECT min(stop) FROM output WHERE kind = ? AND model = ? AND stop >= ? AND stop <= ?",
            (part.kind, part.model, part.start + rows, part.stop),
        ).fetchone()
        return Part(part.kind, part.model, part.start, part.stop if row[0] is None else int(row[0]))

    def read(self, part: Part) -> list[pa.RecordBatch]:
        """The rows of a part that has not been done yet."""
        payloads = self._connection.execute(
            "SELECT payload FROM output WHERE kind = ? AND model = ? AND start >= ? AND stop <= ?"
            " ORDER BY start",
            (part.kind, part.model, part.start, part.stop),
        ).fetchall()
        return [decode(payload) for (payload,) in payloads]

    def plan(self, part: Part) -> None:
        """Write down that these rows will be one file."""
        self._connection.execute(
            "INSERT INTO export VALUES (?, ?, ?, ?, 0)", (part.kind, part.model, part.start, part.stop)
        )

    def finish(self, part: Part) -> None:
        """Write down that the file is durable, and let the rows go."""
        where = (part.kind, part.model, part.start)
        self._connection.execute(
            "UPDATE export SET done = 1 WHERE kind = ? AND model = ? AND start = ?", where
        )
        self._connection.execute(
            "DELETE FROM output WHERE kind = ? AND model = ? AND start >= ? AND stop <= ?",
            (*where, part.stop),
        )

    def parts(self, *, done: bool, kind: Kind | None = None, model: str | None = None) -> list[Part]:
        """The exports that are done, or planned and perhaps not done, in order."""
        rows = self._connection.execute(
            "SELECT kind, model, start, stop FROM export WHERE done = ? AND kind = coalesce(?, kind)"
            " AND model = coalesce(?, model) ORDER BY kind, model, start",
            (int(done), kind, model),
        ).fetchall()
        return [Part(*row) for row in rows]
