"""What every served vector would have been, had nothing been late.

The log goes into a fresh kernel as if every event had arrived when it happened. A vector served for time t
is read when every event up to t is in: then it knows what its prediction could not. The kernel is the same
one, so a difference is due to what arrived after it was served, and to nothing else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from forerun._core import Kernel
from forerun.events.canonical import canonical_json
from forerun.runtime.chronology import Chronology, Ordered, Place
from forerun.runtime.kernel import kernel_errors
from forerun.runtime.layout import Layout, ModelLayout
from forerun.runtime.overflow import overflow_of
from forerun.runtime.predictions import as_served
from forerun.runtime.rows import Column, Ints
from forerun.runtime.scratch import Scratch
from forerun.streams.log import ARRIVAL

READ_ROWS = 8_192
"""Rows between two reads, about: vectors are read together, each at its own time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Vectors of one model, read again.

    Args:
        model: The model.
        rows: Their rows in the table of what was served.
        events: The fields they were read for.
        times_us: The times they were read at.
        inputs: Per kernel, the vectors: one float32 array per input, null is missing.
    """

    model: ModelLayout
    rows: Ints
    events: pa.RecordBatch
    times_us: Ints
    inputs: Sequence[Sequence[Column]]


class Hindsight:
    """Reads served vectors again.

    Args:
        layout: The app.
        chronology: The log in the order of event time.
        served: By model, rows of its prediction log: at least `partition` and `offset`.
        late: Per kernel, whether it takes events that were too late.
        memory: Bytes that the entities of all kernels may take; None: as many as they take.
    """

    def __init__(
        self,
        layout: Layout,
        chronology: Chronology,
        served: Mapping[str, pa.Table],
        *,
        late: Sequence[bool],
        memory: int | None = None,
    ) -> None:
        self._layout = layout
        self._chronology = chronology
        self._places = {name: _Places(table) for name, table in served.items()}
        self._span_us = chronology.span_us(READ_ROWS)
        plan = unhurried(layout.plan, self._span_us)
        self._kernels = [
            _Follower(layout, Kernel(plan, layout.functions), takes, Scratch(each))
            for takes, each in zip(late, _shared(memory, len(late)), strict=True)
        ]

    def read(self) -> Iterator[Seen]:
        """Yield every served vector, once, in the order of event time."""
        with ExitStack() as last:
            for kernel in self._kernels:
                last.callback(kernel.scratch.close)
            yield from self._seen()

    def _seen(self) -> Iterator[Seen]:
        for before_us, rows in self._chronology.chunks():
            reads = [
                (self._layout.models[name], *found)
                for place, own in rows.items()
                for name, places in self._places.items()
                if self._is_for(name, place) and len((found := places.find(place.partition, own))[0])
            ]
            moments = np.unique(np.concatenate([own.times for _, _, own in reads])) if reads else _NONE
            at = 0
            while at < len(moments):
                start_us = int(moments[at])
                until_us = min(start_us + self._span_us, before_us - 1)
                at = int(np.searchsorted(moments, until_us, side="right"))
                for kernel in self._kernels:
                    kernel.take(rows, until_us)
                for model, numbers, own in reads:
                    yield from self._read(model, numbers, own, start_us, until_us)
            for kernel in self._kernels:
                kernel.take(rows, before_us - 1)

    def _is_for(self, name: str, place: Place) -> bool:
        if place.model:
            return place.model == name
        return self._layout.models[name].trigger == place.stream

    def _read(
        self, model: ModelLayout, numbers: Ints, own: Ordered, start_us: int, until_us: int
    ) -> Iterator[Seen]:
        cut = slice(
            int(np.searchsorted(own.times, start_us, side="left")),
            int(np.searchsorted(own.times, until_us, side="right")),
        )
        part = own.take(cut)
        if len(part):
            inputs = [kernel.vectors(model, part.batch) for kernel in self._kernels]
            yield Seen(model, numbers[cut], part.batch, part.times, inputs)


def unhurried(plan: str, lateness_us: int) -> str:
    """A plan for events in order: nothing is a copy, nothing triggers, and the recent past can be read.

    Values are the same: how long a straggler is waited for has no part in what a window holds.

    Args:
        plan: The app's.
        lateness_us: How far back vectors are read.
    """
    whole = json.loads(plan)
    for stream in whole["streams"]:
        stream.update(lateness_us=lateness_us, dedup_us=None, id=None)
    whole.pop("emitters", None)
    # Vectors are read when all is in, not as their triggers pass: they hang on streams that have no events.
    triggers = sorted({vector["on"] for vector in whole["vectors"]})
    for place, on in enumerate(triggers, len(whole["streams"])):
        whole["streams"].append({**whole["streams"][on], "name": f"{whole['streams'][on]['name']}#asked"})
        for vector in whole["vectors"]:
            if vector["on"] == on:
                vector["on"] = place
    return canonical_json(whole)


def _shared(memory: int | None, kernels: int) -> list[int | None]:
    """The memory of each kernel, when all together have so much."""
    return [None if memory is None else max(memory // kernels, 1)] * kernels


class _Follower:
    """A kernel that is given rows in the order of event time.

    Args:
        layout: The app.
        kernel: It; empty.
        late: Whether it takes what was too late.
        scratch: Its memory.
    """

    def __init__(self, layout: Layout, kernel: Kernel, late: bool, scratch: Scratch) -> None:
        self.scratch = scratch
        scratch.give(kernel)
        self._layout = layout
        self._kernel = kernel
        self._late = late
        self._ends: dict[Place, int] = {}
        self._until_us = int(np.iinfo(np.int64).min)

    def take(self, rows: Mapping[Place, Ordered], until_us: int) -> None:
        """Take what happened up to an instant and was not taken yet."""
        batches = []
        for place, own in rows.items():
            if place.model:
                continue
            low, high = np.searchsorted(own.times, [self._until_us, until_us], side="right").tolist()
            part = own.take(slice(low, high))
            if not self._late and part.late.any():
                part = part.take(np.flatnonzero(~part.late))
            if not len(part):
                continue
            offset = self._ends.get(place, 0)
            self._ends[place] = offset + len(part)
            batch = part.batch.append_column(ARRIVAL, pa.array(part.times))
            batches.append((place.stream, place.partition, offset, batch))
        self._until_us = max(self._until_us, until_us)
        if batches:
            with kernel_errors():
                self._kernel.apply(batches)
        self.scratch.relieve(self._kernel)

    def vectors(self, model: ModelLayout, events: pa.RecordBatch) -> list[Column]:
        """Read a model's vectors, each at the time of its event."""
        with kernel_errors():
            vectors, overflow = self._kernel.vector(model.vector, events)
        inputs, _ = as_served(model, pa.record_batch(vectors), overflow_of(overflow))
        return inputs


class _Places:
    """Where the triggers of a model's predictions are, to be found by offset."""

    def __init__(self, served: pa.Table) -> None:
        partitions = served["partition"].to_numpy()
        offsets = served["offset"].to_numpy()
        self._rows: dict[int, tuple[Ints, Ints]] = {}
        for partition in np.unique(partitions).tolist():
            rows = np.flatnonzero(partitions == partition)
            rows = rows[np.argsort(offsets[rows])]
            self._rows[partition] = offsets[rows], rows

    def find(self, partition: int, own: Ordered) -> tuple[Ints, Ordered]:
        """Of these rows, those that a prediction was made for: its row in the table, and the row itself."""
        offsets, rows = self._rows.get(partition, (_NONE, _NONE))
        if not len(offsets):
            return _NONE, own.take(_NONE)
        at = np.minimum(np.searchsorted(offsets, own.offsets), len(offsets) - 1)
        hits = np.flatnonzero((offsets[at] == own.offsets) & ~own.late)
        return rows[at[hits]], own.take(hits)


_NONE = np.zeros(0, np.int64)
