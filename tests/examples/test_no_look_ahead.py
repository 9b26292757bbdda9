"""No prediction of the flights app knows anything that was published after its instant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from forerun._core import Kernel
from forerun.runtime.layout import Layout
from forerun.runtime.load import load
from forerun.streams.source import Slice, arrivals

APP = Path(__file__).parents[2] / "examples" / "flights"
EVENTS = 12_000
"""About four days: enough for every window but the 30-day one to fill and empty many times."""


@pytest.fixture(scope="module")
def layout() -> Layout:
    """The flights app."""
    return Layout(load(APP))


@pytest.fixture(scope="module")
def slices(layout: Layout) -> list[Slice]:
    """The first days of 2013."""
    source = load(APP).source
    assert source is not None
    taken: list[Slice] = []
    for part in source(0):
        taken.append(part)
        if sum(one.rows for one in taken) >= EVENTS:
            break
    return taken


def _vectors(layout: Layout, parts: Sequence[Slice]) -> dict[str, tuple[float, ...]]:
    """The served vector of every flight, by flight, in the order served."""
    kernel = Kernel(layout.plan)
    model = layout.models["LateArrival"]
    offsets = [0] * len(layout.streams)
    served: dict[str, tuple[float, ...]] = {}
    for part in parts:
        batches = []
        for number, spec in enumerate(layout.streams):
            table = part.tables.get(spec.name)
            if table is not None and table.num_rows:
                batches.append((number, 0, offsets[number], table))
                offsets[number] += table.num_rows
        if not batches:
            continue
        made = pa.record_batch(cast(Any, kernel.apply(batches).vectors[model.vector]))
        columns = [made.column(at).to_numpy(zero_copy_only=False) for at in range(3, made.num_columns)]
        rows = np.column_stack(columns) if columns else np.empty((0, 0))
        places = zip(made["batch"].to_numpy(), made["row"].to_numpy(), rows, strict=True)
        for batch, row, values in places:
            served[str(batches[batch][3].column("flight")[int(row)])] = tuple(values)
    return served


def _scramble(part: Slice, after_us: int, chance: np.random.Generator) -> Slice:
    """The slice with every record published after an instant given another record's content."""
    tables = {}
    for name, table in part.tables.items():
        late = arrivals(table) > after_us
        order = np.arange(table.num_rows)
        order[late] = chance.permutation(order[late])
        columns = {}
        for column in table.schema.names:
            values = table.column(column)
            if column not in ("_arrival", "at", "flight"):
                values = values.take(pa.array(order, type=pa.int64()))
                if pa.types.is_floating(values.type):
                    noise = np.where(late, chance.normal(0, 500, table.num_rows), 0.0)
                    values = pa.array(values.to_numpy(zero_copy_only=False) + noise, from_pandas=True)
            columns[column] = values
        tables[name] = pa.RecordBatch.from_pydict(columns, schema=table.schema)
    return Slice(part.position, tables)


def test_scrambling_all_that_comes_later_changes_no_prediction(layout: Layout, slices: list[Slice]) -> None:
    """For 40 prediction instants: what is published afterwards is scrambled, every vector up to it stays."""
    chance = np.random.default_rng(2013)
    true = _vectors(layout, slices)
    trigger = layout.streams[layout.models["LateArrival"].trigger].name
    instants = [
        (int(arrival), str(flight))
        for part in slices
        if trigger in part.tables
        for arrival, flight in zip(
            arrivals(part.tables[trigger]), part.tables[trigger]["flight"].to_pylist(), strict=True
        )
    ]
    changed_later = 0
    for number in sorted(chance.choice(len(instants), 40, replace=False)):
        instant_us = instants[number][0]
        scrambled = _vectors(layout, [_scramble(part, instant_us, chance) for part in slices])
        for arrival_us, flight in instants:
            same = np.array_equal(true[flight], scrambled[flight], equal_nan=True)
            if arrival_us <= instant_us:
                assert same, (instant_us, flight)
            else:
                changed_later += not same
    assert changed_later > 4_000


def test_nothing_is_published_before_it_happens(layout: Layout, slices: list[Slice]) -> None:
    """No record of the source is in the log before its event time."""
    for part in slices:
        for name, table in part.tables.items():
            spec = next(spec for spec in layout.streams if spec.name == name)
            happened = table.column(spec.time).cast(pa.int64()).to_numpy()
            assert (arrivals(table) >= happened).all(), name
