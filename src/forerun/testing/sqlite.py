"""SQLite on a simulated disk: its real code, WAL and all, with our disk underneath.

Needs apsw, a build of SQLite whose file operations Python may provide. Locks and the shared index of the WAL
are not on the disk: they are the operating system's, in a directory for scratch.
"""

import errno
import random  # noqa: TID251 - always seeded; this is where randomness is wanted
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import apsw

from forerun.state import database
from forerun.testing.disk import SimulatedDisk, directory_of

PAGE_BYTES = 4096
"""Bytes of a page: few, so that a crash falls between many of them, and hundreds of disks fit into memory."""

WAL_CHECKPOINT_PAGES = 30
"""Pages after which a database moves its WAL into the main file: few, so that it happens often."""


class SimulatedSqlite:
    """Opens databases on a simulated disk; a `forerun.state.database.Connect`.

    Args:
        disk: The disk.
        name: Names it among SQLite's file systems; unique in the process.
    """

    def __init__(self, disk: SimulatedDisk, name: str) -> None:
        self._vfs = _FileSystem(disk, name)
        self._opened: list[SimulatedConnection] = []

    @property
    def disk(self) -> SimulatedDisk:
        """The disk since the machine was last switched on."""
        return self._vfs.disk

    def __call__(self, path: Path, *, read_only: bool) -> sqlite3.Connection:
        """Open a database."""
        flags = (
            apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        )
        connection = SimulatedConnection(str(path), flags, self._vfs.name)
        # At once: what fails below would keep it, and its locks, for as long as the error is kept.
        self._opened.append(connection)
        # What forerun uses of a connection is what the class has.
        as_sqlite3 = cast(sqlite3.Connection, connection)
        connection.execute("PRAGMA temp_store = MEMORY")
        database.configure(as_sqlite3, read_only=read_only, page_bytes=PAGE_BYTES)
        if not read_only:
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}").fetchall()
        return as_sqlite3

    def switch_on(self, disk: SimulatedDisk, chance: random.Random) -> None:
        """The machine starts, with its own randomness, so that it does the same again when asked to.

        Args:
            disk: Its disk.
            chance: What SQLite draws from.
        """
        self._vfs.disk = disk
        self._vfs.chance = chance
        apsw.randomness(0)

    def switch_off(self) -> None:
        """The machine stops: the disk takes nothing more, and nobody holds a lock."""
        self.disk.switch_off()
        for connection in self._opened:
            with suppress(sqlite3.Error):
                connection.close()
        self._opened.clear()


class SimulatedConnection:
    """The part of `sqlite3.Connection` that forerun uses, with its exceptions.

    Args:
        path: The file.
        flags: How to open it.
        vfs: Name of the file system.
    """

    def __init__(self, path: str, flags: int, vfs: str) -> None:
        try:
            self._connection = apsw.Connection(path, flags, vfs=vfs)
        except apsw.Error as exc:
            raise sqlite3.OperationalError(str(exc)) from exc

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "SimulatedCursor":
        """Run a statement."""
        try:
            return SimulatedCursor(self._connection.execute(sql, tuple(parameters)))
        except apsw.Error as exc:
            # The same goes for moving the WAL after a commit, which is when the main file is written to.
            if sql == "COMMIT" and isinstance(exc, (_MainFileFull, _MainFileError)):
                return SimulatedCursor(self._connection.cursor())
            raise _mapped(exc) from exc

    def executemany(self, sql: str, rows: Any) -> None:
        """Run a statement for each row."""
        try:
            self._connection.executemany(sql, rows)
        except apsw.Error as exc:
            raise _mapped(exc) from exc

    @property
    def in_transaction(self) -> bool:
        """Whether one is open."""
        return self._connection.in_transaction

    def close(self) -> None:
        """Close it."""
        # The last to close moves the WAL into the main file. SQLite does not mind if that fails: the next to
        # open does it. apsw, unlike sqlite3, passes the error on.
        with suppress(apsw.Error):
            self._connection.close()


class SimulatedCursor:
    """The part of `sqlite3.Cursor` that forerun uses.

    Args:
        cursor: apsw's.
    """

    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def fetchone(self) -> Any:
        """The next row, or None."""
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        try:
            return self._cursor.fetchall()
        except apsw.Error as exc:
            raise _mapped(exc) from exc

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


class _FileSystem(apsw.VFS):
    """File operations as SQLite asks for them."""

    def __init__(self, disk: SimulatedDisk, name: str) -> None:
        self.name = name
        self.chance = random.Random(0)
        self.disk = disk
        # As the default one, because SQLite draws its randomness from that.
        super().__init__(name, "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        disk = self.disk
        if name is None:
            # A temporary file, whose loss is nobody's: on a disk of its own.
            disk, name = SimulatedDisk(), "/temporary"
        path = name if isinstance(name, str) else name.filename()
        new = not disk.exists(path)
        if new:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(f"no {path}")
            try:
                disk.create(path)
            except OSError as exc:
                raise _sqlite_error(exc, apsw.SQLITE_IOERR_WRITE) from exc
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            return _Main(disk, path, name, flags)
        return _Beside(disk, path, new=new)

    def xDelete(self, path: str, sync_directory: bool) -> None:
        disk = self.disk
        if not disk.exists(path):
            raise _io_error(apsw.SQLITE_IOERR_DELETE_NOENT)
        try:
            disk.unlink(path)
            if sync_directory:
                disk.sync_directory(directory_of(path))
        except OSError as exc:
            raise _sqlite_error(exc, apsw.SQLITE_IOERR_DELETE) from exc

    def xAccess(self, path: str, flags: int) -> bool:  # noqa: ARG002
        return self.disk.exists(path)

    def xRandomness(self, amount: int) -> bytes:
        return self.chance.randbytes(amount)

    def xFullPathname(self, name: str) -> str:
        return name


class _Beside:
    """A WAL or a rollback journal."""

    # SQLite syncs the directory with the first sync of such a file that it has made.
    def __init__(self, disk: SimulatedDisk, path: str, *, new: bool) -> None:
        self._disk = disk
        self._path = path
        self._new = new

    def xRead(self, amount: int, offset: int) -> bytes:
        return self._disk.read(self._path, offset, amount)

    def xWrite(self, data: bytes, offset: int) -> None:
        # A block of `with` for these would be a tenth of what a history takes: SQLite writes all the time.
        try:
            self._disk.write(self._path, offset, bytes(data))
        except OSError as exc:
            raise _sqlite_error(exc, apsw.SQLITE_IOERR_WRITE, self) from exc

    def xTruncate(self, newsize: int) -> None:
        try:
            self._disk.truncate(self._path, newsize)
        except OSError as exc:
            raise _sqlite_error(exc, apsw.SQLITE_IOERR_TRUNCATE, self) from exc

    def xSync(self, flags: int) -> None:  # noqa: ARG002
        try:
            self._disk.sync(self._path)
            if self._new:
                self._new = False
                self._disk.sync_directory(directory_of(self._path))
        except OSError as exc:
            raise _sqlite_error(exc, apsw.SQLITE_IOERR_FSYNC, self) from exc

    def xFileSize(self) -> int:
        return self._disk.size(self._path)

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: ARG002
        return False

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return int(apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE)

    def xLock(self, level: int) -> None:
        pass

    def xUnlock(self, level: int) -> None:
        pass

    def xCheckReservedLock(self) -> bool:
        return False

    def xClose(self) -> None:
        pass


class _Main(apsw.VFSFile):
    """The database itself: its locks and its shared index are those of a real file that stays empty."""

    def __init__(self, disk: SimulatedDisk, path: str, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._path = path
        self._new = False
        super().__init__("unix", name, flags)

    xRead, xWrite, xTruncate = _Beside.xRead, _Beside.xWrite, _Beside.xTruncate
    xSync, xFileSize, xFileControl = _Beside.xSync, _Beside.xFileSize, _Beside.xFileControl


class _MainFileFull(apsw.FullError):
    """As its parent, while the main file was written to."""


class _MainFileError(apsw.IOError):
    """As its parent, while the main file was written to."""


def _sqlite_error(exc: OSError, code: int, file: object = None) -> apsw.Error:
    """An error of the disk, as SQLite's own file system would report it."""
    is_main = isinstance(file, _Main)
    if exc.errno == errno.ENOSPC:
        return (_MainFileFull if is_main else apsw.FullError)("database or disk is full")
    return _io_error(code, _MainFileError if is_main else apsw.IOError)


def _io_error(code: int, kind: type[apsw.Error] = apsw.IOError) -> apsw.Error:
    error = kind("disk I/O error")
    setattr(error, "extendedresult", code)  # noqa: B010 - apsw reads it, its types do not say so
    return error


def _mapped(exc: Exception) -> sqlite3.Error:
    kind = sqlite3.IntegrityError if isinstance(exc, apsw.ConstraintError) else sqlite3.OperationalError
    return kind(str(exc))
