"""An event that overflows a feature stops nothing: no run, no restart, no request, no look back."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.runtime import shop

import forerun as fr
from forerun.events.decode import decode_rows
from forerun.monitoring.metrics import DoorCounts, Metrics
from forerun.runtime.engine import Engine
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.runtime.processor import Processor
from forerun.runtime.reckoning import late_ledger
from forerun.runtime.replay import replay
from forerun.runtime.training_set import training_set
from forerun.streams.source import Source
from forerun.testing.clock import ManualClock

HOURS = 18
HUGE = 1.5e308
MEAN = "cannot be computed: Orders.mean"
TOO_LARGE = "too large for a model: "


@pytest.fixture(scope="module")
def source() -> Source:
    """Hours of the shop with orders of s1 for about as much as a double holds, two within an hour.

    They come before the training and after it.
    """
    events = shop.events(HOURS)
    orders = events["Ordered"]
    shops, amounts = np.array(orders["shop"].to_pylist()), np.array(orders["amount"].to_pylist(), float)
    for hour in (6, 15):
        start = int(np.searchsorted(orders["at"].cast(pa.int64()).to_numpy(), hour * shop.HOUR))
        own = np.flatnonzero((shops == "s1") & np.isfinite(amounts))
        amounts[own[own >= start][:2]] = HUGE
    at = orders.schema.get_field_index("amount")
    events["Ordered"] = orders.set_column(at, "amount", pa.array(amounts, from_pandas=True))
    return shop.source_of(events)


@pytest.fixture(scope="module")
def ran(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a run that ended without a checkpoint, took its steps again, and went on."""
    directory = tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Processor, "checkpoint", lambda self: None)
        with Engine.open(app(), directory) as engine:
            engine.run(source, until_us=7 * shop.HOUR)
            assert engine.status().overflows["Orders.mean"] > 0
    with Engine.open(app(), directory) as engine:
        engine.run(source)
    return directory


def app() -> fr.App:
    """The shop."""
    return shop.make()


def predictions(directory: Path) -> list[dict[str, Any]]:
    """What was predicted."""
    history = History(Layout(app()), directory)
    rows: list[dict[str, Any]] = history.predictions("Refunded").to_pylist()
    history.close()
    return rows


def test_the_run_goes_on_and_says_so(ran: Path) -> None:
    """Predictions of the shop lack its mean for an hour, with grade and reason; all others lack nothing."""
    found = predictions(ran)
    lacking = [row for row in found if MEAN in (row["reason"] or "") or TOO_LARGE in (row["reason"] or "")]
    assert len(lacking) > 20
    for row in lacking:
        assert row["inputs"]["Orders.mean"] is None
        assert (f"{TOO_LARGE}amount" in row["reason"]) <= (row["inputs"]["amount"] is None)
        assert row["inputs"]["Orders.recent"] >= 1.0
        assert row["grade"] == ("fallback" if row["model_version"] else "default")
        assert (row["score"] is None) == (row["model_version"] is None)
    assert {bool(row["model_version"]) for row in lacking} == {True, False}
    others = [row for row in found if row["reason"] is None]
    assert len(others) > 300
    assert {row["grade"] for row in others} == {"fresh"}


def test_the_counters_add_up(ran: Path, source: Source, tmp_path: Path) -> None:
    """After a restart in the middle the counts are those of a run without one, and of the predictions."""
    with Engine.open(app(), tmp_path) as engine:
        engine.run(source)
        expected = engine.status().overflows
    with Engine.open(app(), ran, read_only=True) as engine:
        status = engine.status()
        text = Metrics(engine.status, DoorCounts(), "0").text().decode()
    assert status.overflows == expected
    told = [row for row in predictions(ran) if MEAN in (row["reason"] or "")]
    assert status.overflows["Orders.mean"] == len(told)
    assert status.overflows["Hourly.mean"] >= 4
    assert f'forerun_overflows_total{{feature="Orders.mean"}} {len(told)}.0' in text
    for stream in status.streams:
        lost = stream.invalid + stream.early + stream.late + stream.duplicate
        assert stream.consumed == stream.applied + lost


def test_a_request_is_answered(ran: Path, tmp_path: Path) -> None:
    """A prediction over the same window lacks the same value, and is counted."""
    shutil.copytree(ran, tmp_path / "data")
    live, now = app(), 30 * shop.HOUR
    with Engine.open(live, tmp_path / "data", clock=ManualClock(now)) as engine:
        rows = [{"order": f"h{number}", "at": now, "shop": "s1", "amount": HUGE} for number in range(2)]
        engine.append("Ordered", decode_rows(live.streams["Ordered"], rows)[0])
        before = engine.status().overflows["Orders.mean"]
        answer = engine.predict("Refunded", {"order": "x", "shop": "s1", "amount": 1.0})
        assert (answer["grade"], answer["reason"]) == ("fallback", MEAN)
        assert answer["score"] is not None
        other = engine.predict("Refunded", {"order": "y", "shop": "s2", "amount": 1.0})
        assert (other["grade"], other["reason"]) == ("fresh", None)
        assert engine.status().overflows["Orders.mean"] == before + 1
        reading = engine.read("Orders", {"shop": "s1"})
        assert (reading["values"]["mean"], reading["not_computed"]) == (None, ["mean"])
        assert engine.read("Orders", {"shop": "s2"})["not_computed"] == []
        behind: Any = engine.explain(answer["prediction_id"])["features"]
        [entity] = [one for one in behind if one["view"] == "Orders"]
        assert entity["not_computed"] == ["mean"]


def test_what_looks_back_does_not_stop(ran: Path) -> None:
    """Replay, the late ledger and training sets meet the same events, and find the same nulls."""
    layout = Layout(app())
    replayed = replay(layout, ran)
    assert (replayed.differences, replayed.first) == (0, None)
    assert late_ledger(layout, ran).events
    for as_of in ("served", "corrected"):
        mean = training_set(layout, ran, "Refunded", as_of=as_of).select(["Orders.mean"]).features
        assert not np.isinf(mean).any()
        assert np.isnan(mean).sum() > 20
