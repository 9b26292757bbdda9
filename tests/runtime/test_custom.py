"""Features from Python functions are features like others: for events, requests, replay and hindsight."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.runtime import shop

import forerun as fr
from forerun.errors import AppChangedError
from forerun.runtime.engine import Engine
from forerun.runtime.layout import Layout
from forerun.runtime.reckoning import late_ledger
from forerun.runtime.replay import replay
from forerun.runtime.training_set import training_set
from forerun.testing.parity.training import training


def total(values: Sequence[float], times_us: Sequence[int], t_us: int) -> float | None:
    """What `fr.sum` says, but for the last bits."""
    assert max(times_us) <= t_us
    return float(np.sum(values))


def make(function: fr.CustomAggregate = total) -> fr.App:
    """Orders of a shop, with a sum by hand beside the kernel's."""
    app = fr.App("shop")

    @app.stream(key="order", lateness="5m")
    class Ordered(fr.Event):
        order: str
        at: fr.EventTime
        shop: str
        amount: float | None

    @app.stream(key="order", lateness="10m", duplicates="1d")
    class Settled(fr.Event):
        order: str
        at: fr.EventTime
        shop: str
        refunded: bool | None

    @app.features(Ordered, by="shop")
    class Orders:
        """Twice the same."""

        sum = fr.sum(Ordered.amount, over="1h")
        own = fr.custom(function, Ordered.amount, over="1h")
        both = fr.custom(function, Ordered.amount, over="1h") / fr.sum(Ordered.amount, over="1h")

    @fr.on_demand(own=Orders.own)
    def root(own: "np.typing.NDArray[np.float64]") -> "np.typing.NDArray[np.float64]":
        return np.sqrt(own)

    @app.model(on=Ordered, label=fr.label(Settled, Settled.refunded, within="2h", otherwise=False))
    class Refunded(fr.Model):
        """Is never trained here."""

        inputs = [Orders, fr.named("more", Orders.own + 1), root]

        def fit(self, table: fr.Table) -> object:
            return table

    app.decide(Refunded, when=Orders.own > 1000, do=fr.emit("look"))
    return app


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> shop.Ran:
    """With events as they came, and requests."""
    app, directory = make(), tmp_path_factory.mktemp("ran")
    with Engine.open(app, directory) as engine:
        engine.run(shop.source_of(shop.events(12, seed=4)))
        for number in range(3):
            engine.predict("Refunded", {"order": f"x{number}", "shop": "s1", "amount": 5.0})
    return shop.Ran(app, directory)


def test_events_and_requests_are_served_the_same_value(ran: shop.Ran) -> None:
    """Beside the kernel's own sum; in expressions, in functions on demand, in rules."""
    predictions = ran.predictions()
    assert set(predictions["source"].to_pylist()) == {"stream", "http"}
    known = 0
    for row, decided in zip(
        predictions["inputs"].to_pylist(), predictions["decisions"].to_pylist(), strict=True
    ):
        assert row is not None
        own, whole = row["Orders.own"], row["Orders.sum"]
        assert own == (None if whole is None else pytest.approx(whole, rel=1e-6))
        assert decided == (["Refunded-look"] if own is not None and own > 1000 else [])
        if own:
            assert row["Orders.both"] == pytest.approx(1.0)
            assert row["more"] == pytest.approx(own + 1)
            assert row["root"] == pytest.approx(own**0.5)
            known += 1
    assert known > 1000


def test_a_read_shows_it(ran: shop.Ran) -> None:
    """A person asks for an entity and sees the function's value."""
    with Engine.open(ran.app, ran.directory, read_only=True) as engine:
        found = engine.read("Orders", {"shop": "s1"})["values"]
    assert found["own"] == pytest.approx(found["sum"])


def test_replay_training_and_hindsight_call_the_same_function(ran: shop.Ran) -> None:
    """P5: not one bit differs; what was too late changes it exactly where it changes the kernel's own sum."""
    layout = ran.layout
    assert replay(layout, ran.directory).equal
    assert training(ran.app, ran.directory).equal
    served, corrected = (
        training_set(layout, ran.directory, "Refunded", as_of=as_of) for as_of in ("served", "corrected")
    )
    column = served.names.index
    changed = {
        name: (served.features[:, column(name)] != corrected.features[:, column(name)]).nonzero()[0].tolist()
        for name in ("Orders.own", "Orders.sum")
    }
    assert changed["Orders.own"] == changed["Orders.sum"]
    assert len(changed["Orders.own"]) > 10
    costs = {cost.name: cost for cost in late_ledger(layout, ran.directory).costs}
    assert costs["Orders.own"].late.changed == costs["Orders.sum"].late.changed > 10


def picky(values: Sequence[float], times_us: Sequence[int], t_us: int) -> float | None:
    """Fails where there is more than one value."""
    if len(values) > 1:
        raise ValueError(f"not one value \x1b[31mbut {'more'}")
    return values[0] if values else None


def test_what_a_function_says_that_fails_reaches_predictions_and_the_status(tmp_path: Path) -> None:
    """Not only that it failed: the type of its exception; the status its message, after a restart as well."""
    app = make(picky)
    said = "ValueError: not one value  [31mbut more"
    with Engine.open(app, tmp_path) as engine:
        engine.run(shop.source_of(shop.events(3, seed=4)))
        assert engine.status().failed == {"Orders.both": said, "Orders.own": said}
    told = 0
    for row in shop.Ran(app, tmp_path).predictions().to_pylist():
        failed = row["inputs"]["Orders.own"] is None and row["inputs"]["Orders.sum"] is not None
        reason = "cannot be computed: Orders.own (ValueError), Orders.both (ValueError)"
        assert (reason in (row["reason"] or "")) == failed
        told += failed
    assert told > 100
    assert replay(Layout(app), tmp_path).equal
    with Engine.open(app, tmp_path, read_only=True) as engine:
        assert engine.status().failed["Orders.own"] == said


def test_another_text_is_another_version(ran: shop.Ran) -> None:
    """An edited function does not fit the data any more."""

    def edited(values: Sequence[float], times_us: Sequence[int], t_us: int) -> float | None:
        return float(np.sum(values)) + 1

    edited.__name__ = "total"
    app = make(edited)
    assert app.views["Orders"].version != ran.app.views["Orders"].version
    with pytest.raises(AppChangedError):
        Engine.open(app, ran.directory, read_only=True)
