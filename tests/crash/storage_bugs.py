"""Bugs in what is made durable, and when; see `planted`."""

from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.crash.planting import Plant, all_of

from forerun.actions import jsonl
from forerun.runtime import engine
from forerun.runtime.followup import FollowUp
from forerun.state import database, files
from forerun.testing.files import SimulatedFiles


def commits_are_not_synced() -> AbstractContextManager[object]:
    """The database leaves it to the system when bytes reach the disk."""
    configure = database.configure

    def careless(connection: Any, *, read_only: bool, **more: Any) -> None:
        configure(connection, read_only=read_only, **more)
        if not read_only:
            connection.execute("PRAGMA synchronous = OFF")

    return patch.object(database, "configure", careless)


def without_sync(of: str) -> Plant:
    """Files whose names contain something are not synced."""
    sync = SimulatedFiles.sync

    def careless(self: SimulatedFiles, path: Path) -> None:
        if of not in path.name:
            sync(self, path)

    return lambda: patch.object(SimulatedFiles, "sync", careless)


def names_are_not_synced() -> AbstractContextManager[object]:
    """A rename is taken for durable."""
    sync = SimulatedFiles.sync_directory

    def careless(self: SimulatedFiles, path: Path) -> None:
        if path.name == "data" or path.parent.name == "data":
            sync(self, path)

    return patch.object(SimulatedFiles, "sync_directory", careless)


def new_directories_are_not_synced() -> AbstractContextManager[object]:
    """A directory is made, and used."""

    def careless(to: files.Files, path: Path) -> None:
        if to.size(path) is None:
            careless(to, path.parent)
            to.make_directory(path)

    return all_of(patch.object(module, "make_durably", careless) for module in (files, jsonl, engine))


def errors_of_sync_are_ignored() -> AbstractContextManager[object]:
    """A failed fsync is taken for a good one."""
    sync = SimulatedFiles.sync

    def careless(self: SimulatedFiles, path: Path) -> None:
        with suppress(OSError):
            sync(self, path)

    return patch.object(SimulatedFiles, "sync", careless)


def work_goes_on_after_a_failed_sync() -> AbstractContextManager[object]:
    """The end of the process tries again what the disk has refused."""
    return patch.object(FollowUp, "_unless_failed", lambda self, work: work())
