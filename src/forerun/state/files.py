"""Files whose bytes survive a crash: the one door through which forerun writes anything but its database.

Every method is one operation of the operating system that a crash can fall before or behind, so a test
(or a simulated disk) that stands in for `Files` sees each of them. Nothing here decides anything.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from forerun.errors import DiskError


class Files(Protocol):
    """What the runtime asks of a file system. Paths are absolute."""

    def size(self, path: Path) -> int | None:
        """Length in bytes; None when there is no such file or directory."""

    def read(self, path: Path, start: int = 0) -> bytes:
        """All bytes from `start` on."""

    def write(self, path: Path, data: bytes) -> None:
        """Create or replace the file. Not durable yet."""

    def append(self, path: Path, data: bytes) -> None:
        """Add bytes at the end; the file is made if missing. Not durable yet."""

    def truncate(self, path: Path, size: int) -> None:
        """Cut the file to its first `size` bytes. Not durable yet."""

    def make_directory(self, path: Path) -> None:
        """Make a directory, in one that is there. Not durable yet."""

    def sync(self, path: Path) -> None:
        """Return when the bytes of the file are on the disk.

        Raises:
            OSError: The disk refused. The bytes may be lost: stop, never call it again to "retry".
        """

    def rename(self, source: Path, target: Path) -> None:
        """Put one file in the place of another, at once or not at all."""

    def sync_directory(self, path: Path) -> None:
        """Return when the names in the directory (new files and directories, renames) are on the disk."""


class RealFiles:
    """The operating system's files.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_durably(RealFiles(), Path(folder) / "note.txt", b"kept")
    ...     RealFiles().read(Path(folder) / "note.txt")
    b'kept'
    """

    def size(self, path: Path) -> int | None:
        """Length in bytes; None when there is no such file."""
        return path.stat().st_size if path.exists() else None

    def read(self, path: Path, start: int = 0) -> bytes:
        """All bytes from `start` on."""
        with path.open("rb") as file:
            file.seek(start)
            return file.read()

    def write(self, path: Path, data: bytes) -> None:
        """Create or replace the file."""
        path.write_bytes(data)

    def append(self, path: Path, data: bytes) -> None:
        """Add bytes at the end."""
        with path.open("ab") as file:
            file.write(data)

    def truncate(self, path: Path, size: int) -> None:
        """Cut the file to its first `size` bytes."""
        os.truncate(path, size)

    def make_directory(self, path: Path) -> None:
        """Make a directory."""
        path.mkdir(exist_ok=True)

    def sync(self, path: Path) -> None:
        """Return when the bytes of the file are on the disk."""
        # fsync flushes the file, not the descriptor; Linux reports an error of earlier writes to the
        # first fsync after it, also through a descriptor that was opened later.
        _fsync(path, os.O_RDWR)

    def rename(self, source: Path, target: Path) -> None:
        """Put one file in the place of another."""
        source.replace(target)

    def sync_directory(self, path: Path) -> None:
        """Return when the names in the directory are on the disk."""
        _fsync(path, os.O_RDONLY)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Errors of the disk, with what they mean and what to do.

    Args:
        path: What is worked on.

    Raises:
        DiskError: In place of an `OSError`.
    """
    try:
        yield
    except OSError as exc:
        raise DiskError(
            f"the disk refused {path}: {exc}; what was acknowledged is kept. "
            "Free space or repair the disk, then start again: it goes on from the last commit"
        ) from exc


def make_durably(files: Files, path: Path) -> None:
    """Make a directory and those it is in, so that a crash cannot take them with all that is put into them.

    Args:
        files: The file system.
        path: The directory; nothing is done when it is there.
    """
    if files.size(path) is None:
        make_durably(files, path.parent)
        with disk_errors(path):
            files.make_directory(path)
            files.sync_directory(path.parent)


def write_durably(files: Files, path: Path, data: bytes) -> None:
    """Write a whole file so that after a crash it is there complete, or not there.

    Args:
        files: The file system.
        path: Where it will be; an older file of that name is replaced, its directory is made if missing.
        data: Its bytes.

    Raises:
        DiskError: The disk refused.
    """
    make_durably(files, path.parent)
    temporary = path.with_name(path.name + ".tmp")
    with disk_errors(path):
        files.write(temporary, data)
        files.sync(temporary)
        files.rename(temporary, path)
        files.sync_directory(path.parent)


def _fsync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
