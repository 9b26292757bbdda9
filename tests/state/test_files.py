"""Files: each operation of the real file system, and the order that makes a write durable."""

from pathlib import Path

import pytest

from forerun.errors import DiskError
from forerun.state.files import RealFiles, make_durably, write_durably


def test_the_real_file_system(tmp_path: Path) -> None:
    """Write, append, read from a place, cut, measure, rename."""
    files, path = RealFiles(), tmp_path / "sub" / "x"
    files.make_directory(path.parent)
    assert (files.size(path), files.size(path.parent) is None) == (None, False)
    files.append(path, b"abc")
    files.append(path, b"def")
    files.sync(path)
    assert (files.size(path), files.read(path), files.read(path, 4)) == (6, b"abcdef", b"ef")
    files.truncate(path, 2)
    assert files.read(path) == b"ab"
    files.write(path, b"new")
    files.rename(path, tmp_path / "y")
    files.sync_directory(tmp_path)
    assert (files.size(path), files.read(tmp_path / "y")) == (None, b"new")


class Watched(RealFiles):
    """Notes the order of operations."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def write(self, path: Path, data: bytes) -> None:
        self.done.append(f"write {path.name}")
        super().write(path, data)

    def make_directory(self, path: Path) -> None:
        self.done.append(f"make {path.name}/")
        super().make_directory(path)

    def sync(self, path: Path) -> None:
        self.done.append(f"sync {path.name}")
        super().sync(path)

    def rename(self, source: Path, target: Path) -> None:
        self.done.append(f"rename {source.name} {target.name}")
        super().rename(source, target)

    def sync_directory(self, path: Path) -> None:
        self.done.append(f"sync {path.name}/")
        super().sync_directory(path)


def test_a_durable_write_has_the_one_right_order(tmp_path: Path) -> None:
    """Bytes to the disk before the name, the name before anybody relies on it."""
    files = Watched()
    write_durably(files, tmp_path / "d" / "x", b"1")
    made = ["make d/", f"sync {tmp_path.name}/"]
    assert files.done == [*made, "write x.tmp", "sync x.tmp", "rename x.tmp x", "sync d/"]
    write_durably(files, tmp_path / "d" / "x", b"2")
    assert files.read(tmp_path / "d" / "x") == b"2"
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["x"]


def test_a_directory_is_durable_before_anything_is_in_it(tmp_path: Path) -> None:
    """Each one that is made is synced in the one it is in; those that are there are left alone."""
    files = Watched()
    make_durably(files, tmp_path / "a" / "b")
    assert files.done == ["make a/", f"sync {tmp_path.name}/", "make b/", "sync a/"]
    make_durably(files, tmp_path / "a" / "b")
    assert len(files.done) == 4


def test_a_disk_that_refuses_is_an_error_with_advice(tmp_path: Path) -> None:
    """It names the file, says what the system said, and what to do."""
    (tmp_path / "x.tmp").mkdir()
    with pytest.raises(DiskError, match=r"refused .*x: .*Is a directory.*start again"):
        write_durably(RealFiles(), tmp_path / "x", b"1")
