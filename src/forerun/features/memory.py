"""How many bytes the state of an entity takes at most, as the compiler of the plan says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from forerun._core import memory
from forerun.events.duration import UNITS_US, spell_duration


@dataclass(frozen=True, slots=True)
class Memory:
    """The bound of one view: so many bytes, and so many more for each event kept.

    Left out are texts: keys of more than 22 bytes, and values of more than 7, each distinct one once.

    Args:
        few: Bytes of an entity that never held `many_from` events at once, and of each event.
        many: The same for one that did: its events have an index then.
        many_from: From how many on.
        span_us: Within how long a time events are kept: the longest window and the lateness.
        newest: How many more are kept, however old: those of `last_events`.
        unnoticed: How many more may be there before a step notices that they are not needed. Only an entity
            that has a stream nearly to itself comes near that, so `bytes_at` leaves it out.
        waits_us: How much longer events are kept while another stream that reads the view is silent.
        view: Bytes of the view itself, without an entity.
        texts: Whether keys or values are texts.

    >>> day, hour = 86_400_000_000, 3_600_000_000
    >>> bound = Memory((300, 96), (1250, 104), 32, day + hour, 0, 256, 0, 9000, False)
    >>> bound.words
    'at most 1.3 kB + 104 B an event of 1d1h'
    >>> bound.bytes_at(per_day=24), bound.bytes_at(per_day=240)
    (2700, 27250)
    """

    few: tuple[int, int]
    many: tuple[int, int]
    many_from: int
    span_us: int
    newest: int
    unnoticed: int
    waits_us: int
    view: int
    texts: bool

    def bytes_with(self, events: int) -> int:
        """The bound for an entity that never held more than so many events.

        Args:
            events: How many.
        """
        fixed, event = self.few if events < self.many_from else self.many
        return fixed + event * events

    def bytes_at(self, per_day: float) -> int:
        """The bound for an entity with evenly spread events.

        Args:
            per_day: Events a day.
        """
        within = ceil(per_day * self.span_us / UNITS_US["d"])
        return self.bytes_with(within + self.newest)

    @property
    def words(self) -> str:
        """The bound as a formula of the events."""
        fixed, event = self.many
        kept = [f"of {spell_duration(self.span_us)}"] if self.span_us else []
        if self.newest:
            kept.append(f"of the last {self.newest}")
        texts = ", and texts" if self.texts else ""
        events = f" + {spell_bytes(event)} an event {' and '.join(kept)}" if kept else ""
        return f"at most {spell_bytes(fixed)}{events}{texts}"


def memories(plan: str) -> list[Memory]:
    """The bounds of the views of a plan, in its order.

    Args:
        plan: Its JSON, as `App.plan` gives it.

    >>> from forerun.features.aggregates import sum
    >>> from forerun.testing.doors import Opened, plan_of
    >>> [bound] = memories(plan_of(sum(Opened.seconds, over="1d")))
    >>> bound.span_us // 3_600_000_000, bound.newest
    (25, 0)
    """
    return [Memory(**bound) for bound in memory(plan)]


def bytes_at(parts: Sequence[Memory], per_day: float) -> int:
    """The bound of a view of several streams: an entity has state in each of its parts.

    Args:
        parts: The bounds of its parts.
        per_day: Events a day, in each stream.
    """
    return sum(part.bytes_at(per_day) for part in parts)


def spell_bytes(size: float) -> str:
    """A number of bytes for people, rounded up.

    Args:
        size: The number.

    >>> spell_bytes(131), spell_bytes(1234), spell_bytes(2_900_000), spell_bytes(40_000)
    ('131 B', '1.3 kB', '2.9 MB', '40 kB')
    """
    units = iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while size > 999 and unit != "GB":
        size, unit = size / 1000, next(units)
    tenths = ceil(size * 10)
    return f"{tenths / 10} {unit}" if tenths < 100 and unit != "B" else f"{ceil(size)} {unit}"
