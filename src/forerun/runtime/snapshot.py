"""A run's data as of its last commit, for those who look back: replay, the late ledger, training sets."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from forerun.errors import NothingYetError
from forerun.runtime.history import History
from forerun.runtime.layout import Layout
from forerun.runtime.tables import DATABASE, Tables
from forerun.state.database import Connect, Database


@contextmanager
def snapshot(layout: Layout, directory: Path, connect: Connect | None) -> Iterator[tuple[Tables, History]]:
    """Hold still what is in the database, while a run may be going on beside it.

    The history is read after the snapshot began, so it holds at least what the journal names.

    Args:
        layout: The app.
        directory: The data directory.
        connect: How to open the database.

    Raises:
        NothingYetError: The app has not been run here.
        AppChangedError: The data is of other features.
    """
    if not (directory / DATABASE).exists():
        raise NothingYetError(f"{layout.app} has not been run in {directory}; start: forerun run")
    database = Database(directory / DATABASE, read_only=True, connect=connect)
    with (
        closing(database),
        closing(History(layout, directory, connect=connect)) as history,
        database.snapshot() as connection,
    ):
        tables = Tables(connection)
        tables.check(layout)
        yield tables, history
