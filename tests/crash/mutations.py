"""Plant each bug, see whether the crash histories find it, and print the table."""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
from tests.crash.planted import BUGS
from tests.crash.simulated import histories, scratch

CHAINS_MAX = 4_000
"""A bug that so many chains do not find is not found."""

BLOCK = 3


def hunt(number: int) -> tuple[int, str | None]:
    """Live through histories with one bug planted, until it is found.

    Args:
        number: Which bug.

    Returns:
        How many histories it took, and what was wrong then; None: nothing was.
    """
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    bug = BUGS[number]
    with scratch() as clean, scratch() as planted:
        expected = histories(BLOCK, Path(clean)).expected
        with bug.plant():
            found = histories(BLOCK, Path(planted), expected, faults=bug.faults)
            for seed in range(CHAINS_MAX):
                try:
                    problems = found.chain(seed)
                except Exception as exc:  # noqa: BLE001  # the undisturbed run itself breaks
                    problems = [f"the undisturbed run failed: {exc!r}"]
                if problems:
                    return max(found.tally.histories, 1), problems[0]
    return found.tally.histories, None


def main() -> int:
    """All bugs, and the score."""
    start_s = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(hunt, range(len(BUGS))))
    print(f"{'planted bug':<52} {'histories':>9}  found as")
    for bug, (count, problem) in zip(BUGS, results, strict=True):
        print(f"{bug.name:<52} {count:>9}  {'NOT FOUND' if problem is None else problem[:70]}")
    found = sum(problem is not None for _, problem in results)
    print(f"{found}/{len(BUGS)} planted bugs found in {time.monotonic() - start_s:.0f} s")
    return 0 if found == len(BUGS) else 1


if __name__ == "__main__":
    sys.exit(main())
