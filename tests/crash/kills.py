"""Kill a real run at every system call that changes the disk, let it go on, compare with the oracle.

Finds the calls by tracing an undisturbed run with strace, and kills at each by injecting SIGKILL into its
n-th call. Also lets calls fail: no space, input/output error. Every commit has a log of its own, which shows
something of every invariant.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.crash import till
from tests.crash.agreement import unlike_oracle
from tests.crash.full_disk import full_disk
from tests.crash.oracle import Oracle
from tests.crash.seeds import seed_base, telling
from tests.crash.simulated import scratch
from tests.crash.zygote import CALLS, Ended, Left, Say, copy, find, run, seen, strace_missing

from forerun.testing.invariants import KINDS, PROGRESS, Evidence, judge, title
from forerun.testing.outcome import Outcome

LINE = re.compile(r"^\d+ +(\w+)\((.*)")


@dataclass(slots=True)
class Findings:
    """What was tried and found.

    Args:
        kills: Kills that happened, by system call.
        failures: Calls that failed because strace put an error into them, by call and error.
        again: Kills of a restart.
        full: Really full disks, by what came of them.
        compared: By kind, how many things were compared.
        problems: What was wrong.
    """

    kills: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    again: int = 0
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
        self.problems += other["problems"]


class Harness:
    """Runs of one log, against its oracle.

    Args:
        seed: Names the log.
        directory: Where data directories are made.
    """

    def __init__(self, seed: int, directory: Path) -> None:
        self._seed = seed
        self._directory = directory
        self._number = 0
        self._oracle = Oracle(till.events(seed))
        self.findings = Findings()
        # Once in this process: what is imported on the way need not be imported by every copy.
        run(self._data(), seed, lambda _kind, _what: None)
        undisturbed = self._data()
        self._trace = directory / "trace"
        options = ["-e", f"trace={CALLS}", "-o", str(self._trace)]
        ended = copy(lambda say: run(undisturbed, seed, say), options)
        self.points = _points(self._trace.read_text(), undisturbed)
        left = Left.of(ended)
        looked = copy(lambda say: say("outcome", asdict(find(undisturbed, left).outcome)))
        outcome = looked.last("outcome")
        self._due = Outcome(**{name: _tuple(what) for name, what in outcome.items()})
        # That nothing but the cuts of steps makes it so, says the oracle.
        self.findings.problems += self._wrong("undisturbed", undisturbed, [ended], {})

    def kill(self, call: str, number: int, *, again: str | None = None) -> None:
        """Kill a run at a call, perhaps its restart as well, let it end, and compare.

        Args:
            call: The system call.
            number: Which of them, from 1.
            again: Kill the restart too, at its first such call.
        """
        data = self._data()
        runs = [self._traced(data, call, "signal=KILL", number)]
        lines = seen(data)
        if not runs[0].killed:
            # A call that this run did not make: it was one more or less of what waits for the clock. No
            # restart could take back what somebody saw.
            self._check(f"not killed at {call} {number}", data, runs, {})
            return
        self.findings.kills[call] += 1
        if again is not None:
            runs.append(self._traced(data, again, "signal=KILL", 1 + number % 3))
            self.findings.again += runs[-1].killed
            self.findings.kills[again] += runs[-1].killed
            now = seen(data)
            lines = {topic: max(lines.get(topic, b""), now.get(topic, b""), key=len) for topic in lines | now}
        runs.append(copy(lambda say: run(data, self._seed, say)))
        self._check(f"killed at {call} {number}", data, runs, lines)

    def fail(self, call: str, error: str, number: int) -> None:
        """Let a call fail, see that it ends with a code, let it go on, and compare.

        Args:
            call: The system call.
            error: As `errno` calls it.
            number: Which of them, from 1; for ENOSPC all from there on, but for `write`, which pipes use too.
        """
        data = self._data()
        more = "+" if error == "ENOSPC" and call != "write" else ""
        ended = self._traced(data, call, f"error={error}", number, more)
        name = f"{error} at {call} {number}"
        # A run may make fewer such calls than the first one or others; it is compared all the same.
        hit, anything = injected(self._trace.read_text(), data)
        self.findings.failures[f"{error} at {call}"] += hit
        # What failed elsewhere is the pipe to this process.
        disturbed = anything and not hit
        if ended.code != 0 and not disturbed and not str(ended.last("error")).startswith("FR-STATE"):
            self.findings.problems.append(f"{name}: it ended with {ended.last('exception')}")
        lines = seen(data)
        self._check(name, data, [ended, copy(lambda say: run(data, self._seed, say))], lines)

    def fill(self, kib: int) -> None:
        """Run on a small disk until it is full, make room, let it go on, and compare.

        Args:
            kib: Size of the disk.
        """
        directory = self._data().parent
        directory.mkdir()
        ended = copy(
            lambda say: full_disk(
                directory, self._seed, kib, say, lambda data, left: self._judge(data, left, [], {}, say)
            )
        )
        if ended.last("impossible") is not None:
            self.findings.full[f"{NOT_MOUNTED} ({ended.last('impossible')})"] += 1
            return
        full = ended.last("full")
        self.findings.full[FILLED if full else "large enough"] += 1
        if full and not str(ended.last("error")).startswith("FR-STATE"):
            self.findings.problems.append(f"disk of {kib} KiB: {ended.last('exception')}")
        self.findings.problems += self._said(f"disk of {kib} KiB", ended)

    def _traced(self, data: Path, call: str, what: str, number: int, more: str = "") -> Ended:
        inject = f"inject={call}:{what}:when={number}{more}"
        return copy(
            lambda say: run(data, self._seed, say),
            ["-e", f"trace={call}", "-e", inject, "-o", str(self._trace)],
        )

    def _check(self, name: str, data: Path, runs: list[Ended], lines: dict[str, bytes]) -> None:
        self.findings.problems += self._wrong(name, data, runs, lines)
        subprocess.run(["rm", "-rf", str(data)], check=True)

    def _wrong(self, name: str, data: Path, runs: list[Ended], lines: dict[str, bytes]) -> list[str]:
        """Everything in which what is there is not what should be."""
        if runs[-1].code != 0:
            return [f"{name}: {title(PROGRESS)}: the restart failed: {runs[-1].last('exception')}"]
        left = Left.of(runs[-1])
        return self._said(name, copy(lambda say: self._judge(data, left, runs, lines, say)))

    def _said(self, name: str, looked: Ended) -> list[str]:
        if looked.code != 0 or looked.last("problems") is None:
            return [f"{name}: cannot read what is there: {looked.last('exception')}"]
        self.findings.compared += Counter(looked.last("compared"))
        return [f"{name}: {problem}" for problem in looked.last("problems")]

    def _judge(self, data: Path, left: Left, runs: list[Ended], lines: dict[str, bytes], say: Say) -> None:
        """In a copy: hold what is there against the invariants and against the oracle."""
        found = find(data, left)
        saw, answers = Counter[str](), {}
        for ended in runs:
            for kind, what in ended.said:
                if kind == "answered":
                    answers[what[0]] = what[1]
                elif kind == "saw" and ended is not runs[-1]:
                    saw |= Counter(what)
        evidence = Evidence(
            found,
            self._due,
            answers=answers,
            ends=saw,
            recovered_ends=runs[-1].last("opened") if runs else {},
            lines=lines,
        )
        compared, problems = judge(evidence)
        say("compared", compared)
        say("problems", [*problems, *unlike_oracle(found, self._oracle)])

    def _data(self) -> Path:
        self._number += 1
        return self._directory / str(self._number) / "data"


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


def _tuple(what: Any) -> Any:
    """What JSON has made a list."""
    return tuple(what) if isinstance(what, list) else what


KILLS_MIN = 300
"""Fewer kills than this prove too little, and none at all proves nothing: both fail. The shortest logs have
about 330 calls to kill at, and a quarter of the restarts are killed as well."""

FAILURES_MIN = 20
"""The shortest logs have more than thirty calls that are made to fail."""

LEFT_OUT = frozenset({"I1 acknowledged", "I4 parts", "I5 recovered"})
"""What only the simulation compares: here nobody sends events, or looks at files and states during a run."""

NOT_MOUNTED, FILLED = "not possible here", "full, went on when there was room"
"""What comes of really full disks."""

AGAIN = ".venv/bin/python -m tests.crash.kills --seed {} --only {}"


def trials(points: Sequence[tuple[str, int]]) -> list[str]:
    """All kills, failures and full disks, as words that name them.

    Args:
        points: The calls that concern the data directory, and which of its kind each is.
    """
    # Every fourth restart is killed as well, early, while it recovers.
    again = {at: ("fdatasync", "pwrite64")[at // 4 % 2] for at in range(0, len(points), 4)}
    kills = [f"kill:{call}:{which}:{again.get(at, '')}" for at, (call, which) in enumerate(points)]
    failures = [
        f"fail:{call}:{error}:{which}"
        for call, error, every in FAILURES
        for which in [place for name, place in points if name == call][::every]
    ]
    return [*kills, *failures, *(f"fill:{kib}" for kib in FULL_KIB)]


def shard(seed: int, part: slice, only: str | None = None) -> Findings:
    """A part of all the kills, failures and full disks.

    Args:
        seed: Names the log.
        part: Which of them.
        only: None but this one, as it is named when it finds something.
    """
    with scratch() as name:
        harness = Harness(seed, Path(name))
        # What is wrong before anything was killed is found by every trial.
        harness.findings.problems = _replayed(harness.findings.problems, seed, f"fill:{FULL_KIB[0]}")
        for trial in [only] if only else trials(harness.points)[part]:
            known = len(harness.findings.problems)
            match trial.split(":"):
                case "kill", call, which, again:
                    harness.kill(call, int(which), again=again or None)
                case "fail", call, error, which:
                    harness.fail(call, error, int(which))
                case "fill", kib:
                    harness.fill(int(kib))
                case _:
                    raise SystemExit(f"{trial!r} is no kill:CALL:N:AGAIN, fail:CALL:ERROR:N or fill:KIB")
            new = harness.findings.problems[known:]
            harness.findings.problems[known:] = _replayed(new, seed, trial)
        return harness.findings


def _replayed(problems: list[str], seed: int, trial: str) -> list[str]:
    """Each with the command that finds it again."""
    return [f"{problem}\n  again: {AGAIN.format(seed, trial)}" for problem in problems]


FAILURES = (
    ("fdatasync", "EIO", 4),
    ("fsync", "EIO", 2),
    ("pwrite64", "EIO", 60),
    ("pwrite64", "ENOSPC", 45),
    ("write", "ENOSPC", 2),
    ("rename", "EIO", 2),
    ("mkdir", "ENOSPC", 3),
    ("ftruncate", "EIO", 2),
)
"""Call, error, and how far apart the calls are that fail with it."""

FULL_KIB = range(120, 640, 40)
"""Sizes of disks that are really full; the data of a whole run do not fit."""


def main() -> int:
    """Everything, on all cores, and a table; or one of them again."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.kills", description=__doc__)
    parser.add_argument("--seed", type=int, help="names the log; by default the commit does")
    parser.add_argument("--only", metavar="TRIAL", help="one kill, failing call or full disk again")
    parser.add_argument("--shard", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    missing = strace_missing()
    if missing is not None:
        print(missing)
        return 1
    seed, origin = seed_base() if chosen.seed is None else (chosen.seed, "as asked")
    if chosen.only is not None:
        found = shard(seed, slice(None), chosen.only)
        print("\n".join([*found.problems, f"{len(found.problems)} violated"]))
        tried = found.kills.total() + found.failures.total() + found.full[FILLED]
        missed = not tried
        if missed:
            print("FAILED: nothing was killed, no call failed and no disk was full")
        return 1 if found.problems or missed else 0
    if chosen.shard is not None:
        number, of = map(int, chosen.shard.split("/"))
        found = shard(seed, slice(number, None, of))
        print(json.dumps({name: getattr(found, name) for name in Findings.__slots__}))
        return 0
    log = telling(seed)
    print(f"real kills on the log of seed {log} (from {seed}, {origin})", flush=True)
    return together(log, len(os.sched_getaffinity(0)))


def together(seed: int, cores: int) -> int:
    """All parts, each in a process of its own; returns the exit status."""
    start_s = time.monotonic()
    command = [sys.executable, "-m", "tests.crash.kills", "--seed", str(seed)]
    parts = [
        subprocess.Popen([*command, "--shard", f"{number}/{cores}"], stdout=subprocess.PIPE, text=True)
        for number in range(cores)
    ]
    total = Findings()
    for part in parts:
        said, _ = part.communicate()
        if part.returncode != 0:
            print(f"a part of the harness broke; see above. Again: {' '.join(command)}")
            return 1
        total.add(json.loads(said.splitlines()[-1]))
    return conclude(total, time.monotonic() - start_s, seed)


def conclude(total: Findings, elapsed_s: float, seed: int) -> int:
    """Say what came of everything; returns the exit status, 0 only if enough was tried and nothing is wrong.

    Args:
        total: What was tried and found.
        elapsed_s: How long it took.
        seed: Names the log.
    """
    kills = total.kills.total()
    print(f"{kills:,} real kills in {elapsed_s:.0f} s, {kills / elapsed_s:.1f} a second")
    print(f"  at {_listed(total.kills)}")
    print(f"  {total.again:,} of them hit a restart")
    print(f"  {total.failures.total():,} failing calls: {_listed(total.failures)}")
    print(f"  disks of a few hundred KiB: {_listed(total.full)}")
    print(f"  compared: {_listed(total.compared)}")
    for problem in total.problems[:20]:
        print(f"VIOLATION {problem}")
    print(f"{len(total.problems)} violated")
    empty = sorted(kind for kind in KINDS - LEFT_OUT if not total.compared[kind])
    failures = total.failures.total()
    failed = [f"{len(total.problems)} violations"] if total.problems else []
    if kills < KILLS_MIN:
        failed.append(f"{kills} processes were killed, at least {KILLS_MIN} must be")
    if failures < FAILURES_MIN:
        failed.append(f"{failures} calls were made to fail, at least {FAILURES_MIN} must be")
    if empty:
        failed.append(f"nothing was there to be compared of {', '.join(empty)}")
    if not total.full[FILLED]:
        words = "no disk was really full"
        # Whoever may not mount a disk gets the rest; a run that vouches for a commit has to have all of it.
        if any(name.startswith(NOT_MOUNTED) for name in total.full) and not os.environ.get("CI"):
            print(f"NOT CHECKED: {words}: {_listed(total.full)}")
        else:
            failed.append(words)
    for words in failed:
        print(f"FAILED: {words}; seed {seed}")
    return 1 if failed else 0


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
