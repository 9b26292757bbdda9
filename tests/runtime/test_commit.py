"""Group commit: in order, together, and nothing after a failure."""

import sqlite3
import threading
from pathlib import Path

import pytest

from forerun.errors import CommitError
from forerun.runtime.clock import SystemClock
from forerun.runtime.commit import GROUP_MAX, Commits, Write
from forerun.state.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with a table of numbers."""
    opened = Database(tmp_path / "x.db")
    with opened.transaction() as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
    return opened


def insert(number: int) -> Write:
    """Work that inserts a number."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (?)", (number,))

    return write


def numbers(database: Database) -> list[object]:
    """What was committed, in order."""
    return [row[0] for row in database.rows("SELECT x FROM t ORDER BY rowid")]


def test_who_waits_commits_for_all_before_him(database: Database) -> None:
    """One transaction carries everything queued, in the order of the queue."""
    taken: list[float] = []
    commits = Commits(database, SystemClock(), taken.append)
    tickets = [commits.queue(insert(number)) for number in range(5)]
    assert numbers(database) == []
    commits.wait(tickets[2])
    assert numbers(database) == [0, 1, 2, 3, 4]
    assert len(taken) == 1
    for ticket in tickets:
        commits.wait(ticket)
    assert len(taken) == 1


def test_a_long_queue_is_committed_in_groups(database: Database) -> None:
    """A transaction has a limit; who waits for the last one waits for all groups."""
    taken: list[float] = []
    commits = Commits(database, SystemClock(), taken.append)
    last = [commits.queue(insert(number)) for number in range(2 * GROUP_MAX + 1)][-1]
    commits.wait(last)
    assert numbers(database) == list(range(2 * GROUP_MAX + 1))
    assert len(taken) == 3


def test_threads_share_commits(database: Database) -> None:
    """Each finds its own work durable when `run` returns."""
    commits = Commits(database, SystemClock())
    missing: list[int] = []

    def work(start: int) -> None:
        for number in range(start, start + 50):
            commits.run(insert(number))
            if (number,) not in database.rows("SELECT x FROM t WHERE x = ?", (number,)):
                missing.append(number)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 400, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert sorted(numbers(database), key=str) == sorted(range(400), key=str)


def test_after_a_failure_nothing_is_committed(database: Database) -> None:
    """All of the group fail, what is queued later fails, and everybody learns why."""
    commits = Commits(database, SystemClock())

    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    good, bad = commits.queue(insert(1)), commits.queue(fail)
    with pytest.raises(CommitError, match="disk I/O error"):
        commits.wait(bad)
    with pytest.raises(CommitError, match="disk I/O error"):
        commits.wait(good)
    with pytest.raises(CommitError):
        commits.run(insert(2))
    assert commits.failed
    database.close()
    again = Database(database.path)
    assert numbers(again) == []
    again.close()


def test_a_state_that_cannot_be_trusted_stops_commits(database: Database) -> None:
    """What was queued before and after is refused."""
    commits = Commits(database, SystemClock())
    queued = commits.queue(insert(1))
    commits.fail(RuntimeError("the step broke"))
    for ticket in (queued, commits.queue(insert(2))):
        with pytest.raises(CommitError, match="the step broke"):
            commits.wait(ticket)
    assert numbers(database) == []
