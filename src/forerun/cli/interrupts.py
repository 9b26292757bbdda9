"""Ctrl-C: the first one asks the run to stop at a good place, the second one ends it where it is."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

ABORTED = 130
_SHOW_CURSOR = "\x1b[?25h"


class Interrupts:
    """While entered, SIGINT and SIGTERM set `stop`; a second SIGINT ends the process at once.

    Ending at once is safe: whatever was answered is on the disk, and the next start recovers the rest.

    Args:
        stop: Set by the first signal.
        said: Told of the first signal.

    >>> stop = threading.Event()
    >>> with Interrupts(stop, lambda: print("stopping")):
    ...     os.kill(os.getpid(), signal.SIGINT)
    stopping
    >>> stop.is_set()
    True
    """

    def __init__(self, stop: threading.Event, said: Callable[[], None] = lambda: None) -> None:
        self._stop = stop
        self._said = said
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, _: FrameType | None) -> None:
        if self._stop.is_set() and number == signal.SIGINT:
            if sys.stdout.isatty():
                sys.stdout.write(_SHOW_CURSOR)
                sys.stdout.flush()
            os._exit(ABORTED)
        if not self._stop.is_set():
            self._stop.set()
            self._said()
