"""The simulated disk keeps what was synced, and of the rest no more than a real one might."""

import errno
import random

import pytest

from forerun.testing.disk import Fault, SimulatedDisk

DATA = {"/data": None}


def written(disk: SimulatedDisk) -> SimulatedDisk:
    """A file with a durable name, three bytes synced and three not."""
    disk.create("/data/a")
    disk.sync_directory("/data")
    disk.write("/data/a", 0, b"abc")
    disk.sync("/data/a")
    disk.write("/data/a", 3, b"def")
    return disk


def test_what_is_synced_survives_and_nothing_else_must() -> None:
    """Over many draws the unsynced bytes are there, partly there, or not there; the synced ones always."""
    disk = written(SimulatedDisk(DATA))
    found = {disk.survivors(5, "first", random.Random(seed))["/data/a"] for seed in range(200)}
    assert found == {b"abc", b"abcd", b"abcde", b"abcdef"}
    assert disk.survivors(5, "nothing", random.Random(0))["/data/a"] == b"abc"
    assert disk.survivors(2, "nothing", random.Random(0))["/data/a"] == b""


def test_a_rename_without_a_sync_of_its_directory_may_be_undone() -> None:
    """Then the old file is there again, or the new name; a sync of the file itself does not help."""
    disk = written(SimulatedDisk(DATA))
    disk.rename("/data/a", "/data/b")
    disk.sync("/data/b")
    found = [sorted(disk.survivors(7, "some", random.Random(seed))) for seed in range(50)]
    assert ["/data", "/data/a"] in found
    assert ["/data", "/data/b"] in found
    disk.sync_directory("/data")
    assert sorted(disk.survivors(8, "nothing", random.Random(0))) == ["/data", "/data/b"]


def test_a_renamed_file_may_be_empty_when_it_was_not_synced() -> None:
    """The name is durable, its bytes are not."""
    disk = SimulatedDisk(DATA)
    disk.create("/data/a.tmp")
    disk.write("/data/a.tmp", 0, b"abc")
    disk.rename("/data/a.tmp", "/data/a")
    disk.sync_directory("/data")
    assert disk.survivors(4, "nothing", random.Random(0))["/data/a"] == b""


def test_a_directory_that_was_not_synced_takes_its_files_along() -> None:
    """However often they were synced themselves."""
    disk = SimulatedDisk(DATA)
    disk.mkdir("/data/new")
    disk.create("/data/new/a")
    disk.sync("/data/new/a")
    disk.sync_directory("/data/new")
    assert disk.survivors(4, "nothing", random.Random(0)) == DATA
    disk.sync_directory("/data")
    assert "/data/new/a" in disk.survivors(5, "nothing", random.Random(0))


def test_writes_survive_out_of_order() -> None:
    """The later one may be there without the earlier one, with a hole of zeros."""
    disk = written(SimulatedDisk(DATA))
    disk.write("/data/a", 6, b"ghi")
    found = {disk.survivors(6, "some", random.Random(seed))["/data/a"] for seed in range(100)}
    assert b"abc\0\0\0ghi" in found


def test_bytes_of_a_failed_sync_are_lost_though_the_next_one_succeeds() -> None:
    """As a kernel does it, which believes the pages clean."""
    disk = SimulatedDisk(DATA, Fault("sync", 2, errno.EIO))
    written(disk)
    with pytest.raises(OSError, match="Input/output error"):
        disk.sync("/data/a")
    disk.sync("/data/a")
    assert disk.read("/data/a") == b"abcdef"
    assert disk.survivors(len(disk.trace), "everything", random.Random(0))["/data/a"] == b"abc"


def test_a_full_disk_stays_full() -> None:
    """From the moment it is full nothing that needs space succeeds, and what needs none does."""
    disk = SimulatedDisk(DATA, Fault("write", 2, errno.ENOSPC))
    disk.create("/data/a")
    disk.write("/data/a", 0, b"abc")
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            disk.write("/data/a", 3, b"def")
    with pytest.raises(OSError, match="No space left"):
        disk.create("/data/b")
    disk.sync("/data/a")
    disk.unlink("/data/a")
