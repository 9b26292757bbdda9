"""Progress over the steps of the journal, for commands that read all of it."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """A bar on a terminal, nothing elsewhere.

    Args:
        doing: What is being done.
        quiet: Show nothing at all.
    """

    def __init__(self, doing: str, *, quiet: bool) -> None:
        self._progress = Progress(
            TextColumn(doing),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def moved(self, done: int, total: int) -> None:
        """Show how many steps are done."""
        self._progress.update(self._task, completed=done, total=total)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
