"""Nasty logs on purpose, shaped by an app's own declarations.

What breaks streaming systems, all of it in one log: ties, bursts, disorder up to the lateness and just
beyond, stamps from the future, partitions that fall silent, duplicates, nulls, extreme values, hot keys, long
pauses in which windows run empty. Everything is drawn from one seed, so one number names a failing case.
"""

import random  # noqa: TID251 - always seeded; this is where randomness is wanted
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forerun.testing.oracle.arrival import Arrival, Scalar
from forerun.testing.shapes import SECOND_US, Shape, Shapes

START_US = 1_356_998_400 * SECOND_US
"""2013-01-01T00:00:00Z."""

TAME_FLOATS = (
    0.0,
    -0.0,
    5e-324,
    2.2250738585072014e-308,
    -1e-300,
    1e-8,
    0.1,
    1e13,
    1.7e13,
    -(2.0**44),
    1e17,
    2.0**53 + 2,
    1e100,
    -1e100,
)
"""Break careless sums, and leave room for sums of squares: subnormal, cancelling, beyond any fixed point."""

WILD_FLOATS = (1.7976931348623157e308, -1e308, 1e200)
"""Two of them overflow a sum, or their squares do."""

INTS = (0, 1, -1, 7, 2**31, -(2**40), 2**53 + 1, -(2**53) - 1)
"""2**53 + 1 is the first int that a float cannot hold."""

WILD_INTS = (2**63 - 1, -(2**63), 2**62)
"""Two of them overflow a sum."""

STRINGS = ("", "a", "b", "B", "\u00e9", "\u6771\u4eac", "a\u0000b", "x" * 40)


@dataclass(frozen=True)
class Habits:
    """How nasty a log is; the defaults are for finding bugs.

    Args:
        partitions: Partitions per stream; the last is silent for the middle third of the log.
        keys: Distinct entities beside the hot one.
        hot: The share of events of the hot entity.
        late: The share of events that come after later ones, most of them within the lateness.
        future: The share with a stamp ahead of their arrival.
        doubled: The share that repeats an earlier event.
        nulls: The share of nulls where they are allowed.
        extreme: The share of extreme numbers.
        beyond: Among those, near the end of a log, the share that are too large for sums or squares.
        invalid: The share with a null where none is allowed, or NaN.

    >>> Habits(partitions=1).keys
    12
    """

    partitions: int = 2
    keys: int = 12
    hot: float = 0.4
    late: float = 0.35
    future: float = 0.01
    doubled: float = 0.05
    nulls: float = 0.15
    extreme: float = 0.25
    beyond: float = 0.3
    invalid: float = 0.01


NASTY = Habits()


def nasty_log(seed: int, events: int, shapes: Shapes, habits: Habits = NASTY) -> list[Arrival]:
    """Events of all streams in the order of the log.

    Args:
        seed: Names the case.
        events: How many.
        shapes: The streams.
        habits: How nasty.

    Returns:
        Arrivals ordered by arrival, stream, partition, offset, as a step takes them.

    >>> from forerun.testing.shapes import Shape
    >>> sale = Shape({"shop": "string", "at": "time", "amount": "float?"}, "at", ("shop",), 0, None, None)
    >>> log = nasty_log(1, 9, Shapes((sale,), {}, (60_000_000,)))
    >>> [arrival.offset for arrival in log if arrival.partition == 0][:2]
    [0, 1]
    """
    return list(_Writer(seed, shapes, habits).log(events))


class _Writer:
    """Draws one log."""

    def __init__(self, seed: int, shapes: Shapes, habits: Habits) -> None:
        self.chance = random.Random(seed)
        self.shapes = shapes
        self.habits = habits
        self.now = START_US
        self.past: list[list[dict[str, Scalar]]] = [[] for _ in shapes.streams]
        self.steps = [
            0,
            0,
            1,
            *(length // divisor for length in shapes.lengths_us for divisor in (3, 11, 47)),
        ]
        self.burst = 0
        self.ending = False

    def log(self, events: int) -> Iterator[Arrival]:
        """Every event, with its place."""
        drawn = []
        for number in range(events):
            self.ending = number > events - events // 4
            self._pass_time()
            stream = self.chance.randrange(len(self.shapes.streams))
            silent = self.habits.partitions > 1 and events // 3 < number < 2 * events // 3
            partition = self.chance.randrange(self.habits.partitions - (1 if silent else 0))
            drawn.append((self.now, stream, partition, self._row(stream)))
        drawn.sort(key=lambda event: event[:3])
        offsets: dict[tuple[int, int], int] = {}
        for arrival, stream, partition, row in drawn:
            offset = offsets.get((stream, partition), 0)
            offsets[stream, partition] = offset + 1
            yield Arrival(stream, partition, offset, arrival, row)

    def _pass_time(self) -> None:
        """Mostly a little, in a burst nothing, rarely so long that every window runs empty."""
        if self.burst:
            self.burst -= 1
            return
        if self.chance.random() < 0.004:
            self.burst = self.chance.randrange(10, 80)
        if self.chance.random() < 0.001:
            self.now += 2 * self.shapes.lengths_us[-1] + 1
        else:
            self.now += self.chance.choice(self.steps)

    def _row(self, stream: int) -> dict[str, Scalar]:
        shape, past = self.shapes.streams[stream], self.past[stream]
        if past and self.chance.random() < self.habits.doubled:
            return self.chance.choice(past[-200:])
        hot = self.chance.random() < self.habits.hot
        row = {name: self._value(shape, name, kind, hot) for name, kind in shape.fields.items()}
        if self.chance.random() < self.habits.invalid:
            self._spoil(shape, row)
        past.append(row)
        return row

    def _value(self, shape: Shape, name: str, kind: str, hot: bool) -> Scalar:
        if name == shape.time:
            return self._event_time(shape)
        bare = kind.rstrip("?")
        if kind.endswith("?") and self.chance.random() < self.habits.nulls:
            return None
        if name in shape.keys:
            return self._key(bare, 0 if hot else self.chance.randrange(1, self.habits.keys + 1))
        known = self.shapes.constants.get(bare, ())
        if known and self.chance.random() < 0.4:
            return self._near(bare, self.chance.choice(list(known)))
        extreme = self.chance.random() < self.habits.extreme
        match bare:
            case "bool":
                return self.chance.random() < 0.5
            case "string":
                return self.chance.choice(STRINGS)
            case "int":
                ints = WILD_INTS if self._is_beyond() else INTS
                return self.chance.choice(ints) if extreme else self.chance.randrange(-20, 100)
            case "time":
                return self.now + self.chance.randrange(-3600, 3600) * SECOND_US
            case "duration":
                return self.chance.randrange(-60, 7200) * SECOND_US
            case _:
                floats: Sequence[float] = TAME_FLOATS
                if self._is_beyond():
                    floats = WILD_FLOATS
                elif name not in shape.bounded:
                    floats = (*TAME_FLOATS, *WILD_FLOATS)
                return self.chance.choice(floats) if extreme else round(self.chance.uniform(-50, 50), 2)

    def _is_beyond(self) -> bool:
        """Whether a number may be too large to be added up: late in a log, for a lifetime never forgets."""
        return self.ending and self.chance.random() < self.habits.beyond

    def _key(self, kind: str, number: int) -> Scalar:
        """The same few entities in every stream that has a field of this type as key."""
        if kind == "string":
            return "hot" if number == 0 else f"k{number}" if number > 2 else ("", "\u00e9")[number - 1]
        return number % 2 == 0 if kind == "bool" else number

    def _near(self, kind: str, constant: Scalar) -> Scalar:
        """A constant of the app, or its neighbour."""
        if kind == "int" and isinstance(constant, int):
            return constant + self.chance.choice((-1, 0, 0, 1))
        return float(constant) if kind == "float" and isinstance(constant, int) else constant

    def _event_time(self, shape: Shape) -> int:
        drawn = self.chance.random()
        if drawn < self.habits.future:
            skew = 60 * SECOND_US if shape.skew_us is None else shape.skew_us
            return self.now + self.chance.choice((1, skew // 9, skew // 3, skew, skew + 1, 10**9 * SECOND_US))
        if drawn < self.habits.future + self.habits.late:
            lateness = shape.lateness_us
            edge = self.chance.choice((lateness, lateness, lateness + 1, 2 * lateness + SECOND_US))
            return self.now - (edge if self.chance.random() < 0.1 else self.chance.randint(0, lateness))
        return self.now

    def _spoil(self, shape: Shape, row: dict[str, Scalar]) -> None:
        """A null or NaN where the stream allows none; the event's time stays, so that it can be judged."""
        names = [n for n, kind in shape.fields.items() if n != shape.time and not kind.endswith("?")]
        if names:
            name = self.chance.choice(names)
            row[name] = float("nan") if shape.fields[name] == "float" else None


def permuted(seed: int, log: Sequence[Arrival], shapes: Shapes) -> list[Arrival]:
    """The same events in another order of arrival, each still within its stream's lateness.

    Args:
        seed: Names the order.
        log: Events that are all applied.
        shapes: The streams.

    Returns:
        A log in which they are all applied again. Events of one partition with the same event time keep their
        order, since that order is what decides between them.

    >>> from forerun.testing.shapes import Shape
    >>> tick = Shape({"at": "time"}, "at", (), 1000, None, None)
    >>> log = [Arrival(0, 0, n, START_US + n, {"at": START_US + n}) for n in range(5)]
    >>> times = [arrival.values["at"] for arrival in permuted(1, log, Shapes((tick,), {}, (1,)))]
    >>> sorted(times) == [arrival.arrival_us for arrival in log]
    True
    """
    chance = random.Random(seed)
    delays: dict[tuple[int, int, int], int] = {}
    delayed = []
    for arrival in log:
        shape = shapes.streams[arrival.stream]
        time = arrival.values[shape.time]
        assert isinstance(time, int)
        place = (arrival.stream, arrival.partition, time)
        # Whatever has been seen before it happened at most the lateness after it: t' <= t' + d' <= t + d.
        delay = delays.setdefault(place, chance.randint(0, shape.lateness_us))
        delayed.append((time + delay, arrival))
    delayed.sort(key=lambda pair: (pair[0], pair[1].stream, pair[1].partition))
    offsets: dict[tuple[int, int], int] = {}
    made = []
    for at, arrival in delayed:
        offset = offsets.get((arrival.stream, arrival.partition), 0)
        offsets[arrival.stream, arrival.partition] = offset + 1
        made.append(Arrival(arrival.stream, arrival.partition, offset, at, arrival.values))
    return made
