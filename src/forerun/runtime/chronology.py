"""The log in the order of event time: what hindsight reads, where a run had to take things as they arrived.

Records are nearly in that order already. So their parts (what one step took of one partition) are merged by
their oldest event, and only what overlaps is in memory, however long the log is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forerun.events.records import VERDICTS
from forerun.events.schema import StreamSpec
from forerun.runtime.layout import Layout
from forerun.runtime.rows import Ints, times_us
from forerun.runtime.tables import Tables
from forerun.streams.log import ARRIVAL, Range

CHUNK_ROWS = 65_536
"""Records that are put in order at a time, about."""

_APPLIED, _LATE = VERDICTS.index("applied"), VERDICTS.index("late")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where rows come from.

    Args:
        stream: The stream's number; for requests, their trigger's.
        partition: The partition; -1 for requests.
        model: For requests, the model that was asked; '' for records.
    """

    stream: int
    partition: int
    model: str = ""


@dataclass(frozen=True, slots=True)
class Ordered:
    """Rows of one place in the order of (event time, offset).

    Args:
        batch: The stream's fields.
        times: Event times, microseconds.
        offsets: Offsets in the partition; for requests their numbers.
        late: Which were too late when they arrived.
    """

    batch: pa.RecordBatch
    times: Ints
    offsets: Ints
    late: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)

    def take(self, rows: "NDArray[np.int64] | slice") -> "Ordered":
        """Some of the rows, in the order given."""
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            batch = self.batch.slice(start, stop - start)
        else:
            batch = self.batch.take(rows)
        return Ordered(batch, self.times[rows], self.offsets[rows], self.late[rows])


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows that are read together: a range of the log, or requests after one step."""

    low_us: int
    high_us: int
    rows: int
    place: Place
    source: "Range | int"


@dataclass(slots=True)
class Chronology:
    """Every record that counts in hindsight, and every request, in the order of event time.

    Records that were applied count, and those that were too late, unless they are copies: their id was
    applied, or arrived too late before. Records from the future, invalid ones and copies do not.

    Args:
        layout: The app.
        tables: The database.
        rejected: Rows of `REJECTED_SCHEMA`: what was not applied.
        on_progress: Told steps done, of twice as many as the journal has: the log is read twice.
    """

    layout: Layout
    tables: Tables
    rejected: pa.Table
    on_progress: Callable[[int, int], None] = lambda _done, _total: None
    late: dict[Place, Ordered] = field(default_factory=dict)
    """Too-late records by place, copies left out. They are in memory: they are few, or something is wrong."""
    copies: int = 0
    """Too-late records that are copies."""
    _verdicts: dict[tuple[int, int], tuple[Ints, Ints]] = field(default_factory=dict)
    _parts: list[_Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._verdicts = _by_partition(self.layout, self.rejected)
        self._survey()

    def span_us(self, rows: int) -> int:
        """Event time in which about so many rows happened, outliers aside.

        Args:
            rows: How many.
        """
        if not self._parts:
            return 0
        lows = np.array([part.low_us for part in self._parts])
        counts = np.array([part.rows for part in self._parts])
        reached = np.cumsum(counts)
        early, late = np.searchsorted(reached, reached[-1] * np.array([0.05, 0.95]))
        return int((lows[late] - lows[early]) / 0.9 / max(int(reached[-1]), 1) * rows)

    def chunks(self) -> Iterator[tuple[int, dict[Place, Ordered]]]:
        """Yield (event time that all rows so far are before, rows by place), each row once, in order."""
        pending: dict[Place, list[Ordered]] = {place: [rows] for place, rows in self.late.items()}
        waiting = 0
        steps = self.tables.journal.last_step()
        for number, part in enumerate(self._parts):
            if waiting >= CHUNK_ROWS:
                yield part.low_us, _released(pending, part.low_us)
                waiting = sum(len(rows) for held in pending.values() for rows in held)
            rows, _ = self._read(part)
            pending.setdefault(part.place, []).append(rows)
            waiting += len(rows)
            self.on_progress(steps + (number + 1) * steps // len(self._parts), 2 * steps)
        end_us = int(np.iinfo(np.int64).max)
        yield end_us, _released(pending, end_us)

    def _survey(self) -> None:
        """Find out when the rows of each part happened, and which were too late."""
        steps = self.tables.journal.last_step()
        late: dict[Place, list[Ordered]] = {}
        self._requests(0)
        for entry in self.tables.journal.entries(after=0):
            for taken in entry.ranges:
                place = Place(self.layout.topic(taken.topic), taken.partition)
                applied, missed = self._read(_Part(0, 0, 0, place, taken))
                self._add(place, applied.times, taken)
                if len(missed):
                    late.setdefault(place, []).append(missed)
            self._requests(entry.step)
            self.on_progress(entry.step, 2 * steps)
        self._parts.sort(key=lambda part: (part.low_us, part.place))
        self.late = {place: _joined(rows) for place, rows in late.items()}
        self._drop_copies()

    def _add(self, place: Place, times: Ints, source: "Range | int") -> None:
        if len(times):
            self._parts.append(_Part(int(times.min()), int(times.max()), len(times), place, source))

    def _requests(self, step: int) -> None:
        for asked in self.tables.journal.requests(step):
            model = self.layout.models[asked.model]
            place = Place(model.trigger, -1, asked.model)
            self._add(place, times_us(model.spec.on, asked.fields), asked.start)

    def _read(self, part: _Part) -> tuple[Ordered, Ordered]:
        """The rows of a part that were applied, and those that were too late; in the order of offsets."""
        spec = self.layout.streams[part.place.stream]
        if isinstance(part.source, int):
            asked = self.tables.journal.group(part.source)
            return _ordered(spec, asked.fields, asked.start), _ordered(spec, asked.fields.slice(0, 0), 0)
        batches = [batch for _, batch in self.tables.log.read(part.source)]
        table = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
        rows = _ordered(spec, table.drop_columns([ARRIVAL]), part.source.start)
        offsets, verdicts = self._verdicts.get((part.place.stream, part.place.partition), (_NONE, _NONE))
        own = slice(*np.searchsorted(offsets, [part.source.start, part.source.stop]).tolist())
        verdict = np.full(len(rows), _APPLIED)
        verdict[offsets[own] - part.source.start] = verdicts[own]
        late = rows.take(np.flatnonzero(verdict == _LATE))
        return (
            rows if own.start == own.stop else rows.take(np.flatnonzero(verdict == _APPLIED)),
            Ordered(late.batch, late.times, late.offsets, np.ones(len(late), np.bool_)),
        )

    def _drop_copies(self) -> None:
        """Leave too-late records out that are copies; only streams that look for copies have any."""
        for number, spec in enumerate(self.layout.streams):
            places = [place for place in self.late if place.stream == number]
            if spec.dedup_us is None or not places:
                continue
            known: dict[Identity, list[int]] = {}
            for place in places:
                for name in _ids(spec, self.late[place].batch):
                    known.setdefault(name, [])
            self._find(number, known)
            arrived = sorted(
                (offset, place, row)
                for place in places
                for row, offset in enumerate(self.late[place].offsets.tolist())
            )
            names = {place: _ids(spec, self.late[place].batch) for place in places}
            kept: dict[Place, list[int]] = {place: [] for place in places}
            for _, place, row in arrived:
                name, time_us = names[place][row], int(self.late[place].times[row])
                if name is not None and any(abs(time_us - t) <= spec.dedup_us for t in known[name]):
                    self.copies += 1
                    continue
                known[name].append(time_us)
                kept[place].append(row)
            for place, rows in kept.items():
                self.late[place] = self.late[place].take(np.sort(np.array(rows, np.int64)))

    def _find(self, stream: int, known: "Mapping[Identity, list[int]]") -> None:
        """Note when records with these ids were applied."""
        spec = self.layout.streams[stream]
        assert spec.id is not None, "a stream that looks for copies knows their ids"
        for part in self._parts:
            if part.place.stream != stream or part.place.model:
                continue
            rows, _ = self._read(part)
            first = spec.id[0]
            kind = rows.batch.schema.field(first).type
            wanted = pa.array({parts[0] for parts in known if parts is not None}, kind)
            hits = np.flatnonzero(
                pa.compute.is_in(rows.batch.column(first), value_set=wanted).to_numpy(zero_copy_only=False)
            )
            found = rows.take(hits)
            for name, time_us in zip(_ids(spec, found.batch), found.times.tolist(), strict=True):
                if name in known:
                    known[name].append(time_us)


Identity: TypeAlias = tuple[object, ...] | None
"""What a record shares with its copies."""

_NONE = np.zeros(0, np.int64)


def _ordered(spec: StreamSpec, batch: pa.RecordBatch, offset: int) -> Ordered:
    """Rows with consecutive offsets, not yet in any order of time."""
    rows = batch.num_rows
    return Ordered(batch, times_us(spec, batch), np.arange(offset, offset + rows), np.zeros(rows, np.bool_))


def _joined(parts: Sequence[Ordered]) -> Ordered:
    """All rows together, by event time and then by offset."""
    batch = pa.Table.from_batches([part.batch for part in parts]).combine_chunks().to_batches()
    times, offsets, late = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("times", "offsets", "late")
    )
    order = np.lexsort((offsets, times))
    whole = Ordered(batch[0] if batch else parts[0].batch, times, offsets, late)
    return whole.take(order)


def _released(pending: dict[Place, list[Ordered]], before_us: int) -> dict[Place, Ordered]:
    """Take what happened before an instant out of what is pending, in order."""
    released = {}
    for place, held in list(pending.items()):
        rows = _joined(held)
        cut = int(np.searchsorted(rows.times, before_us, side="left"))
        if cut:
            released[place] = rows.take(slice(0, cut))
        pending[place] = [rows.take(slice(cut, None))]
    return released


def _by_partition(layout: Layout, rejected: pa.Table) -> dict[tuple[int, int], tuple[Ints, Ints]]:
    """Per stream and partition, offsets that were not applied, ascending, and their verdicts."""
    numbers = {name: number for number, name in enumerate(VERDICTS)}
    names = {spec.name: number for number, spec in enumerate(layout.streams)}
    stream = np.array([names[str(name)] for name in rejected["stream"].to_pylist()], np.int64)
    verdict = np.array([numbers[str(name)] for name in rejected["verdict"].to_pylist()], np.int64)
    partition, offset = (rejected[name].to_numpy().astype(np.int64) for name in ("partition", "offset"))
    found = {}
    for key in set(zip(stream.tolist(), partition.tolist(), strict=True)):
        own = np.flatnonzero((stream == key[0]) & (partition == key[1]))
        own = own[np.argsort(offset[own])]
        found[key] = offset[own], verdict[own]
    return found


def _ids(spec: StreamSpec, batch: pa.RecordBatch) -> "list[Identity]":
    """What makes two records copies; None for one with a null in it, which has no copies."""
    assert spec.id is not None, "a stream that looks for copies knows their ids"
    columns = [batch.column(name).to_pylist() for name in spec.id]
    return [None if None in parts else parts for parts in zip(*columns, strict=True)]
