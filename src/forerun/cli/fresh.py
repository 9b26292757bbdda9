"""Deletes what runs of an app have left, and nothing else."""

import shutil
import sys
from pathlib import Path

import typer

from forerun.cli.place import Place
from forerun.errors import NotConfirmedError
from forerun.state.lock import DirectoryLock

LEFT_BY_RUNS = (
    "forerun.db",
    "forerun.db-wal",
    "forerun.db-shm",
    "registry.db",
    "registry.db-wal",
    "registry.db-shm",
    "models",
    "predictions",
    "labels",
    "windows",
    "decisions",
    "report.html",
)
"""Everything a run writes but the API keys, which callers hold."""


def forget(place: Place, *, ask: bool) -> None:
    """Delete what runs have left.

    Args:
        place: The app's place.
        ask: Whether a person must agree first.

    Raises:
        DirectoryBusyError: A run is going on.
        NotConfirmedError: Nobody agreed.
    """
    found = [place.data / name for name in LEFT_BY_RUNS if (place.data / name).exists()]
    if not found:
        return
    if ask and not _agreed(place.data, found):
        raise NotConfirmedError(
            f"--fresh would delete the log, models and predictions in {place.data}; add --yes to do it"
        )
    lock = DirectoryLock(place.data)
    try:
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    finally:
        lock.release()


def _agreed(data: Path, found: list[Path]) -> bool:
    """Ask on a terminal; without one nobody can agree."""
    if not sys.stdin.isatty():
        return False
    names = ", ".join(path.name for path in found if not path.name.endswith(("-wal", "-shm")))
    return typer.confirm(f"Delete {names} in {data}?")
