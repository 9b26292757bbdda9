"""The one SQLite file that holds log, journal, state and outbox: one commit moves them together."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from forerun.errors import CommitError, StateError

CACHE_KIB = 16 * 1024
PAGE_BYTES = 16 * 1024
"""Of a new file: a checkpoint is mostly large, and SQLite writes and checks page by page."""

CHECKPOINT_PAGES = 1024
"""WAL pages before SQLite moves them into the main file: 16 MiB."""

BUSY_TIMEOUT_S = 10.0


class Connect(Protocol):
    """Opens a connection to a database file; tests and simulators put their own in its place."""

    def __call__(self, path: Path, *, read_only: bool) -> sqlite3.Connection:
        """Open the file; it is made if missing unless `read_only`."""


class Database:
    """One connection for writing; transactions are on the disk when they end, and a failed one is the last.

    Args:
        path: The database file.
        read_only: Look, do not write; a process that writes may have it open at the same time.
        connect: How to open it.

    Raises:
        StateError: The file is not a database, or cannot be opened.

    >>> database = Database(Path(":memory:"))
    >>> with database.transaction() as connection:
    ...     _ = connection.execute("CREATE TABLE t (x INTEGER)")
    ...     _ = connection.execute("INSERT INTO t VALUES (1)")
    >>> database.rows("SELECT x FROM t")
    [(1,)]
    """

    def __init__(self, path: Path, *, read_only: bool = False, connect: Connect | None = None) -> None:
        self.path = path
        self.read_only = read_only
        self._lock = threading.RLock()
        self._failed: Exception | None = None
        self._connection = opened(path, connect, read_only=read_only)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything done inside is on the disk when the block ends, or none of it is.

        After a failed transaction nobody knows what the disk holds, so the database refuses all further
        use: the process must stop, and recover when it starts again.

        Raises:
            CommitError: The disk refused (full, I/O error), or an earlier transaction failed.
        """
        with self._lock:
            self._refuse_if_failed()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as exc:
                self._give_up(exc)
                if isinstance(exc, sqlite3.Error):
                    raise CommitError(
                        f"the commit to {self.path} failed: {exc}; nothing of it was answered or sent. "
                        "Free space or repair the disk, then start again: it goes on from the last commit"
                    ) from exc
                raise

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run a query and return all its rows.

        Args:
            sql: The query.
            parameters: Values for its question marks.
        """
        with self._lock:
            self._refuse_if_failed()
            return self._connection.execute(sql, parameters).fetchall()

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for stores that read with their own queries."""
        self._refuse_if_failed()
        return self._connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several queries that see the same state of the database."""
        with self._lock:
            self._refuse_if_failed()
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        with self._lock:
            self._connection.close()

    def _refuse_if_failed(self) -> None:
        if self._failed is not None:
            raise CommitError(
                f"{self.path} is closed after a failed commit ({self._failed}); start the process again"
            ) from self._failed

    def _give_up(self, exc: BaseException) -> None:
        self._failed = exc if isinstance(exc, Exception) else RuntimeError(repr(exc))
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            # SQLite has rolled back already, or will when the file is opened again: the journal decides.
            pass


def opened(path: Path, connect: Connect | None, *, read_only: bool) -> sqlite3.Connection:
    """Open a database file, or say why it cannot be opened.

    Args:
        path: The file.
        connect: How to open it; None: SQLite.
        read_only: Open for reading beside a writer.

    Raises:
        StateError: The file is not a database, or cannot be opened.
    """
    try:
        return (connect or connect_sqlite)(path, read_only=read_only)
    except sqlite3.Error as exc:
        raise StateError(
            f"cannot open the database {path}: {exc}; check the path and its rights, or restore a copy"
        ) from exc


def connect_sqlite(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open SQLite in WAL mode with a full fsync at every commit.

    Args:
        path: The file, or ":memory:".
        read_only: Open for reading beside a writer.
    """
    # The Database's own lock guards the connection, so threads may share it.
    connection = sqlite3.connect(
        # Quoted, since a directory may be called "what?" or "50%20".
        f"file:{quote(str(path))}?mode={'ro' if read_only else 'rwc'}"
        if str(path) != ":memory:"
        else ":memory:",
        uri=str(path) != ":memory:",
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    configure(connection, read_only=read_only)
    return connection


def configure(connection: sqlite3.Connection, *, read_only: bool, page_bytes: int = PAGE_BYTES) -> None:
    """Make a connection what the promises of `Database` stand on.

    Args:
        connection: New.
        read_only: Whether it only reads.
        page_bytes: Bytes of a page, should the database be new.
    """
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if not read_only:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}").fetchall()
