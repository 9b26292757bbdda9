"""Work that follows a commit without holding up the next step, in a thread of its own."""

import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias


class Working(Protocol):
    """Work that is done again whenever it is nudged."""

    def nudge(self) -> None:
        """Say that there may be work."""

    def close(self) -> None:
        """Finish what is due."""


Work: TypeAlias = Callable[[], object]
"""Work; it returns when there is nothing left to do."""

StartWorker: TypeAlias = Callable[[str, Work], Working]
"""Given a name and work, makes a worker."""


class Worker:
    """A thread that does the same work again whenever it is nudged.

    However often it is nudged while it works, it works once more: the work itself finds out what there is to
    do, so nothing is queued in memory however slow it is. After an error it stops, and says so.

    Args:
        name: Of the thread.
        work: The work; it returns when there is nothing left to do.

    >>> done = []
    >>> worker = Worker("example", lambda: done.append(1))
    >>> worker.nudge()
    >>> worker.close()
    >>> done
    [1]
    """

    def __init__(self, name: str, work: Work) -> None:
        self._name = name
        self._work = work
        self._wake = threading.Condition()
        self._due = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self.error: BaseException | None = None

    def nudge(self) -> None:
        """Say that there may be work.

        Raises:
            BaseException: What stopped the thread earlier.
        """
        if self.error is not None:
            raise self.error
        with self._wake:
            self._due = True
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name=f"forerun-{self._name}", daemon=True)
                self._thread.start()
            self._wake.notify()

    def close(self) -> None:
        """Finish what is due, and end the thread.

        Raises:
            BaseException: What stopped the thread.
        """
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._due and not self._closed:
                    self._wake.wait()
                if not self._due:
                    return
                self._due = False
            try:
                self._work()
            except BaseException as exc:  # noqa: BLE001  # kept for the thread that asks
                self.error = exc
                return


class InLine:
    """A worker without a thread: it works when it is nudged, and the caller waits.

    Args:
        name: Unused; threads have one.
        work: The work.

    >>> done = []
    >>> InLine("example", lambda: done.append(1)).nudge()
    >>> done
    [1]
    """

    def __init__(self, name: str, work: Work) -> None:  # noqa: ARG002 - as Worker
        self._work = work

    def nudge(self) -> None:
        """Do the work."""
        self._work()

    def close(self) -> None:
        """Nothing is ever due."""
