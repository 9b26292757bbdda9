"""What a run leaves behind, read from its files and tables without the code that wrote them."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from forerun.monitoring.status import StreamStatus

DAY_ONLY = ("predicted_at", "latency_us")
"""Columns that say when it happened here, not what."""

Rows = tuple[str, ...]


class Row(dict[str, Any]):
    """A row, and as text what must be the same of it."""

    @cached_property
    def line(self) -> str:
        """All of it but what depends on the day."""
        return repr([(name, value) for name, value in self.items() if name not in DAY_ONLY])


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that must be the same whatever happened on the way.

    Args:
        predictions: Those that records triggered, in order.
        labels: Theirs, in no order.
        decisions: Theirs, as they were committed, in order.
        windows: Windows that closed, as they are in files and as they were committed for sending, in order.
        refused: Records not applied and rows that never were records, in no order.
        counts: Per stream, what became of its records.
        state: Hash of all features' state.
    """

    predictions: Rows
    labels: Rows
    decisions: Rows
    windows: Rows
    refused: Rows
    counts: Rows
    state: str


@dataclass(frozen=True, slots=True)
class Found:
    """What is on a disk after the end of a run.

    Args:
        outcome: What must always be the same.
        asked: By id, the predictions that somebody asked for.
        rows: The rows of the outcome by kind, as they were read.
        parts: By folder, its Parquet files in the order of their rows.
        topics: By topic of decisions or windows, what was committed for receivers, in order.
        files: Bytes of the file that stands for each receiver, by topic.
        logged: By stream, the events that its log holds, by offset.
        streams: What the engine says about its streams.
        torn: Files that were begun and left.
    """

    outcome: Outcome
    asked: Mapping[str, Row]
    rows: Mapping[str, Sequence[Row]]
    parts: Mapping[str, Sequence["Part"]]
    topics: Mapping[str, Sequence[Row]]
    files: Mapping[str, bytes]
    logged: Mapping[str, Sequence[Row]]
    streams: Sequence[StreamStatus]
    torn: Sequence[str]


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file.

    Args:
        start: Number of its first row, as its name says.
        stop: Number after its last.
        rows: What is in it.
    """

    start: int
    stop: int
    rows: Sequence[Row]


class Disk(Protocol):
    """What is read of a disk, simulated or real."""

    def paths(self) -> list[str]:
        """All files, sorted."""

    def read(self, path: str) -> bytes:
        """Bytes of a file."""


def read_outcome(
    disk: Disk,
    data: Path,
    connection: sqlite3.Connection,
    *,
    topics: Mapping[str, str],
    streams: Sequence[StreamStatus],
    state: str,
) -> Found:
    """Read what a run has left.

    Args:
        disk: The disk.
        data: The data directory on it.
        connection: To its database, for reading.
        topics: By stream, the topic of the log that holds its events.
        streams: What the engine says about its streams.
        state: Hash of its state.
    """
    rows: dict[str, list[Row]] = {"predictions": [], "labels": [], "windows": []}
    parts: dict[str, list[Part]] = {}
    files: dict[str, bytes] = {}
    torn = []
    for path in disk.paths():
        folder, _, name = path.removeprefix(f"{data}/").rpartition("/")
        if name.endswith(".parquet"):
            part = part_of(name, disk.read(path))
            parts.setdefault(folder, []).append(part)
            rows[folder.partition("/")[0]] += part.rows
        elif name.endswith(".jsonl"):
            files[name.removesuffix(".jsonl")] = disk.read(path)
        elif name.endswith(".tmp"):
            torn.append(path)
    log = _log(connection)
    logged = {stream: log.pop(topic, []) for stream, topic in topics.items()}
    asked = {row["prediction_id"]: row for row in rows["predictions"] if row["source"] != "stream"}
    sent = [row for topic in sorted(log) for row in log[topic]]
    # Rows of closed windows have topics too.
    decisions = [row for row in sent if "decision_id" in row]
    refused = [row for kind in ("rejected", "quarantine") for row in _stored(connection, kind)]
    return Found(
        Outcome(
            predictions=tuple(row.line for row in rows["predictions"] if row["source"] == "stream"),
            labels=tuple(sorted(row.line for row in rows["labels"] if row["prediction_id"] not in asked)),
            decisions=tuple(row.line for row in decisions if row["prediction_id"] not in asked),
            windows=tuple(
                row.line for row in [*rows["windows"], *(row for row in sent if "decision_id" not in row)]
            ),
            refused=tuple(sorted(row.line for row in refused)),
            counts=tuple(repr(stream) for stream in streams),
            state=state,
        ),
        asked,
        {**rows, "decisions": decisions, "refused": refused},
        parts,
        log,
        files,
        logged,
        streams,
        torn,
    )


def _log(connection: sqlite3.Connection) -> dict[str, list[Row]]:
    """By topic, what the log holds."""
    found: dict[str, list[Row]] = {}
    chunks = connection.execute("SELECT topic, payload FROM log_chunk ORDER BY topic, start").fetchall()
    for topic, payload in chunks:
        found.setdefault(topic, []).extend(_stream(payload))
    return found


def _stored(connection: sqlite3.Connection, kind: str) -> list[Row]:
    payloads = connection.execute(
        "SELECT payload FROM output WHERE kind = ? ORDER BY start", (kind,)
    ).fetchall()
    return [row for (payload,) in payloads for row in _stream(payload)]


def part_of(name: str, data: bytes) -> Part:
    """A Parquet file, read.

    Args:
        name: Its name, without the folder.
        data: Its bytes.
    """
    start, stop = map(int, name.removeprefix("part-").removesuffix(".parquet").split("-"))
    return Part(start, stop, _parquet(data))


# Most histories leave most files as others have left them.
@lru_cache(maxsize=4096)
def _parquet(data: bytes) -> Sequence[Row]:
    return [Row(row) for row in pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False).to_pylist()]


@lru_cache(maxsize=4096)
def json_row(line: bytes) -> Row:
    """A line of a receiver's file.

    Args:
        line: Without its end.

    Raises:
        ValueError: It is no JSON object.
    """
    return Row(json.loads(line))


@lru_cache(maxsize=4096)
def _stream(data: bytes) -> Sequence[Row]:
    rows = pa.ipc.open_stream(data).read_all().to_pylist()
    # When it came here is not part of an event that somebody sends, nor of a decision.
    return [Row({name: value for name, value in row.items() if name != "_arrival"}) for row in rows]
