"""Inputs from Python functions: the same bits for everybody, and failures that lose nothing."""

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.runtime import shop

import forerun as fr
from forerun.errors import AppChangedError
from forerun.features.on_demand import OnDemand
from forerun.runtime.engine import Engine
from forerun.runtime.layout import Layout
from forerun.runtime.on_demand import computed
from forerun.runtime.predictions import Active, Triggered, predict
from forerun.runtime.replay import replay
from forerun.runtime.training_set import training_set

Floats = NDArray[np.float64]
Function = Callable[..., Floats]


def times_usual(amount: Floats, mean: Floats) -> Floats:
    """Row by row."""
    return np.log1p(amount) / np.exp(mean / 100)


def neighbours(amount: Floats) -> Floats:
    """Looks at the other rows, which it must not."""
    return amount - np.nanmean(amount)


def fails(amount: Floats) -> Floats:
    """Cannot do large amounts."""
    if (amount > 200).any():
        raise ZeroDivisionError("too much")
    return amount * 2


def make(*functions: Function) -> fr.App:
    """Orders with inputs that functions compute."""
    app = fr.App("shop")

    @app.stream(key=["order", "shop"], lateness="5m")
    class Ordered(fr.Event):
        order: str
        at: fr.EventTime
        shop: str
        amount: float | None

    @app.stream(key=["order", "shop"], lateness="10m", duplicates="1d")
    class Settled(fr.Event):
        order: str
        at: fr.EventTime
        shop: str
        refunded: bool | None

    @app.features(Ordered, by="shop")
    class Orders:
        mean = fr.mean(Ordered.amount, over="1h")

    @app.features(Ordered, by=["shop", "order"])
    class Again:
        ordered = fr.count(over="1d")

    given = {"amount": Ordered.amount, "mean": Orders.mean}
    made = []
    for function in functions:
        args = {name: given[name] for name in inspect.signature(function).parameters}
        made.append(fr.on_demand(**args)(function))

    @app.model(on=Ordered, label=fr.label(Settled, Settled.refunded, within="2h", otherwise=False))
    class Refunded(fr.Model):
        """Is never trained here."""

        inputs = [
            Ordered.amount,
            Orders,
            Again,
            fr.named("x", fr.given(Ordered.amount) / Orders.mean),
            made,
        ]

        def fit(self, table: fr.Table) -> object:
            return table

    app.decide(Refunded, when=made[0] > 2, do=fr.emit("look"))
    return app


def run(directory: Path, *functions: Function) -> shop.Ran:
    """Take the events, and ask for predictions."""
    app = make(*functions)
    with Engine.open(app, directory) as engine:
        engine.run(shop.source_of(shop.events(12, seed=4)))
        for amount in (None, 5.0, 500.0):
            engine.predict("Refunded", {"order": "x", "shop": "s1", "amount": amount})
    return shop.Ran(app, directory)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> shop.Ran:
    """With a function that does as it is told."""
    return run(tmp_path_factory.mktemp("ran"), times_usual)


def test_values_are_what_the_function_says(ran: shop.Ran) -> None:
    """Of each row alone, for events and requests; null where the function gives no number."""
    predictions = ran.predictions()
    assert set(predictions["source"].to_pylist()) == {"stream", "http"}
    checked = 0
    for row in predictions["inputs"].to_pylist():
        assert row is not None
        amount, mean = (np.array([np.nan if row[n] is None else row[n]]) for n in ("amount", "Orders.mean"))
        [expected] = times_usual(amount, mean)
        if np.isnan(expected):
            assert row["times_usual"] is None
        else:
            # The logged arguments are float32, the function was given float64.
            assert row["times_usual"] == pytest.approx(expected, rel=1e-5)
            checked += 1
    assert checked > 1000
    assert set(predictions["grade"].to_pylist()) == {"default"}


def test_replay_and_hindsight_call_the_same_function(ran: shop.Ran) -> None:
    """Not one bit differs, however the rows are cut; what was late changes what the function is given."""
    assert replay(ran.layout, ran.directory).equal
    served = training_set(ran.layout, ran.directory, "Refunded")
    corrected = training_set(ran.layout, ran.directory, "Refunded", as_of="corrected")
    mean, usual = served.names.index("Orders.mean"), served.names.index("times_usual")
    same = served.features[:, mean] == corrected.features[:, mean]
    assert 10 < (~same).sum() < len(same) / 2
    before, after = served.features[same, usual], corrected.features[same, usual]
    assert before.tobytes() == after.tobytes()
    assert not np.array_equal(served.features[:, usual], corrected.features[:, usual], equal_nan=True)


def test_rules_can_use_it(ran: shop.Ran) -> None:
    """A rule over it decides by the value that was logged, in float32."""
    predictions = ran.predictions()
    decided = [names != [] for names in predictions["decisions"].to_pylist()]
    values = [row["times_usual"] if row else None for row in predictions["inputs"].to_pylist()]
    assert decided == [value is not None and value > 2 for value in values]
    assert any(decided)


def test_how_rows_are_cut_does_not_matter() -> None:
    """One row, or many, in any order: the same bits, also of a function that looks at its neighbours."""
    random = np.random.default_rng(0)
    amounts = random.gamma(2.0, 50.0, 1000)
    for function in (times_usual, neighbours, fails):
        item = made(function)
        names = [f"x#{name}" for name in item.args]
        whole = pa.record_batch([pa.array(amounts)] * len(names), names=names)
        expected, failed = computed("x", item, whole)
        for size in (1, 7, 64, 65):
            found = [computed("x", item, whole.slice(start, size)) for start in range(0, 1000, size)]
            assert pa.concat_arrays([column for column, _ in found]).equals(expected), function.__name__
            assert sum(len(rows) for _, rows in found) == len(failed)


def made(function: Function) -> OnDemand:
    """A function as an input of some model."""
    item = make(function).models["Refunded"].inputs[-1].expr
    assert isinstance(item, OnDemand)
    return item


def test_a_failure_is_graded_and_loses_nothing(tmp_path: Path) -> None:
    """Where the function raises, the input is null and the reason says so; other rows have their values."""
    ran = run(tmp_path, fails)
    predictions = ran.predictions()
    assert len(predictions) > 1000
    failed = 0
    for row, reason, grade in zip(
        *(predictions[name].to_pylist() for name in ("inputs", "reason", "grade")), strict=True
    ):
        assert row is not None
        assert grade == "default", "there is no model yet"
        if row["amount"] is not None and row["amount"] > 200:
            assert row["fails"] is None
            assert str(reason).endswith("fails failed: ZeroDivisionError: too much")
            failed += 1
        elif row["amount"] is not None:
            assert row["fails"] == pytest.approx(row["amount"] * 2)
            assert "failed" not in str(reason)
    assert failed > 50
    assert replay(ran.layout, ran.directory).equal


def test_an_answer_without_it_is_a_fallback(tmp_path: Path) -> None:
    """With a model that takes missing inputs, the score is given and graded `fallback`, not `fresh`."""
    app = make(fails)
    layout = Layout(app)
    model = layout.models["Refunded"]
    inputs = [pa.array([1.0, None], pa.float32()) for _ in model.spec.inputs]
    events = pa.record_batch({"amount": [1.0, 500.0]})
    work = Triggered(
        "http", ["a", "b"], ["a", "b"], np.zeros(2, np.int64), np.full(2, -1), np.arange(2),
        np.zeros(2, np.int64), events, inputs, {1: "fails failed: ZeroDivisionError: too much"},
    )  # fmt: skip
    found = predict(layout, model, work, [None, None], Active("v1", lambda matrix: np.full(len(matrix), 0.5)))
    assert found.batch["grade"].to_pylist() == ["fresh", "fallback"]
    assert found.batch["reason"].to_pylist() == [None, "fails failed: ZeroDivisionError: too much"]
    assert found.batch["score"].to_pylist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (1.0, "of shape ()"),
        (np.zeros(3), "of shape (3,)"),
        (np.array(["a"] * 64), "<U1"),
    ],
)
def test_what_is_no_column_of_numbers_is_a_failure(returned: object, said: str) -> None:
    """Too few rows, one number, text: the reason says what came back."""

    def odd(amount: Floats) -> object:
        return returned

    item = OnDemand(odd, "", {"amount": make(fails).models["Refunded"].inputs[0].expr})  # type: ignore[arg-type]  # the mistake
    column, failed = computed("odd", item, pa.record_batch({"odd#amount": [1.0, 2.0]}))
    assert column.null_count == 2
    assert all(said in reason for reason in failed.values())
    assert set(failed) == {0, 1}


def test_another_text_is_another_version(ran: shop.Ran) -> None:
    """An edited function changes the model's feature version, and does not fit the data any more."""

    def edited(amount: Floats, mean: Floats) -> Floats:
        return amount / mean

    edited.__name__ = "times_usual"
    app = make(edited)
    assert app.models["Refunded"].feature_version != ran.app.models["Refunded"].feature_version
    assert app.plan() == ran.app.plan()
    with pytest.raises(AppChangedError):
        Engine.open(app, ran.directory, read_only=True)
