"""Where an app and its data are."""

import fcntl
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forerun.errors import AppNotFoundError, ArgumentError, NothingYetError

if TYPE_CHECKING:
    from forerun.runtime.app import App


@dataclass(frozen=True, slots=True)
class Place:
    """An app's file or folder as the user wrote it, and its data directory.

    Args:
        app: As written on the command line; commands that we suggest repeat it.
        data: The data directory; it may not exist yet.
        data_given: Whether the user named it, so that commands that we suggest must too.

    >>> Place(Path("shop"), Path("elsewhere"), data_given=True).argument
    'shop --data-dir elsewhere'
    """

    app: Path
    data: Path
    data_given: bool = False

    @property
    def argument(self) -> str:
        """How commands that take the app as their argument are told where it is."""
        given = f" --data-dir {shlex.quote(str(self.data))}" if self.data_given else ""
        return shlex.quote(str(self.app)) + given

    @property
    def option(self) -> str:
        """The same for commands that take it as an option."""
        return f"--app {self.argument}"

    @property
    def database(self) -> Path:
        """The database of log, journal and state."""
        return self.data / "forerun.db"

    @property
    def keys(self) -> Path:
        """The API keys."""
        return self.data / "keys.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.data / "report.html"

    def load(self) -> "App":
        """Import the app.

        Raises:
            DefinitionError: There is none, or it says something that cannot work.
        """
        from forerun.runtime.load import load

        return load(self.app)

    def running(self) -> bool:
        """Whether a process holds the data directory now."""
        try:
            holder = int((self.data / "lock").read_text())
            os.kill(holder, 0)
        except (OSError, ValueError):
            return False
        with (self.data / "lock").open() as lock:
            try:
                # Shared, and for an instant: the process number alone may belong to another one by now.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def require_streams(self, app: "App") -> None:
        """Stop unless the app has streams, of which events can be made up.

        Args:
            app: The app.

        Raises:
            ArgumentError: It has none.
        """
        if not app.streams:
            raise ArgumentError(f"{self.app} declares no stream; write @app.stream(key=..., lateness=...).")

    def require_run(self) -> None:
        """Stop unless the app has been run here.

        Raises:
            NothingYetError: It has not.
        """
        if not self.database.exists():
            raise NothingYetError(
                f"{self.app} has not been run with its data in {self.data}; "
                f"start with: forerun run {self.argument}"
            )


def find(app: Path, data_dir: Path | None) -> Place:
    """Find an app and its data directory.

    Args:
        app: A folder with app.py, or the file.
        data_dir: The data directory; None: `.forerun` beside the file.

    Raises:
        AppNotFoundError: There is no such file.
        ArgumentError: The data directory is a file.
    """
    file = app / "app.py" if app.is_dir() else app
    if not file.is_file():
        raise AppNotFoundError(
            f"there is no {file}; name a folder with an app.py, or make one with: forerun new shop",
            at=(None, None),
        )
    if data_dir is not None and data_dir.is_file():
        raise ArgumentError(f"{data_dir} is a file; name a directory for the app's data.")
    if data_dir is not None:
        return Place(app, data_dir, data_given=True)
    return Place(app, file.parent / ".forerun")
