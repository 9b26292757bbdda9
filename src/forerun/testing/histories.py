"""Crash histories: where the power failed, what survived, and whether anybody could tell afterwards.

A seed names a chain: an undisturbed run is cut off somewhere, the disk keeps what a draw says, the app
starts again on it and runs to its end, which is checked. That is one history. Then this second run is cut
off, more often than not while it recovers, and so on, up to three crashes in a row: as many histories.
"""

import errno
import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from forerun.errors import ForerunError
from forerun.testing.disk import FATES, Contents, Fault, Kind
from forerun.testing.invariants import EVERYTHING, PROGRESS, Evidence, Position, judge, title
from forerun.testing.outcome import Outcome
from forerun.testing.trial import Traffic, Trial, run_trial
from forerun.testing.witness import Witness
from forerun.testing.world import SimulatedMachine

CRASHES_MAX = 3
VARIANTS = 6
"""Undisturbed runs that chains begin with: each cuts its steps, files and checkpoints another way."""

RECENT = 1000
"""Runs kept at hand, for crashes that leave the same as an earlier one."""

FAULTS: tuple[tuple[Kind, int], ...] = (
    ("write", errno.ENOSPC),
    ("create", errno.ENOSPC),
    ("write", errno.EIO),
    ("sync", errno.EIO),
    ("sync", errno.EIO),
    ("rename", errno.EIO),
    ("sync_directory", errno.EIO),
)


@dataclass(slots=True)
class Tally:
    """What was tried.

    Args:
        histories: Crashes with a checked recovery behind each.
        runs: Recoveries that were lived through; crashes that leave the very same bytes share one.
        recoveries: Those of them whose crash fell into a run that was itself a restart.
        recovering: Those whose crash fell before that restart had recovered.
        faults: Errors of the disk that were given, by name.
        retries: Events that a client sent again although they had got through: only the answer was lost.
        images: Digests of what disks held after crashes.
        compared: By kind, how many things were compared.
        violations: What was wrong, with the seed.
    """

    histories: int = 0
    runs: int = 0
    recoveries: int = 0
    recovering: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    images: set[bytes] = field(default_factory=set)
    compared: Counter[str] = field(default_factory=Counter)
    violations: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count another tally in.

        Args:
            other: The other.
        """
        self.histories += other.histories
        self.runs += other.runs
        self.recoveries += other.recoveries
        self.recovering += other.recovering
        self.faults += other.faults
        self.retries += other.retries
        self.images |= other.images
        self.compared += other.compared
        self.violations += other.violations


@dataclass(frozen=True, slots=True)
class Expected:
    """What is due.

    Args:
        outcome: What every run must leave.
        states: The hash of the state at every place in the log where a step can end.
    """

    outcome: Outcome
    states: Mapping[Position, str]


class Histories:
    """Crash histories of one app.

    Args:
        traffic: The app and what comes in.
        directory: For scratch; best in memory.
        expected: What every run must leave; None: what an undisturbed one leaves.
        faults: Share of the restarts whose disk gives an error.
        consult: Which invariants are checked.
    """

    def __init__(
        self,
        traffic: Traffic,
        directory: Path,
        expected: Expected | None = None,
        faults: float = 0.1,
        consult: Collection[str] = EVERYTHING,
    ) -> None:
        self._traffic = traffic
        self._consult = consult
        self._faults = faults
        self._machine = SimulatedMachine(directory)
        self._machine.data.mkdir(parents=True, exist_ok=True)
        self._done: dict[int, Trial] = {}
        self._recent: dict[tuple[bytes, bool, int], Trial] = {}
        self._repeated: dict[tuple[int, ...], Outcome] = {}
        self.tally = Tally()
        self.expected = expected if expected is not None else self._expected()

    def chain(self, seed: int) -> list[str]:
        """Live through the histories that a seed names.

        Args:
            seed: The seed.

        Returns:
            What was wrong; empty when nothing was.
        """
        chance = random.Random(seed)
        trial = self.undisturbed(chance.randrange(VARIANTS))
        known = Witness()
        # However steps, files and checkpoints are cut: the same to the last bit.
        problems = self._judge(trial, known)
        for crashes in range(1, 0 if problems else chance.randint(1, CRASHES_MAX) + 1):
            moment, during = _moment(trial, chance, first=crashes == 1)
            known.learn(trial, moment, str(self._machine.data), chance)
            trial = self._recovered(trial.disk.survivors(moment, chance.choice(FATES), chance), known)
            problems += self._judge(trial, known)
            if trial.error is not None and not problems:
                # The disk's error ended it. With the disk in order again it must go on.
                known.learn(trial, len(trial.disk.trace), str(self._machine.data), chance)
                left = trial.disk.survivors(len(trial.disk.trace), chance.choice(FATES), chance)
                trial = self._recovered(left, known, in_order=True)
                problems += self._judge(trial, known)
            self.tally.retries += known.doubled(trial)
            self.tally.histories += 1
            self.tally.recoveries += crashes > 1
            self.tally.recovering += crashes > 1 and during
            if problems:
                break
        self.tally.violations += [(seed, problem) for problem in problems]
        return problems

    def _recovered(self, contents: Contents, known: Witness, *, in_order: bool = False) -> Trial:
        """A run on what a crash has left, in which the client goes on with what nobody has acknowledged.

        What happens in it depends on that alone, so it is lived once.
        """
        digest = _digest(contents, str(self._machine.data.parent))
        self.tally.images.add(digest)
        key = (digest, in_order, known.acknowledged)
        trial = self._recent.pop(key, None)
        if trial is None:
            chance = random.Random(digest)
            fault = None if in_order or chance.random() > self._faults else _fault(chance)
            client = self._traffic.client
            left = range(known.acknowledged, len(client.events)) if client is not None else ()
            trial = run_trial(self._machine, self._traffic, contents, chance, fault, left)
            self.tally.runs += 1
            if fault is not None and fault.hit:
                self.tally.faults[f"{errno.errorcode[fault.code]} at {fault.kind}"] += 1
        self._recent[key] = trial
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        return trial

    def _judge(self, trial: Trial, known: Witness) -> list[str]:
        if trial.error is not None:
            return _bad_end(trial) if PROGRESS in self._consult else []
        assert trial.found is not None, "a run that ended without an error has been read"
        if trial.recovered is not None:
            known.recovered = [trial.recovered]
        client = self._traffic.client
        compared, problems = judge(
            Evidence(
                trial.found,
                self._due(trial.copies, known),
                answers=known.answers,
                acknowledged={} if client is None else {client.stream: client.rows(known.acknowledged)},
                ends=known.ends,
                recovered_ends=trial.ends,
                lines=known.lines,
                parts={folder: list(parts.values()) for folder, parts in known.parts.items()},
                recovered=known.recovered,
                states=self.expected.states,
            ),
            self._consult,
        )
        self.tally.compared += compared
        return problems

    def _due(self, copies: tuple[int, ...], known: Witness) -> Outcome:
        """What a run must leave that has each event of the client so often in the log.

        Each copy but the first is a duplicate, with a place in the log and in the counts. More copies than
        there were restarts are wrong, and so are events too many or too few.
        """
        client = self._traffic.client
        if client is None or len(copies) != len(client.events) or sum(copies) - len(copies) > known.restarts:
            return self.expected.outcome
        if sum(copies) == len(copies):
            return self.expected.outcome
        if copies not in self._repeated:
            sends = [number for number, times in enumerate(copies) for _ in range(times)]
            found = run_trial(self._machine, self._traffic, None, random.Random(0), None, sends).found
            assert found is not None, "nothing happens to an undisturbed run"
            self._repeated[copies] = found.outcome
        return self._repeated[copies]

    def undisturbed(self, variant: int) -> Trial:
        """A run that nothing happens to.

        Args:
            variant: Which one, from 0.
        """
        trial = self._done.get(variant)
        if trial is None:
            trial = run_trial(self._machine, self._traffic, None, random.Random(variant))
            if trial.error is not None:
                raise trial.error
            self._done[variant] = trial
        return trial

    def _expected(self) -> Expected:
        client = self._traffic.client
        if client is not None and self.undisturbed(0).copies != (1,) * len(client.events):
            # Its events come too late for this log, or look like others in it: copies cannot be told apart.
            self._traffic = replace(self._traffic, client=None)
            self._done.clear()
        found = self.undisturbed(0).found
        assert found is not None, "an undisturbed run has been read"
        states: dict[Position, str] = {}
        # Without the client: which of its events are in the log, and how often, its numbers do not say.
        stepwise = run_trial(
            self._machine,
            replace(self._traffic, client=None),
            None,
            random.Random(0),
            states=states,
        )
        if stepwise.error is not None:
            raise stepwise.error
        return Expected(found.outcome, states)


def _moment(trial: Trial, chance: random.Random, *, first: bool) -> tuple[int, bool]:
    """When the power fails, and whether that is before the recovery is over."""
    if not first and chance.random() < 0.6:
        return chance.randint(0, trial.opened), True
    trace = trial.disk.trace
    moment = chance.randint(0, len(trace))
    if chance.random() < 0.3:
        # Most operations are the database's. A file is written and synced in a moment that is easily missed.
        files = [at + 1 for at, done in enumerate(trace) if ".db" not in done.path]
        moment = chance.choice(files or [moment])
    return moment, moment <= trial.opened


def _fault(chance: random.Random) -> Fault:
    kind, code = chance.choice(FAULTS)
    return Fault(kind, chance.choice((1, 2, 3, 4, 5, 8, 13, 21, 34, 55, 89)), code)


def _bad_end(trial: Trial) -> list[str]:
    """An error is as it should be only if the disk gave one, and it says so with a code."""
    if trial.fault is None or not trial.fault.hit:
        return [f"{title(PROGRESS)}: the restart failed: {trial.error!r}"]
    if not isinstance(trial.error, ForerunError):
        fault = f"{errno.errorcode[trial.fault.code]} at {trial.fault.kind}"
        return [f"{title(PROGRESS)}: after {fault} it ended with {trial.error!r}"]
    return []


def _digest(contents: Contents, root: str) -> bytes:
    digest = blake2b(digest_size=8)
    for path in sorted(contents):
        digest.update(path.removeprefix(root).encode())
        digest.update(contents[path] or b"")
    return digest.digest()
