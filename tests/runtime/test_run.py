"""The loop: training that has to wait for labels, and failures that stop it."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.runtime import shop
from tests.runtime.conftest import Served

from forerun.errors import CommitError, ForerunError, NothingYetError
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.runtime.progress import Progress
from forerun.runtime.world import World
from forerun.state.files import RealFiles
from forerun.streams.source import Slice


def test_a_training_with_too_few_labels_is_tried_again(served: Served, tmp_path: Path) -> None:
    """The run goes on without scores, says why, and tries a quarter of the warm-up later, also restarted."""
    app = shop.make(source=served.source, warmup="1h")
    notes: list[str] = []

    def watch(progress: Progress) -> None:
        if progress.note is not None and (not notes or notes[-1] != progress.note):
            notes.append(progress.note)

    with Engine.open(app, tmp_path) as engine:
        engine.run(served.source, until_us=shop.HOUR + 20 * shop.MINUTE, on_progress=watch)
    with Engine.open(app, tmp_path) as engine:
        engine.run(served.source, until_us=6 * shop.HOUR, on_progress=watch)
        history = engine.history()
        rows = history.predictions("Refunded").to_pylist()
        history.close()
    assert any("is not trained yet" in note and "too few" in note for note in notes)
    scored = [row["offset"] for row in rows if row["model_version"] is not None]
    arrivals = served.events["Ordered"]["_arrival"].to_numpy()
    start_us = int(arrivals[0])
    first_us, before_us = int(arrivals[scored[0]]), int(arrivals[scored[0] - 1])
    quarter = 15 * shop.MINUTE
    waited = (before_us - start_us - shop.HOUR) // quarter + 1
    assert waited > 0
    assert before_us <= start_us + shop.HOUR + waited * quarter < first_us


def test_an_error_of_the_source_stops_the_run_and_keeps_what_was_done(served: Served, tmp_path: Path) -> None:
    """The error is the source's own; the next run goes on behind the last step."""

    def broken(position: int) -> Iterator[Slice]:
        for part in served.source(position):
            if part.position == 5:
                raise OSError("the network is gone")
            yield part

    with Engine.open(served.app, tmp_path) as engine:
        with pytest.raises(OSError, match="the network is gone"):
            engine.run(broken)
        engine.run(served.source, until_us=8 * shop.HOUR)
        due = sum((table["_arrival"].to_numpy() <= 8 * shop.HOUR).sum() for table in served.events.values())
        assert sum(stream.consumed for stream in engine.status().streams) == due


def test_a_full_disk_stops_everything_and_loses_nothing(served: Served, tmp_path: Path) -> None:
    """The run ends with one clear error, requests are refused, and the next start goes on."""
    room = threading.Event()
    room.set()

    class Disk(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "COMMIT" and not room.is_set():
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(sql, *parameters)

    def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        return sqlite3.connect(
            f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, factory=Disk
        )

    def fill(progress: Progress) -> None:
        if progress.done > 200:
            room.clear()

    world = World(SystemClock(), RealFiles(), connect, portion_rows=100)
    engine = Engine.open(served.app, tmp_path, world=world)
    with pytest.raises(CommitError, match="disk is full"):
        engine.run(served.source, on_progress=fill)
    assert engine.ready() == (False, "stopped after an error")
    with pytest.raises(ForerunError):
        engine.predict("Refunded", {"order": "x", "shop": "s1", "amount": 1.0})
    engine.close()
    room.set()
    with Engine.open(served.app, tmp_path, world=world) as engine:
        kept = sum(stream.consumed for stream in engine.status().streams)
        assert 200 < kept < 500
        engine.run(served.source, until_us=8 * shop.HOUR)
        due = sum((table["_arrival"].to_numpy() <= 8 * shop.HOUR).sum() for table in served.events.values())
        assert sum(stream.consumed for stream in engine.status().streams) == due


def test_nothing_is_trained_before_the_warm_up_is_over(served: Served, tmp_path: Path) -> None:
    """A run that is to end inside of the warm-up ends, also where the source has nothing more in it."""
    arrivals = [at for table in served.events.values() for at in table["_arrival"].to_numpy().tolist()]
    over = served.events["Ordered"]["_arrival"][0].as_py() + 12 * shop.HOUR
    last = max(at for at in arrivals if at < over)
    with Engine.open(served.app, tmp_path) as engine:
        engine.run(served.source, until_us=last)
        assert [facts["version"] for facts in engine.models()] == [None]
        engine.run(served.source, until_us=over)
        assert [facts["version"] for facts in engine.models()] != [None]


def test_a_sink_that_is_out_holds_up_nothing_and_loses_nothing(served: Served, tmp_path: Path) -> None:
    """The run goes on to its end; decisions wait in the log, and come in order and once when it is back."""
    back = threading.Event()

    class Stuck(RealFiles):
        def append(self, path: Path, data: bytes) -> None:
            if path.suffix == ".jsonl":
                back.wait()
            super().append(path, data)

    engine = Engine.open(served.app, tmp_path, world=World(SystemClock(), Stuck()))
    engine.run(served.source)
    status = engine.status()
    assert status.outbox_pending == status.decisions["review"] + status.windows["Hourly"]
    assert status.decisions["review"] > 30 < status.windows["Hourly"]
    back.set()
    engine.close()
    assert engine.status().outbox_pending == 0
    for topic in ("review", "hourly"):
        lines = (tmp_path / f"decisions/{topic}.jsonl").read_text().splitlines()
        assert lines == (served.directory / f"decisions/{topic}.jsonl").read_text().splitlines()


def test_refused_rows_of_a_source_are_kept_once(tmp_path: Path, served: Served) -> None:
    """They are counted for their stream and survive a restart in the middle of their slice."""
    from forerun.events.decode import Quarantined

    def source(position: int) -> Iterator[Slice]:
        for part in served.source(position):
            row = Quarantined("odd", None, str(part.position).encode(), 0)
            yield Slice(part.position, part.tables, [("Settled", row)])

    world = World(SystemClock(), RealFiles(), portion_rows=37)
    for until_us in range(shop.HOUR // 2, 6 * shop.HOUR, shop.HOUR):
        with Engine.open(served.app, tmp_path, world=world) as engine:
            engine.run(source, until_us=until_us)
            history = engine.history()
            payloads = history.quarantined()["payload"].to_pylist()
            history.close()
            assert payloads == [str(number).encode() for number in range(len(payloads))]
            assert engine.status().streams[1].quarantined == len(payloads) == until_us // shop.HOUR + 1


def test_an_empty_source_is_no_error(tmp_path: Path) -> None:
    """Nothing is taken, and looking at it works."""
    app = shop.make()
    with Engine.open(app, tmp_path) as engine:
        engine.run(lambda _: iter(()))
        engine.run(lambda _: iter([Slice(0, {"Ordered": pa.record_batch({})})] * 0))
        assert engine.status().journal_step == 0
    with Engine.open(app, tmp_path, read_only=True) as engine:
        assert engine.status().journal_step == 0
    with pytest.raises(NothingYetError):
        Engine.open(app, tmp_path / "elsewhere", read_only=True)
