"""A disk that does to unsynced data what a power cut does: forgets it, tears it, undoes renames.

Every operation goes into a trace. From the trace a crash at any moment can be worked out, as often as one
likes and without running the program again: what was synced is there, and of the rest what a draw says. The
model is POSIX at its harshest: names are durable when their directory is synced, contents when the file is,
and neither implies the other.
"""

import errno
import os
import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "create", "write", "truncate", "sync", "rename", "unlink", "mkdir", "sync_directory"
]
Contents: TypeAlias = Mapping[str, bytes | None]
"""By path, the bytes of each file; None for a directory."""

Fate: TypeAlias = Literal["nothing", "everything", "first", "some"]
"""What becomes of operations that were not synced: lost; all there (as after a mere kill); the first so many
are there; each may be there or not."""
FATES: tuple[Fate, ...] = ("nothing", "everything", "first", "some")


class Operation(NamedTuple):
    """One thing a program did to the disk.

    Args:
        kind: What.
        path: Where; a rename's old name.
        inode: Which file, however it is called.
        start: Offset of a write; new length of a truncation.
        data: Bytes of a write.
        target: New name of a rename.
    """

    kind: Kind
    path: str
    inode: int = -1
    start: int = 0
    data: bytes = b""
    target: str = ""


@dataclass(slots=True)
class Fault:
    """An error the disk gives.

    Args:
        kind: The kind of operation that is refused.
        number: Which of that kind, counted from 1.
        code: `errno.EIO`: this once. `errno.ENOSPC`: from then on, whatever needs space.
        hit: Whether it was given.
    """

    kind: Kind
    number: int
    code: int
    hit: bool = False


class SimulatedDisk:
    """Files and directories in memory, with the trace of how they came to be.

    Args:
        contents: What is there and durable.
        fault: An error to give; None: none.

    >>> disk = SimulatedDisk({"/data": None})
    >>> disk.create("/data/a"); disk.write("/data/a", 0, b"one"); disk.sync("/data/a")
    >>> disk.survivors(len(disk.trace), "nothing", random.Random(1))   # the name was not synced
    {'/data': None}
    >>> disk.sync_directory("/data"); disk.write("/data/a", 3, b"two")
    >>> disk.survivors(len(disk.trace), "nothing", random.Random(1))
    {'/data': None, '/data/a': b'one'}
    >>> disk.survivors(len(disk.trace), "everything", random.Random(1))
    {'/data': None, '/data/a': b'onetwo'}
    """

    def __init__(self, contents: Contents | None = None, fault: Fault | None = None) -> None:
        self._start = dict(contents or {})
        self._directories = {path for path, data in self._start.items() if data is None}
        named = [(path, data) for path, data in self._start.items() if data is not None]
        self._names = {path: inode for inode, (path, _) in enumerate(named)}
        self._data = {inode: bytearray(data) for inode, (_, data) in enumerate(named)}
        self._fault = fault
        self._counts: dict[Kind, int] = {}
        # Places in the trace of what a failed sync has lost for good.
        self._lost: set[int] = set()
        self._on = True
        self.trace: list[Operation] = []

    def heal(self) -> None:
        """Give no more errors."""
        self._fault = None

    def switch_off(self) -> None:
        """Refuse everything from now on, and note nothing; what a crash leaves can still be worked out."""
        self._on = False
        # Hundreds of disks are kept for what they have been through, which is in the trace.
        self._data = {}

    # What is there now ----------------------------------------------------------------------------

    def exists(self, path: str) -> bool:
        """Whether there is a file of that name."""
        return path in self._names

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory of that name."""
        return path in self._directories

    def size(self, path: str) -> int:
        """Length of a file in bytes."""
        return len(self._data[self._inode(path)])

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file."""
        data = self._data[self._inode(path)]
        return bytes(data[start:] if length is None else data[start : start + length])

    def paths(self) -> list[str]:
        """All files."""
        return sorted(self._names)

    def seen(self, path: str, moment: int) -> bytes:
        """What somebody who reads a file sees at a moment, durable or not; nothing when there is no file.

        Args:
            path: A file that is never renamed.
            moment: After so many operations of the trace.
        """
        file = bytearray(self._start.get(path) or b"")
        for done in self.trace[:moment]:
            if done.path == path and done.kind == "write":
                _put(file, done.start, done.data)
            elif done.path == path and done.kind == "truncate":
                del file[done.start :]
        return bytes(file)

    def renamed(self, suffix: str, moment: int) -> dict[str, bytes]:
        """What somebody finds at a moment in files that got their names in this trace, durable or not.

        Args:
            suffix: How their names end.
            moment: After so many operations of the trace.

        >>> disk = SimulatedDisk({"/": None})
        >>> disk.create("/a.tmp"); disk.write("/a.tmp", 0, b"one"); disk.rename("/a.tmp", "/a.txt")
        >>> disk.renamed(".txt", 2), disk.renamed(".txt", 3)
        ({}, {'/a.txt': b'one'})
        """
        past = self.trace[:moment]
        names = {
            done.target: done.inode for done in past if done.kind == "rename" and done.target.endswith(suffix)
        }
        files = {inode: bytearray() for inode in names.values()}
        for done in past if files else ():
            if done.kind == "write" and done.inode in files:
                _put(files[done.inode], done.start, done.data)
        return {path: bytes(files[inode]) for path, inode in names.items()}

    # Operations -----------------------------------------------------------------------------------

    def mkdir(self, path: str) -> None:
        """Make a directory, in one that is there; nothing if it is there."""
        if path not in self._directories:
            self._require(directory_of(path))
            self._note(Operation("mkdir", path))
            self._directories.add(path)

    def create(self, path: str) -> None:
        """Make an empty file, in a directory that is there; nothing if the file is there."""
        if path not in self._names:
            self._require(directory_of(path))
            inode = len(self._data)
            self._note(Operation("create", path, inode))
            self._names[path] = inode
            self._data[inode] = bytearray()

    def write(self, path: str, start: int, data: bytes) -> None:
        """Put bytes somewhere in a file."""
        inode = self._inode(path)
        self._note(Operation("write", path, inode, start, _shared(data)))
        _put(self._data[inode], start, data)

    def truncate(self, path: str, size: int) -> None:
        """Cut a file."""
        inode = self._inode(path)
        self._note(Operation("truncate", path, inode, size))
        del self._data[inode][size:]

    def sync(self, path: str) -> None:
        """Make a file's bytes durable; when refused, those written so far never will be."""
        inode = self._inode(path)
        try:
            self._note(Operation("sync", path, inode))
        except OSError:
            # A kernel whose fsync failed believes the pages clean: the next one succeeds and writes nothing
            # of them (what PostgreSQL calls fsyncgate).
            self._lost |= self._unsynced(inode)
            raise

    def rename(self, source: str, target: str) -> None:
        """Give a file another name in the same directory."""
        self._note(Operation("rename", source, self._inode(source), target=target))
        self._names[target] = self._names.pop(source)

    def unlink(self, path: str) -> None:
        """Take a file's name away."""
        self._note(Operation("unlink", path, self._inode(path)))
        del self._names[path]

    def sync_directory(self, path: str) -> None:
        """Make the names in a directory durable."""
        self._note(Operation("sync_directory", path))

    # Crashes --------------------------------------------------------------------------------------

    def survivors(self, moment: int, fate: Fate, chance: random.Random) -> dict[str, bytes | None]:
        """What a power cut leaves.

        Args:
            moment: After so many operations of the trace.
            fate: What becomes of what was not synced.
            chance: Draws which, and where the last write is torn.

        Returns:
            Contents for the disk that is there after the restart.
        """
        past = self.trace[:moment]
        kept, unsynced = self._split(past)
        survived = _choose(past, unsynced, fate, chance)
        torn = max((at for at in survived if past[at].kind == "write"), default=-1)
        if fate in ("nothing", "everything") or chance.random() < 0.5:
            torn = -1
        kept |= survived
        data = dict(enumerate(b for b in self._start.values() if b is not None))
        names = {path: inode for inode, path in enumerate(p for p, b in self._start.items() if b is not None)}
        roots = {path for path, bytes_ in self._start.items() if bytes_ is None}
        directories = set(roots)
        written: dict[int, bytearray] = {}
        for at, done in enumerate(past):
            if at not in kept:
                continue
            match done.kind:
                case "write" | "truncate":
                    file = written.get(done.inode)
                    if file is None:
                        file = written[done.inode] = bytearray(data.get(done.inode, b""))
                    if done.kind == "truncate":
                        del file[done.start :]
                    else:
                        cut = chance.randrange(len(done.data) + 1) if at == torn else None
                        _put(file, done.start, done.data[:cut])
                case "create":
                    names[done.path] = done.inode
                case "rename":
                    names[done.target] = names.pop(done.path)
                case "unlink":
                    del names[done.path]
                case "mkdir":
                    directories.add(done.path)
                case _:
                    pass
        left: dict[str, bytes | None] = {
            path: None for path in directories if _reached(path, directories, roots)
        }
        for path, inode in names.items():
            if directory_of(path) in left:
                file = written.get(inode)
                left[path] = data.get(inode, b"") if file is None else bytes(file)
        return left

    def _split(self, past: Sequence[Operation]) -> tuple[set[int], list[int]]:
        """Places in the trace of what is durable, and of what a crash may take."""
        durable, unsynced = set[int](), list[int]()
        files, directories = set[int](), set[str]()
        for at in range(len(past) - 1, -1, -1):
            done = past[at]
            if done.kind == "sync":
                files.add(done.inode)
            elif done.kind == "sync_directory":
                directories.add(done.path)
            elif at in self._lost:
                continue
            elif done.inode in files if done.kind in _CONTENT else directory_of(done.path) in directories:
                durable.add(at)
            else:
                unsynced.append(at)
        unsynced.reverse()
        return durable, unsynced

    def _note(self, done: Operation) -> None:
        """Refuse it if that is what the fault says; else write it down."""
        fault = self._fault
        if not self._on:
            raise OSError(errno.EIO, "the machine is off", done.path)
        if fault is not None:
            count = self._counts[done.kind] = self._counts.get(done.kind, 0) + 1
            if (fault.kind == done.kind and count == fault.number) or (
                fault.hit and fault.code == errno.ENOSPC and done.kind in ("create", "write", "mkdir")
            ):
                fault.hit = True
                raise OSError(fault.code, os.strerror(fault.code), done.path)
        self.trace.append(done)

    def _unsynced(self, inode: int) -> set[int]:
        _, unsynced = self._split(self.trace)
        return {at for at in unsynced if self.trace[at].inode == inode and self.trace[at].kind in _CONTENT}

    def _require(self, directory: str) -> None:
        if directory not in self._directories:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), directory)

    def _inode(self, path: str) -> int:
        try:
            return self._names[path]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None


def directory_of(path: str) -> str:
    """The directory that a path is in.

    >>> directory_of("/data/a")
    '/data'
    """
    return path.rpartition("/")[0] or "/"


_CONTENT = ("write", "truncate")


def _choose(past: Sequence[Operation], unsynced: list[int], fate: Fate, chance: random.Random) -> set[int]:
    """What of the unsynced survives. Changes of one directory are never kept out of order."""
    if fate == "nothing":
        return set()
    if fate == "everything":
        return set(unsynced)
    if fate == "first":
        return set(unsynced[: chance.randrange(len(unsynced) + 1)])
    survived, undone = set[int](), set[str]()
    for at in unsynced:
        done, keep = past[at], chance.random() < 0.5
        if done.kind not in _CONTENT:
            directory = directory_of(done.path)
            if not keep:
                undone.add(directory)
            keep = directory not in undone
        if keep:
            survived.add(at)
    return survived


def _put(file: bytearray, start: int, data: bytes) -> None:
    if len(file) < start:
        file.extend(bytes(start - len(file)))
    file[start : start + len(data)] = data


_PAGES: dict[bytes, bytes] = {}
_PAGES_MAX = 10_000


def _shared(data: bytes) -> bytes:
    """The same bytes, as one object for all traces: most pages of a database are written again and again."""
    if len(_PAGES) >= _PAGES_MAX:
        _PAGES.clear()
    return _PAGES.setdefault(data, data)


def _reached(path: str, directories: set[str], roots: set[str]) -> bool:
    """Whether a directory is there, and so are those that it is in."""
    return path in roots or (path in directories and _reached(directory_of(path), directories, roots))
