"""One database: transactions are whole, and a failed one is the last."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from forerun.errors import CommitError, StateError
from forerun.state.database import PAGE_BYTES, Database, connect_sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with an empty table."""
    database = Database(tmp_path / "x.db")
    with database.transaction() as connection:
        connection.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    database.close()
    return tmp_path / "x.db"


def test_every_commit_is_synced(path: Path) -> None:
    """WAL with synchronous=FULL: a commit returns after the fsync of the log."""
    database = Database(path)
    assert database.rows("PRAGMA journal_mode") == [("wal",)]
    assert database.rows("PRAGMA synchronous") == [(2,)]
    database.close()


def test_a_file_keeps_the_size_of_its_pages(tmp_path: Path) -> None:
    """A new one has large ones; one that was there is used as it is."""
    old = sqlite3.connect(tmp_path / "old.db")
    old.execute("CREATE TABLE t (x INTEGER)")
    old.close()
    for name, size in (("new.db", PAGE_BYTES), ("old.db", 4096)):
        database = Database(tmp_path / name)
        with database.transaction() as connection:
            connection.execute("CREATE TABLE u (x INTEGER)")
        assert database.rows("PRAGMA page_size") == [(size,)]
        database.close()


def test_a_transaction_is_whole(path: Path) -> None:
    """What a block did is there when it ends, for another connection too."""
    database, other = Database(path), Database(path, read_only=True)
    with database.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        assert other.rows("SELECT x FROM t") == []
    assert other.rows("SELECT x FROM t") == [(1,)]
    database.close()
    other.close()


def test_a_snapshot_stands_still(path: Path) -> None:
    """Several queries see one state, whatever is committed between them."""
    database, other = Database(path), Database(path, read_only=True)
    with other.snapshot() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
        with database.transaction() as writing:
            writing.execute("INSERT INTO t VALUES (1)")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert other.rows("SELECT count(*) FROM t") == [(1,)]
    database.close()
    other.close()


class FullDisk(sqlite3.Connection):
    """A connection whose next commit finds the disk full."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # Any: handed on as it came
        if sql == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *parameters)


def full_disk(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Opens such a connection."""
    assert not read_only
    return sqlite3.connect(path, isolation_level=None, factory=FullDisk)


def test_after_a_failed_commit_nothing_goes_any_more(path: Path) -> None:
    """The error says what to do; nothing of the transaction is there; the database refuses further use."""
    database = Database(path, connect=full_disk)
    with pytest.raises(CommitError, match=r"disk is full.*start again"), database.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(CommitError, match="closed after a failed commit"), database.transaction():
        pytest.fail("not reached")
    with pytest.raises(CommitError):
        database.rows("SELECT 1")
    with pytest.raises(CommitError):
        _ = database.connection
    database.close()
    again = Database(path)
    assert again.rows("SELECT x FROM t") == []
    again.close()


def test_a_mistake_inside_is_not_called_a_disk_error(path: Path) -> None:
    """It rolls back and closes the database all the same: nobody knows what else was skipped."""
    database = Database(path)
    nothing: dict[object, object] = {}
    with pytest.raises(KeyError), database.transaction() as connection:
        nothing[connection.execute("INSERT INTO t VALUES (1)")]
    with pytest.raises(CommitError):
        database.rows("SELECT 1")
    database.close()


def test_a_reader_cannot_write(path: Path) -> None:
    """The file is opened read only, not just used so."""
    connection = connect_sqlite(path, read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """A path in a directory that is not there."""
    with pytest.raises(StateError, match=r"cannot open the database .*missing"):
        Database(tmp_path / "missing" / "x.db", read_only=True)


@pytest.mark.parametrize("name", ["what?", "50%20", "a#b", "a b", "ä"])
def test_directories_may_have_any_name(tmp_path: Path, name: str) -> None:
    """What means something in an address means nothing in a path."""
    (tmp_path / name).mkdir()
    database = Database(tmp_path / name / "x.db")
    with database.transaction() as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
    database.close()
    assert (tmp_path / name / "x.db").exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]
