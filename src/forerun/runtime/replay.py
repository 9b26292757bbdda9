"""The whole journal taken again into a fresh kernel; every vector, score, label and window compared.

This is the product's claim put to the test on the user's own data: same journal, same bits.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.governance.registry import Registry
from forerun.runtime.active import Roster
from forerun.runtime.history import History
from forerun.runtime.kernel import kernel_errors
from forerun.runtime.layout import Layout
from forerun.runtime.overflow import overflow_of
from forerun.runtime.predictions import Active, as_served
from forerun.runtime.recovery import await_labels, read_records
from forerun.runtime.scratch import Scratch
from forerun.runtime.snapshot import snapshot
from forerun.runtime.state import State
from forerun.runtime.step import step
from forerun.runtime.tables import Tables
from forerun.state.database import Connect

COMPARED = (
    "prediction_id", "model_version", "stream", "partition", "offset", "key", "event_time", "score",
    "baseline", "grade", "reason",
)  # fmt: skip
"""Columns of a prediction that are compared besides its inputs; the others name the app, not the values."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first value that came out differently.

    Args:
        prediction_id: Of which prediction; for a closed window, its class, key and start.
        column: Which value of it; "row" when one side has no such row.
        logged: What the log says.
        replayed: What came out.
    """

    prediction_id: str
    column: str
    logged: object
    replayed: object

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {
            "prediction_id": self.prediction_id,
            "column": self.column,
            "logged": _plain(self.logged),
            "replayed": _plain(self.replayed),
        }


@dataclass(slots=True)
class Replay:
    """What a replay found.

    Args:
        steps: Steps taken again.
        events: Records in them.
        predictions: Predictions compared, those of requests included.
        cells: Values compared, bit for bit.
        labels: Labels compared.
        windows: Closed windows compared.
        differences: Rows that differ.
        first: The first difference; None when there is none.
        state_hash: Of the replayed state.
        app_version: The app as it is now.
        edited: Versions of the app that took steps, if they are others.
    """

    steps: int = 0
    events: int = 0
    predictions: int = 0
    cells: int = 0
    labels: int = 0
    windows: int = 0
    differences: int = 0
    first: Difference | None = None
    state_hash: str = ""
    app_version: str = ""
    edited: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether everything came out the same.

        >>> Replay().equal
        True
        """
        return self.differences == 0

    def to_json(self) -> dict[str, object]:
        """All of it by name."""
        return {
            "equal": self.equal,
            "steps": self.steps,
            "events": self.events,
            "predictions": self.predictions,
            "cells": self.cells,
            "labels": self.labels,
            "windows": self.windows,
            "differences": self.differences,
            "first": None if self.first is None else self.first.to_json(),
            "state_hash": self.state_hash,
            "app_version": self.app_version,
            "edited": self.edited,
        }


def replay(
    layout: Layout,
    directory: Path,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    connect: Connect | None = None,
    memory: int | None = None,
) -> Replay:
    """Take every step again and compare.

    A run may be going on beside it: what is compared is everything up to the last commit when it began.

    Args:
        layout: The app.
        directory: The data directory.
        on_progress: Told steps done and steps in all.
        connect: How to open the databases.
        memory: Bytes that entities and open windows may take in memory; those beyond sleep in a temporary
            file. None: as many as they take.

    Raises:
        NothingYetError: The app has not been run here.
        AppChangedError: The data is of other features.
        LogRangeError: Retention has dropped records from the log.
    """
    with snapshot(layout, directory, connect) as (tables, history):
        logged = {name: _Logged(history, name) for name in layout.models}
        closed = {emitter.name: history.windows(emitter.name) for emitter in layout.emitters}
        with (
            closing(Registry(directory, read_only=True, connect=connect)) as registry,
            closing(Scratch(memory)) as scratch,
        ):
            roster = Roster(layout, registry)
            return _Replayer(layout, tables, roster, logged, closed, on_progress, scratch).go()


class _Logged:
    """The logged predictions and labels of one model, handed out in order."""

    def __init__(self, history: History, model: str) -> None:
        predictions = history.predictions(model)
        asked = pc.is_in(predictions["source"], value_set=pa.array(["http"]))
        self.stream = predictions.filter(pc.invert(asked))
        self.http = predictions.filter(asked)
        self.labels = history.labels(model)
        self.at = {"stream": 0, "http": 0, "labels": 0}

    def next(self, kind: str, rows: int) -> pa.Table:
        start = self.at[kind]
        self.at[kind] += rows
        table: pa.Table = getattr(self, kind)
        return table.slice(start, rows)


@dataclass(slots=True)
class _Replayer:
    layout: Layout
    tables: Tables
    roster: Roster
    logged: Mapping[str, _Logged]
    closed: dict[str, pa.Table]
    on_progress: Callable[[int, int], None]
    scratch: Scratch
    found: Replay = field(default_factory=Replay)
    versions: dict[str, dict[str, Active | None]] = field(default_factory=dict)

    def go(self) -> Replay:
        state = State.empty(self.layout)
        self.scratch.give(state.kernel)
        self.found.app_version = self.layout.version
        total = self.tables.journal.last_step()
        self._requests(state)
        for entry in self.tables.journal.entries(after=0):
            if entry.app_version not in (self.layout.version, *self.found.edited):
                self.found.edited.append(entry.app_version)
            effects = step(
                self.layout,
                state,
                read_records(self.layout, self.tables.log, entry),
                self._models(entry.models),
            )
            for model, made in effects.predictions.items():
                batch = pa.Table.from_batches([made.batch])
                self._compare(batch, self.logged[model].next("stream", len(batch)), COMPARED)
                self.found.predictions += len(batch)
            for model, labels in effects.labels.items():
                batch = pa.Table.from_batches([labels])
                self._compare(batch, self.logged[model].next("labels", len(batch)), labels.schema.names)
                self.found.labels += len(batch)
            for name, closed in effects.windows.items():
                self._compare_windows(name, pa.Table.from_batches([closed]))
            self.found.steps += 1
            self.found.events = state.consumed
            self._requests(state)
            self.scratch.relieve(state.kernel)
            self.on_progress(self.found.steps, total)
        self.found.state_hash = state.kernel.state_hash()
        return self.found

    def _models(self, entry: Mapping[str, str | None]) -> dict[str, Active | None]:
        name = json.dumps(entry, sort_keys=True)
        if name not in self.versions:
            self.versions[name] = self.roster.versions(entry)
        return self.versions[name]

    def _requests(self, state: State) -> None:
        """Answer again what was asked between this step and the next, and let it wait for its labels."""
        for asked in self.tables.journal.requests(state.step):
            model = self.layout.models[asked.model]
            with kernel_errors():
                read, overflow = state.kernel.vector(model.vector, asked.fields)
            active = self.roster.version(asked.model, asked.version)
            inputs, _ = as_served(model, pa.record_batch(read), overflow_of(overflow))
            rows = asked.fields.num_rows
            matrix = np.column_stack([column.to_numpy(zero_copy_only=False) for column in inputs])
            scores = np.full(rows, np.nan) if active is None else active.score(matrix)
            await_labels(self.layout, state, asked)
            columns = {
                "prediction_id": pa.array(asked.ids(self.layout.app)),
                "score": pa.array(scores, pa.float64(), from_pandas=True),
                "inputs": pa.StructArray.from_arrays(inputs, names=[item.name for item in model.spec.inputs]),
            }
            replayed = pa.Table.from_batches([pa.record_batch(columns)])
            self._compare(replayed, self.logged[asked.model].next("http", rows), ["prediction_id", "score"])
            self.found.predictions += rows

    def _compare_windows(self, name: str, replayed: pa.Table) -> None:
        """Compare the windows that a step closed with the next ones of the log."""
        logged = self.closed[name].slice(0, len(replayed))
        self.closed[name] = self.closed[name].slice(len(replayed))
        columns = replayed.schema.names
        shown = [replayed[column] for column in columns[: columns.index("end")]]
        self._compare(
            replayed, logged, columns, lambda row: " ".join([name, *(str(column[row]) for column in shown)])
        )
        self.found.windows += len(replayed)

    def _compare(
        self,
        replayed: pa.Table,
        logged: pa.Table,
        columns: Sequence[str],
        named: Callable[[int], str] | None = None,
    ) -> None:
        """Compare rows of the same order, value by value, bits and not just numbers."""
        if named is None:
            ids = replayed["prediction_id"]

            def named(row: int) -> str:
                return str(ids[row])

        if len(logged) < len(replayed):
            missing = named(len(logged))
            self._differ(len(replayed) - len(logged), missing, "row", None, missing)
            return
        # Any: a column of a table is a chunked array, a field of a struct is an array; both of any type.
        pairs: list[tuple[str, Any, Any]] = [(name, replayed[name], logged[name]) for name in columns]
        if "inputs" in replayed.schema.names:
            inputs: list[Any] = [table["inputs"].combine_chunks() for table in (replayed, logged)]
            pairs += [
                (f"inputs.{kind.name}", *(side.field(index) for side in inputs))
                for index, kind in enumerate(inputs[0].type)
            ]
        different = np.zeros(len(replayed), bool)
        for name, ours, theirs in pairs:
            self.found.cells += len(replayed)
            unlike = _unlike(ours, theirs)
            if unlike.any():
                row = int(unlike.argmax())
                self._differ(0, named(row), name, theirs[row].as_py(), ours[row].as_py())
                different |= unlike
        self.found.differences += int(different.sum())

    def _differ(self, rows: int, prediction_id: str, column: str, logged: object, replayed: object) -> None:
        self.found.differences += rows
        if self.found.first is None:
            self.found.first = Difference(prediction_id, column, logged, replayed)


def _unlike(ours: Any, theirs: Any) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Per row, whether two columns differ in any bit, or in being null."""
    if pa.types.is_list(ours.type):
        # As text a float says all of its bits.
        pairs = zip(ours.to_pylist(), theirs.to_pylist(), strict=True)
        return np.array([repr(one) != repr(other) for one, other in pairs], np.bool_)
    if pa.types.is_floating(ours.type):
        ours, theirs = _bits(ours), _bits(theirs)
    same = pc.fill_null(pc.equal(ours, theirs), False)
    both_null = pc.and_(pc.is_null(ours), pc.is_null(theirs))
    unlike: np.ndarray[tuple[int], np.dtype[np.bool_]] = pc.invert(pc.or_(same, both_null)).to_numpy(
        zero_copy_only=False
    )
    return unlike


def _bits(column: Any) -> Any:
    """A float column as the integers its bits spell, so that -0.0 is not 0.0."""
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return flat.view(pa.int32() if pa.types.is_float32(flat.type) else pa.int64())


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str | None) else str(value)
