"""The embedded state store: entities in SQLite, in the same file and commit as the journal."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forerun.state.store import Checkpoint, Share

SCHEMA = """
CREATE TABLE IF NOT EXISTS entity (
    view INTEGER NOT NULL,
    key BLOB NOT NULL,
    state BLOB NOT NULL,             -- docs/reference/state-format.md
    PRIMARY KEY (view, key)
);
CREATE TABLE IF NOT EXISTS state_part (
    name TEXT PRIMARY KEY,           -- "kernel" is the kernel's header
    payload BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    step INTEGER NOT NULL
);
"""

_KERNEL = "kernel"
_STATE = "SELECT view, key, state FROM entity WHERE view = ?"

NAMED = 10_000
"""Keys taken from the database at once."""

WRITTEN = 1_000
"""Entities that are objects of Python at once: the memory of some serves the next."""

FETCHED = 500
"""Entities in one query: a query costs about as much as it takes to find two."""

_FIELDS: dict[str, pa.DataType] = {"view": pa.int32(), "key": pa.binary(), "state": pa.binary()}


class SqliteStateStore:
    """Entity state in an SQLite connection.

    It neither begins nor ends a transaction: whoever holds the connection decides what commits together.

    Args:
        connection: An open connection.

    >>> store = SqliteStateStore(sqlite3.connect(":memory:"))
    >>> store.create()
    >>> changed = pa.record_batch({"view": [0, 0], "key": [b"a", b"b"], "state": [b"1", b"2"]})
    >>> store.save(Checkpoint(7, b"header", changed, {}))
    >>> evicted = pa.record_batch({"view": [0], "key": [b"a"], "state": [None]})
    >>> store.save(Checkpoint(9, b"header", evicted, {}))
    >>> loaded = store.load()
    >>> loaded.step, loaded.entities["key"].to_pylist()
    (9, [b'b'])
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def create(self) -> None:
        """Make the tables unless they are there."""
        for statement in SCHEMA.split(";\n"):
            self._connection.execute(statement)

    def save(self, checkpoint: Checkpoint) -> None:
        """Put the changes over what is stored."""
        alive = checkpoint.entities.column("state").is_valid()
        self._connection.executemany(
            "DELETE FROM entity WHERE view = ? AND key = ?", _rows(checkpoint.entities, pc.invert(alive), 2)
        )
        self._connection.executemany(
            "INSERT INTO entity VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
            _rows(checkpoint.entities, alive, 3),
        )
        self._connection.execute("DELETE FROM state_part")
        self._connection.executemany(
            "INSERT INTO state_part VALUES (?, ?)", {_KERNEL: checkpoint.header, **checkpoint.others}.items()
        )
        self._connection.execute(
            "INSERT INTO checkpoint VALUES (1, ?) ON CONFLICT DO UPDATE SET step = excluded.step",
            (checkpoint.step,),
        )

    def load(self, share: Share | None = None) -> Checkpoint | None:
        """The state as of the last `save`, all or a share of it; None before the first."""
        row = self._connection.execute("SELECT step FROM checkpoint").fetchone()
        if row is None:
            return None
        parts = dict(self._connection.execute("SELECT name, payload FROM state_part").fetchall())
        header = parts.pop(_KERNEL)
        rows = self._connection.execute("SELECT view, key, state FROM entity ORDER BY view, key")
        if share is None:
            return Checkpoint(row[0], header, _batch(rows.fetchall()), parts)
        loaded, size, last = [], 0, (-1, b"")
        for entity in rows:
            loaded.append(entity)
            size, last = size + len(entity[2]), entity[:2]
            if size >= share.size:
                break
        asleep = iter(
            self._connection.execute(
                "SELECT view, key FROM entity WHERE (view, key) > (?, ?) ORDER BY view, key", last
            )
        )
        # As Arrow a key takes little; as objects of Python all of them would be a state of their own.
        named = [_batch([], 2)]
        while part := list(islice(asleep, NAMED)):
            named.append(_batch(part, 2))
        [keys] = pa.Table.from_batches(named).combine_chunks().to_batches() or named
        return Checkpoint(row[0], header, _batch(loaded), parts, keys)

    def fetch(self, keys: pa.RecordBatch) -> pa.RecordBatch:
        """Entities as of the last `save`: `view`, `key` and `state` of those of `keys` that there are."""
        by_view: dict[int, list[bytes]] = {}
        for view, key in _rows(keys, None, 2):
            by_view.setdefault(view, []).append(key)
        found: list[tuple[object, ...]] = []
        for view, some in by_view.items():
            for start in range(0, len(some), FETCHED):
                part = some[start : start + FETCHED]
                places = ", ".join("?" * len(part))
                found += self._connection.execute(f"{_STATE} AND key IN ({places})", (view, *part)).fetchall()
        return _batch(found)


def _batch(rows: Sequence[tuple[object, ...]], columns: int = 3) -> pa.RecordBatch:
    """Rows of the table, the first columns of each."""
    names = list(_FIELDS)[:columns]
    values = list(zip(*rows, strict=True)) or [()] * columns
    return pa.record_batch(
        [pa.array(column, _FIELDS[name]) for column, name in zip(values, names, strict=True)], names=names
    )


def _rows(entities: pa.RecordBatch, which: "pa.Array[Any] | None", columns: int) -> Iterator[tuple[Any, ...]]:
    """Some of the rows or all, the first columns of each."""
    chosen = entities if which is None or pc.all(which).as_py() else entities.filter(which)
    for start in range(0, chosen.num_rows, WRITTEN):
        part = chosen.slice(start, WRITTEN)
        # Through numpy: a list of objects straight from Arrow makes a scalar for each value first.
        yield from zip(
            *(part[name].to_numpy(zero_copy_only=False).tolist() for name in list(_FIELDS)[:columns]),
            strict=True,
        )
