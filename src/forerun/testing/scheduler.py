"""A scheduler without threads: what runs beside the steps runs when a draw says, one piece at a time."""

import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from collections.abc import Callable

from forerun.runtime.worker import Work


class Scheduler:
    """Interleaves workers with the steps and with each other in any order, repeatably.

    Args:
        chance: Draws the order.
        watch: Told whenever something was committed; None: nobody.

    >>> done = []
    >>> scheduler = Scheduler(random.Random(4))
    >>> relay, export = (scheduler.start(name, lambda name=name: done.append(name)) for name in "re")
    >>> for _ in range(3):
    ...     relay.nudge(); export.nudge()
    >>> relay.close(); export.close()
    >>> done
    ['r', 'e', 'r', 'e', 'r', 'e']
    """

    def __init__(self, chance: random.Random, watch: Callable[[], None] | None = None) -> None:
        self._chance = chance
        self._watch = watch
        self._workers: list[_Waiting] = []

    def start(self, name: str, work: Work) -> "_Waiting":  # noqa: ARG002 - as runtime.worker.Worker
        """A worker of this scheduler.

        Args:
            name: Unused; threads have one.
            work: What it does.
        """
        worker = _Waiting(self, work)
        self._workers.append(worker)
        return worker

    def turn(self) -> None:
        """Give each worker that is due a chance."""
        if self._watch is not None:
            self._watch()
        for worker in self._chance.sample(self._workers, len(self._workers)):
            if worker.due and self._chance.random() < 0.5:
                worker.close()


class _Waiting:
    """A worker that waits for its turn."""

    def __init__(self, scheduler: Scheduler, work: Work) -> None:
        self._scheduler = scheduler
        self._work = work
        self.due = False

    def nudge(self) -> None:
        """There may be work; somebody gets a turn."""
        self.due = True
        self._scheduler.turn()

    def close(self) -> None:
        """Do what is due."""
        if self.due:
            self.due = False
            self._work()
