"""The contract of a state store, run against every backend."""

import sqlite3

import pyarrow as pa
import pytest

from forerun.state.backends.sqlite import SqliteStateStore
from forerun.state.store import Checkpoint, Share, StateStore

State = dict[tuple[int, bytes], bytes | None]


@pytest.fixture
def store() -> StateStore:
    """A store without a checkpoint."""
    store = SqliteStateStore(sqlite3.connect(":memory:"))
    store.create()
    return store


def checkpoint(step: int, changed: State, **others: bytes) -> Checkpoint:
    """Changes of entities by (view, key)."""
    entities = pa.record_batch(
        {
            "view": pa.array([view for view, _ in changed], pa.int32()),
            "key": pa.array([key for _, key in changed], pa.binary()),
            "state": pa.array(list(changed.values()), pa.binary()),
        }
    )
    return Checkpoint(step, f"header {step}".encode(), entities, others)


def held(store: StateStore) -> State:
    """What is stored, by (view, key)."""
    found = store.load()
    assert found is not None
    columns = (found.entities.column(name).to_pylist() for name in ("view", "key", "state"))
    return {(int(str(view)), key): state for view, key, state in zip(*columns, strict=True)}


def test_nothing_is_stored_at_first(store: StateStore) -> None:
    """No checkpoint is no error."""
    assert store.load() is None


def test_a_checkpoint_comes_back(store: StateStore) -> None:
    """Step, header, entities and the other state, whatever bytes they are."""
    store.save(checkpoint(3, {(0, b""): b"\x00", (1, b"\xff\x00"): b""}, labels=b"x"))
    found = store.load()
    assert found is not None
    assert (found.step, found.header, found.others) == (3, b"header 3", {"labels": b"x"})
    assert held(store) == {(0, b""): b"\x00", (1, b"\xff\x00"): b""}


def test_changes_go_over_what_is_there(store: StateStore) -> None:
    """Changed ones are replaced, gone ones removed, the rest stays; other state is replaced as a whole."""
    store.save(checkpoint(1, {(0, b"a"): b"1", (0, b"b"): b"1", (1, b"a"): b"1"}, labels=b"1", more=b"1"))
    store.save(checkpoint(2, {(0, b"a"): b"2", (0, b"b"): None, (0, b"never"): None}, labels=b"2"))
    found = store.load()
    assert found is not None
    assert (found.step, found.header, found.others) == (2, b"header 2", {"labels": b"2"})
    assert held(store) == {(0, b"a"): b"2", (1, b"a"): b"1"}


def keys_of(batch: pa.RecordBatch) -> list[tuple[object, object]]:
    """View and key of each row."""
    return list(zip(batch["view"].to_pylist(), batch["key"].to_pylist(), strict=True))


def test_a_share_is_loaded_and_the_rest_is_named(store: StateStore) -> None:
    """As many rows as asked for, and the keys of the others."""
    entities: State = {(view, key): key * 10 for view in range(3) for key in (b"a", b"b", b"c")}
    store.save(checkpoint(1, entities))
    for size, loaded in ((1, 1), (10, 1), (11, 2), (40, 4), (1000, 9)):
        found = store.load(Share(size))
        assert found is not None
        assert found.asleep is not None
        assert found.asleep.schema.names == ["view", "key"]
        every = list(entities)
        assert keys_of(found.entities) == every[:loaded]
        assert keys_of(found.asleep) == every[loaded:]


def test_entities_are_fetched_by_key(store: StateStore) -> None:
    """Those that are there, of any view, more than one query finds; others are not made up."""
    entities: State = {(number % 3, b"%d" % number): b"s%d" % number for number in range(2000)}
    store.save(checkpoint(1, entities))
    wanted = [*list(entities)[::2], (0, b"none"), (7, b"0")]
    columns = [pa.array([key[0] for key in wanted], pa.int32()), pa.array([key[1] for key in wanted])]
    found = store.fetch(pa.record_batch(columns, names=["view", "key"]))
    states = dict(zip(keys_of(found), found["state"].to_pylist(), strict=True))
    assert states == {key: entities[key] for key in list(entities)[::2]}


def test_an_empty_change_is_a_checkpoint_too(store: StateStore) -> None:
    """The types are kept when there is no entity."""
    store.save(checkpoint(1, {}))
    found = store.load()
    assert found is not None
    assert (found.step, found.entities.num_rows) == (1, 0)
    assert found.entities.schema.types == [pa.int32(), pa.binary(), pa.binary()]
