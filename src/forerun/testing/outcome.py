"""What a run leaves behind, read from its files and tables without the code that wrote them."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

DAY_ONLY = ("predicted_at", "latency_us")
"""Columns that say when it happened here, not what."""

Rows = tuple[str, ...]


class Row(dict[str, Any]):
    """A row, and as text what must be the same of it."""

    offset: int = -1
    """Of a decision, its place in its topic, which depends on when requests came."""

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
        decisions: Theirs, as a receiver of the decision files sees them, in order.
        windows: Windows that closed, as they are in files and as they were sent, in order.
        refused: Records not applied and rows that never were records, in no order.
        counts: Per stream and partition, what became of its records.
        state: Hash of all features' state.
    """

    predictions: Rows
    labels: Rows
    decisions: Rows
    windows: Rows
    refused: Rows
    counts: Rows
    state: str

    def difference(self, other: "Outcome") -> str | None:
        """The first thing in which the other one is not equal; None: it is equal.

        Args:
            other: What was found; this is what should be.
        """
        for field in fields(self):
            expected, found = getattr(self, field.name), getattr(other, field.name)
            if expected == found:
                continue
            if isinstance(expected, str):
                return f"{field.name}: {found[:16]} instead of {expected[:16]}"
            lost = list((Counter(expected) - Counter(found)).elements())
            more = list((Counter(found) - Counter(expected)).elements())
            if not lost and not more:
                return f"{field.name}: in another order"
            return (
                f"{field.name}: {len(lost)} lost, {len(more)} doubled or invented; "
                f"first lost {lost[:1]}, first too many {more[:1]}"
            )
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """What is on a disk after the end of a run.

    Args:
        outcome: What must always be the same.
        asked: By id, the predictions that somebody asked for.
        problems: What is wrong without any comparison.
        rows: The rows of the outcome by kind, as they were read.
        files: Bytes of each decision file, by path.
    """

    outcome: Outcome
    asked: Mapping[str, str]
    problems: Sequence[str]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    files: Mapping[str, bytes]


class Disk(Protocol):
    """What is read of a disk, simulated or real."""

    def paths(self) -> list[str]:
        """All files, sorted."""

    def read(self, path: str) -> bytes:
        """Bytes of a file."""


def read_outcome(
    disk: Disk, data: Path, connection: sqlite3.Connection, *, counts: Rows, state: str
) -> Found:
    """Read what a run has left.

    Args:
        disk: The disk.
        data: The data directory on it.
        connection: To its database, for reading.
        counts: What the engine says about its streams.
        state: Hash of its state.
    """
    problems: list[str] = []
    rows: dict[str, list[Row]] = {"predictions": [], "labels": [], "windows": []}
    ends: dict[str, int] = {}
    for path in disk.paths():
        folder, _, name = path.removeprefix(f"{data}/").rpartition("/")
        if name.endswith(".parquet"):
            start, stop = map(int, name.removeprefix("part-").removesuffix(".parquet").split("-"))
            if start != ends.get(folder, 0):
                problems.append(f"{folder} has rows from {start} where {ends.get(folder, 0)} is due")
            ends[folder] = stop
            rows[folder.partition("/")[0]] += _parquet(disk.read(path))
        elif name.endswith(".tmp"):
            problems.append(f"{path} was left behind")
    asked = {str(row["prediction_id"]) for row in rows["predictions"] if row["source"] != "stream"}
    decisions, sent = list[Row](), list[Row]()
    topics = [path for path in disk.paths() if path.endswith(".jsonl")]
    for topic in topics:
        for number, line in enumerate(disk.read(topic).decode().splitlines()):
            decision = _json(line)
            if decision.offset != number:
                problems.append(f"line {number} of {topic} has another offset")
            # Rows of closed windows have topics too.
            (decisions if "decision_id" in decision else sent).append(decision)
    for name, ids in (
        ("prediction", [row["prediction_id"] for row in rows["predictions"]]),
        ("label", [row["prediction_id"] for row in rows["labels"]]),
        ("decision", [row["decision_id"] for row in decisions]),
    ):
        twice = [one for one, times in Counter(ids).items() if times > 1]
        if twice:
            problems.append(f"{name} {twice[0]} is there twice, {len(twice)} in all")
    refused = [row for kind in ("rejected", "quarantine") for row in _stored(connection, kind)]
    return Found(
        Outcome(
            predictions=tuple(row.line for row in rows["predictions"] if row["source"] == "stream"),
            labels=tuple(sorted(row.line for row in rows["labels"] if row["prediction_id"] not in asked)),
            decisions=tuple(row.line for row in decisions if row["prediction_id"] not in asked),
            windows=tuple(row.line for row in [*rows["windows"], *sent]),
            refused=tuple(sorted(row.line for row in refused)),
            counts=counts,
            state=state,
        ),
        {row["prediction_id"]: row.line for row in rows["predictions"] if row["source"] != "stream"},
        problems,
        {**rows, "decisions": decisions, "refused": refused},
        {path: disk.read(path) for path in topics},
    )


def _stored(connection: sqlite3.Connection, kind: str) -> list[Row]:
    payloads = connection.execute(
        "SELECT payload FROM output WHERE kind = ? ORDER BY start", (kind,)
    ).fetchall()
    return [row for (payload,) in payloads for row in _stream(payload)]


# Most histories leave most files as others have left them.
@lru_cache(maxsize=4096)
def _parquet(data: bytes) -> list[Row]:
    return [Row(row) for row in pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False).to_pylist()]


@lru_cache(maxsize=4096)
def _json(line: str) -> Row:
    row = Row(json.loads(line))
    row.offset = row.pop("offset")
    return row


@lru_cache(maxsize=4096)
def _stream(data: bytes) -> list[Row]:
    return [Row(row) for row in pa.ipc.open_stream(data).read_all().to_pylist()]
