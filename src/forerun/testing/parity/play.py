"""A log played through the kernel, in steps of any size, on any number of threads, in any memory."""

import hashlib
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forerun._core import Kernel, StepResult
from forerun.runtime.reading import plain
from forerun.testing.oracle.arrival import Arrival
from forerun.testing.parity.budget import Budget
from forerun.testing.parity.subject import Subject

Doubles = NDArray[np.float64]

KEYS_READ = 24
"""Entities of a view that a look reads: those that had an event last, of which many are just awake."""


class Log:
    """Events in the order of a log, ready to be cut into steps.

    Args:
        subject: Whose streams they are of.
        arrivals: Ordered by arrival, stream, partition, offset; offsets from 0.
    """

    def __init__(self, subject: Subject, arrivals: Sequence[Arrival]) -> None:
        self.subject = subject
        self.arrivals = arrivals
        rows: dict[tuple[int, int], list[Arrival]] = {}
        for arrival in arrivals:
            rows.setdefault((arrival.stream, arrival.partition), []).append(arrival)
        self._whole = {
            place: subject.batch(place[0], [a.values for a in some], [a.arrival_us for a in some])
            for place, some in rows.items()
        }

    def steps(self, rows: int) -> Iterator[list[tuple[int, int, int, pa.RecordBatch]]]:
        """Steps of so many events, the last one shorter.

        Args:
            rows: Events in a step.
        """
        done = dict.fromkeys(self._whole, 0)
        for start in range(0, len(self.arrivals), rows):
            counts: dict[tuple[int, int], int] = {}
            for arrival in self.arrivals[start : start + rows]:
                place = (arrival.stream, arrival.partition)
                counts[place] = counts.get(place, 0) + 1
            step = []
            for place, count in counts.items():
                step.append((*place, done[place], self._whole[place].slice(done[place], count)))
                done[place] += count
            yield step


@dataclass(frozen=True)
class Look:
    """All features of some entities of a view, whole, as they were at a place in the log.

    Args:
        view: The view.
        time_us: The time of the reading.
        keys: The entities.
        columns: Feature to a value per entity: numbers, texts and lists.
    """

    view: int
    time_us: int
    keys: Sequence[tuple[object, ...]]
    columns: Mapping[str, list[Any]]


@dataclass
class Played:
    """What came out of a log.

    Args:
        verdicts: Of every event, in the order of the log.
        vectors: Per vector of the plan, a row of inputs per event that triggered it; null as NaN.
        times: Per vector, the event time of each row.
        stale: Reads that were older than what is kept; the same in every run, or the runs differ.
        overflows: Values out of range, by vector, emitter and feature.
        windows: Per emitter of the plan, a hash of the windows that closed, in order.
        looks: By number of events before, what was read whole there.
        state: The kernel's hash of its state at the end.
        slept: With a budget of memory, the most entities that slept at a time.
        windows_slept: And the most parts of open windows, and sessions.
        loaded: And how often one was loaded again.
    """

    verdicts: list[int] = field(default_factory=list)
    vectors: list[Doubles] = field(default_factory=list)
    times: list[NDArray[np.int64]] = field(default_factory=list)
    stale: int = 0
    overflows: Counter[str] = field(default_factory=Counter)
    windows: list[str] = field(default_factory=list)
    looks: dict[int, list[Look]] = field(default_factory=dict)
    state: str = ""
    slept: int = 0
    windows_slept: int = 0
    loaded: int = 0

    @property
    def cells(self) -> int:
        """How many inputs were served, and features looked at."""
        looked = sum(len(look.keys) * len(look.columns) for looks in self.looks.values() for look in looks)
        return looked + sum(vector.size for vector in self.vectors)

    @property
    def hash(self) -> str:
        """SHA-256 over everything that came out: every bit of every input, every verdict, the state.

        Of the looks only the last counts, which every run takes: places within a step cannot be looked at.
        """
        made = hashlib.sha256(bytes(self.verdicts))
        for times, vector in zip(self.times, self.vectors, strict=True):
            made.update(times.tobytes())
            made.update(vector.tobytes())
        overflows = sorted(self.overflows.items())
        last = self.looks[max(self.looks)] if self.looks else []
        made.update(f"{self.stale} {overflows} {self.windows} {last!r} {self.state}".encode())
        return made.hexdigest()


def play(
    log: Log,
    rows: int,
    threads: int = 1,
    *,
    memory: int | None = None,
    look_at: Container[int] = (),
    kernel: Kernel | None = None,
) -> Played:
    """Play a log through a kernel.

    Args:
        log: The log.
        rows: Events in a step.
        threads: How many the kernel may use.
        memory: Bytes that entities and open windows may take between steps, others sleep; None: any.
        look_at: Numbers of events after which features are read whole, where a step ends there.
        kernel: A fresh kernel, when it is looked at afterwards.

    Returns:
        What came out.
    """
    kernel = kernel or log.subject.kernel()
    kernel.set_threads(threads)
    budget = None if memory is None else Budget(kernel, memory)
    played, parts = Played(), Parts(log.subject)
    windows = [hashlib.sha256() for _ in log.subject.spec.get("emitters", ())]
    for step in log.steps(rows):
        result = kernel.apply(step)
        played.verdicts += verdicts(step, result)
        played.stale += len(result.stale)
        for row in pa.record_batch(result.overflow).to_pylist() if len(result.overflow) else ():
            played.overflows[f"{row['vector']} {row['emitter']} {row['feature']}"] += 1
        parts.take(result)
        for closed, batch in zip(windows, result.emitted, strict=True):
            for row in pa.record_batch(batch).to_pylist() if len(batch) else ():
                closed.update(repr(row).encode())
        if budget is not None:
            budget.keep()
        if len(played.verdicts) in look_at:
            played.looks[len(played.verdicts)] = _look(kernel, log, len(played.verdicts))
    played.windows = [closed.hexdigest() for closed in windows]
    played.vectors, played.times = parts.joined()
    played.state = kernel.state_hash()
    if budget is not None:
        played.slept, played.windows_slept = budget.slept, budget.windows_slept
        played.loaded = budget.loaded
    return played


def _look(kernel: Kernel, log: Log, events: int) -> list[Look]:
    """Read every view after so many events, as of the last arrival."""
    looks = []
    for view, horizon in enumerate(kernel.horizons()):
        spec = log.subject.spec["views"][view]
        keys: dict[tuple[object, ...], None] = {}
        for arrival in reversed(log.arrivals[:events]):
            if len(keys) == KEYS_READ:
                break
            if arrival.stream == spec["stream"]:
                key = tuple(arrival.values[name] for name in spec["by"])
                if None not in key:
                    keys[key] = None
        now = log.arrivals[events - 1].arrival_us
        t = now if horizon is None else max(now, horizon)
        looks.append(Look(view, t, list(keys), values(kernel, log.subject, view, list(keys), t)))
    return looks


WAITING = 32
"""Batches of a vector that are kept as they came; each column of one takes a kilobyte, even of one row."""


class Parts:
    """The vectors of many steps, joined.

    Args:
        subject: Whose vectors they are.
    """

    def __init__(self, subject: Subject) -> None:
        widths = [len(vector["inputs"]) for vector in subject.spec["vectors"]]
        self._waiting: list[list[pa.RecordBatch]] = [[] for _ in widths]
        self._times = [[np.empty(0, np.int64)] for _ in widths]
        self._values = [[np.empty((0, width))] for width in widths]

    def take(self, result: StepResult) -> None:
        """Add what a step served."""
        for number, made in enumerate(result.vectors):
            if len(made):
                self._waiting[number].append(pa.record_batch(made))
                if len(self._waiting[number]) == WAITING:
                    self._join(number)

    def joined(self) -> tuple[list[Doubles], list[NDArray[np.int64]]]:
        """All rows, per vector."""
        for number, waiting in enumerate(self._waiting):
            if waiting:
                self._join(number)
        return [np.concatenate(some) for some in self._values], [np.concatenate(some) for some in self._times]

    def _join(self, number: int) -> None:
        """Turn the batches that wait into numbers, which take a hundredth."""
        times, values = matrix(pa.Table.from_batches(self._waiting[number]))
        self._times[number].append(times)
        self._values[number].append(values)
        self._waiting[number].clear()


def matrix(made: pa.Table) -> tuple[NDArray[np.int64], Doubles]:
    """The times and inputs of vectors; a null is one and the same NaN."""
    columns: list[Any] = [column.to_numpy() for column in made.columns]
    values = np.column_stack(columns[3:]) if columns[3:] else np.empty((made.num_rows, 0))
    doubles: Doubles = np.where(np.isnan(values), np.nan, values).astype(np.float64)
    return columns[2], doubles


def verdicts(step: Sequence[tuple[int, int, int, pa.RecordBatch]], result: StepResult) -> list[int]:
    """The verdicts on the events of a step, in the order of the log."""
    placed = []
    for (stream, partition, offset, batch), given in zip(step, result.verdicts, strict=True):
        arrivals = batch.column(batch.num_columns - 1).to_pylist()
        codes: list[int] = pa.array(cast(Any, given)).to_pylist()
        placed += [
            (arrival, stream, partition, offset + row, code)
            for row, (arrival, code) in enumerate(zip(arrivals, codes, strict=True))
        ]
    placed.sort(key=lambda event: event[:4])
    return [event[4] for event in placed]


def rows_of(batch: Any) -> list[Mapping[str, Any]]:
    """The rows of a batch that the kernel made, times as int microseconds."""
    if not len(batch):
        return []
    made = pa.record_batch(batch)
    columns = {name: plain(made.column(name)) for name in made.schema.names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def values(
    kernel: Kernel, subject: Subject, view: int, keys: Sequence[tuple[object, ...]], t: int
) -> Mapping[str, list[Any]]:
    """Every feature of some entities at a time, a column per feature; times as int microseconds."""
    batch = pa.record_batch(kernel.values(view, subject.keys(view, keys), t))
    return {name: plain(batch.column(name)) for name in batch.schema.names}
