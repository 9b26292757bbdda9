"""Whenever the process dies while it registers a model, every version there is has its files."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.governance.test_registry import opened, register

from forerun.errors import DiskError
from forerun.governance.registry import Registry
from forerun.state.database import connect_sqlite
from forerun.state.files import RealFiles


class PowerCutError(BaseException):
    """The machine stops here."""


class Countdown:
    """Lets so many operations happen, then cuts the power."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise PowerCutError


class BrittleFiles(RealFiles):
    """A file system under a power cut: half of what is written last may be there."""

    def __init__(self, countdown: Countdown) -> None:
        self.countdown = countdown

    def write(self, path: Path, data: bytes) -> None:
        try:
            self.countdown()
        except PowerCutError:
            super().write(path, data[: len(data) // 2])
            raise
        super().write(path, data)

    def sync(self, path: Path) -> None:
        self.countdown()
        super().sync(path)

    def rename(self, source: Path, target: Path) -> None:
        self.countdown()
        super().rename(source, target)

    def sync_directory(self, path: Path) -> None:
        self.countdown()
        super().sync_directory(path)


class BrittleConnection(sqlite3.Connection):
    """A database under the same power cut, at each statement that writes."""

    countdown: Countdown

    def execute(self, sql: str, parameters: Sequence[str | int | None] = ()) -> sqlite3.Cursor:  # type: ignore[override]  # all we use
        if sql.startswith(("BEGIN", "INSERT", "UPDATE", "COMMIT")):
            self.countdown()
        return super().execute(sql, parameters)


def brittle(folder: Path, operations: int) -> Registry:
    """A registry that stops after so many operations."""
    countdown = Countdown(operations)

    def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
        assert not read_only
        # The format is there already; only what registering does is counted.
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=BrittleConnection
        )
        connection.countdown = countdown
        return connection

    return Registry(folder, files=BrittleFiles(countdown), connect=connect)


def consistent(folder: Path) -> list[int]:
    """Numbers of the versions that are there, after reading every file they name."""
    registry = Registry(folder)
    versions = registry.versions("Late")
    for version in versions:
        registry.onnx(version.sha256)
        assert version.baseline_sha256 is not None
        registry.onnx(version.baseline_sha256)
    assert [event.number for event in registry.history() if event.what == "registered"] == [
        version.number for version in versions
    ]
    assert sum(version.status == "active" for version in versions) <= 1
    registry.close()
    return [version.number for version in versions]


def test_any_crash_leaves_no_version_without_files(tmp_path: Path) -> None:
    """The power is cut at each operation in turn; what is there is whole, and trying again succeeds."""
    seen = []
    for operations in range(100):
        folder = tmp_path / str(operations)
        folder.mkdir()
        opened(folder).close()
        registry = brittle(folder, operations)
        try:
            register(registry, b"one" * 100)
            registry.activate("Late", 1, at_us=9, by="run", reason="")
            survived = True
        except PowerCutError:
            survived = False
        registry.close()
        seen.append(consistent(folder))
        again = opened(folder)
        assert register(again, b"one" * 100).number == 1
        assert again.activate("Late", 1, at_us=9, by="run", reason="").status == "active"
        again.close()
        assert consistent(folder) == [1]
        if survived:
            break
    assert [] in seen
    assert [1] in seen
    assert len(seen) > 15, "fewer operations were cut than registering and activating take"


def test_killed_between_file_and_row(tmp_path: Path) -> None:
    """A real process killed after the file and before the row leaves an unnamed file, and no version."""
    opened(tmp_path).close()
    script = f"""
import os, signal
from pathlib import Path
from forerun.governance.registry import Registry
from forerun.governance.blobs import ModelFiles
put = ModelFiles.put
def put_and_die(self, content):
    put(self, content)
    os.kill(os.getpid(), signal.SIGKILL)
ModelFiles.put = put_and_die
Registry(Path({str(tmp_path)!r})).register(
    "Late", b"one", app_version="app1", feature_version="feat1", code_version="c", facts={{}},
    created_us=0, by="run",
)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, timeout=60)
    assert ended.returncode == -9, ended.stderr.decode()
    assert len(list((tmp_path / "models").iterdir())) == 1
    assert consistent(tmp_path) == []
    registry = opened(tmp_path)
    assert register(registry).number == 1


@pytest.mark.parametrize("operation", ["sync", "rename", "write"])
def test_full_disk_registers_nothing(tmp_path: Path, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses is reported as it says it, and no version appears."""
    opened(tmp_path).close()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    registry = Registry(tmp_path, connect=connect_sqlite)
    monkeypatch.setattr(RealFiles, operation, refuse)
    with pytest.raises(DiskError, match="No space left"):
        register(registry)
    monkeypatch.undo()
    registry.close()
    assert consistent(tmp_path) == []
