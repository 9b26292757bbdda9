"""Where the engine meets the world, so that a test or a simulator can put its own in place of it."""

from dataclasses import dataclass

from forerun.runtime.clock import Clock
from forerun.runtime.export import PART_ROWS
from forerun.runtime.feed import PORTION_ROWS
from forerun.runtime.processor import CHECKPOINT_ROWS
from forerun.state.database import Connect
from forerun.state.files import Files


@dataclass(frozen=True, slots=True)
class World:
    """All that is not computed: time, files, databases; and the sizes that shape how it is done.

    >>> from forerun.runtime.clock import SystemClock
    >>> from forerun.state.files import RealFiles
    >>> World(SystemClock(), RealFiles()).threads
    True

    Args:
        clock: Time.
        files: The file system, for all files but the databases.
        connect: Opens databases; None: SQLite.
        part_rows: Rows of a Parquet file.
        portion_rows: Records of a step at full speed.
        checkpoint_rows: Records between checkpoints.
        threads: Whether relay and export run in threads of their own, or in line after each step.
    """

    clock: Clock
    files: Files
    connect: Connect | None = None
    part_rows: int = PART_ROWS
    portion_rows: int = PORTION_ROWS
    checkpoint_rows: int = CHECKPOINT_ROWS
    threads: bool = True
