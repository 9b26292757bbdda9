"""Where the engine meets the world, so that a test or a simulator can put its own in place of it."""

from collections.abc import Callable
from dataclasses import dataclass

from forerun.models.training import Trained, train
from forerun.runtime.active import Load, load_scorer
from forerun.runtime.clock import Clock
from forerun.runtime.export import PART_ROWS
from forerun.runtime.feed import PORTION_ROWS
from forerun.runtime.processor import CHECKPOINT_ROWS
from forerun.runtime.worker import StartWorker, Worker
from forerun.state.database import Connect
from forerun.state.files import Files


@dataclass(frozen=True, slots=True)
class World:
    """All that is not computed: time, files, databases; and the sizes that shape how it is done.

    >>> from forerun.runtime.clock import SystemClock
    >>> from forerun.state.files import RealFiles
    >>> World(SystemClock(), RealFiles()).worker.__name__
    'Worker'

    Args:
        clock: Time.
        files: The file system, for all files but the databases.
        connect: Opens databases; None: SQLite.
        part_rows: Rows of a Parquet file.
        portion_rows: Records of a step at full speed.
        checkpoint_rows: Records between checkpoints.
        worker: Starts what runs beside the steps (relay, export): in threads, in line, or when a draw says.
        train: Fits a model.
        load: Makes a model file score.
        memory: Bytes that entities and open windows may take in memory; None: as many as they take.
    """

    clock: Clock
    files: Files
    connect: Connect | None = None
    part_rows: int = PART_ROWS
    portion_rows: int = PORTION_ROWS
    checkpoint_rows: int = CHECKPOINT_ROWS
    worker: StartWorker = Worker
    train: Callable[..., Trained] = train
    load: Load = load_scorer
    memory: int | None = None
