"""Nasty streams on purpose: ties, bursts, disorder, future stamps, duplicates, nulls, extremes, hot keys.

Events are drawn from one seed, so a failing case is named by one number.
"""

import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from collections.abc import Iterator, Mapping, Sequence

from forerun.testing.oracle.arrival import Arrival, Scalar

SECOND_US = 1_000_000

EXTREMES = (0.0, -0.0, 5e-324, -1e-300, 1e-8, 0.1, 1e13, 1.7e13, -(2.0**44), 1e17, 1e150, -1e150)
"""Floats that break careless sums: subnormal, cancelling, beyond any fixed point."""


def nasty_arrivals(
    seed: int, events: int, streams: Sequence[Mapping[str, str]], *, partitions: int = 2
) -> list[Arrival]:
    """Events of several streams in log order.

    Args:
        seed: Names the case.
        events: How many.
        streams: For each stream its fields, name to type ("string", "int", "float", "bool", "time"; a
            trailing "?" allows null).
        partitions: Partitions per stream; the last falls silent for the middle third.

    Returns:
        Arrivals ordered by arrival, stream, partition, offset, as a step takes them.

    >>> arrivals = nasty_arrivals(1, 9, [{"shop": "string", "at": "time", "amount": "float?"}])
    >>> [arrival.offset for arrival in arrivals if arrival.partition == 0][:2]
    [0, 1]
    """
    chance = random.Random(seed)
    now = 1_000_000 * SECOND_US
    drawn: list[tuple[int, int, int, dict[str, Scalar]]] = []
    past: list[list[dict[str, Scalar]]] = [[] for _ in streams]
    for number in range(events):
        now += chance.choice((0, 0, 1, SECOND_US, 7 * SECOND_US, 61 * SECOND_US))
        stream = chance.randrange(len(streams))
        silent = partitions > 1 and events // 3 < number < 2 * events // 3
        partition = chance.randrange(partitions - 1 if silent else partitions)
        if past[stream] and chance.random() < 0.1:
            row = chance.choice(past[stream])
        else:
            row = {name: _draw(chance, kind, now) for name, kind in streams[stream].items()}
            past[stream].append(row)
        drawn.append((now, stream, partition, row))
    drawn.sort(key=lambda event: event[:3])
    offsets: dict[tuple[int, int], int] = {}
    arrivals = []
    for arrival, stream, partition, row in drawn:
        offset = offsets.get((stream, partition), 0)
        offsets[stream, partition] = offset + 1
        arrivals.append(Arrival(stream, partition, offset, arrival, row))
    return arrivals


def cut(seed: int, arrivals: Sequence[Arrival], *, longest: int) -> Iterator[list[Arrival]]:
    """Cuts a log into steps of random length, the interleaving unchanged.

    >>> [len(step) for step in cut(3, nasty_arrivals(1, 5, [{"at": "time"}]), longest=2)]
    [1, 1, 2, 1]
    """
    chance = random.Random(seed)
    rest = list(arrivals)
    while rest:
        length = chance.randint(1, longest)
        yield rest[:length]
        rest = rest[length:]


def _draw(chance: random.Random, kind: str, now: int) -> Scalar:
    if kind.endswith("?") and chance.random() < 0.2:
        return None
    match kind.rstrip("?"):
        case "string":
            return chance.choice(("hot", "hot", "hot", "a", "b", "", "\u00e9"))
        case "bool":
            return chance.random() < 0.5
        case "int":
            return chance.choice((0, 1, -3, 7, 2**40, -(2**40)))
        case "time":
            late = chance.choice((0, 0, 0, SECOND_US, 9 * SECOND_US, 30 * SECOND_US, 400 * SECOND_US))
            if chance.random() < 0.04:  # around a one-minute guard, and a clock that is years ahead
                return now + chance.choice((60 * SECOND_US, 60 * SECOND_US + 1, 10**9 * SECOND_US))
            return now - late
        case _:
            return chance.choice(EXTREMES) if chance.random() < 0.3 else round(chance.uniform(-50, 50), 2)
