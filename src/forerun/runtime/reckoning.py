"""Writes the late ledger of a data directory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forerun.errors import ConservationError
from forerun.events.expression import FeatureRef
from forerun.events.records import VERDICTS
from forerun.events.vector import InputSpec
from forerun.runtime.blame import Blame
from forerun.runtime.causes import Causes, Reached
from forerun.runtime.chronology import Chronology
from forerun.runtime.hindsight import Hindsight, Seen
from forerun.runtime.layout import Layout
from forerun.runtime.ledger import Balance, Cost, Floats32, Ledger, Missed, Value, unlike
from forerun.runtime.recovery import recover
from forerun.runtime.room import Room
from forerun.runtime.rows import Column, Ints, keys
from forerun.runtime.snapshot import snapshot
from forerun.runtime.tables import DATABASE, Tables
from forerun.state.database import Connect

COLUMNS = ("prediction_id", "key", "partition", "offset", "inputs")
"""Of the prediction log, what the ledger needs."""


def late_ledger(
    layout: Layout,
    directory: Path,
    *,
    on_value: Callable[[Value], None] | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    connect: Connect | None = None,
    memory: int | None = None,
) -> Ledger:
    """Compare every served value with what hindsight makes of it.

    A run may be going on beside it: what is read is everything up to the last commit when it began.

    Args:
        layout: The app.
        directory: The data directory.
        on_value: Told every served value that a too-late event would have changed.
        on_progress: Told steps done and steps in all.
        connect: How to open the database.
        memory: Bytes that entities and open windows may take in memory; those beyond sleep in a temporary
            file. None: as many as they take.

    Raises:
        NothingYetError: The app has not been run here.
        AppChangedError: The data is of other features.
        ConservationError: The counts of a partition do not add up.
        LogRangeError: Retention has dropped records from the log.
    """
    with snapshot(layout, directory, connect) as (tables, history):
        served = {name: history.predictions(name, columns=COLUMNS) for name in layout.models}
        rejected = tables.rejected()
        room = None if memory is None else Room(memory, directory / DATABASE, tables.connection)
        balances = _balances(layout, tables, rejected, room)
        chronology = Chronology(layout, tables, rejected, on_progress)
        writer = _Writer(layout, chronology, served, on_value)
        for seen in Hindsight(layout, chronology, served, late=(False, True), memory=memory).read():
            writer.add(seen)
        return Ledger(balances, chronology.copies, writer.costs(), writer.events(rejected))


def _balances(layout: Layout, tables: Tables, rejected: pa.Table, room: Room | None) -> list[Balance]:
    """The kernel's counts, held against the log of what was refused and the ends of the partitions."""
    found = []
    state = recover(layout, tables, room)
    state.check_conservation()
    listed = rejected.group_by(["stream", "partition", "verdict"]).aggregate([([], "count_all")]).to_pylist()
    refused = {(row["stream"], row["partition"], row["verdict"]): row["count_all"] for row in listed}
    for counts in state.kernel.counters():
        stream, partition = layout.streams[counts["stream"]].name, counts["partition"]
        verdicts = {name: int(counts[name]) for name in VERDICTS}  # type: ignore[literal-required]  # each is a key
        balance = Balance(stream, partition, counts["consumed"], verdicts)
        for name in VERDICTS[1:]:
            if refused.get((stream, partition, name), 0) != verdicts[name]:
                raise ConservationError(
                    f"{stream} partition {partition}: {verdicts[name]} records were {name}, and "
                    f"{refused.get((stream, partition, name), 0)} are listed; keep the data directory and "
                    "report this"
                )
        found.append(balance)
    return found


class _Writer:
    """Adds up what vectors read in hindsight say."""

    def __init__(
        self,
        layout: Layout,
        chronology: Chronology,
        served: Mapping[str, pa.Table],
        on_value: Callable[[Value], None] | None,
    ) -> None:
        self._layout = layout
        self._chronology = chronology
        self._causes = Causes(layout, chronology.late)
        self._served = {name: table.combine_chunks() for name, table in served.items()}
        self._on_value = on_value
        self._places = [
            f"{layout.streams[place.stream].name}/{place.partition}/{offset}"
            for place, rows in chronology.late.items()
            for offset in rows.offsets.tolist()
        ]
        self._costs = {
            name: [Cost(name, item.name) for item in model.spec.inputs]
            for name, model in layout.models.items()
        }
        self._blames: dict[tuple[str, str], Blame] = {}

    def add(self, seen: Seen) -> None:
        """Compare vectors with what was served."""
        name = seen.model.spec.name
        table = self._served[name]
        inputs = cast(pa.StructArray, table["inputs"].combine_chunks())
        for index, (item, cost) in enumerate(zip(seen.model.spec.inputs, self._costs[name], strict=True)):
            served = _floats(inputs.field(index))[seen.rows]
            accepted, whole = (_floats(columns[index]) for columns in seen.inputs)
            cost.served += len(served)
            cost.waiting.add(served, accepted, unlike(served, accepted))
            cost.both.add(served, whole, unlike(served, whole))
            changed = unlike(accepted, whole)
            cost.late.add(accepted, whole, changed)
            rows = np.flatnonzero(changed)
            if len(rows):
                self._blame(seen, item, rows, (served[rows], accepted[rows], whole[rows]))

    def costs(self) -> list[Cost]:
        """Per model and input."""
        return [cost for costs in self._costs.values() for cost in costs]

    def events(self, rejected: pa.Table) -> list[Missed]:
        """The too-late events with what they would have changed."""
        late = rejected.filter(pc.field("verdict") == "late")
        places = zip(*(late[name].to_pylist() for name in ("stream", "partition", "offset")), strict=True)
        moments = (late[name].cast(pa.int64()).to_pylist() for name in ("arrival", "watermark"))
        when = dict(zip(places, zip(*moments, strict=True), strict=True))
        found: list[Missed] = []
        for place, rows in self._chronology.late.items():
            spec = self._layout.streams[place.stream]
            names = keys(spec.key, rows.batch)
            views = [view.by for view in self._layout.views if view.stream is spec]
            known = list(
                zip(*(keys(by, rows.batch) for by in dict.fromkeys([spec.key, *views])), strict=True)
            )
            for row, offset in enumerate(rows.offsets.tolist()):
                number = len(found)
                effects = [
                    effect
                    for (model, feature), blame in self._blames.items()
                    if (effect := blame.effect(model, feature, number)) is not None
                ]
                arrival_us, watermark_us = when[spec.name, place.partition, offset]
                found.append(
                    Missed(
                        spec.name, place.partition, offset, names[row],
                        [name for name in known[row] if name is not None],
                        int(rows.times[row]), arrival_us, watermark_us, effects,
                    )
                )  # fmt: skip
        return found

    def _blame(
        self, seen: Seen, item: InputSpec, rows: Ints, values: tuple[Floats32, Floats32, Floats32]
    ) -> None:
        """Find the events that the changed values of an input look back on."""
        events, times = seen.events.take(rows), seen.times_us[rows]
        reached = [
            self._causes.of(part, events, times) for part in item.expr.walk() if isinstance(part, FeatureRef)
        ]
        name = seen.model.spec.name
        if (name, item.name) not in self._blames:
            self._blames[name, item.name] = Blame(len(self._places))
        sizes = np.abs(values[2] - values[1])
        self._blames[name, item.name].add(reached, sizes)
        if self._on_value is not None:
            for value in self._values(name, item.name, seen.rows[rows], times, values, reached):
                self._on_value(value)

    def _values(
        self,
        model: str,
        feature: str,
        rows: Ints,
        times: Ints,
        values: tuple[Floats32, Floats32, Floats32],
        reached: Sequence[Reached],
    ) -> Iterator[Value]:
        table = self._served[model].take(rows)
        ids, names = table["prediction_id"].to_pylist(), table["key"].to_pylist()
        plain = [[None if x != x else x for x in column.tolist()] for column in values]
        for row, (served, accepted, corrected) in enumerate(zip(*plain, strict=True)):
            events = sorted(
                {int(event) for part in reached for event in part.events[part.low[row] : part.high[row]]}
            )
            places = [self._places[event] for event in events]
            yield Value(
                model, feature, str(ids[row]), str(names[row]), int(times[row]),
                served, accepted, corrected, places,
            )  # fmt: skip


def _floats(column: Column) -> Floats32:
    """A float32 column as numpy; NaN is null."""
    found: Floats32 = column.to_numpy(zero_copy_only=False)
    return found
