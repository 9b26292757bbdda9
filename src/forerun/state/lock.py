"""One process at a time writes a data directory."""

import fcntl
import os
from pathlib import Path

from forerun.errors import DirectoryBusyError, DiskError
from forerun.state.files import disk_errors


class DirectoryLock:
    """Holds a data directory until released or until the process ends, however it ends.

    Args:
        directory: The data directory; it must exist.

    Raises:
        DirectoryBusyError: Another process holds it.
        DiskError: The disk refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lock = DirectoryLock(Path(folder))
    ...     try:
    ...         DirectoryLock(Path(folder))
    ...     except DirectoryBusyError as error:
    ...         print(error.code)
    ...     lock.release()
    FR-STATE-BUSY
    """

    def __init__(self, directory: Path) -> None:
        path = directory / "lock"
        with disk_errors(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise DirectoryBusyError(
                f"{directory} is in use by process {holder}; "
                "stop that, ask it over HTTP, or use another --data-dir"
            ) from exc
        try:
            with disk_errors(path):
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        except DiskError:
            self.release()
            raise

    def release(self) -> None:
        """Let others have it; calling it twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
