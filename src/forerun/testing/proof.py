"""The proof of an app against crashes: histories on events made up from its declarations."""

import itertools
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forerun.errors import ArgumentError
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
        violations: What was wrong.
        seconds: How long it took.
    """

    histories: int
    disks: int
    restarts: int
    recovering: int
    errors: int
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
            "seconds": round(self.seconds, 1),
            "violations": [{"seed": one.seed, "problem": one.problem} for one in self.violations],
        }


def prove(
    app: "App",
    *,
    seconds: float,
    first: int,
    clock: Callable[[], float],
    progress: Callable[[int], None] = lambda _: None,
) -> Proof:
    """Live through crash histories of an app until time is up or something is wrong.

    Args:
        app: The app; neither it nor its data are changed.
        seconds: How long; at least one history is lived through.
        first: Which logs of events to begin with.
        clock: Seconds.
        progress: Told how many histories there were.

    Raises:
        ArgumentError: apsw is not installed.
    """
    start_s, tally = clock(), _tally()
    for block in itertools.count(first):
        with tempfile.TemporaryDirectory(prefix="forerun-", dir=_memory()) as directory:
            histories = _histories(app, block, Path(directory))
            before, tally_of = tally.histories, histories.tally
            for seed in range(block * BLOCK, (block + 1) * BLOCK):
                histories.chain(seed)
                progress(before + tally_of.histories)
                if tally_of.violations or clock() - start_s >= seconds:
                    break
            tally.add(tally_of)
        if tally.violations or clock() - start_s >= seconds:
            break
    return _proof(tally, tally.violations, clock() - start_s)


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
    with tempfile.TemporaryDirectory(prefix="forerun-", dir=_memory()) as directory:
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


def _memory() -> Path | None:
    """A directory in memory, for locks; None where there is none."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None
