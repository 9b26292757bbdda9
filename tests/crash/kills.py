"""Kill a real run at every system call that changes the disk, let it go on, compare with the oracle.

Finds the calls by tracing an undisturbed run with strace, and kills at each by injecting SIGKILL into its
n-th call. Also lets calls fail: no space, input/output error. Every commit has a log of its own.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import till
from tests.crash.full_disk import full_disk
from tests.crash.oracle import Oracle
from tests.crash.seeds import seed_base
from tests.crash.simulated import scratch
from tests.crash.zygote import CALLS, Ended, copy, look, run, seen, strace_missing

LINE = re.compile(r"^\d+ +(\w+)\((.*)")


@dataclass(slots=True)
class Findings:
    """What was tried and found.

    Args:
        kills: Kills that happened, by system call.
        failures: Calls that were made to fail, by call and error.
        again: Kills of a restart.
        full: Really full disks, by what came of them.
        problems: What was wrong.
    """

    kills: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    again: int = 0
    full: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


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
        trace = directory / "trace"
        ended = copy(lambda say: run(undisturbed, seed, say), ["-e", f"trace={CALLS}", "-o", str(trace)])
        self._state, self._counts = ended.last("state"), ended.last("counts")
        self.points = _points(trace.read_text(), undisturbed)
        self.findings.problems += self._wrong("undisturbed", undisturbed, [ended], [])

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
            # A call that this run did not make: it was one more or less of what waits for the clock.
            self._check(f"not killed at {call} {number}", data, runs, lines)
            return
        self.findings.kills[call] += 1
        if again is not None:
            runs.append(self._traced(data, again, "signal=KILL", 1 + number % 3))
            self.findings.again += runs[-1].killed
            self.findings.kills[again] += runs[-1].killed
            lines = max(lines, seen(data), key=len)
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
        ended = self._traced(
            data, call, f"error={error}", number, more="+" if error == "ENOSPC" and call != "write" else ""
        )
        name = f"{error} at {call} {number}"
        self.findings.failures[f"{error} at {call}"] += 1
        if ended.code != 0 and not str(ended.last("error")).startswith("FR-STATE"):
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
        ended = copy(lambda say: full_disk(directory, self._seed, kib, say))
        if ended.last("impossible") is not None:
            self.findings.full[f"not possible here ({ended.last('impossible')})"] += 1
            return
        full = ended.last("full")
        self.findings.full["full, went on when there was room" if full else "large enough"] += 1
        if full and not str(ended.last("error")).startswith("FR-STATE"):
            self.findings.problems.append(f"disk of {kib} KiB: {ended.last('exception')}")
        self.findings.problems += self._judged(f"disk of {kib} KiB", [ended], ended, [])

    def _traced(self, data: Path, call: str, what: str, number: int, more: str = "") -> Ended:
        inject = f"inject={call}:{what}:when={number}{more}"
        return copy(
            lambda say: run(data, self._seed, say),
            ["-e", f"trace={call}", "-e", inject, "-o", "/dev/null"],
        )

    def _check(self, name: str, data: Path, runs: list[Ended], lines: list[str]) -> None:
        self.findings.problems += self._wrong(name, data, runs, lines)
        subprocess.run(["rm", "-rf", str(data)], check=True)

    def _wrong(self, name: str, data: Path, runs: list[Ended], lines: list[str]) -> list[str]:
        """Everything in which what is there is not what should be."""
        if runs[-1].code != 0:
            return [f"{name}: the restart failed: {runs[-1].last('exception')}"]
        return self._judged(name, runs, copy(lambda say: look(data, say)), lines)

    def _judged(self, name: str, runs: list[Ended], found: Ended, lines: list[str]) -> list[str]:
        if found.code != 0:
            return [f"{name}: cannot read what is there: {found.last('exception')}"]
        problems = list(found.last("problems"))
        asked = set(found.last("asked"))
        answered = {what for ended in runs for kind, what in ended.said if kind == "answered"}
        if answered - asked:
            problems.append(f"answers lost: {answered - asked}")
        if runs[-1].last("state") != self._state or runs[-1].last("counts") != self._counts:
            problems.append(f"state or counts: {runs[-1].last('counts')}")
        if found.last("lines").get("review.jsonl", [])[: len(lines)] != lines:
            problems.append("a line that somebody saw is gone or another")
        problems += self._unlike_oracle(found, asked)
        return [f"{name}: {problem}" for problem in problems]

    def _unlike_oracle(self, found: Ended, asked: set[str]) -> list[str]:
        expected, problems = self._oracle, []
        predictions = [
            (row["prediction_id"], row["key"], list(row["inputs"].values()), row["score"])
            for row in found.last("predictions")
            if row["source"] == "stream"
        ]
        due = [(one["id"], one["payment"], list(one["values"]), one["score"]) for one in expected.predictions]
        if predictions != due:
            problems.append(f"predictions: {len(predictions)} instead of {len(due)}, or other ones")
        labels = {
            row["prediction_id"]: (row["label"], _micros(row["label_time"]))
            for row in found.last("labels")
            if row["prediction_id"] not in asked
        }
        if labels != expected.labels:
            problems.append(f"labels: {len(labels)} instead of {len(expected.labels)}, or other values")
        decided = [row["decision_id"] for row in found.last("decisions") if row["prediction_id"] not in asked]
        if decided != expected.decisions:
            problems.append(f"decisions: {len(decided)} instead of {len(expected.decisions)}, or others")
        refused = sorted((row["stream"], row["offset"], row["verdict"]) for row in found.last("refused"))
        if refused != sorted(expected.refused):
            problems.append(f"refused records: {len(refused)} instead of {len(expected.refused)}")
        return problems

    def _data(self) -> Path:
        self._number += 1
        return self._directory / str(self._number) / "data"


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


def _micros(text: str) -> int:
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1_000_000)


KILLS_MIN = 300
"""Fewer kills than this prove too little, and none at all proves nothing: both fail."""

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
            harness.findings.problems[known:] = [
                f"{problem}\n  again: {AGAIN.format(seed, trial)}" for problem in new
            ]
        return harness.findings


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
        return 1 if found.problems else 0
    if chosen.shard is not None:
        number, of = map(int, chosen.shard.split("/"))
        found = shard(seed, slice(number, None, of))
        print(json.dumps([found.kills, found.failures, found.again, found.full, found.problems]))
        return 0
    print(f"real kills on the log of seed {seed} ({origin})", flush=True)
    return together(seed, len(os.sched_getaffinity(0)))


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
        kills, failures, again, full, problems = json.loads(said.splitlines()[-1])
        total.kills += Counter(kills)
        total.failures += Counter(failures)
        total.again += again
        total.full += Counter(full)
        total.problems += problems
    elapsed_s, kills = time.monotonic() - start_s, total.kills.total()
    print(f"{kills:,} real kills in {elapsed_s:.0f} s, {kills / elapsed_s:.1f} a second")
    print(f"  at {_listed(total.kills)}")
    print(f"  {total.again:,} of them hit a restart")
    print(f"  {total.failures.total():,} failing calls: {_listed(total.failures)}")
    print(f"  disks of a few hundred KiB: {_listed(total.full)}")
    for problem in total.problems[:20]:
        print(f"VIOLATION {problem}")
    print(f"{len(total.problems)} violated")
    if kills < KILLS_MIN:
        print(f"FAILED: {kills} processes were killed, at least {KILLS_MIN} must be; seed {seed}")
    return 1 if total.problems or kills < KILLS_MIN else 0


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
