"""Plant each bug, see whether the histories find it; then, for each invariant, whether it alone does.

The second table shows that every invariant can fail, and that each is needed: its bug is found when nothing
else is checked, and is not found when everything else is. The third one shows that real kills find what they
are to look at by themselves.
"""

import os
import re
import sys
import time
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
from tests.crash.copies import strace_missing
from tests.crash.planted import BUGS, SHOWN_BY
from tests.crash.real_bugs import REAL_BUGS, hunt_really
from tests.crash.simulated import histories, scratch

from forerun.testing.invariants import EVERYTHING, INVARIANTS, title

CHAINS_MAX = 4_000
"""A bug that so many chains do not find is not found."""

OTHERS_CHAINS = 150
"""Chains in which all other invariants must not find what one is there for."""

BROKEN = re.compile(r"\b(TypeError|AttributeError|NameError|UnboundLocalError|ImportError)\(")
"""Errors of the planting, not of what was planted: the product has changed under it."""


def hunt(
    number: int, consult: Collection[str] = EVERYTHING, chains: int = CHAINS_MAX
) -> tuple[int, str | None]:
    """Live through histories with one bug planted, until it is found.

    Args:
        number: Which bug.
        consult: Which invariants are checked.
        chains: How many chains, at most.

    Returns:
        How many histories it took, and what was wrong then; None: nothing was.

    Raises:
        RuntimeError: The bug cannot be planted as it was written.
    """
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    bug = BUGS[number]
    with scratch() as clean, scratch() as planted:
        expected = histories(bug.block, Path(clean)).expected
        with bug.plant():
            found = histories(bug.block, Path(planted), expected, bug.faults, consult)
            for seed in range(chains):
                try:
                    problems = found.chain(seed)
                except Exception as exc:
                    raise RuntimeError(f"{bug.name}: without any crash it ends with {exc!r}") from exc
                if problems and BROKEN.search(problems[0]):
                    raise RuntimeError(f"{bug.name}: cannot be planted any more: {problems[0]}")
                if problems:
                    return max(found.tally.histories, 1), problems[0]
    return found.tally.histories, None


def main() -> int:
    """All bugs, all invariants, and the score."""
    missing = strace_missing()
    if missing is not None:
        print(missing)
        return 1
    start_s = time.monotonic()
    numbers = {bug.name: number for number, bug in enumerate(BUGS)}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        hunts = [pool.submit(hunt, number) for number in range(len(BUGS))]
        alone = {name: pool.submit(hunt, numbers[bug], (name,)) for name, bug in SHOWN_BY.items()}
        without = {
            name: pool.submit(hunt, numbers[bug], EVERYTHING - {name}, OTHERS_CHAINS)
            for name, bug in SHOWN_BY.items()
        }
        really = [pool.submit(hunt_really, number) for number in range(len(REAL_BUGS))]
        print(f"{'planted bug':<52} {'histories':>9}  found as")
        found = 0
        for bug, hunted in zip(BUGS, hunts, strict=True):
            count, problem = hunted.result()
            found += problem is not None
            print(
                f"{bug.name:<52} {count:>9}  {'NOT FOUND' if problem is None else problem[:90]}", flush=True
            )
        print(f"{'invariant':<32} {'the bug that it alone finds':<52} {'histories':>9}  without it")
        shown = 0
        for name in INVARIANTS:
            count, problem = alone[name].result()
            others, seen = without[name].result()
            shown += problem is not None and seen is None
            alone_says = f"{count:>9}" if problem is not None else "NOT FOUND"
            others_say = f"not found in {others}" if seen is None else f"FOUND as {seen[:60]}"
            print(f"{title(name):<32} {SHOWN_BY[name]:<52} {alone_says}  {others_say}", flush=True)
        print(f"{'planted bug, killed for real':<52} {'kills':>9}  found as")
        killed = 0
        for (bug, _), hunted in zip(REAL_BUGS, really, strict=True):
            count, problem = hunted.result()
            killed += problem is not None
            print(
                f"{bug.name:<52} {count:>9}  {'NOT FOUND' if problem is None else problem[:90]}", flush=True
            )
    elapsed_s = time.monotonic() - start_s
    print(f"{found}/{len(BUGS)} planted bugs found in {elapsed_s:.0f} s")
    print(f"{shown}/{len(INVARIANTS)} invariants find what no other does")
    print(f"{killed}/{len(REAL_BUGS)} planted bugs found by real kills")
    complete = found == len(BUGS) and shown == len(INVARIANTS) and killed == len(REAL_BUGS)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
