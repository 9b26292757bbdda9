"""An app's own events, for parity on what it really sees: from its log, else from its source."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from forerun.runtime.app import App
from forerun.runtime.feed import Feed, Place
from forerun.runtime.layout import Layout
from forerun.runtime.reading import plain
from forerun.runtime.recovery import read_records
from forerun.runtime.tables import DATABASE, Tables
from forerun.state.database import Database
from forerun.testing.oracle.arrival import Arrival

EVENTS = 5_000
_PORTION_ROWS = 512


def sample(app: App, directory: Path, events: int = EVENTS) -> list[Arrival]:
    """The first events that an app has recorded; of an app that has not run, the first of its source.

    They are the first ones, without gaps, because a feature's value depends on all events before it.

    Args:
        app: The app.
        directory: Its data directory; it may not exist.
        events: How many, about: events that arrived together are not torn apart.

    Returns:
        Events in the order of the log, at most about so many; none for an app without log and source.
    """
    if (directory / DATABASE).exists():
        return _of_log(Layout(app), directory, events)
    return _of_source(app, events) if app.source is not None else []


def _of_log(layout: Layout, directory: Path, events: int) -> list[Arrival]:
    found: list[Arrival] = []
    database = Database(directory / DATABASE, read_only=True)
    try:
        with database.snapshot() as connection:
            tables = Tables(connection)
            for entry in tables.journal.entries(after=0):
                for records in read_records(layout, tables.log, entry):
                    found += _arrivals(records.stream, records.partition, records.offset, records.batch)
                if len(found) >= events:
                    break
    finally:
        database.close()
    return _ordered(found)


def _of_source(app: App, events: int) -> list[Arrival]:
    assert app.source is not None
    feed = Feed(app.source, app.streams, Place(), rows=_PORTION_ROWS)
    names = list(app.streams)
    offsets = dict.fromkeys(names, 0)
    found: list[Arrival] = []
    while len(found) < events and (portion := feed.take()) is not None:
        for name, batch in portion.tables.items():
            found += _arrivals(names.index(name), 0, offsets[name], batch)
            offsets[name] += batch.num_rows
    return _ordered(found)


def _arrivals(stream: int, partition: int, offset: int, batch: pa.RecordBatch) -> Iterable[Arrival]:
    columns: Mapping[str, list[Any]] = {name: plain(batch.column(name)) for name in batch.schema.names}
    for row in range(batch.num_rows):
        values = {name: column[row] for name, column in columns.items()}
        arrival_us = values.pop("_arrival")
        yield Arrival(stream, partition, offset + row, arrival_us, values)


def _ordered(found: list[Arrival]) -> list[Arrival]:
    return sorted(found, key=lambda a: (a.arrival_us, a.stream, a.partition, a.offset))
