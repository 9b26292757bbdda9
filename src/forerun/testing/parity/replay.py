"""P1: the same log, in steps of any size, on any number of threads, in any memory, gives the same bits."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from forerun.testing.parity.level import Difference, Level
from forerun.testing.parity.play import Log, Played, play
from forerun.testing.parity.same import bits_of

BATCH_ROWS = (1, 7, 1000, 65536)
THREADS = (1, 2)
VERDICTS = ("applied", "invalid", "early", "late", "duplicate")
"""In words, by the kernel's number."""

LITTLE = 1
"""So few bytes that every entity sleeps after every step."""

LOOKS = 12
"""Places in a log, about, at which short steps end and every feature is read whole."""

PROMISE = (
    "The same log gives the same bits, in steps of any size, on any number of threads, with and without a "
    "budget of memory: every input as of every event, every text and list as a whole, verdicts, closed "
    "windows, state."
)


def replay(
    log: Log,
    *,
    batch_rows: Sequence[int] = BATCH_ROWS,
    threads: Sequence[int] = THREADS,
    memory: int = LITTLE,
    step: Callable[[], None] = lambda: None,
    doctor: Callable[[Played], None] = lambda _: None,
) -> Level:
    """Play a log in every way, and compare.

    Args:
        log: The log.
        batch_rows: Events in a step.
        threads: How many threads the kernel may use.
        memory: Bytes that entities and open windows may take in every second run; in the others they take
            what they need.
        step: Called after each run, to show progress.
        doctor: Gets what each run but the first gave, and may falsify it: a test of this test.

    Returns:
        The level; its cells are the inputs of every run but the first, and what was read whole beside them,
        compared bit for bit with the first.
    """
    level = Level("P1 replay", PROMISE)
    ways = [(rows, count, budget) for budget in (None, memory) for rows in batch_rows for count in threads]
    places = _places(log, batch_rows)
    first = play(log, *ways[0][:2], look_at=places)
    step()
    hashes, slept, windows, loaded = {first.hash}, 0, 0, 0
    for rows, count, budget in ways[1:]:
        played = play(log, rows, count, memory=budget, look_at=places)
        slept, loaded = max(slept, played.slept), loaded + played.loaded
        windows = max(windows, played.windows_slept)
        doctor(played)
        level.bits += played.cells
        hashes.add(played.hash)
        within = "" if budget is None else f", in {budget} bytes of memory"
        _compare(level, log, first, played, f"in steps of {rows} events on {count} thread(s){within}")
        step()
    if level.equal:
        level.notes.append(f"one hash in {len(ways)} runs: {first.hash}")
    became = Counter(VERDICTS[verdict] for verdict in first.verdicts)
    counted = ", ".join(f"{became[name]} {name}" for name in VERDICTS)
    inputs, nulls = (
        sum(made.size for made in first.vectors),
        sum(np.isnan(made).sum() for made in first.vectors),
    )
    level.notes.append(
        f"of {len(first.verdicts)} events {counted}; of {inputs} inputs of a run {nulls} are null"
    )
    sizes = ", ".join(map(str, batch_rows))
    level.notes.append(
        f"{len(log.arrivals)} events in steps of {sizes}, on {' and '.join(map(str, threads))} threads, each "
        f"without a budget of memory and with one of {memory:,} B: "
        f"up to {slept} entities and {windows} parts of windows asleep, woken {loaded} times"
    )
    if first.stale:
        level.notes.append(f"{first.stale} reads were older than what is kept, and served null in every run")
    return level


def _places(log: Log, batch_rows: Sequence[int]) -> set[int]:
    """Numbers of events after which to look: ends of steps of each size, and the end of the log."""
    events, found = len(log.arrivals), {len(log.arrivals)}
    for rows in batch_rows:
        apart = rows * max(1, events // (LOOKS * rows))
        found.update(range(apart, events, apart))
    return found


def _compare(level: Level, log: Log, first: Played, played: Played, what: str) -> None:
    """Find the cells that differ; a difference elsewhere than in a value counts as one."""
    before = level.differing
    _compare_looks(level, log, first, played, what)
    if first.hash == played.hash:
        return
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


def _compare_looks(level: Level, log: Log, first: Played, played: Played, what: str) -> None:
    """Compare what was read whole, where both have looked."""
    for events in sorted(first.looks.keys() & played.looks.keys()):
        for ours, theirs in zip(first.looks[events], played.looks[events], strict=True):
            if repr(ours) == repr(theirs):
                continue
            spec = log.subject.spec["views"][ours.view]
            place = f"read whole after {events} events, {what}"
            if ours.time_us != theirs.time_us:
                times = (ours.time_us, theirs.time_us)
                level.differ(Difference(place, spec["name"], "earliest time", {}, None, *times))
                continue
            for name, column in ours.columns.items():
                for key, expected, actual in zip(ours.keys, column, theirs.columns[name], strict=True):
                    if bits_of(expected) != bits_of(actual):
                        named = dict(zip(spec["by"], key, strict=True))
                        level.differ(
                            Difference(place, spec["name"], name, named, ours.time_us, expected, actual)
                        )
