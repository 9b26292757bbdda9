"""The engine as people and doors use it."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.runtime import shop
from tests.runtime.conftest import Served

import forerun as fr
from forerun.errors import (
    AppChangedError,
    CommitError,
    DirectoryBusyError,
    EventError,
    NotFoundError,
    NothingYetError,
    StaleRequestError,
    StateError,
    UsageError,
)
from forerun.events.decode import Quarantined, decode_rows
from forerun.runtime.engine import Engine
from forerun.runtime.history import comparable
from forerun.runtime.layout import Layout
from forerun.runtime.progress import Progress
from forerun.runtime.replay import replay
from forerun.runtime.world import World
from forerun.state.files import RealFiles
from forerun.testing.clock import ManualClock

NOW = 1_700_000_000_000_000


def order(**changes: object) -> dict[str, object]:
    """Fields of an order."""
    return {"order": "x1", "shop": "s4", "amount": 300.0, **changes}


def live(directory: Path, clock: ManualClock | None = None) -> Engine:
    """An engine without a source: time is the wall clock's."""
    return Engine.open(shop.make(), directory, clock=clock or ManualClock(NOW))


def orders(app: fr.App, *rows: dict[str, object]) -> pa.RecordBatch:
    """Rows of the orders stream."""
    batch, refused = decode_rows(app.streams["Ordered"], rows)
    assert not refused
    return batch


def test_a_run_predicts_labels_trains_and_decides(served: Served) -> None:
    """After the warm-up every prediction has a score of the version trained in it, and labels have come."""
    with Engine.open(served.app, served.directory, read_only=True) as engine:
        status = engine.status()
        [model] = status.models
        assert model.version is not None
        assert model.version.startswith("v1-")
        before = sum(model.predictions[""].values())
        after = sum(model.predictions[model.version].values())
        assert set(model.predictions) == {"", model.version}
        assert before > 1000 < after
        assert model.labels_joined + model.labels_pending + model.labels_expired == before + after
        applied = {stream.name: stream.applied for stream in status.streams}
        assert applied["Ordered"] == before + after
        assert status.decisions["review"] > 30
        assert status.outbox_pending == 0
        for stream in status.streams:
            lost = stream.invalid + stream.early + stream.late + stream.duplicate
            assert stream.consumed == stream.applied + lost == served.events[stream.name].num_rows
        assert engine.models()[0]["version"] == model.version
        assert engine.ready() == (True, "")


def test_the_warm_up_ends_exactly_where_it_is_declared(served: Served) -> None:
    """Predictions of records that arrived up to first arrival + warm-up have no score, later ones have."""
    arrival = served.events["Ordered"]["_arrival"].to_numpy()
    with Engine.open(served.app, served.directory, read_only=True) as engine:
        history = engine.history()
        rows = history.predictions("Refunded").to_pylist()
        history.close()
    ends_us = int(arrival[0]) + 12 * shop.HOUR
    assert {arrival[row["offset"]] > ends_us for row in rows} == {True, False}
    for row in rows:
        assert (row["model_version"] is not None) == (arrival[row["offset"]] > ends_us)


def test_progress_tells_the_story(served: Served) -> None:
    """Collecting, training, serving, done; counts rise; every label with a score is told once."""
    phases = list(dict.fromkeys(progress.phase for progress in served.progress))
    assert phases == ["collect", "train", "serve", "done"]
    done = [progress.done for progress in served.progress]
    assert done == sorted(done)
    assert done[-1] == sum(table.num_rows for table in served.events.values())
    judged = sum(len(part) for progress in served.progress for part in progress.judged.values())
    with Engine.open(served.app, served.directory, read_only=True) as engine:
        assert judged == engine.status().models[0].labels_joined
    last = served.progress[-1]
    assert 0 < len(last.decided) <= 20
    assert {decision["rule"] for decision in last.decided} == {"review"}
    assert "answers" in str(last.note)


def test_a_stopped_run_goes_on_where_it_was(served: Served, tmp_path: Path) -> None:
    """Stopped after each step, the runs together give what one run gives."""

    def run_a_bit() -> bool:
        stop = threading.Event()

        def watch(progress: Progress) -> None:
            if progress.phase != "train":
                stop.set()

        with Engine.open(served.app, tmp_path) as engine:
            engine.run(served.source, stop=stop, on_progress=watch)
            return engine.status().journal_step > 0 and not stop.is_set()

    sizes = []
    for _ in range(12):
        run_a_bit()
        with Engine.open(served.app, tmp_path, read_only=True) as engine:
            sizes.append(engine.status().journal_step)
    assert len(set(sizes)) >= 2
    with (
        Engine.open(served.app, tmp_path) as one,
        Engine.open(served.app, served.directory, read_only=True) as whole,
    ):
        ours, theirs = one.history(), whole.history()
        assert comparable(ours.predictions("Refunded")).equals(comparable(theirs.predictions("Refunded")))
        assert ours.labels("Refunded").equals(theirs.labels("Refunded"))
        assert one.state_hash() == whole.state_hash()
        ours.close()
        theirs.close()


def test_a_run_can_end_at_an_instant(served: Served, tmp_path: Path) -> None:
    """`until_us` takes what arrived up to it, and not one record more."""
    until_us = 3 * shop.HOUR
    with Engine.open(served.app, tmp_path) as engine:
        engine.run(served.source, until_us=until_us)
        due = sum((table["_arrival"].to_numpy() <= until_us).sum() for table in served.events.values())
        assert sum(stream.consumed for stream in engine.status().streams) == due


def test_pacing_follows_the_clock(served: Served, tmp_path: Path) -> None:
    """At 3600 times real time, an hour of events takes a second; nothing is taken before it is due."""
    clock = ManualClock(NOW)
    first_us = min(int(table["_arrival"][0].as_py()) for table in served.events.values())
    seen: list[tuple[int, int]] = []

    def watch(progress: Progress) -> None:
        assert progress.now_us is not None
        seen.append((clock.tick_us(), progress.now_us))

    with Engine.open(served.app, tmp_path, clock=clock) as engine:
        engine.run(served.source, speed=3600.0, until_us=2 * shop.HOUR, on_progress=watch)
    assert all(now_us - first_us <= tick_us * 3600 for tick_us, now_us in seen)
    assert 1.9e6 < seen[-1][0] < 2.1e6
    assert len(seen) > 20


def test_a_prediction_is_in_the_log_before_the_answer(served: Served, tmp_path: Path) -> None:
    """The answer's record can be read by another connection at once, with inputs, versions and decisions."""
    with Engine.open(served.app, tmp_path) as engine:
        engine.run(served.source, until_us=14 * shop.HOUR)
        answer = engine.predict("Refunded", order())
        history = engine.history()
        [row] = history.find(answer["prediction_id"]).to_pylist()
        history.close()
        assert row["source"] == "http"
        assert (row["score"], row["decisions"]) == (answer["score"], answer["decisions"])
        assert row["inputs"]["amount"] == 300.0
        assert row["inputs"]["Orders.ever"] == engine.read("Orders", {"shop": "s4"})["values"]["ever"]
        assert answer["event_time_us"] == engine.now_us() == 14 * shop.HOUR - _gap(served, 14 * shop.HOUR)
        assert answer["model_version"] == engine.models()[0]["version"]
        assert answer["age_us"] is not None


def _gap(served: Served, until_us: int) -> int:
    """From the last arrival up to an instant until that instant."""
    columns = [table["_arrival"].to_numpy() for table in served.events.values()]
    return until_us - max(int(column[column <= until_us][-1]) for column in columns)


def test_nothing_is_answered_before_it_is_durable(tmp_path: Path) -> None:
    """A request whose commit fails gets an error, not an answer, and its record is not there."""
    disk_is_full = threading.Event()

    class Disk(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # Any: handed on as it came
            if sql == "COMMIT" and disk_is_full.is_set():
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(sql, *parameters)

    def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        return sqlite3.connect(
            f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, factory=Disk
        )

    world = World(ManualClock(NOW), RealFiles(), connect)
    engine = Engine.open(shop.make(), tmp_path, world=world)
    disk_is_full.set()
    with pytest.raises(CommitError, match="disk is full"):
        engine.predict("Refunded", order())
    with pytest.raises(CommitError):
        engine.append("Ordered", orders(shop.make(), order(at=NOW)))
    engine.close()
    disk_is_full.clear()
    with Engine.open(shop.make(), tmp_path, world=world) as engine:
        assert (engine.status().models[0].predictions, engine.status().streams[0].consumed) == ({}, 0)


def test_a_request_waits_for_its_label_too(tmp_path: Path) -> None:
    """A settlement sent later decides the prediction that was asked for."""
    clock = ManualClock(NOW)
    with live(tmp_path, clock) as engine:
        answer = engine.predict("Refunded", order())
        assert (answer["score"], answer["grade"]) == (None, "default")
        assert engine.status().models[0].labels_pending == 1
        clock.advance(shop.MINUTE)
        row = {"order": "x1", "at": clock.now_us(), "shop": "s4", "refunded": True}
        batch, _ = decode_rows(shop.make().streams["Settled"], [row])
        assert engine.append("Settled", batch) == (0, 0)
        history = engine.history()
        [label] = history.labels("Refunded").to_pylist()
        history.close()
        assert (label["prediction_id"], label["label"], label["source"]) == (
            answer["prediction_id"],
            1.0,
            "event",
        )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        (order(amount="much"), "amount"),
        (order(colour="red"), "colour"),
        ({"order": "x1", "amount": 1.0}, "shop"),
    ],
)
def test_a_request_that_does_not_fit_names_the_field(
    tmp_path: Path, fields: dict[str, object], field: str
) -> None:
    """Nothing is logged for it."""
    with live(tmp_path) as engine:
        with pytest.raises(EventError) as caught:
            engine.predict("Refunded", fields)
        assert caught.value.field == field
        assert engine.status().models[0].predictions == {}


def test_a_request_about_the_distant_past_is_refused(served: Served, tmp_path: Path) -> None:
    """Its events are no longer kept; those asked for beside it are answered."""
    with Engine.open(served.app, tmp_path) as engine:
        engine.run(served.source, until_us=8 * shop.HOUR)
        with pytest.raises(StaleRequestError):
            engine.predict("Refunded", order(at=shop.HOUR))
        assert engine.predict("Refunded", order())["grade"] == "default"


def test_requests_from_many_threads_during_a_run(served: Served, tmp_path: Path) -> None:
    """All are answered, each has its own record, and a replay gives every bit of every one again."""
    answers: list[str] = []
    with Engine.open(served.app, tmp_path) as engine:
        stop = threading.Event()

        def ask(number: int) -> None:
            while not stop.is_set():
                answer = engine.predict("Refunded", order(order=f"asked {number}"))
                answers.append(answer["prediction_id"])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        engine.run(served.source, until_us=16 * shop.HOUR)
        stop.set()
        for thread in threads:
            thread.join()
        history = engine.history()
        logged = history.predictions("Refunded", columns=["prediction_id"])["prediction_id"].to_pylist()
        history.close()
        for answer in answers[:: len(answers) // 5]:
            why: dict[str, Any] = engine.explain(answer)
            orders = next(part for part in why["features"] if part["view"] == "Orders")
            assert orders["key"] == {"shop": "s4"}
            assert why["prediction"]["inputs"]["Orders.ever"] == orders["values"]["ever"]
    assert len(answers) > 20
    assert len(set(logged)) == len(logged)
    assert set(answers) <= set(logged)
    found = replay(Layout(served.app), tmp_path)
    assert found.equal, found.first
    assert found.predictions == len(logged)


def test_events_of_the_door_are_taken_at_once(tmp_path: Path) -> None:
    """They are durable on return, have consecutive offsets, trigger predictions, and arrive by the clock."""
    clock = ManualClock(NOW)
    app = shop.make()
    with live(tmp_path, clock) as engine:
        assert engine.append("Ordered", orders(app, order(at=NOW), order(order="x2", at=NOW))) == (0, 1)
        clock.advance(5 * shop.SECOND)
        assert engine.append("Ordered", orders(app, order(order="x3", at=NOW + shop.SECOND))) == (2, 2)
        assert engine.append("Ordered", orders(app)) is None
        assert engine.read("Orders", {"shop": "s4"})["values"] == {"recent": 3, "mean": 300.0, "ever": 3}
        stream = engine.status().streams[0]
        assert (stream.consumed, stream.arrival_high_us) == (3, NOW + 5 * shop.SECOND)
        history = engine.history()
        assert len(history.predictions("Refunded")) == 3
        history.close()
    with live(tmp_path, clock) as engine:
        assert engine.read("Orders", {"shop": "s4"})["values"]["ever"] == 3


def test_rows_refused_at_the_door_are_kept(tmp_path: Path) -> None:
    """With reason and payload, counted for their stream, even when no row of the batch was good."""
    refused = Quarantined("amount: Expected `float`, got `str`.", "amount", b'{"amount":"x"}', 0)
    app = shop.make()
    with live(tmp_path) as engine:
        assert engine.append("Ordered", orders(app), quarantined=[refused]) is None
        assert engine.status().streams[0].quarantined == 1
        history = engine.history()
        [row] = history.quarantined().to_pylist()
        history.close()
        assert (row["stream"], row["field"], row["payload"]) == ("Ordered", "amount", b'{"amount":"x"}')
    with live(tmp_path) as engine:
        assert engine.status().streams[0].quarantined == 1


def test_other_partitions_have_offsets_of_their_own(tmp_path: Path) -> None:
    """The same stream from two doors."""
    app = shop.make()
    with live(tmp_path) as engine:
        assert engine.append("Ordered", orders(app, order(at=NOW)), partition=3) == (0, 0)
        assert engine.append("Ordered", orders(app, order(at=NOW, order="x2")), partition=0) == (0, 0)
        assert engine.append("Ordered", orders(app, order(at=NOW, order="x3")), partition=3) == (1, 1)
    with live(tmp_path) as engine:
        assert engine.status().streams[0].consumed == 3
        assert engine.append("Ordered", orders(app, order(at=NOW, order="x4")), partition=3) == (2, 2)


def test_a_clock_that_goes_back_harms_nothing(tmp_path: Path) -> None:
    """Arrivals of the log never go back, whatever the wall clock does."""
    app = shop.make()
    with live(tmp_path, ManualClock(NOW)) as engine:
        engine.append("Ordered", orders(app, order(at=NOW)))
    with live(tmp_path, ManualClock(NOW - shop.HOUR)) as engine:
        assert engine.now_us() == NOW
        assert engine.append("Ordered", orders(app, order(at=NOW, order="x2"))) == (1, 1)
        engine.predict("Refunded", order())


def test_two_processes_cannot_run_one_directory(tmp_path: Path) -> None:
    """The second is told who has it; looking is allowed at any time."""
    with live(tmp_path), pytest.raises(DirectoryBusyError, match="in use by process"):
        live(tmp_path)
    with live(tmp_path) as engine, Engine.open(shop.make(), tmp_path, read_only=True) as looking:
        assert looking.state_hash() == engine.state_hash()


def test_looking_changes_nothing(tmp_path: Path, served: Served) -> None:
    """An engine opened to look refuses to move on."""
    with Engine.open(served.app, served.directory, read_only=True) as engine:
        with pytest.raises(UsageError, match="to look only"):
            engine.predict("Refunded", order())
        with pytest.raises(UsageError, match="to look only"):
            engine.run(served.source)
    with pytest.raises(NothingYetError, match="has not been run"):
        Engine.open(served.app, tmp_path, read_only=True)


def test_a_changed_app_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """Other windows mean other features: the data does not fit, and the message says what to do."""
    live(tmp_path).close()
    with pytest.raises(AppChangedError, match="--fresh"):
        Engine.open(shop.make(window="2h"), tmp_path)
    other = fr.App("other")
    with pytest.raises(AppChangedError, match="belongs to app 'shop', not 'other'"):
        Engine.open(other, tmp_path)
    live(tmp_path).close()


def test_what_does_not_change_features_may_change(tmp_path: Path) -> None:
    """Another warm-up is another app version on the same data."""
    live(tmp_path).close()
    with Engine.open(shop.make(warmup="2d"), tmp_path) as engine:
        assert engine.status().journal_step == 0


def test_names_that_are_not_there(tmp_path: Path) -> None:
    """Each error says what there is."""
    with live(tmp_path) as engine:
        with pytest.raises(NotFoundError, match=r"no model 'Refundd'\. Did you mean"):
            engine.predict("Refundd", {})
        with pytest.raises(NotFoundError, match="no view 'X'"):
            engine.read("X", {})
        with pytest.raises(NotFoundError, match="no stream 'X'"):
            engine.append("X", orders(shop.make()))
        with pytest.raises(NotFoundError, match="no prediction 'X'"):
            engine.explain("X")


def test_closing_twice_is_harmless_and_using_it_after_is_not(tmp_path: Path) -> None:
    """A closed engine says so."""
    engine = live(tmp_path)
    engine.close()
    engine.close()
    with pytest.raises(StateError, match="closed"):
        engine.predict("Refunded", order())
    assert engine.ready() == (False, "closed")


def test_nothing_is_read_before_it_is_durable(tmp_path: Path) -> None:
    """Features that an event changed are answered once the event is on the disk, not while it may be lost."""
    committing, go_on = threading.Event(), threading.Event()
    slow = threading.Event()

    class Disk(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # Any: handed on as it came
            if sql == "COMMIT" and slow.is_set():
                committing.set()
                go_on.wait()
            return super().execute(sql, *parameters)

    def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        return sqlite3.connect(
            f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, factory=Disk
        )

    read: list[object] = []
    with Engine.open(shop.make(), tmp_path, world=World(ManualClock(NOW), RealFiles(), connect)) as engine:
        slow.set()
        append = threading.Thread(target=lambda: engine.append("Ordered", orders(shop.make(), order(at=NOW))))
        append.start()
        committing.wait()
        look = threading.Thread(
            target=lambda: read.append(engine.read("Orders", {"shop": "s4"})["values"]["ever"])
        )
        look.start()
        look.join(0.2)
        assert read == []
        go_on.set()
        look.join()
        append.join()
    assert read == [1]
