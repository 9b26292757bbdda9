"""Runs of one log on a real disk, killed or refused at a system call, and compared with the oracle."""

import logging
import re
import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.agreement import misplaced, unlike_oracle, unlike_oracle_when_recovered
from tests.crash.bystander import Bystander
from tests.crash.copies import CALLS, Ended, Say, copy
from tests.crash.full_disk import full_disk
from tests.crash.oracle import Oracle
from tests.crash.sender import Notes
from tests.crash.till import table
from tests.crash.workload import Copies, Left, Workload, find, run

from forerun.testing.histories import Expected
from forerun.testing.invariants import PROGRESS, Evidence, judge, title
from forerun.testing.outcome import Outcome, Row

LINE = re.compile(r"^\d+ +(\w+)\((.*)")

NOT_MOUNTED, FILLED = "not possible here", "full, went on when there was room"
"""What comes of really full disks."""

FEATURES = "I5 features"
"""What the invariants do not compare: features that were read after a recovery, with the oracle's."""


@dataclass(slots=True)
class Findings:
    """What was tried and found.

    Args:
        kills: Kills that happened, by system call.
        failures: Calls that failed because strace put an error into them, by call and error.
        again: Kills of a restart.
        retries: Events of the client that got through twice, because it was not told.
        full: Really full disks, by what came of them.
        compared: By kind, how many things were compared.
        problems: What was wrong.
    """

    kills: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    again: int = 0
    retries: int = 0
    full: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, other: dict[str, Any]) -> None:
        """Count another process's findings in.

        Args:
            other: Them, as JSON.
        """
        for name in ("kills", "failures", "full", "compared"):
            getattr(self, name).update(other[name])
        self.again += other["again"]
        self.retries += other["retries"]
        self.problems += other["problems"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A data directory and those who know of it.

    Args:
        place: A directory of its own.
        bystander: Who looks.
    """

    place: Path
    bystander: Bystander = field(default_factory=Bystander)

    @property
    def data(self) -> Path:
        """The data directory, alone in the one it is in."""
        return self.place / "disk" / "data"

    @property
    def notes(self) -> Notes:
        """What the client knows, outside of it."""
        return Notes(self.place / "notes")


class Harness:
    """Runs of one log, against its oracle.

    Args:
        seed: Names the log.
        directory: Where data directories are made.
    """

    def __init__(self, seed: int, directory: Path) -> None:
        self._load = Workload.of(seed, directory)
        # That the endpoint logs what it could not do is as it should be, and here it is wanted.
        logging.getLogger("forerun.serving").setLevel(logging.CRITICAL)
        self._directory = directory
        self.findings = Findings()
        # Once in this process: what is imported on the way need not be imported by every copy.
        trial = self._trial()
        run(self._load, trial.data, trial.notes, _nobody)
        self._expected: dict[Copies, Expected] = {}
        once = (1,) * len(self._load.sent)
        for copies in (once, *(_twice(once, number) for number in range(len(once)))):
            self._expected[copies] = self._due(copies)
        self._trace = directory / "trace"
        trial = self._trial()
        ended = self._copy(trial, ["-e", f"trace={CALLS}", "-o", str(self._trace)])
        self.points = _points(self._trace.read_text(), trial.data)
        # That nothing but the cuts of steps makes it so, says the oracle.
        self._check("undisturbed", trial, ended)

    def kill(self, call: str, number: int, *, again: str | None = None) -> None:
        """Kill a run at a call, perhaps its restart as well, let it end, and compare.

        Args:
            call: The system call.
            number: Which of them, from 1.
            again: Kill the restart too, at its first such call.
        """
        trial = self._trial()
        ended = self._traced(trial, call, "signal=KILL", number)
        if not ended.killed:
            # A call that this run did not make: it was one more or less of what waits for the clock.
            self._check(f"not killed at {call} {number}", trial, ended)
            return
        self.findings.kills[call] += 1
        trial.bystander.look(trial.data)
        if again is not None:
            ended = self._traced(trial, again, "signal=KILL", 1 + number % 3)
            if not ended.killed and ended.code != 0:
                # The next start may heal what this one could not stand.
                self._check(f"killed at {call} {number}, then started", trial, ended)
                return
            self.findings.again += ended.killed
            self.findings.kills[again] += ended.killed
            trial.bystander.look(trial.data)
        self._check(f"killed at {call} {number}", trial, self._copy(trial))

    def require_an_end(self, name: str) -> None:
        """See that a run comes to its end when nothing happens to it.

        Args:
            name: What was done to the product.

        Raises:
            RuntimeError: It does not.
        """
        ended = self._copy(self._trial())
        if ended.code != 0:
            raise RuntimeError(f"{name}: without any kill it ends with {ended.last('exception')}")

    def fail(self, call: str, error: str, number: int) -> None:
        """Let a call fail, see that it ends with a code, let it go on, and compare.

        Args:
            call: The system call.
            error: As `errno` calls it.
            number: Which of them, from 1; for ENOSPC all from there on, but for `write`, which pipes use too.
        """
        trial = self._trial()
        more = "+" if error == "ENOSPC" and call != "write" else ""
        ended = self._traced(trial, call, f"error={error}", number, more)
        name = f"{error} at {call} {number}"
        # A run may make fewer such calls than the first one or others; it is compared all the same.
        hit, anything = injected(self._trace.read_text(), trial.data)
        self.findings.failures[f"{error} at {call}"] += hit
        # What failed elsewhere is the pipe to this process, or the client's file.
        disturbed = anything and not hit
        if ended.code != 0 and not disturbed and not str(ended.last("error")).startswith("FR-STATE"):
            self.findings.problems.append(f"{name}: it ended with {ended.last('exception')}")
        trial.bystander.look(trial.data)
        self._check(name, trial, self._copy(trial))

    def fill(self, kib: int) -> None:
        """Run on a small disk until it is full, make room, let it go on, and compare.

        Args:
            kib: Size of the disk.
        """
        trial = self._trial()
        trial.data.parent.mkdir()

        def work(say: Say) -> None:
            # Only the copy sees the disk, so it is the one who looks.
            def heard(kind: str, what: object) -> None:
                trial.bystander.note(kind, what)
                say(kind, what)

            full_disk(
                trial.data.parent,
                kib,
                say,
                run=lambda: run(self._load, trial.data, trial.notes, heard),
                look=lambda: trial.bystander.look(trial.data),
                judge=lambda left: self._judge(trial, left, say),
            )

        ended = copy(work)
        if ended.last("impossible") is not None:
            self.findings.full[f"{NOT_MOUNTED} ({ended.last('impossible')})"] += 1
            return
        full = ended.last("full")
        self.findings.full[FILLED if full else "large enough"] += 1
        if full and not str(ended.last("error")).startswith("FR-STATE"):
            self.findings.problems.append(f"disk of {kib} KiB: {ended.last('exception')}")
        self._hear(f"disk of {kib} KiB", ended)

    def _copy(self, trial: Trial, strace: list[str] | None = None) -> Ended:
        """A run to its end, or to its kill."""
        ended = copy(lambda say: run(self._load, trial.data, trial.notes, say), strace)
        trial.bystander.hear(ended)
        return ended

    def _traced(self, trial: Trial, call: str, what: str, number: int, more: str = "") -> Ended:
        inject = f"inject={call}:{what}:when={number}{more}"
        return self._copy(trial, ["-e", f"trace={call}", "-e", inject, "-o", str(self._trace)])

    def _check(self, name: str, trial: Trial, ended: Ended) -> None:
        """Note everything in which what is there, after the last run, is not what should be."""
        if ended.code != 0:
            self.findings.problems.append(
                f"{name}: {title(PROGRESS)}: the restart failed: {ended.last('exception')}"
            )
        else:
            left = Left.of(ended)
            self._hear(name, copy(lambda say: self._judge(trial, left, say)))
        shutil.rmtree(trial.place)

    def _hear(self, name: str, looked: Ended) -> None:
        """Note what a copy that looked has found."""
        if looked.code != 0 or looked.last("problems") is None:
            self.findings.problems.append(f"{name}: cannot read what is there: {looked.last('exception')}")
            return
        self.findings.retries += looked.last("retries")
        self.findings.compared += Counter(looked.last("compared"))
        self.findings.problems += [f"{name}: {problem}" for problem in looked.last("problems")]

    def _judge(self, trial: Trial, left: Left, say: Say) -> None:
        """In a copy: hold what is there against the invariants and against the oracle."""
        found = find(self._load, trial.data, left)
        told, sends, seen = trial.notes.told(), trial.notes.sent(), trial.bystander
        copies = self._copies([row["payment"] for row in found.logged["Paid"]], sends)
        log, due = self._load.log(copies), self._expected.get(copies) or self._due(copies)
        parts, halves = seen.parts()
        compared, problems = judge(
            Evidence(
                found,
                due.outcome,
                answers=seen.answers,
                acknowledged={"Paid": [self._fields(number) for number in told]},
                ends=seen.ends,
                recovered_ends=seen.opened,
                lines=seen.lines,
                parts=parts,
                halves=halves,
                recovered=[(one.position, one.state) for one in seen.recovered],
                states=due.states,
            )
        )
        compared[FEATURES] += sum(len(one.features) for one in seen.recovered)
        problems += misplaced(found, {number: self._load.sent[number] for number in told}, told)
        problems += unlike_oracle(found, Oracle(log, self._load.hop))
        problems += [problem for one in seen.recovered for problem in unlike_oracle_when_recovered(one, log)]
        say("retries", sum(copies) - len(copies))
        say("compared", compared)
        say("problems", problems)

    def _copies(self, payments: list[str], sends: Counter[int]) -> Copies:
        """How often each event of the client is in the log, if it can be as often as that: else once.

        It must be there, and not more often than it was sent.
        """
        found = tuple(payments.count(row["payment"]) for row in self._load.sent)
        allowed = all(1 <= times <= sends[number] for number, times in enumerate(found))
        return found if allowed else (1,) * len(found)

    def _fields(self, number: int) -> Row:
        """An event of the client, as the log gives it again."""
        [row] = table([self._load.sent[number]]).to_pylist()
        del row["_arrival"]
        return Row(row)

    def _due(self, copies: Copies) -> Expected:
        """What is due where the client's events are in the log so often: as an undisturbed run leaves it."""
        trial = self._trial()

        def work(say: Say) -> None:
            left = run(self._load, trial.data, trial.notes, say, copies=copies)
            say("outcome", asdict(find(self._load, trial.data, left).outcome))

        ended = copy(work)
        if ended.code != 0:
            raise RuntimeError(f"without any kill it ends with {ended.last('exception')}")
        shutil.rmtree(trial.place)
        states = {tuple(what[0]): what[1] for kind, what in ended.said if kind == "state"}
        outcome = Outcome(**{name: _tuple(what) for name, what in ended.last("outcome").items()})
        first = ended.last("recovered")
        return Expected(outcome, {tuple(first["position"]): first["state"], **states})

    def _trial(self) -> Trial:
        # Copies of this process make some too, so a number of its own would not do.
        return Trial(Path(tempfile.mkdtemp(dir=self._directory)))


def injected(trace: str, data: Path) -> tuple[bool, bool]:
    """Whether strace says that it has put an error into a call on the data directory, and into any.

    Args:
        trace: What it wrote.
        data: The directory.

    >>> injected('7 fsync(3</data/x>) = -1 EIO (Input/output error) (INJECTED)', Path("/data"))
    (True, True)
    >>> injected('7 fsync(3</data/x>) = 0', Path("/data"))
    (False, False)
    """
    lines = [line for line in trace.splitlines() if line.endswith("(INJECTED)")]
    return any(str(data) in line for line in lines), bool(lines)


def _points(trace: str, data: Path) -> list[tuple[str, int]]:
    """The calls that concern the data directory: name, and which of its kind."""
    counts: Counter[str] = Counter()
    points = []
    for line in trace.splitlines():
        match = LINE.match(line)
        if match is not None:
            counts[match[1]] += 1
            if str(data) in match[2]:
                points.append((match[1], counts[match[1]]))
    return points


def _twice(copies: Copies, number: int) -> Copies:
    """The same, with one event once more."""
    return (*copies[:number], copies[number] + 1, *copies[number + 1 :])


def _tuple(what: Any) -> Any:
    """What JSON has made a list."""
    return tuple(what) if isinstance(what, list) else what


def _nobody(_kind: str, _what: object) -> None:
    """Nobody listens."""
