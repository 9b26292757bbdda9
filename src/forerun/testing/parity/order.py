"""P2: any order of arrival within the lateness gives the same values in the end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forerun.testing.nasty import permuted
from forerun.testing.oracle.arrival import APPLIED, Arrival
from forerun.testing.parity.level import Difference, Level
from forerun.testing.parity.play import Log, play, values
from forerun.testing.parity.same import bits_of
from forerun.testing.parity.subject import Subject

PERMUTATIONS = 20
STEP_ROWS = 256
READINGS = 4
"""Times after the last event at which every feature of every entity is read."""

PROMISE = "Any order of arrival within the lateness gives the same values in the end."

Values = list[tuple[int, int, Mapping[str, list[Any]]]]
"""View, time, and a column per feature."""


def order(
    subject: Subject,
    arrivals: Sequence[Arrival],
    *,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
    step: Callable[[], None] = lambda: None,
    doctor: Callable[[Values], None] = lambda _: None,
) -> Level:
    """Play the events that are applied in many orders, and compare every value at the end.

    Args:
        subject: The plan.
        arrivals: A log; what is late, early, invalid or a duplicate in it is left out.
        seed: Names the orders.
        permutations: How many.
        step: Called after each run, to show progress.
        doctor: Gets the values of each run but the first, and may falsify them: a test of this test.

    Returns:
        The level; its cells are the values of every run but the first, compared bit for bit with the first.
    """
    level = Level("P2 order", PROMISE)
    verdicts = play(Log(subject, arrivals), STEP_ROWS).verdicts
    applied = [a for a, verdict in zip(arrivals, verdicts, strict=True) if verdict == APPLIED]
    base = permuted(seed, applied, subject.shapes)
    keys = [_keys(subject, view, base) for view in range(len(subject.columns))]
    times = _times(subject, base)
    first = _end(subject, base, keys, times)
    step()
    for number in range(1, permutations + 1):
        found = _end(subject, permuted(seed + number, applied, subject.shapes), keys, times)
        doctor(found)
        _compare(level, subject, keys, first, found, f"in order {seed + number} of arrival")
        step()
    level.notes.append(f"{permutations} orders of {len(applied)} events")
    return level


def _keys(subject: Subject, view: int, log: Sequence[Arrival]) -> list[tuple[object, ...]]:
    spec = subject.spec["views"][view]
    keys = dict.fromkeys(
        tuple(arrival.values[name] for name in spec["by"])
        for arrival in log
        if arrival.stream == spec["stream"]
    )
    return [key for key in keys if None not in key]


def _times(subject: Subject, log: Sequence[Arrival]) -> list[int]:
    """When the last event happened, and later, while windows run empty."""
    if not log:
        return []
    last = max(int(arrival.values[subject.shapes.streams[arrival.stream].time] or 0) for arrival in log)
    lengths = subject.shapes.lengths_us
    later = [lengths[at * (len(lengths) - 1) // (READINGS - 1)] // 2 for at in range(READINGS - 1)]
    return [last, *(last + wait for wait in later)]


def _end(
    subject: Subject,
    log: Sequence[Arrival],
    keys: Sequence[Sequence[tuple[object, ...]]],
    times: Sequence[int],
) -> Values:
    kernel = subject.kernel()
    late = sum(verdict != APPLIED for verdict in play(Log(subject, log), STEP_ROWS, kernel=kernel).verdicts)
    assert late == 0, f"{late} events of an order within the lateness were not applied"
    return [
        (view, t, values(kernel, subject, view, some, t))
        for view, some in enumerate(keys)
        if some
        for t in times
    ]


def _compare(
    level: Level,
    subject: Subject,
    keys: Sequence[Sequence[tuple[object, ...]]],
    first: Values,
    found: Values,
    what: str,
) -> None:
    for (view, t, ours), (_, _, theirs) in zip(first, found, strict=True):
        spec = subject.spec["views"][view]
        for name, column in ours.items():
            level.bits += len(column)
            for key, expected, actual in zip(keys[view], column, theirs[name], strict=True):
                if bits_of(expected) != bits_of(actual):
                    named = dict(zip(spec["by"], key, strict=True))
                    level.differ(Difference(what, spec["name"], name, named, t, expected, actual))
