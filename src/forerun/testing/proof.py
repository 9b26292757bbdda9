"""The proof of an app against crashes: histories on events made up from its declarations."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forerun.errors import ArgumentError
from forerun.testing.crew import Stop, Told, side_by_side
from forerun.testing.traffic import traffic_of

if TYPE_CHECKING:
    from forerun.runtime.app import App
    from forerun.testing.histories import Histories, Tally

BLOCK = 500
"""Seeds that share one log of events."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that came out otherwise than without a crash.

    Args:
        seed: Lives through it again.
        problem: What it is.
    """

    seed: int
    problem: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What was tried, and found.

    Args:
        histories: Crashes, each with a restart that was let run to its end and checked.
        disks: Different contents of the disk that they left.
        restarts: Those that hit a restart.
        recovering: Those of them that hit it while it recovered.
        errors: Errors that disks gave.
        retries: Events that got through and were sent again, because the answer was lost; none where no
            stream looks for duplicates.
        violations: What was wrong.
        seconds: How long it took.
    """

    histories: int
    disks: int
    restarts: int
    recovering: int
    errors: int
    retries: int
    violations: tuple[Violation, ...]
    seconds: float

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "histories": self.histories,
            "disks": self.disks,
            "restarts": self.restarts,
            "recovering": self.recovering,
            "errors": self.errors,
            "retries": self.retries,
            "seconds": round(self.seconds, 1),
            "violations": [{"seed": one.seed, "problem": one.problem} for one in self.violations],
        }


def prove(
    load: Callable[[], "App"],
    *,
    seconds: float,
    first: int,
    clock: Callable[[], float],
    processes: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Proof:
    """Live through crash histories of an app until time is up or something is wrong.

    Args:
        load: Gives the app; neither it nor its data are changed. Called in every process, so that it must be
            something that can be pickled, if there are several.
        seconds: How long; at least one history is lived through.
        first: Which logs of events to begin with; each process takes every so-manieth.
        clock: Seconds.
        processes: How many work side by side; one: this process does it.
        progress: Told how many histories there were.

    Raises:
        ArgumentError: apsw is not installed, or a process was ended from outside.
    """
    _require_apsw()
    start_s, tally = clock(), _tally()

    def enough() -> bool:
        return clock() - start_s >= seconds

    shares = [Share(load, first + number, processes) for number in range(processes)]
    if processes == 1:
        tally.add(shares[0](enough, progress))
    else:
        for found in side_by_side(shares, enough=enough, progress=progress):
            tally.add(found)
    return _proof(tally, tally.violations, clock() - start_s)


@dataclass(frozen=True, slots=True)
class Share:
    """The part of all logs that one process takes.

    Args:
        load: Gives the app.
        first: The first of its logs.
        apart: How many further on the next one is.
    """

    load: Callable[[], "App"]
    first: int
    apart: int

    def __call__(self, stop: Stop, told: Told) -> "Tally":
        """Live through histories until it is time to stop, or something is wrong.

        Args:
            stop: Whether it is; asked after every chain.
            told: Told how many histories there were.
        """
        tally, app = _tally(), self.load()
        for block in itertools.count(self.first, self.apart):
            with _scratch() as directory:
                histories = _histories(app, block, Path(directory))
                for seed in range(block * BLOCK, (block + 1) * BLOCK):
                    histories.chain(seed)
                    told(tally.histories + histories.tally.histories)
                    if histories.tally.violations or stop():
                        tally.add(histories.tally)
                        return tally
                tally.add(histories.tally)
        raise AssertionError("logs do not end")


def again(app: "App", seed: int, *, clock: Callable[[], float]) -> Proof:
    """Live once more through the histories that a seed names.

    Args:
        app: The app.
        seed: The seed.
        clock: Seconds.

    Raises:
        ArgumentError: apsw is not installed.
    """
    start_s = clock()
    with _scratch() as directory:
        histories = _histories(app, seed // BLOCK, Path(directory))
        problems = histories.chain(seed)
    return _proof(histories.tally, [(seed, problem) for problem in problems], clock() - start_s)


def _proof(tally: "Tally", violations: Iterable[tuple[int, str]], seconds: float) -> Proof:
    return Proof(
        histories=tally.histories,
        disks=len(tally.images),
        restarts=tally.recoveries,
        recovering=tally.recovering,
        errors=tally.faults.total(),
        retries=tally.retries,
        violations=tuple(Violation(seed, problem) for seed, problem in violations),
        seconds=seconds,
    )


def _histories(app: "App", block: int, directory: Path) -> "Histories":
    _require_apsw()
    from forerun.testing.histories import Histories

    return Histories(traffic_of(app, block), directory)


def _tally() -> "Tally":
    _require_apsw()
    from forerun.testing.histories import Tally

    return Tally()


def _require_apsw() -> None:
    try:
        import apsw  # noqa: F401
    except ModuleNotFoundError as exc:
        raise ArgumentError(
            "the simulated disk needs apsw, whose SQLite takes a disk of ours: pip install 'forerun[prove]'"
        ) from exc


def _scratch() -> "tempfile.TemporaryDirectory[str]":
    """A directory for locks, in memory where that is possible; its name says whose it is."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(
        prefix=f"forerun-{os.getpid()}-", dir=memory if memory.is_dir() else None
    )
