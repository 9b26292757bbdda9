"""A world that ends: the process kills itself at the n-th operation on the disk, or in the middle of it."""

import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

from forerun.runtime.clock import SystemClock
from forerun.runtime.worker import InLine, Worker
from forerun.runtime.world import World
from forerun.state.database import BUSY_TIMEOUT_S
from forerun.state.files import RealFiles


class Countdown:
    """Counts the points at which a crash may fall, and crashes at one of them.

    Args:
        kill_at: Which point, from 1; None: none.
    """

    def __init__(self, kill_at: int | None) -> None:
        self.kill_at = kill_at
        self.points: list[str] = []

    def reach(self, point: str) -> None:
        """Note a point; if it is the one, this process is gone."""
        self.points.append(point)
        if len(self.points) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class CrashingFiles(RealFiles):
    """Files with a crash point before and after every operation, and in the middle of every write."""

    def __init__(self, countdown: Countdown) -> None:
        self._countdown = countdown

    def write(self, path: Path, data: bytes) -> None:
        self._countdown.reach(f"write {path.suffix}")
        super().write(path, data[: len(data) // 2])
        self._countdown.reach(f"half written {path.suffix}")
        super().write(path, data)

    def append(self, path: Path, data: bytes) -> None:
        self._countdown.reach(f"append {path.suffix}")
        super().append(path, data[: len(data) // 2])
        self._countdown.reach(f"half appended {path.suffix}")
        super().append(path, data[len(data) // 2 :])

    def truncate(self, path: Path, size: int) -> None:
        self._countdown.reach(f"truncate {path.suffix}")
        super().truncate(path, size)

    def sync(self, path: Path) -> None:
        self._countdown.reach(f"sync {path.suffix}")
        super().sync(path)
        self._countdown.reach(f"synced {path.suffix}")

    def rename(self, source: Path, target: Path) -> None:
        self._countdown.reach(f"rename {target.suffix}")
        super().rename(source, target)
        self._countdown.reach(f"renamed {target.suffix}")

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self._countdown.reach("directory synced")


def crashing_world(countdown: Countdown, *, threads: bool = False) -> World:
    """The real world with crash points.

    Args:
        countdown: Decides when it ends.
        threads: Whether relay and export run beside the steps, or after each.
    """

    class CrashingConnection(sqlite3.Connection):
        """SQLite with a crash point before and after every commit."""

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            is_commit = sql == "COMMIT"
            if is_commit:
                countdown.reach("commit")
            cursor = super().execute(sql, *parameters)
            if is_commit:
                countdown.reach("committed")
            return cursor

    def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{path}?mode={'ro' if read_only else 'rwc'}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            factory=CrashingConnection,
        )
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        return connection

    return World(
        SystemClock(),
        CrashingFiles(countdown),
        connect,
        part_rows=400,
        portion_rows=300,
        checkpoint_rows=1_000,
        worker=Worker if threads else InLine,
    )
