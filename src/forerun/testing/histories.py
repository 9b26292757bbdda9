"""Crash histories: where the power failed, what survived, and whether anybody could tell afterwards.

A seed names a chain: an undisturbed run is cut off somewhere, the disk keeps what a draw says, the app
starts again on it and runs to its end, which is checked. That is one history. Then this second run is cut
off, more often than not while it recovers, and so on, up to three crashes in a row: as many histories.
"""

import errno
import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from forerun.errors import ForerunError
from forerun.testing.disk import FATES, Contents, Fault, Kind
from forerun.testing.outcome import Outcome
from forerun.testing.trial import Traffic, Trial, run_trial
from forerun.testing.world import SimulatedMachine

CRASHES_MAX = 3
VARIANTS = 6
"""Undisturbed runs that chains begin with: each cuts its steps, files and checkpoints another way."""

RECENT = 300
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
        violations: What was wrong, with the seed.
    """

    histories: int = 0
    runs: int = 0
    recoveries: int = 0
    recovering: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    images: set[bytes] = field(default_factory=set)
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
        self.violations += other.violations


class Histories:
    """Crash histories of one app.

    Args:
        traffic: The app and what comes in.
        directory: For scratch; best in memory.
        expected: What every run must leave; None: what an undisturbed one leaves.
        faults: Share of the restarts whose disk gives an error.
    """

    def __init__(
        self, traffic: Traffic, directory: Path, expected: Outcome | None = None, faults: float = 0.1
    ) -> None:
        self._traffic = traffic
        self._faults = faults
        self._machine = SimulatedMachine(directory)
        self._machine.data.mkdir(parents=True, exist_ok=True)
        self._done: dict[int, Trial] = {}
        self._recent: dict[tuple[bytes, bool, int], Trial] = {}
        self._repeated: dict[tuple[int, ...], Outcome] = {}
        self.expected = expected if expected is not None else self._expected()
        self.tally = Tally()

    def chain(self, seed: int) -> list[str]:
        """Live through the histories that a seed names.

        Args:
            seed: The seed.

        Returns:
            What was wrong; empty when nothing was.
        """
        chance = random.Random(seed)
        trial = self.undisturbed(chance.randrange(VARIANTS))
        known = _Known()
        # However steps, files and checkpoints are cut: the same to the last bit.
        problems = self._judge(trial, known)
        for crashes in range(1, 0 if problems else chance.randint(1, CRASHES_MAX) + 1):
            moment, during = _moment(trial, chance, first=crashes == 1)
            known.learn(trial, moment, chance)
            trial = self._recovered(trial.disk.survivors(moment, chance.choice(FATES), chance), known)
            problems += self._judge(trial, known)
            if trial.error is not None and not problems:
                # The disk's error ended it. With the disk in order again it must go on.
                known.learn(trial, len(trial.disk.trace), chance)
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

    def _recovered(self, contents: Contents, known: "_Known", *, in_order: bool = False) -> Trial:
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

    def _judge(self, trial: Trial, known: "_Known") -> list[str]:
        if trial.error is not None:
            return _bad_end(trial)
        assert trial.found is not None, "a run that ended without an error has been read"
        problems = list(trial.found.problems)
        for kind, stop in known.ends.items():
            if trial.ends.get(kind, 0) < stop:
                problems.append(f"a reader saw {stop} of {kind}, and {trial.ends.get(kind, 0)} are left")
        for path, lines in known.lines.items():
            topic = path.rpartition("/")[2].removesuffix(".jsonl")
            committed = trial.ends.get(f"log {topic}", 0)
            saw = lines.count(b"\n")
            if saw > committed:
                problems.append(f"somebody saw {saw} decisions of {topic}, and {committed} were made")
            if not trial.found.files.get(path, b"").startswith(lines):
                problems.append(f"a decision of {topic} that somebody saw is gone or another")
        for name, score in known.answers.items():
            if name not in trial.found.asked:
                problems.append(f"the answer {name} is lost")
            elif f"('score', {score!r})" not in trial.found.asked[name]:
                problems.append(f"the answer {name} was {score}, and is stored as something else")
        difference = self._due(trial.copies, known).difference(trial.found.outcome)
        return problems if difference is None else [*problems, difference]

    def _due(self, copies: tuple[int, ...], known: "_Known") -> Outcome:
        """What a run must leave that has each event of the client so often in the log.

        Each copy but the first is a duplicate, with a place in the log and in the counts. More copies than
        there were restarts are wrong, and so are events too many or too few.
        """
        client = self._traffic.client
        if client is None or len(copies) != len(client.events) or sum(copies) - len(copies) > known.restarts:
            return self.expected
        if sum(copies) == len(copies):
            return self.expected
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

    def _expected(self) -> Outcome:
        client = self._traffic.client
        if client is not None and self.undisturbed(0).copies != (1,) * len(client.events):
            # Its events come too late for this log, or look like others in it: copies cannot be told apart.
            self._traffic = replace(self._traffic, client=None)
            self._done.clear()
        found = self.undisturbed(0).found
        assert found is not None, "an undisturbed run has been read"
        return found.outcome


@dataclass(slots=True)
class _Known:
    """What people outside know by now, and must find again."""

    ends: dict[str, int] = field(default_factory=dict)
    answers: dict[str, float | None] = field(default_factory=dict)
    lines: dict[str, bytes] = field(default_factory=dict)
    acknowledged: int = 0
    restarts: int = 0
    copies: int = 0

    def doubled(self, trial: Trial) -> int:
        """How many copies of the client's events a run has made."""
        before, self.copies = self.copies, max(self.copies, sum(trial.copies) - len(trial.copies))
        return self.copies - before

    def learn(self, trial: Trial, moment: int, chance: random.Random) -> None:
        """What a run said before it was cut off."""
        self.restarts += 1
        words = [
            said for said in trial.said if said.acknowledged > self.acknowledged and said.moment <= moment
        ]
        if words:
            # The last word to the client may have been lost, if nothing was sent that only follows upon it.
            last = words[-1].acknowledged == len(trial.copies) or words[-1].moment == moment
            self.acknowledged = words[-1].acknowledged - (last and chance.random() < 0.5)
        for path in {*self.lines, *(path for path in trial.disk.paths() if path.endswith(".jsonl"))}:
            now = trial.disk.seen(path, moment)
            self.lines[path] = max(self.lines.get(path, b""), now[: now.rfind(b"\n") + 1], key=len)
        for said in trial.said:
            if said.moment <= moment:
                self.ends.update(
                    {kind: max(stop, self.ends.get(kind, 0)) for kind, stop in said.ends.items()}
                )
                if said.answer is not None:
                    self.answers[said.answer[0]] = said.answer[1]


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
        return [f"the restart failed: {trial.error!r}"]
    if not isinstance(trial.error, ForerunError):
        return [
            f"after {errno.errorcode[trial.fault.code]} at {trial.fault.kind} it ended with {trial.error!r}"
        ]
    return []


def _digest(contents: Contents, root: str) -> bytes:
    digest = blake2b(digest_size=8)
    for path in sorted(contents):
        digest.update(path.removeprefix(root).encode())
        digest.update(contents[path] or b"")
    return digest.digest()
