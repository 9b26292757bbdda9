"""Kill a real run at every system call that changes the disk, let it go on, compare with the oracle.

Finds the calls by tracing an undisturbed run with strace, and kills at each by injecting SIGKILL into its
n-th call. Also lets calls fail: no space, input/output error. Every commit has a log of its own, which shows
something of every invariant.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.crash import till
from tests.crash.copies import strace_missing
from tests.crash.harness import FEATURES, FILLED, NOT_MOUNTED, Findings, Harness
from tests.crash.seeds import seed_base, telling
from tests.crash.simulated import scratch

from forerun.testing.invariants import KINDS

KILLS_MIN = 300
"""Fewer kills than this prove too little, and none at all proves nothing: both fail. The shortest logs have
about 330 calls to kill at, and a quarter of the restarts are killed as well."""

FAILURES_MIN = 20
"""The shortest logs have more than thirty calls that are made to fail."""

NEEDED = KINDS | {FEATURES}
"""All that must have been compared."""

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
    log = telling(seed, till.whole)
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
    print(f"  {total.retries:,} events that got through and were sent again, because the answer was lost")
    print(f"  {total.failures.total():,} failing calls: {_listed(total.failures)}")
    print(f"  disks of a few hundred KiB: {_listed(total.full)}")
    print(f"  compared: {_listed(total.compared)}")
    for problem in total.problems[:20]:
        print(f"VIOLATION {problem}")
    print(f"{len(total.problems)} violated")
    empty = sorted(kind for kind in NEEDED if not total.compared[kind])
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
