"""Files on a simulated disk."""

from pathlib import Path

from forerun.testing.disk import SimulatedDisk


class SimulatedFiles:
    """`forerun.state.files.Files` on a simulated disk.

    Args:
        disk: The disk.

    >>> from forerun.state.files import write_durably
    >>> disk = SimulatedDisk({"/data": None})
    >>> write_durably(SimulatedFiles(disk), Path("/data/note"), b"kept")
    >>> [done.kind for done in disk.trace]
    ['create', 'write', 'sync', 'rename', 'sync_directory']
    """

    def __init__(self, disk: SimulatedDisk) -> None:
        self._disk = disk

    def size(self, path: Path) -> int | None:
        """Length in bytes; None when there is no such file."""
        name = str(path)
        if self._disk.is_directory(name):
            return 0
        return self._disk.size(name) if self._disk.exists(name) else None

    def read(self, path: Path, start: int = 0) -> bytes:
        """All bytes from `start` on."""
        return self._disk.read(str(path), start)

    def write(self, path: Path, data: bytes) -> None:
        """Create or replace the file."""
        name = str(path)
        if self._disk.exists(name):
            self._disk.truncate(name, 0)
        self._disk.create(name)
        self._disk.write(name, 0, data)

    def append(self, path: Path, data: bytes) -> None:
        """Add bytes at the end."""
        name = str(path)
        self._disk.create(name)
        self._disk.write(name, self._disk.size(name), data)

    def truncate(self, path: Path, size: int) -> None:
        """Cut the file to its first `size` bytes."""
        self._disk.truncate(str(path), size)

    def make_directory(self, path: Path) -> None:
        """Make a directory."""
        self._disk.mkdir(str(path))

    def sync(self, path: Path) -> None:
        """Make its bytes durable."""
        self._disk.sync(str(path))

    def rename(self, source: Path, target: Path) -> None:
        """Put one file in the place of another."""
        self._disk.rename(str(source), str(target))

    def sync_directory(self, path: Path) -> None:
        """Make the names in the directory durable."""
        self._disk.sync_directory(str(path))
