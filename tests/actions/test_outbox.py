"""The relay: every decision to every sink, in order, however slow or broken a sink is."""

from pathlib import Path

import pyarrow as pa
import pytest

from forerun.actions.outbox import BATCH_ROWS, Outbox, Sink
from forerun.state.database import Database
from forerun.streams.backends.sqlite import SqliteLog


class Remembering:
    """A sink that keeps what it gets, and breaks when told to."""

    def __init__(self, name: str = "remembering") -> None:
        self.name = name
        self.got: list[tuple[str, int, int]] = []
        self.largest = 0
        self.broken = False

    def deliver(self, topic: str, offset: int, decisions: pa.RecordBatch) -> None:
        if self.broken:
            raise OSError("the sink is out")
        self.largest = max(self.largest, decisions.num_rows)
        self.got += [(topic, offset + row, value) for row, value in enumerate(decisions["x"].to_pylist())]  # type: ignore[misc]  # ints


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A log and an outbox, both empty."""
    opened = Database(tmp_path / "x.db")
    with opened.transaction() as connection:
        SqliteLog(connection).create()
        Outbox.create(connection)
    return opened


def decide(database: Database, topic: str, *values: int) -> None:
    """Commit decisions."""
    with database.transaction() as connection:
        batch = pa.record_batch({"x": list(values), "_arrival": pa.array([0] * len(values), pa.int64())})
        SqliteLog(connection).append(topic, 0, batch)


def outbox(database: Database, *sinks: Sink) -> Outbox:
    """An outbox for two topics."""
    return Outbox(database, SqliteLog, ["a", "b"], sinks)


def test_each_decision_reaches_each_sink_once_and_in_order(database: Database) -> None:
    """Also what is decided later, and after a restart of the relay."""
    one, two = Remembering("one"), Remembering("two")
    decide(database, "a", 10, 11)
    decide(database, "b", 20)
    assert outbox(database, one, two).relay() == 6
    decide(database, "a", 12)
    assert outbox(database, one, two).pending() == 2
    assert outbox(database, one, two).relay() == 2
    assert outbox(database, one, two).relay() == 0
    assert one.got == two.got == [("a", 0, 10), ("a", 1, 11), ("b", 0, 20), ("a", 2, 12)]


def test_a_sink_that_is_out_loses_nothing_and_holds_up_nobody_else(database: Database) -> None:
    """Its decisions wait in the log; memory holds one batch of them, however many there are."""
    good, bad = Remembering("good"), Remembering("bad")
    bad.broken = True
    for start in range(0, 5 * BATCH_ROWS, 500):
        decide(database, "a", *range(start, start + 500))
    with pytest.raises(OSError, match="the sink is out"):
        outbox(database, good, bad).relay()
    assert len(good.got) == 5 * BATCH_ROWS
    assert outbox(database, good, bad).pending() == 5 * BATCH_ROWS
    bad.broken = False
    outbox(database, good, bad).relay()
    assert bad.got == good.got
    assert bad.largest <= BATCH_ROWS


def test_what_was_delivered_and_not_noted_comes_again_with_the_same_place(database: Database) -> None:
    """The sink can tell: topic and offset are those of the first time."""
    sink = Remembering()
    decide(database, "a", 10, 11)

    decide(database, "b", 20)
    outbox(database, sink).relay()
    with database.transaction() as connection:
        connection.execute("DELETE FROM outbox WHERE topic = 'a'")
    outbox(database, sink).relay()
    assert sink.got == [("a", 0, 10), ("a", 1, 11), ("b", 0, 20), ("a", 0, 10), ("a", 1, 11)]
