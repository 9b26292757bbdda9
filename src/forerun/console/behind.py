"""The events behind a feature, as they are in the log: all their fields, not only what the feature needs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forerun.console.format import iso
from forerun.runtime.tables import DATABASE, Tables
from forerun.state.database import Database
from forerun.streams.log import ARRIVAL, Range

if TYPE_CHECKING:
    from forerun.events.schema import StreamSpec


def log_rows(data: Path, stream: "StreamSpec", places: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Events by their place in the log, with `offset` and, last, when they arrived.

    Args:
        data: The data directory.
        stream: Their stream.
        places: Partition and offset of each.
    """
    database = Database(data / DATABASE, read_only=True)
    try:
        with database.snapshot() as connection:
            log = Tables(connection).log
            found = []
            for partition, offset in places:
                for _, batch in log.read(Range(stream.topic, partition, offset, offset + 1)):
                    found += [_plain(offset, row) for row in batch.to_pylist()]
            return found
    finally:
        database.close()


def _plain(offset: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """An event that JSON can hold."""
    fields = {
        name: iso(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if name != ARRIVAL
    }
    return {"offset": offset, **fields}
