"""The registry: which versions of app, features and models there are, which one answers, and since when.

A model's file is on the disk before the row that names it, so a crash can leave a file nobody names
(harmless, taken up again by the next attempt) and never a version without its file.
"""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from forerun.errors import NotFoundError, StateError, UsageError
from forerun.governance.blobs import ModelFiles
from forerun.governance.version import ModelEvent, ModelVersion, What
from forerun.state.database import Connect, Database
from forerun.state.files import Files

FORMAT = 1
"""Format of registry.db. A newer one is refused, an older one will be read for ever."""

_SCHEMA = (
    """CREATE TABLE app (
        version TEXT PRIMARY KEY, name TEXT NOT NULL, definition TEXT NOT NULL, created_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE feature (
        version TEXT PRIMARY KEY, name TEXT NOT NULL, definition TEXT NOT NULL, created_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE model (
        name TEXT NOT NULL,
        number INTEGER NOT NULL CHECK (number > 0),
        sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
        baseline_sha256 TEXT CHECK (length(baseline_sha256) = 64),
        app_version TEXT NOT NULL REFERENCES app (version),
        feature_version TEXT NOT NULL REFERENCES feature (version),
        code_version TEXT NOT NULL,
        facts TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('candidate', 'active', 'retired')),
        PRIMARY KEY (name, number)
    ) STRICT, WITHOUT ROWID""",
    "CREATE UNIQUE INDEX model_active ON model (name) WHERE status = 'active'",
    """CREATE TABLE model_event (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        number INTEGER NOT NULL,
        what TEXT NOT NULL CHECK (what IN ('registered', 'activated', 'retired')),
        at_us INTEGER NOT NULL,
        by TEXT NOT NULL,
        reason TEXT NOT NULL,
        FOREIGN KEY (name, number) REFERENCES model (name, number)
    ) STRICT""",
    """CREATE TRIGGER model_event_kept BEFORE DELETE ON model_event
        BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END""",
    """CREATE TRIGGER model_event_fixed BEFORE UPDATE ON model_event
        BEGIN SELECT RAISE(ABORT, 'events are never changed'); END""",
)

_VERSION = (
    "SELECT name, number, sha256, baseline_sha256, app_version, feature_version, code_version, facts, "
    "created_us, status FROM model "
)


class Registry:
    """Versions in `registry.db` and their files in `models/`, both inside the data directory.

    Args:
        folder: The data directory.
        read_only: Look, do not write; a process that writes may have it open at the same time.
        files: The file system for model files.
        connect: How to open the database.

    Raises:
        StateError: `registry.db` cannot be opened, or was written by a newer forerun.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = Registry(Path(folder))
    ...     registry.add_app("9c1d", name="flights", definition="{}", created_us=0)
    ...     registry.add_features("77ab", name="LateArrival", definition="{}", created_us=0)
    ...     one = registry.register(
    ...         "LateArrival", b"onnx", app_version="9c1d", feature_version="77ab", code_version="a0",
    ...         facts={"rows": 66000}, created_us=1, by="run",
    ...     )
    ...     print(one.number, one.status, registry.active("LateArrival"))
    ...     print(registry.activate("LateArrival", 1, at_us=2, by="run", reason="first").status)
    ...     print([event.what for event in registry.history("LateArrival")])
    ...     registry.close()
    1 candidate None
    active
    ['registered', 'activated']
    """

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        files: Files | None = None,
        connect: Connect | None = None,
    ) -> None:
        self.files = ModelFiles(folder / "models", files=files)
        self._database = Database(folder / "registry.db", read_only=read_only, connect=connect)
        try:
            self._check_format(read_only=read_only)
            self._database.connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.DatabaseError as exc:
            raise StateError(
                f"{self._database.path} is not a registry: {exc}; restore it from a copy, or move it away"
            ) from exc

    def add_app(self, version: str, *, name: str, definition: str, created_us: int) -> None:
        """Remember a version of the app; one that is known stays as it is.

        Args:
            version: Hash of its canonical form.
            name: The app's name.
            definition: The canonical form.
            created_us: Now.
        """
        self._add("app", version, name, definition, created_us)

    def add_features(self, version: str, *, name: str, definition: str, created_us: int) -> None:
        """Remember a version of a model's inputs; one that is known stays as it is.

        Args:
            version: Hash of their canonical form.
            name: The model or view they belong to.
            definition: The canonical form.
            created_us: Now.
        """
        self._add("feature", version, name, definition, created_us)

    def register(
        self,
        name: str,
        onnx: bytes,
        *,
        baseline: bytes | None = None,
        app_version: str,
        feature_version: str,
        code_version: str,
        facts: Mapping[str, object],
        created_us: int,
        by: str,
    ) -> ModelVersion:
        """Add a candidate: its files first, then the row that names them.

        The same bytes for the same app, registered again (a run that was stopped between training and
        the next commit does so), are the version that is there already.

        Args:
            name: The model.
            onnx: Its file.
            baseline: The file of the same model without streaming inputs.
            app_version: The app it was trained in, known through `add_app`.
            feature_version: The inputs it was trained on, known through `add_features`.
            code_version: Hash of the text of `fit`.
            facts: What training found out; must be JSON.
            created_us: Now.
            by: Who registers it.

        Returns:
            The version.

        Raises:
            UsageError: The app or feature version is not known.
            ModelFileError: A file is too large.
        """
        for table, version in (("app", app_version), ("feature", feature_version)):
            if not self._database.rows(f"SELECT 1 FROM {table} WHERE version = ?", (version,)):
                raise UsageError(f"{table} version {version!r} is not in the registry; add it first")
        text = json.dumps(facts, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        digest = self.files.put(onnx)
        baseline_digest = None if baseline is None else self.files.put(baseline)
        with self._database.transaction() as connection:
            known = connection.execute(
                "SELECT number FROM model WHERE name = ? AND sha256 = ? AND baseline_sha256 IS ? "
                "AND app_version = ? AND feature_version = ? AND code_version = ?",
                (name, digest, baseline_digest, app_version, feature_version, code_version),
            ).fetchone()
            if known is None:
                [number] = connection.execute(
                    "SELECT coalesce(max(number), 0) + 1 FROM model WHERE name = ?", (name,)
                ).fetchone()
                connection.execute(
                    "INSERT INTO model VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'candidate')",
                    (name, number, digest, baseline_digest, app_version, feature_version, code_version, text,
                     created_us),
                )  # fmt: skip
                _note(connection, name, number, "registered", created_us, by, "")
            else:
                [number] = known
        return self.version(name, number)

    def activate(self, name: str, number: int, *, at_us: int, by: str, reason: str) -> ModelVersion:
        """Let a version answer from now on; the one that did is retired. Also the way back to an old one.

        Args:
            name: The model.
            number: Its version.
            at_us: Now.
            by: Who decides it.
            reason: Why; kept in the history.

        Raises:
            NotFoundError: There is no such version.
            ModelFileError: Its file is missing or damaged: then the present one goes on answering.
        """
        chosen = self.version(name, number)
        self.files.get(chosen.sha256)
        with self._database.transaction() as connection:
            if _status(connection, name, number) != "active":
                for (old,) in connection.execute(
                    "SELECT number FROM model WHERE name = ? AND status = 'active'", (name,)
                ).fetchall():
                    _set_status(connection, name, old, "retired")
                    _note(connection, name, old, "retired", at_us, by, f"replaced by {chosen.version}")
                _set_status(connection, name, number, "active")
                _note(connection, name, number, "activated", at_us, by, reason)
        return self.version(name, number)

    def retire(self, name: str, number: int, *, at_us: int, by: str, reason: str) -> ModelVersion:
        """Take a version out; if it was answering, nothing answers until another is activated.

        Args:
            name: The model.
            number: Its version.
            at_us: Now.
            by: Who decides it.
            reason: Why; kept in the history.

        Raises:
            NotFoundError: There is no such version.
        """
        self.version(name, number)
        with self._database.transaction() as connection:
            if _status(connection, name, number) != "retired":
                _set_status(connection, name, number, "retired")
                _note(connection, name, number, "retired", at_us, by, reason)
        return self.version(name, number)

    def active(self, name: str) -> ModelVersion | None:
        """The version that answers; None when none does.

        Args:
            name: The model.
        """
        found = self._versions("WHERE name = ? AND status = 'active'", (name,))
        return found[0] if found else None

    def version(self, name: str, number: int) -> ModelVersion:
        """One version.

        Args:
            name: The model.
            number: Its version.

        Raises:
            NotFoundError: There is no such version; the message lists those there are.
        """
        found = self._versions("WHERE name = ? AND number = ?", (name, number))
        if not found:
            known = ", ".join(str(version.number) for version in self.versions(name))
            raise NotFoundError(
                f"model {name!r} has no version {number}; "
                + (f"it has {known}" if known else "none is registered: train it first")
            )
        return found[0]

    def versions(self, name: str | None = None) -> tuple[ModelVersion, ...]:
        """All versions, by name and number.

        Args:
            name: Only of this model.
        """
        if name is None:
            return self._versions("ORDER BY name, number", ())
        return self._versions("WHERE name = ? ORDER BY number", (name,))

    def history(self, name: str | None = None) -> tuple[ModelEvent, ...]:
        """Everything that happened, oldest first.

        Args:
            name: Only to this model.
        """
        rows = self._database.rows(
            "SELECT sequence, name, number, what, at_us, by, reason FROM model_event "
            "WHERE ?1 IS NULL OR name = ?1 ORDER BY sequence",
            (name,),
        )
        fields = ("sequence", "name", "number", "what", "at_us", "by", "reason")
        return tuple(ModelEvent(**dict(zip(fields, row, strict=True))) for row in rows)  # type: ignore[arg-type]  # STRICT tables

    def onnx(self, digest: str) -> bytes:
        """The file of a version, checked against its content address.

        Args:
            digest: `ModelVersion.sha256` or `ModelVersion.baseline_sha256`.

        Raises:
            ModelFileError: It is missing or damaged.
        """
        return self.files.get(digest)

    def close(self) -> None:
        """Close the database; calling it twice is harmless."""
        self._database.close()

    def _check_format(self, *, read_only: bool) -> None:
        found = _format(self._database.connection)
        if found > FORMAT:
            raise StateError(
                f"{self._database.path} has format {found}, and this forerun reads up to {FORMAT}; "
                "use a newer forerun"
            )
        if found == 0 and read_only:
            raise StateError(f"{self._database.path} is empty: run the app first")
        if found == 0:
            with self._database.transaction() as connection:
                if _format(connection) == 0:  # nobody else made it meanwhile
                    for statement in _SCHEMA:
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _add(self, table: str, version: str, name: str, definition: str, created_us: int) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                f"INSERT INTO {table} VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (version, name, definition, created_us),
            )

    def _versions(self, condition: str, parameters: tuple[object, ...]) -> tuple[ModelVersion, ...]:
        fields = ("name", "number", "sha256", "baseline_sha256", "app_version", "feature_version",
                  "code_version", "facts", "created_us", "status")  # fmt: skip
        found = []
        for row in self._database.rows(_VERSION + condition, parameters):
            values = dict(zip(fields, row, strict=True))
            values["facts"] = json.loads(cast(str, values["facts"]))
            found.append(ModelVersion(**values))  # type: ignore[arg-type]  # the tables are STRICT
        return tuple(found)


def _format(connection: sqlite3.Connection) -> int:
    [found] = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def _status(connection: sqlite3.Connection, name: str, number: int) -> str:
    [found] = connection.execute(
        "SELECT status FROM model WHERE name = ? AND number = ?", (name, number)
    ).fetchone()
    return str(found)


def _set_status(connection: sqlite3.Connection, name: str, number: int, status: str) -> None:
    connection.execute("UPDATE model SET status = ? WHERE name = ? AND number = ?", (status, name, number))


def _note(
    connection: sqlite3.Connection, name: str, number: int, what: What, at_us: int, by: str, reason: str
) -> None:
    connection.execute(
        "INSERT INTO model_event (name, number, what, at_us, by, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (name, number, what, at_us, by, reason),
    )
