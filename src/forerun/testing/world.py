"""A whole simulated world: a disk that can crash, a clock that jumps, a scheduler that draws."""

import itertools
import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from collections.abc import Callable
from pathlib import Path

from forerun.runtime.world import World
from forerun.testing import stand_in
from forerun.testing.clock import JumpingClock
from forerun.testing.disk import Contents, Fault, SimulatedDisk
from forerun.testing.files import SimulatedFiles
from forerun.testing.scheduler import Scheduler
from forerun.testing.sqlite import SimulatedSqlite

_NUMBERS = itertools.count()


class SimulatedMachine:
    """A machine that is switched on again and again, each time with what its disk kept.

    Args:
        directory: For locks and nothing else; best in memory. The simulated disk uses its name.
    """

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        self.connect = SimulatedSqlite(SimulatedDisk(), f"forerun-{next(_NUMBERS)}")
        self._root = str(directory)

    def start(
        self,
        contents: Contents | None,
        chance: random.Random,
        fault: Fault | None = None,
        watch: Callable[[], None] | None = None,
    ) -> World:
        """Switch it on.

        Args:
            contents: What is on the disk; None: nothing, a new one.
            chance: Draws sizes, jumps of the clock, the order of work.
            fault: An error of the disk.
            watch: Told whenever something was committed.
        """
        disk = SimulatedDisk({self._root: None} if contents is None else contents, fault)
        self.connect.switch_on(disk, random.Random(chance.random()))
        return World(
            JumpingClock(chance if chance.random() < 0.2 else None),
            SimulatedFiles(disk),
            self.connect,
            part_rows=chance.choice((8, 30)),
            portion_rows=chance.choice((4, 9, 16, 1000)),
            checkpoint_rows=chance.choice((5, 15, 1000)),
            worker=Scheduler(chance, watch).start,
            train=stand_in.fit,
            load=stand_in.load,
            memory=chance.choice((None, 1, 10_000, 100_000)),
        )

    @property
    def disk(self) -> SimulatedDisk:
        """The disk since the last start."""
        return self.connect.disk
