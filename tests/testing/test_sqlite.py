"""SQLite on the simulated disk is SQLite: commits survive, and nothing that was not committed is seen."""

import random
import sqlite3
from pathlib import Path

import pytest

from forerun.testing.disk import SimulatedDisk
from forerun.testing.sqlite import SimulatedSqlite


@pytest.fixture
def connect(tmp_path: Path) -> SimulatedSqlite:
    """Opens databases on an empty disk."""
    return SimulatedSqlite(SimulatedDisk({str(tmp_path): None}), f"test-{tmp_path}")


def test_a_reader_beside_the_writer_sees_commits_only(connect: SimulatedSqlite, tmp_path: Path) -> None:
    """Two connections share the WAL, as in the product."""
    writer = connect(tmp_path / "a.db", read_only=False)
    writer.execute("CREATE TABLE t (x)")
    reader = connect(tmp_path / "a.db", read_only=True)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO t VALUES (?)", (1,))
    assert reader.execute("SELECT * FROM t").fetchall() == []
    writer.execute("COMMIT")
    assert reader.execute("SELECT * FROM t").fetchall() == [(1,)]
    reader.close()
    writer.close()
    assert [path.rpartition("/")[2] for path in connect.disk.paths()] == ["a.db"]


def test_every_commit_survives_every_crash_after_it(connect: SimulatedSqlite, tmp_path: Path) -> None:
    """And what was not committed never appears, wherever in the trace the power fails."""
    writer = connect(tmp_path / "a.db", read_only=False)
    writer.execute("CREATE TABLE t (x)")
    connect.disk.sync_directory(str(tmp_path))
    committed = {}
    for number in range(8):
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (?)", (number,))
        writer.execute("COMMIT")
        committed[len(connect.disk.trace)] = number
    disk = connect.disk
    connect.switch_off()
    first = min(committed)
    for moment in range(first, len(disk.trace) + 1):
        for seed in range(4):
            contents = disk.survivors(moment, "some", random.Random(seed))
            connect.switch_on(SimulatedDisk(contents), random.Random(seed))
            reader = connect(tmp_path / "a.db", read_only=False)
            found = [x for (x,) in reader.execute("SELECT x FROM t").fetchall()]
            connect.switch_off()
            due = max(number for at, number in committed.items() if at <= moment)
            assert found in (list(range(due + 1)), list(range(due + 2)))


def test_a_database_that_cannot_be_opened_keeps_no_lock(tmp_path: Path) -> None:
    """Even while its error is kept, the next machine in the same place starts."""
    disk = SimulatedDisk({str(tmp_path): None})
    connect = SimulatedSqlite(disk, f"test-{tmp_path}")
    writer = connect(tmp_path / "a.db", read_only=False)
    writer.execute("CREATE TABLE t (x)")
    writer.close()
    whole = disk.read(str(tmp_path / "a.db"))
    kept = []
    for damaged in range(0, 4096, 4):
        torn = whole[:damaged] + b"\xff\xff\xff\xff" + whole[damaged + 4 :]
        contents = {str(tmp_path): None, str(tmp_path / "a.db"): torn}
        connect.switch_on(SimulatedDisk(contents), random.Random(1))
        try:
            connect(tmp_path / "a.db", read_only=False)
        except sqlite3.Error as exc:
            kept.append(exc)
        connect.switch_off()
        connect.switch_on(SimulatedDisk({str(tmp_path): None}), random.Random(1))
        connect(tmp_path / "a.db", read_only=False)
        connect.switch_off()
    assert kept


def test_its_errors_are_those_of_sqlite3(connect: SimulatedSqlite, tmp_path: Path) -> None:
    """So that the product treats them as it treats the real ones."""
    writer = connect(tmp_path / "a.db", read_only=False)
    writer.execute("CREATE TABLE t (x UNIQUE)")
    writer.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.IntegrityError):
        writer.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.OperationalError):
        writer.execute("SELECT * FROM nowhere")
    writer.close()
