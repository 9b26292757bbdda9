"""A features class over several streams is one view for everybody: inputs, reads, versions, hindsight."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.cli.command import forerun
from tests.runtime import shop

import forerun as fr
from forerun.errors import EventError
from forerun.features.view import view_class
from forerun.runtime.engine import Engine
from forerun.runtime.layout import Layout
from forerun.runtime.reckoning import late_ledger
from forerun.runtime.replay import replay
from forerun.runtime.training_set import AsOf, training_set
from forerun.testing.values import values

FEATURES = ("ordered", "refunds", "spent", "settled", "pace")


APP = """
from tests.runtime.test_joint_view import make

app = make(together=True)
"""


def make(*, together: bool) -> fr.App:
    """Orders and settlements of a shop: one class over both streams, or a class for each."""
    app = fr.App("shop")

    @app.stream(key="order", lateness="5m")
    class Ordered(fr.Event):
        order: str
        at: fr.EventTime
        shop: str
        town: int
        amount: float | None

    @app.stream(key="order", lateness="10m")
    class Settled(fr.Event):
        order: str
        at: fr.EventTime
        town: int
        shop: str
        refunded: bool | None

    if together:

        @app.features([Ordered, Settled], by=["shop", "town"])
        class Shop:
            """What is known of a shop."""

            ordered = fr.count(of=Ordered, over="1h")
            refunds = fr.mean(Settled.refunded, over="1h")
            spent = fr.sum(Ordered.amount)
            settled = fr.count(Settled.refunded)
            pace = fr.rate(of=Settled, over="1h", per="1h")

        read: list[object] = [Ordered.amount, Shop]
    else:

        @app.features(Ordered, by=["shop", "town"])
        class Orders:
            ordered = fr.count(over="1h")
            spent = fr.sum(Ordered.amount)

        @app.features(Settled, by=["shop", "town"])
        class Refunds:
            refunds = fr.mean(Settled.refunded, over="1h")
            settled = fr.count(Settled.refunded)
            pace = fr.rate(over="1h", per="1h")

        read = [
            Ordered.amount, Orders.ordered, Refunds.refunds, Orders.spent, Refunds.settled, Refunds.pace
        ]  # fmt: skip

    @app.model(on=Ordered, label=fr.label(Settled, Settled.refunded, within="2h", otherwise=False))
    class Refunded(fr.Model):
        """Is never trained here."""

        inputs = read

        def fit(self, table: fr.Table) -> object:
            return table

    return app


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, shop.Ran]:
    """Both apps after the same day: with the class over two streams, and with two classes."""
    events = {
        name: pa.record_batch(
            {field.name: events[field.name] for field in events.schema}
            | {"town": pa.array(np.arange(events.num_rows) % 2)}
        )
        for name, events in shop.events(12, seed=3).items()
    }
    columns = {
        "Ordered": ["order", "at", "shop", "town", "amount", "_arrival"],
        "Settled": ["order", "at", "town", "shop", "refunded", "_arrival"],
    }
    source = shop.source_of({name: batch.select(columns[name]) for name, batch in events.items()})
    found = {}
    for together in (True, False):
        app = make(together=together)
        directory = tmp_path_factory.mktemp("joint" if together else "apart")
        with Engine.open(app, directory) as engine:
            engine.run(source)
        found[together] = shop.Ran(app, directory)
    return found


def vectors(ran: shop.Ran) -> list[list[float | None]]:
    """Everything served, in order."""
    inputs = ran.predictions()["inputs"].to_pylist()
    return [list(row.values()) for row in inputs if row is not None]


def test_values_are_those_of_a_class_for_each_stream(ran: dict[bool, shop.Ran]) -> None:
    """What a model reads is the same, bit for bit, and named after the one class."""
    assert vectors(ran[True]) == vectors(ran[False])
    assert len(vectors(ran[True])) > 1000
    names = [item.name for item in ran[True].app.models["Refunded"].inputs]
    order = ["ordered", "refunds", "spent", "settled", "pace"]
    assert names == ["amount", *(f"Shop.{name}" for name in order)]


def test_replay_and_hindsight_know_it(ran: dict[bool, shop.Ran]) -> None:
    """Replay is equal; corrected training sets and the ledger's costs are those of two classes."""
    assert replay(Layout(ran[True].app), ran[True].directory).equal
    kinds: tuple[AsOf, AsOf] = ("served", "corrected")
    tables = {
        together: [training_set(Layout(one.app), one.directory, "Refunded", as_of=kind) for kind in kinds]
        for together, one in ran.items()
    }
    for one, two in zip(tables[True], tables[False], strict=True):
        assert one.features.tobytes() == two.features.tobytes()
    assert tables[True][0].features.tobytes() != tables[True][1].features.tobytes()
    together, apart = (late_ledger(Layout(ran[kind].app), ran[kind].directory) for kind in (True, False))
    costs = [
        [{**cost.to_json(), "feature": cost.name.split(".")[-1]} for cost in ledger.costs]
        for ledger in (together, apart)
    ]
    assert costs[0] == costs[1]


def test_a_read_is_of_one_view(ran: dict[bool, shop.Ran]) -> None:
    """All features in the order of declaration, the newest event of either stream, one version."""
    key = {"shop": "s1", "town": 1}
    with (
        Engine.open(ran[True].app, ran[True].directory, read_only=True) as one,
        Engine.open(ran[False].app, ran[False].directory, read_only=True) as two,
    ):
        for at_us in (None, 5 * shop.HOUR):
            read = one.read("Shop", key, at_us)
            orders, refunds = two.read("Orders", key, at_us), two.read("Refunds", key, at_us)
            assert tuple(read["values"]) == FEATURES
            assert read["values"] == {**orders["values"], **refunds["values"]}
            origin = read["provenance"]
            newest = max(
                (orders["provenance"], refunds["provenance"]),
                key=lambda found: found["event_time_high_us"] or 0,
            )
            assert origin["event_time_high_us"] == newest["event_time_high_us"]
            assert origin["offset"] == newest["offset"]
            marks = [found["provenance"]["watermark_us"] for found in (orders, refunds)]
            assert origin["watermark_us"] == min(mark for mark in marks if mark is not None)
            assert origin["feature_version"] == ran[True].app.views["Shop"].version
            again, behind = one.look("Shop", key, at_us)
            assert again["values"] == read["values"]
            assert set(behind) == {"Ordered", "Settled"}
        unknown = one.read("Shop", {"shop": "none", "town": 1})
        assert unknown["values"] == {
            "ordered": 0, "refunds": None, "spent": None, "settled": 0, "pace": None
        }  # fmt: skip
        with pytest.raises(EventError):
            one.read("Shop", {"shop": "s1"})
        status = one.status()
        assert list(status.feature_versions) == ["Shop"]


def test_the_command_line_shows_one_view(ran: dict[bool, shop.Ran], tmp_path: Path) -> None:
    """The list, a reading with the events of both streams, and an explanation."""
    (tmp_path / "app.py").write_text(APP)
    place = ("-a", tmp_path, "--data-dir", ran[True].directory)
    [view] = forerun("features", *place, "--json").rows
    assert (view["view"], view["stream"], view["by"]) == ("Shop", ["Ordered", "Settled"], ["shop", "town"])
    assert view["features"] == list(FEATURES)
    assert "Ordered, Settled" in forerun("features", *place).out
    read = forerun("features", "Shop", "shop=s1", "town=1", "--events", 2, *place, "--json").json
    assert [event["stream"] for event in read["events"]] == ["Ordered"] * 2 + ["Settled"] * 2
    shown = forerun("features", "Shop", "shop=s1", "town=1", "--events", 2, *place).out
    assert "of Ordered kept for it" in shown
    assert "of Settled kept for it" in shown
    prediction = forerun("predictions", *place, "--limit", 1, "--json").rows[0]["prediction_id"]
    explained = forerun("features", "--prediction", prediction, *place, "--json").json
    assert [(one["view"], one["stream"]) for one in explained["features"]] == [
        ("Shop", "Ordered"),
        ("Shop", "Settled"),
    ]
    assert "Shop.refunds" in forerun("features", "--prediction", prediction, *place).out


def test_a_version_changes_with_either_stream() -> None:
    """The view has one version; what it is made of is in it."""
    one, two = make(together=True), make(together=True)
    assert one.views["Shop"].version == two.views["Shop"].version
    versions = {part.version for part in one.views["Shop"].compiled}
    assert len(versions | {one.views["Shop"].version}) == 3


def test_features_can_be_tried_without_a_run() -> None:
    """`forerun.testing.values` reads all of them."""
    app = make(together=True)
    ordered, settled = app.streams["Ordered"].event, app.streams["Settled"].event
    same = {"shop": "a", "town": 7}
    happened = [
        ordered(order="x", at=fr.EventTime("2025-01-01T10:00Z"), amount=5.0, **same),
        settled(order="x", at=fr.EventTime("2025-01-01T10:30Z"), refunded=True, **same),
        settled(order="y", at=fr.EventTime("2025-01-01T10:40Z"), refunded=None, **same),
    ]
    view = view_class(app.views["Shop"], (None, None))
    found = values(app, view, happened, key=same, at="2025-01-01T11:00Z")
    assert found == {"ordered": 0, "refunds": 1.0, "spent": 5.0, "settled": 1, "pace": 2.0}
