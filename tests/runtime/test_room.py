"""Little memory: a run gives the same, a start loads its share, and nobody sleeps who is not saved."""

import shutil
import sqlite3
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.runtime import shop
from tests.runtime.conftest import Served

from forerun.errors import StateError
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.runtime.replay import replay
from forerun.runtime.tables import Tables
from forerun.runtime.world import World
from forerun.state.backends.sqlite import SqliteStateStore
from forerun.state.files import RealFiles

LOOKING = "forerun.runtime.engine.LOOKING"


def _open(served: Served, directory: Path, memory: int | None) -> Engine:
    world = World(SystemClock(), RealFiles(), portion_rows=64, memory=memory)
    return Engine.open(served.app, directory, world=world)


def _asleep(engine: Engine) -> int:
    return sum(engine._processor.state.kernel.asleep())


@pytest.fixture(scope="module")
def tiny(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's day with no memory to speak of, in two runs."""
    directory = tmp_path_factory.mktemp("tiny")
    for until_us in (14 * shop.HOUR, None):
        with _open(served, directory, 1) as engine:
            engine.run(served.source, until_us=until_us)
            with engine._processor.looking():
                assert _asleep(engine) > 5
                assert sum(engine.status().windows_asleep.values()) > 0
    return directory


def test_a_run_in_little_memory_gives_the_same(served: Served, tiny: Path) -> None:
    """Every prediction, score, label and closed window, and the state: a replay with enough memory agrees."""
    found = replay(served.layout, tiny)
    assert found.equal, found.first
    assert found.predictions > 2000 < found.labels
    with Engine.open(served.app, tiny, read_only=True) as engine:
        assert engine.state_hash() == found.state_hash


def test_a_start_loads_its_share(served: Served, tiny: Path) -> None:
    """Of a state larger than memory a part is loaded; the rest is there when it is asked for."""
    shops = [{"shop": f"s{number}"} for number in range(5)]
    with Engine.open(served.app, tiny, read_only=True) as engine:
        assert _asleep(engine) == 0
        expected = [engine.read("Orders", key)["values"] for key in shops]
        count = sum(engine._processor.state.kernel.entities())
    with patch(LOOKING, 20_000), Engine.open(served.app, tiny, read_only=True) as engine:
        assert 0 < _asleep(engine) < count == sum(engine._processor.state.kernel.entities())
        assert [engine.read("Orders", key)["values"] for key in shops] == expected


def test_who_only_looks_sees_one_moment(served: Served, tiny: Path, tmp_path: Path) -> None:
    """What a run commits meanwhile is not mixed into what is still asleep."""
    shutil.copytree(tiny, tmp_path / "data")
    with patch(LOOKING, 1), Engine.open(served.app, tmp_path / "data", read_only=True) as engine:
        assert _asleep(engine) > 5
        writer = sqlite3.connect(tmp_path / "data" / "forerun.db")
        with writer:
            writer.execute("DELETE FROM entity")
        writer.close()
        ever = engine.read("Orders", {"shop": "s1"})["values"]["ever"]
        assert isinstance(ever, int)
        assert ever > 100


def test_nobody_sleeps_before_the_commit(served: Served, tiny: Path, tmp_path: Path) -> None:
    """While a checkpoint is on its way to the disk, what it has stays in memory."""
    shutil.copytree(tiny, tmp_path / "data")
    with _open(served, tmp_path / "data", None) as engine:
        processor = engine._processor
        kernel = processor.state.kernel
        kernel.spill(1, lambda _: pytest.fail("nothing is asleep"))
        with processor.moving():
            changes = processor._changes()
            ticket = processor.queue(lambda connection: Tables(connection).states.save(changes))
            processor._checkpoint = ticket
            assert processor.relieve()
            assert _asleep(engine) == 0
        processor.wait(ticket)
        assert not processor.relieve()
        assert _asleep(engine) == sum(kernel.entities())


def test_a_disk_that_cannot_be_read_stops_the_run(served: Served, tiny: Path, tmp_path: Path) -> None:
    """An entity that cannot be fetched is a clear error, and nothing is answered without it."""
    shutil.copytree(tiny, tmp_path / "data")
    broken = patch.object(SqliteStateStore, "fetch", side_effect=sqlite3.OperationalError("disk I/O error"))
    with _open(served, tmp_path / "data", 1) as engine, broken:
        with pytest.raises(StateError, match=r"cannot read entities from .*disk I/O error; repair the disk"):
            engine.read("Orders", {"shop": "s1"})
        with pytest.raises(Exception, match="disk I/O error"):
            engine.read("Orders", {"shop": "s1"})
        assert engine.ready() == (False, "stopped after an error")
