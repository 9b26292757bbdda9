"""All levels on one app, within a limit of time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from forerun.features.custom import NO_FUNCTIONS, Functions
from forerun.testing.nasty import NASTY, Habits, nasty_log
from forerun.testing.oracle.arrival import Arrival
from forerun.testing.parity.judge import judge
from forerun.testing.parity.level import Level
from forerun.testing.parity.order import PERMUTATIONS, order
from forerun.testing.parity.play import Log
from forerun.testing.parity.replay import BATCH_ROWS, LITTLE, THREADS, replay
from forerun.testing.parity.report import Report
from forerun.testing.parity.subject import Subject
from forerun.testing.parity.truth import truth

TAME = Habits(extreme=0.0, invalid=0.0, future=0.0)
"""For DuckDB, which has no sums that extreme values leave whole."""

REPLAY_EVENTS = 2_000
REPLAY_INPUTS = 2_000_000
"""Of a run of P1, about: an app of a thousand features is played fewer events, or takes half an hour."""
REPLAY_EVENTS_MIN = 500
ORDER_EVENTS = 2_000
JUDGE_EVENTS = 5_000
TRUTH_EVENTS = 400
"""Events of one nasty log for the oracle, which is quadratic: more cells come from more logs."""

Clock = Callable[[], float]
Progress = Callable[[str, float], None]
"""Gets the level, and how much of it is done, from 0 to 1."""


@dataclass(frozen=True)
class Limits:
    """How much is done.

    Args:
        seconds: For the oracle, beside which the rest is quick.
        cells: Stop the oracle after so many, even if there is time; None: only time stops it.
        permutations: Orders of arrival.
        seed: What all logs are drawn from.
        duckdb: Whether DuckDB judges too.
        memory: Bytes that entities and open windows may take in every second run of P1.

    >>> Limits().permutations
    20
    """

    seconds: float = 30.0
    cells: int | None = None
    permutations: int = PERMUTATIONS
    seed: int = 0
    duckdb: bool = False
    memory: int = LITTLE


def check(
    name: str,
    version: str,
    plan: str,
    *,
    functions: Functions = NO_FUNCTIONS,
    recorded: Sequence[Arrival] = (),
    training: Callable[[Progress], Level] | None = None,
    limits: Limits = Limits(),  # frozen
    clock: Clock,
    progress: Progress = lambda _level, _done: None,
) -> Report:
    """Put an app to the test on nasty logs shaped by its own declarations, and on what it has recorded.

    Args:
        name: The app's.
        version: The app's.
        plan: What `App.plan()` gives.
        functions: What `App.functions` gives.
        recorded: Events of its log, if it has any; see `recorded.sample`.
        training: Compares what it served with what its models learn from, if it has run; see `training`.
        limits: How much.
        clock: Seconds, for the time that each level takes.
        progress: Told how far it is.

    Returns:
        What was found.
    """
    subject = Subject(plan, functions)
    run = _Run(subject, recorded, limits, clock, progress)
    levels = [run.replay(), run.order(), run.truth()]
    if limits.duckdb:
        levels.append(run.judge())
    if training is not None:
        levels.append(run.timed(lambda: training(progress)))
    sources = [f"nasty logs drawn from seed {limits.seed}, shaped by the app's own declarations"]
    if recorded:
        played = min(len(recorded), _most_replayed(subject))
        short = (
            f"; P1 played the first {played}, as the app has many inputs" if played < len(recorded) else ""
        )
        sources.append(f"{len(recorded)} events of the app's own log{short}")
    return Report(name, version, limits.seed, sources, levels)


def _most_replayed(subject: Subject) -> int:
    inputs = sum(len(vector["inputs"]) for vector in subject.spec["vectors"])
    return max(REPLAY_INPUTS // max(inputs, 1), REPLAY_EVENTS_MIN)


@dataclass
class _Run:
    """The levels, one after the other."""

    subject: Subject
    recorded: Sequence[Arrival]
    limits: Limits
    clock: Clock
    progress: Progress

    def log(self, number: int, events: int, habits: Habits = NASTY) -> list[Arrival]:
        return nasty_log(self.limits.seed + number, events, self.subject.shapes, habits)

    def replay(self) -> Level:
        """P1, on a nasty log and on the recorded one."""
        most = _most_replayed(self.subject)
        logs = [self.log(0, min(REPLAY_EVENTS, most))]
        if self.recorded:
            logs.append(list(self.recorded)[:most])
        bar = _Bar(self.progress, "P1 replay", 2 * len(BATCH_ROWS) * len(THREADS) * len(logs))
        memory = self.limits.memory
        return self.timed(
            lambda: _joined([replay(Log(self.subject, log), memory=memory, step=bar.step) for log in logs])
        )

    def order(self) -> Level:
        """P2."""
        bar = _Bar(self.progress, "P2 order", self.limits.permutations + 1)
        log = self.log(0, ORDER_EVENTS)
        count, seed = self.limits.permutations, self.limits.seed
        return self.timed(lambda: order(self.subject, log, seed=seed, permutations=count, step=bar.step))

    def truth(self) -> Level:
        """P3: one nasty log after the other, the recorded one second, until there is no time left."""
        until = self.clock() + self.limits.seconds
        most = self.limits.cells

        def levels() -> Level:
            found: list[Level] = []

            def enough(level: Level) -> bool:
                cells = level.cells + sum(other.cells for other in found)
                left = until - self.clock()
                share = 1 - left / self.limits.seconds if self.limits.seconds > 0 else 1.0
                self.progress("P3 oracle", max(share, cells / most if most else 0.0))
                return left <= 0 or (most is not None and cells >= most)

            number = 0
            while True:
                log = self.log(number, TRUTH_EVENTS)
                if number == 1 and self.recorded:
                    log = list(self.recorded)
                found.append(truth(self.subject, log, seed=self.limits.seed + number, enough=enough))
                number += 1
                if enough(Level("", "")) or not self.subject.columns:
                    return _joined(found)

        return self.timed(levels)

    def judge(self) -> Level:
        """P3 by DuckDB."""
        bar = _Bar(self.progress, "P3 DuckDB", len(self.subject.columns))
        log = self.log(0, JUDGE_EVENTS, TAME)
        return self.timed(lambda: judge(self.subject, log, step=bar.step))

    def timed(self, level: Callable[[], Level]) -> Level:
        start = self.clock()
        made = level()
        made.seconds = self.clock() - start
        return made


class _Bar:
    """Progress in equal parts."""

    def __init__(self, progress: Progress, name: str, parts: int) -> None:
        self.progress, self.name, self.parts, self.done = progress, name, parts, 0

    def step(self) -> None:
        self.done += 1
        self.progress(self.name, self.done / max(self.parts, 1))


def _joined(levels: Sequence[Level]) -> Level:
    """Several runs of one level as one."""
    first = levels[0]
    return replace(
        first,
        cells=sum(level.cells for level in levels),
        bits=sum(level.bits for level in levels),
        differing=sum(level.differing for level in levels),
        first=next((level.first for level in levels if level.first is not None), None),
        notes=[note for level in levels[:2] for note in level.notes]
        + ([f"{len(levels) - 2} more logs"] if len(levels) > 2 else []),
    )
