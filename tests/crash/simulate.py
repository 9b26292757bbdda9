"""Run many crash histories on all cores, new ones for every commit, or one again: see --help."""

import argparse
import gc
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pyarrow as pa
from tests.crash.agreement import unlike_oracle
from tests.crash.seeds import seed_base, telling
from tests.crash.simulated import BLOCK, histories, oracle_of, scratch

from forerun.testing.histories import Histories, Tally
from forerun.testing.invariants import KINDS

REPLAY = ".venv/bin/python -m tests.crash.simulate --seed {}"


def live_through(block: int, chains: int) -> Tally:
    """The first chains of a block of seeds.

    Args:
        block: The block.
        chains: How many.
    """
    # Nothing here is cyclic for long, and the process is short; tables of twenty rows need no threads.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with scratch() as directory:
        found = histories(block, Path(directory))
        # All runs must leave what an undisturbed one leaves, and that must be what the oracle says.
        found.tally.violations += [(block * BLOCK, problem) for problem in _undisturbed(found, block)]
        for seed in range(block * BLOCK, block * BLOCK + chains):
            found.chain(seed)
        return found.tally


def again(seed: int) -> int:
    """One chain once more; returns the exit status."""
    with scratch() as directory:
        found = histories(seed // BLOCK, Path(directory))
        problems = _undisturbed(found, seed // BLOCK) + found.chain(seed)
    for problem in problems:
        print(f"seed {seed}: {problem}")
    print(f"seed {seed}: {'violated' if problems else 'as it should be'}")
    return 1 if problems else 0


def many(wanted: int) -> int:
    """So many histories; returns the exit status."""
    commit, origin = seed_base()
    # However few histories there are, the first log shows something of every invariant.
    base = telling(commit * 1000) * BLOCK
    print(f"at least {wanted:,} crash histories, seeds from {base} ({origin})", flush=True)
    start_s, cores = time.monotonic(), os.cpu_count() or 1
    tally, shown = Tally(), 0
    with ProcessPoolExecutor(cores) as pool:
        blocks = iter(range(base // BLOCK, base // BLOCK + 1000))
        # At least two: a client sends events on every second log.
        waiting = {pool.submit(live_through, next(blocks), BLOCK) for _ in range(max(cores, 2))}
        while waiting:
            done = next(as_completed(waiting))
            waiting.remove(done)
            tally.add(done.result())
            if tally.histories < wanted and len(tally.violations) < 20:
                waiting.add(pool.submit(live_through, next(blocks), BLOCK))
            if tally.histories >= shown + 10_000:
                shown = tally.histories
                print(f"  {shown:,} in {time.monotonic() - start_s:.0f} s", flush=True)
    elapsed_s = time.monotonic() - start_s
    rate = f"{tally.histories / elapsed_s:.0f} a second"
    print(f"{tally.histories:,} crash histories in {elapsed_s:.0f} s, {rate}")
    print(f"  {len(tally.images):,} different disk contents, {tally.runs:,} recoveries from them to the end")
    print(f"  {tally.recoveries:,} crashes of a restart, {tally.recovering:,} of them while it recovered")
    print(f"  {tally.retries:,} events that got through and were sent again, because the answer was lost")
    print(f"  {sum(tally.faults.values()):,} errors of the disk: {_listed(tally.faults)}")
    print(f"  compared: {', '.join(f'{name} {count:,}' for name, count in sorted(tally.compared.items()))}")
    for seed, problem in tally.violations[:20]:
        print(f"VIOLATION seed {seed}: {problem}\n  again: {REPLAY.format(seed)}")
    print(f"{len({seed for seed, _ in tally.violations})} violated")
    empty = sorted(kind for kind in KINDS if not tally.compared[kind])
    if empty:
        print(f"FAILED: nothing was there to be compared of {', '.join(empty)}")
    return 1 if tally.violations or empty else 0


def _undisturbed(found: Histories, block: int) -> list[str]:
    """In what the run that nothing happens to and the oracle do not agree."""
    there = found.undisturbed(0).found
    return [] if there is None else unlike_oracle(there, oracle_of(block))


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.simulate", description=__doc__)
    parser.add_argument("--histories", type=int, default=100_000, help="how many, at least")
    parser.add_argument("--seed", type=int, help="live through this chain again")
    chosen = parser.parse_args()
    return many(chosen.histories) if chosen.seed is None else again(chosen.seed)


if __name__ == "__main__":
    sys.exit(main())
