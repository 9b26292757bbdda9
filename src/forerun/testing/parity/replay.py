"""P1: the same log, in steps of any size and on any number of threads, gives the same bits."""

from collections.abc import Callable, Sequence

import numpy as np

from forerun.testing.parity.level import Difference, Level
from forerun.testing.parity.play import Log, Played, play

BATCH_ROWS = (1, 7, 1000, 65536)
THREADS = (1, 2)

PROMISE = "The same log gives the same bits, in steps of any size and on any number of threads."


def replay(
    log: Log,
    *,
    batch_rows: Sequence[int] = BATCH_ROWS,
    threads: Sequence[int] = THREADS,
    step: Callable[[], None] = lambda: None,
    doctor: Callable[[Played], None] = lambda _: None,
) -> Level:
    """Play a log in every way, and compare.

    Args:
        log: The log.
        batch_rows: Events in a step.
        threads: How many threads the kernel may use.
        step: Called after each run, to show progress.
        doctor: Gets what each run but the first gave, and may falsify it: a test of this test.

    Returns:
        The level; its cells are the inputs of every run but the first, compared bit for bit with the first.
    """
    level = Level("P1 replay", PROMISE)
    ways = [(rows, count) for rows in batch_rows for count in threads]
    first = play(log, *ways[0])
    step()
    hashes = {first.hash}
    for rows, count in ways[1:]:
        played = play(log, rows, count)
        doctor(played)
        level.bits += played.cells
        hashes.add(played.hash)
        if played.hash != first.hash:
            _compare(level, log, first, played, f"in steps of {rows} events on {count} thread(s)")
        step()
    if len(hashes) == 1:
        level.notes.append(f"one hash in {len(ways)} runs: {first.hash}")
    if first.stale:
        level.notes.append(f"{first.stale} reads were older than what is kept, and served null in every run")
    return level


def _compare(level: Level, log: Log, first: Played, played: Played, what: str) -> None:
    """Find the cells that differ; a difference elsewhere than in a vector counts as one."""
    before = level.differing
    for number, vector in enumerate(log.subject.spec["vectors"]):
        names = [item["name"] for item in vector["inputs"]]
        ours, theirs = first.vectors[number], played.vectors[number]
        if ours.shape != theirs.shape:
            level.differ(Difference(what, vector["name"], "rows", {}, None, len(ours), len(theirs)))
            continue
        unlike = ours.view(np.int64) != theirs.view(np.int64)
        if unlike.any():
            row, column = np.argwhere(unlike)[0]
            difference = Difference(
                what,
                vector["name"],
                names[column],
                {"row": int(row)},
                int(first.times[number][row]),
                float(ours[row, column]),
                float(theirs[row, column]),
            )
            level.differ(difference, int(unlike.sum()))
    if first.verdicts != played.verdicts:
        pairs = zip(first.verdicts, played.verdicts, strict=True)
        at = next(place for place, (ours, theirs) in enumerate(pairs) if ours != theirs)
        expected, actual = first.verdicts[at], played.verdicts[at]
        level.differ(Difference(what, "log", "verdict", {"event": at}, None, expected, actual))
    emitters = log.subject.spec.get("emitters", ())
    for emitter, closed, again in zip(emitters, first.windows, played.windows, strict=True):
        if closed != again:
            level.differ(Difference(what, emitter["name"], "closed windows", {}, None, closed, again))
    if level.differing == before:
        level.differ(Difference(what, "kernel", "state", {}, None, first.state, played.state))
