"""P5: a training set as served is what was served, byte for byte; corrected is the truth in hindsight."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from tests.runtime import shop
from tests.runtime.conftest import Served
from tests.runtime.naive import Shop

import forerun as fr
from forerun._core import Kernel
from forerun.errors import AppChangedError, ArgumentError, NothingYetError
from forerun.events.records import prediction_id
from forerun.models.table import Table
from forerun.runtime.engine import Engine
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.runtime.ledger import Ledger, Value
from forerun.runtime.reckoning import late_ledger
from forerun.runtime.training_set import training_set

SERVED = 100_000
"""Vectors that the promise is checked on."""

HOURS = 1_030
"""Hours of the shop that give so many, with their labels."""


@dataclass(frozen=True)
class Prompt:
    """A long run in which everything arrives as it happens, but for what is too late.

    Args:
        app: The app.
        directory: Its data directory.
        events: What its source held.
    """

    app: fr.App
    directory: Path
    events: dict[str, pa.RecordBatch]

    @property
    def layout(self) -> Layout:
        """Its layout."""
        return Layout(self.app)


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Prompt:
    """The shop for weeks, without a model: nothing but vectors."""
    events = {name: in_order(batch) for name, batch in shop.events(HOURS, seed=5).items()}
    app = shop.make(source=shop.source_of(events), warmup="1000d")
    directory = tmp_path_factory.mktemp("prompt")
    with Engine.open(app, directory) as engine:
        assert app.source is not None
        engine.run(app.source)
    return Prompt(app, directory, events)


def in_order(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same events, each arriving as it happens; those far behind stay so."""
    at, arrival = batch["at"].cast(pa.int64()).to_numpy(), batch["_arrival"].to_numpy()
    behind = arrival - at
    late = behind > 8 * shop.MINUTE
    # An hour is far more than any lateness; what is from the future stays so.
    arrival = np.where(late, at + shop.HOUR, np.where(behind < 0, arrival, at))
    table = batch.set_column(batch.num_columns - 1, "_arrival", pa.array(arrival))
    return table.take(np.argsort(arrival, kind="stable"))


def served_by(prompt: Prompt) -> dict[str, NDArray[np.float32]]:
    """By prediction, its vector: the kernel itself, given everything in one step."""
    layout = prompt.layout
    result = Kernel(layout.plan).apply(
        [(number, 0, 0, prompt.events[spec.name]) for number, spec in enumerate(layout.streams)]
    )
    vectors = pa.record_batch(result.vectors[0])
    names = [item.name for item in layout.models["Refunded"].spec.inputs]
    matrix = np.column_stack(
        [vectors.column(name).to_numpy(zero_copy_only=False).astype(np.float32) for name in names]
    )
    offsets: list[int] = vectors["row"].to_numpy().tolist()
    ids = [prediction_id("shop", "Refunded", "Ordered", 0, offset) for offset in offsets]
    return dict(zip(ids, matrix, strict=True))


def cells(table: Table) -> dict[tuple[str, str], bytes]:
    """Every value's bytes by prediction and input; all nulls alike."""
    features = np.where(np.isnan(table.features), np.float32(np.nan), table.features)
    return {
        (name, column): features[row, index].tobytes()
        for row, name in enumerate(table.ids)
        for index, column in enumerate(table.names)
    }


def different(one: Table, two: Table) -> set[tuple[str, str]]:
    """The values in which two tables differ, in any bit."""
    before, after = cells(one), cells(two)
    assert before.keys() == after.keys()
    return {name for name, value in before.items() if after[name] != value}


def test_what_was_served_comes_back_byte_for_byte(prompt: Prompt, tmp_path: Path) -> None:
    """A hundred thousand vectors, from the prediction log and through Parquet, as the kernel gave them."""
    expected = served_by(prompt)
    with Engine.open(prompt.app, prompt.directory, read_only=True) as engine:
        table = engine.training_set("Refunded")
    assert len(table) >= SERVED
    assert table.features.tobytes() == np.stack([expected[name] for name in table.ids]).tobytes()
    pq.write_table(table.to_arrow(), tmp_path / "table.parquet")
    read = pq.read_table(tmp_path / "table.parquet")
    for index, name in enumerate(table.names):
        column = read[name].to_numpy()
        assert column.astype(np.float32).tobytes() == table.features[:, index].tobytes(), name


def test_corrected_differs_exactly_where_the_ledger_says(prompt: Prompt) -> None:
    """Of half a million values those and only those, and each is what the ledger says it should be."""
    values: list[Value] = []
    ledger = late_ledger(prompt.layout, prompt.directory, on_value=values.append)
    served = training_set(prompt.layout, prompt.directory, "Refunded")
    corrected = training_set(prompt.layout, prompt.directory, "Refunded", as_of="corrected")
    assert all(cost.waiting.changed == 0 for cost in ledger.costs), "nothing but lateness changes values"
    rows = {name: row for row, name in enumerate(served.ids)}
    known = {(value.prediction_id, value.feature): value for value in values if value.prediction_id in rows}
    assert different(served, corrected) == set(known)
    assert len(known) > 1_000
    for (name, feature), value in known.items():
        place = rows[name], served.names.index(feature)
        assert (value.served, value.corrected) == (plain(served, place), plain(corrected, place))
        assert value.events


def plain(table: Table, place: tuple[int, int]) -> float | None:
    """A value; None when it is missing."""
    value = float(table.features[place])
    return None if value != value else value


@pytest.fixture(scope="module")
def ledger(served: Served) -> tuple[Ledger, list[Value]]:
    """The ledger of a day with stragglers of every kind, and its values."""
    values: list[Value] = []
    return late_ledger(served.layout, served.directory, on_value=values.append), values


def test_hindsight_is_what_a_naive_reader_finds(
    served: Served, history: History, ledger: tuple[Ledger, list[Value]]
) -> None:
    """Stragglers, copies, nulls: every corrected value, and every cost, is the one counted by hand."""
    table = training_set(served.layout, served.directory, "Refunded", as_of="corrected")
    orders = served.events["Ordered"]
    amounts, shops = (orders[name].to_pylist() for name in ("amount", "shop"))
    times = orders["at"].cast(pa.int64()).to_numpy()
    truth = Shop(served.events, history, late=True)
    accepted = Shop(served.events, history, late=False)
    assert table.offsets is not None
    changed = dict.fromkeys(table.names, 0)
    for row, offset in enumerate(table.offsets.tolist()):
        expected = truth.inputs(amounts[offset], shops[offset], int(times[offset]))
        assert [plain(table, (row, index)) for index in range(len(table.names))] == expected, table.ids[row]
        before = accepted.inputs(amounts[offset], shops[offset], int(times[offset]))
        for name, one, two in zip(table.names, before, expected, strict=True):
            changed[name] += one != two
    found, _ = ledger
    assert len(table) == found.costs[0].served
    assert {cost.name: cost.late.changed for cost in found.costs} == changed
    assert changed["Orders.mean"] > 100 < changed["Refunds.share"]


def test_cost_is_split_by_who_is_to_blame(served: Served, ledger: tuple[Ledger, list[Value]]) -> None:
    """What came after it was served, what was too late, and both together."""
    before = training_set(served.layout, served.directory, "Refunded")
    after = training_set(served.layout, served.directory, "Refunded", as_of="corrected")
    found, _ = ledger
    together = {cost.name: cost.both.changed for cost in found.costs}
    counted = dict.fromkeys(before.names, 0)
    for _, name in different(before, after):
        counted[name] += 1
    assert together == counted
    recent = next(cost for cost in found.costs if cost.name == "Orders.recent")
    assert recent.waiting.changed > 100 < recent.late.changed


def test_every_too_late_event_knows_what_it_would_have_changed(
    served: Served, ledger: tuple[Ledger, list[Value]]
) -> None:
    """Counted by hand: the values of its shop in the hour after it, and what it alone did to a count."""
    found, values = ledger
    orders = served.events["Ordered"]
    where = dict(enumerate(orders["shop"].to_pylist()))
    shops = dict(zip(orders["order"].to_pylist(), orders["shop"].to_pylist(), strict=True))
    late = {event.offset: event for event in found.events if event.stream == "Ordered"}
    assert len(late) > 10
    for offset, event in late.items():
        reached = [
            value
            for value in values
            if value.feature == "Orders.recent"
            and shops[value.key] == where[offset]
            and event.time_us <= value.time_us < event.time_us + shop.HOUR
        ]
        effect = next((effect for effect in event.effects if effect.feature == "Orders.recent"), None)
        assert (0 if effect is None else effect.changed) == len(reached)
        place = f"Ordered/0/{offset}"
        assert all(place in value.events for value in reached)
        alone = [value for value in reached if value.events == [place]]
        assert (0 if effect is None else effect.alone) == len(alone)
        assert {value.size for value in alone} <= {1.0}
        assert event.missed_by_us > 0


def test_records_are_conserved(served: Served, ledger: tuple[Ledger, list[Value]]) -> None:
    """Per partition, what went in is what came out; copies among the too-late are told apart."""
    found, _ = ledger
    assert {balance.stream: balance.consumed for balance in found.balances} == {
        name: table.num_rows for name, table in served.events.items()
    }
    for balance in found.balances:
        assert sum(balance.counts.values()) == balance.consumed
    late = sum(balance.counts["late"] for balance in found.balances)
    assert late == len(found.events) + found.copies
    assert found.copies > 0
    assert found.to_json()["late_copies"] == found.copies


def test_what_cannot_be_given_is_refused(served: Served, tmp_path: Path) -> None:
    """Another kind, no data, other features."""
    with pytest.raises(ArgumentError, match="'corrected'"):
        training_set(served.layout, served.directory, "Refunded", as_of="true")  # type: ignore[arg-type]  # the mistake
    for what in (training_set, late_ledger):
        arguments = ("Refunded",) if what is training_set else ()
        with pytest.raises(NothingYetError):
            what(served.layout, tmp_path, *arguments)
        with pytest.raises(AppChangedError):
            what(Layout(shop.make(window="2h")), served.directory, *arguments)
