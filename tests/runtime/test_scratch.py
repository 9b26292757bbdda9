"""Little memory for those who look back: the same results, from a temporary file that is gone afterwards."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.runtime import shop
from tests.runtime.conftest import Served

from forerun._core import Kernel
from forerun.errors import ArgumentError, StateError
from forerun.runtime.clock import SystemClock
from forerun.runtime.engine import Engine
from forerun.runtime.ledger import Value
from forerun.runtime.reckoning import late_ledger
from forerun.runtime.replay import replay
from forerun.runtime.scratch import Scratch
from forerun.runtime.training_set import training_set
from forerun.runtime.world import World
from forerun.state.backends.sqlite import SqliteStateStore
from forerun.state.files import RealFiles

NEXT_TO_NOTHING = 1


@pytest.fixture(scope="module")
def ran(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's day in many small steps."""
    directory = tmp_path_factory.mktemp("steps")
    world = World(SystemClock(), RealFiles(), portion_rows=64)
    with Engine.open(served.app, directory, world=world) as engine:
        engine.run(served.source)
    return directory


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hindsight reads, and puts to sleep, after fewer rows than usual."""
    monkeypatch.setattr("forerun.runtime.hindsight.READ_ROWS", 64)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sleepers each look at a store asks for."""
    asked: list[int] = []
    fetch = SqliteStateStore.fetch

    def counting(store: SqliteStateStore, keys: "object") -> object:
        found = fetch(store, keys)  # type: ignore[arg-type]  # as it was called
        asked.append(found.num_rows)
        return found

    monkeypatch.setattr(SqliteStateStore, "fetch", counting)
    return asked


def test_a_replay_gives_the_same(served: Served, ran: Path, fetched: list[int]) -> None:
    """Every bit, the hash of the state included."""
    plenty = replay(served.layout, ran)
    assert not fetched
    found = replay(served.layout, ran, memory=NEXT_TO_NOTHING)
    assert sum(fetched) > 100
    assert found.equal
    assert found.to_json() == plenty.to_json()


@pytest.mark.usefixtures("often")
def test_the_late_ledger_is_the_same(served: Served, ran: Path, fetched: list[int]) -> None:
    """Every cost, event and value."""
    values: dict[int | None, list[Value]] = {None: [], NEXT_TO_NOTHING: []}
    plenty, found = (
        late_ledger(served.layout, ran, on_value=told.append, memory=memory)
        for memory, told in values.items()
    )
    assert sum(fetched) > 100
    assert found.to_json() == plenty.to_json()
    assert [value.to_json() for value in values[NEXT_TO_NOTHING]] == [
        value.to_json() for value in values[None]
    ]


@pytest.mark.usefixtures("often")
def test_corrected_training_sets_are_the_same(served: Served, ran: Path, fetched: list[int]) -> None:
    """The hash of the table is over all of its bytes."""
    plenty, found = (
        training_set(served.layout, ran, "Refunded", as_of="corrected", memory=memory)
        for memory in (None, NEXT_TO_NOTHING)
    )
    assert sum(fetched) > 100
    assert found.hash() == plenty.hash()


@pytest.mark.parametrize(
    "look",
    [
        lambda engine: [engine.read("Orders", {"shop": f"s{n}"}, at_us=14 * shop.HOUR) for n in range(5)],
        lambda engine: [
            batch.to_pylist() for batch in engine.look("Orders", {"shop": "s1"}, 14 * shop.HOUR)[1].values()
        ],
        lambda engine: engine.explain(
            engine.history().predictions("Refunded")["prediction_id"][1900].as_py()
        ),
    ],
    ids=["read", "events", "explain"],
)
def test_the_past_is_the_same(
    served: Served, ran: Path, fetched: list[int], look: Callable[[Engine], object]
) -> None:
    """Features at a time, the events behind them, and what a prediction knew."""
    with Engine.open(served.app, ran, read_only=True) as engine:
        plenty = look(engine)
    assert not fetched
    with Engine.open(served.app, ran, read_only=True, memory=NEXT_TO_NOTHING) as engine:
        assert look(engine) == plenty
    assert sum(fetched) > 20


@pytest.mark.parametrize("broken", ["save", "fetch"])
def test_a_disk_that_refuses_is_a_clear_error(served: Served, ran: Path, broken: str) -> None:
    """The message says where the file is and what can be done."""
    full = patch.object(SqliteStateStore, broken, side_effect=sqlite3.OperationalError("disk is full"))
    with full, pytest.raises(StateError, match=r"temporary file: disk is full; .*TMPDIR"):
        replay(served.layout, ran, memory=NEXT_TO_NOTHING)


@pytest.mark.parametrize("memory", [0, -1])
def test_no_memory_is_refused(served: Served, tmp_path: Path, memory: int) -> None:
    """A limit of nothing is a mistake, wherever it is given."""
    with pytest.raises(ArgumentError, match=f"memory={memory}: give the bytes"):
        Scratch(memory)
    with pytest.raises(ArgumentError, match=f"memory={memory}: give the bytes"):
        Engine.open(served.app, tmp_path / "data", memory=memory)


def test_nothing_is_left_behind(
    served: Served, ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has no name, so even a process that is killed leaves nothing."""
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    seen: list[list[Path]] = []
    relieve = Scratch.relieve

    def watched(scratch: Scratch, kernel: Kernel) -> None:
        relieve(scratch, kernel)
        seen.append(list(tmp_path.iterdir()))

    with patch.object(Scratch, "relieve", watched):
        replay(served.layout, ran, memory=NEXT_TO_NOTHING)
    assert seen
    assert not any(seen)
