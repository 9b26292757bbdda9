"""Everything a data directory's database holds, and whose it is."""

import json
import sqlite3

import pyarrow as pa

from forerun.errors import AppChangedError, NothingYetError, StateError
from forerun.events.records import REJECTED_SCHEMA
from forerun.runtime.feed import Place
from forerun.runtime.journal import Journal
from forerun.runtime.layout import Layout
from forerun.runtime.outputs import Outputs
from forerun.state.backends.sqlite import SqliteStateStore
from forerun.streams.backends.sqlite import SqliteLog

FORMAT = 1
"""Version of the tables."""

_FACTS = """CREATE TABLE IF NOT EXISTS fact (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL              -- JSON
) WITHOUT ROWID"""

DATABASE = "forerun.db"


class Tables:
    """The parts of one database; whoever holds the connection begins and commits.

    Args:
        connection: An open connection.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.log = SqliteLog(connection)
        self.journal = Journal(connection)
        self.outputs = Outputs(connection)
        self.states = SqliteStateStore(connection)

    def create(self, layout: Layout) -> None:
        """Make the tables for an app; once they are there, check that they are this app's.

        Args:
            layout: The app.

        Raises:
            AppChangedError: They belong to another app, or to this one before its features changed.
            StateError: A newer forerun wrote them.
        """
        self.connection.execute(_FACTS)
        for part in (self.log, self.journal, self.outputs, self.states):
            part.create()
        if self.fact("format") is None:
            self.set_fact("format", FORMAT)
            self.set_fact("app", layout.app)
            self.set_fact("plan", layout.fingerprint)
        self.check(layout)
        self.set_fact("app_version", layout.version)

    def check(self, layout: Layout) -> None:
        """Refuse tables of another app.

        Args:
            layout: The app.

        Raises:
            AppChangedError: They belong to another app, or to this one before its features changed.
            NothingYetError: There are none.
            StateError: A newer forerun wrote them.
        """
        self.require_begun(layout.app)
        found = self.fact("format")
        if found != FORMAT:
            raise StateError(
                f"the data has format {found}, and this forerun reads {FORMAT}; use a newer forerun"
            )
        if self.fact("app") != layout.app:
            raise AppChangedError(
                f"the data belongs to app {self.fact('app')!r}, not {layout.app!r}; use another --data-dir"
            )
        if self.fact("plan") != layout.fingerprint:
            raise AppChangedError(
                f"streams, features or inputs of app {layout.app!r} have changed since the data was written, "
                "so its features do not fit; start over with `forerun run --fresh`, or use another --data-dir"
            )

    def require_begun(self, app: str) -> None:
        """Refuse a database without tables: whoever made it was killed before the first commit.

        Args:
            app: The app, for the message.

        Raises:
            NothingYetError: It has none.
        """
        if not self.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'fact'").fetchone():
            raise NothingYetError(
                f"{app} has begun to run here, and committed nothing yet; start: forerun run"
            )

    def rejected(self) -> pa.Table:
        """Records of the log that were not applied: rows of `REJECTED_SCHEMA`."""
        return pa.Table.from_batches(self.outputs.rows("rejected"), schema=REJECTED_SCHEMA)

    def fact(self, name: str) -> object:
        """A single value by name; None when it was never set.

        Args:
            name: Its name.
        """
        row = self.connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set_fact(self, name: str, value: object) -> None:
        """Keep a single value.

        Args:
            name: Its name.
            value: Anything JSON can hold.
        """
        self.connection.execute(
            "INSERT INTO fact VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (name, json.dumps(value, sort_keys=True)),
        )

    def place(self) -> Place:
        """How far the source has been read."""
        found = self.fact("place")
        if not isinstance(found, dict):
            return Place()
        return Place(found["position"], found["cut_us"])

    def set_place(self, place: Place) -> None:
        """Note how far the source has been read.

        Args:
            place: The place.
        """
        self.set_fact("place", {"position": place.position, "cut_us": place.cut_us})
