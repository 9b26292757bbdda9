"""Shows a run while it goes on: the live view on a terminal, plain lines anywhere else."""

import json
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, RenderableType
from rich.live import Live

from forerun.console.facts import LiveFacts
from forerun.console.live import LiveView
from forerun.console.plain import PlainProgress

if TYPE_CHECKING:
    from collections.abc import Callable

REFRESH_PER_S = 4


class Screen:
    """A place to show moments of a run.

    Args:
        console: Where to; a terminal gets the live view.
        facts: The moment now, asked for at every refresh.
        as_json: Write a JSON object in place of a line.
    """

    def __init__(self, console: Console, facts: "Callable[[], LiveFacts]", *, as_json: bool = False) -> None:
        self._console = console
        self._facts = facts
        self._plain = PlainProgress()
        self._live: Live | None = None
        self._as_json = as_json
        self._ticks = 0
        if console.is_terminal and not as_json:
            # `refresh` is ours to call: the facts are not gathered by a thread that nobody waits for.
            self._live = Live(
                console=console, auto_refresh=False, get_renderable=self._view, vertical_overflow="crop"
            )

    def refresh(self) -> None:
        """Show the moment now; to be called `REFRESH_PER_S` times a second."""
        if self._live is not None:
            self._live.refresh()
            return
        facts = self._facts()
        line = self._plain.line(facts)
        if line is not None:
            print(json.dumps({"event": "progress", **spoken(facts)}) if self._as_json else line, flush=True)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def _view(self) -> RenderableType:
        self._ticks += 1
        return LiveView(self._facts(), self._ticks)


def spoken(facts: LiveFacts) -> dict[str, object]:
    """The moment for a program: everything but what only a picture needs.

    >>> spoken(LiveFacts(app="shop", phase="collect"))["phase"]
    'collect'
    """
    return {name: value for name, value in asdict(facts).items() if name not in ("history", "details")}
