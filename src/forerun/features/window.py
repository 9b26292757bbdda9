"""What each kind of window is, once declared: frozen values with a canonical form and words for people."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from forerun.events.duration import parse_duration, spell_duration
from forerun.events.expression import Canonical


@dataclass(frozen=True)
class Sliding:
    """(t - ago - over, t - ago]: continuous, exact.

    >>> Sliding(3_600_000_000).words
    'over 1h'
    """

    over_us: int
    ago_us: int = 0
    keeps: ClassVar[bool] = True

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"kind": "sliding", "over_us": self.over_us, "ago_us": self.ago_us}

    @property
    def words(self) -> str:
        """As people say it."""
        ago = f" ending {spell_duration(self.ago_us)} ago" if self.ago_us else ""
        return f"over {spell_duration(self.over_us)}{ago}"

    @property
    def kept(self) -> str:
        """Which events it keeps, for a sentence about memory."""
        return f"the last {spell_duration(self.over_us + self.ago_us)}"


@dataclass(frozen=True)
class Lifetime:
    """All events of the entity.

    >>> Lifetime().words
    'since its first event'
    """

    keeps: ClassVar[bool] = False

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"kind": "lifetime"}

    @property
    def words(self) -> str:
        """As people say it."""
        return "since its first event"

    @property
    def kept(self) -> str:
        """Which events it keeps, for a sentence about memory."""
        return ""


@dataclass(frozen=True)
class Hopping:
    """The window of fixed size that ends next, so far.

    >>> Hopping(3_600_000_000, 3_600_000_000).words
    'in the current 1h'
    """

    size_us: int
    hop_us: int
    keeps: ClassVar[bool] = True

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"kind": "hopping", "size_us": self.size_us, "hop_us": self.hop_us}

    @property
    def words(self) -> str:
        """As people say it."""
        every = (
            "" if self.hop_us == self.size_us else f" of those that end every {spell_duration(self.hop_us)}"
        )
        return f"in the current {spell_duration(self.size_us)}{every}"

    @property
    def kept(self) -> str:
        """Which events it keeps, for a sentence about memory."""
        return f"the last {spell_duration(self.size_us)}"


@dataclass(frozen=True)
class Calendar:
    """The hour, day, week, month or year that contains t by the clocks of a time zone, so far.

    >>> Calendar("day", "Europe/Paris").words
    'in the current day in Europe/Paris'
    """

    unit: str
    zone: str
    keeps: ClassVar[bool] = True

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"kind": "calendar", "unit": self.unit, "zone": self.zone}

    @property
    def words(self) -> str:
        """As people say it."""
        return f"in the current {self.unit} in {self.zone}"

    @property
    def kept(self) -> str:
        """Which events it keeps, for a sentence about memory."""
        return f"the current {self.unit}"


@dataclass(frozen=True)
class Session:
    """The chain of events that reaches up to t, each within the gap of the next.

    >>> Session(1_800_000_000, 86_400_000_000).words
    'in the session with gaps up to 30m'
    """

    gap_us: int
    max_us: int
    keeps: ClassVar[bool] = True

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"kind": "session", "gap_us": self.gap_us, "max_us": self.max_us}

    @property
    def words(self) -> str:
        """As people say it."""
        return f"in the session with gaps up to {spell_duration(self.gap_us)}"

    @property
    def kept(self) -> str:
        """Which events it keeps, for a sentence about memory."""
        return f"the last {spell_duration(self.max_us)}"


@dataclass(frozen=True)
class LastEvents:
    """The newest so many events of the view.

    >>> LastEvents(10).words
    'of its last 10 events'
    """

    events: int
    keeps: ClassVar[bool] = True

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"kind": "last", "events": self.events}

    @property
    def words(self) -> str:
        """As people say it."""
        return f"of its last {self.events} events"

    @property
    def kept(self) -> str:
        """Which events it keeps, for a sentence about memory."""
        return f"the last {self.events}"


@dataclass(frozen=True)
class Tiled:
    """As sliding, but for the events of the tile that t - over is in, which are all inside.

    >>> Tiled(2_592_000_000_000, 25_920_000_000).words
    'over 30d in tiles of 7h12m'
    """

    over_us: int
    tile_us: int
    keeps: ClassVar[bool] = False

    def canonical(self) -> Canonical:
        """The form that is hashed and compiled."""
        return {"kind": "tiled", "over_us": self.over_us, "tile_us": self.tile_us}

    @property
    def words(self) -> str:
        """As people say it."""
        return f"over {spell_duration(self.over_us)} in tiles of {spell_duration(self.tile_us)}"

    @property
    def kept(self) -> str:
        """Which events it keeps, for a sentence about memory."""
        return ""

    @property
    def tiles(self) -> int:
        """How many tiles an entity has at most, the one that begins and the one that ends included."""
        return self.over_us // self.tile_us + 2


Window: TypeAlias = Sliding | Lifetime | Hopping | Calendar | Session | LastEvents | Tiled
Over: TypeAlias = str | Window | None
"""What `over=` takes: a length like '1h', a window made here, or None for the lifetime."""


def window_of(over: object) -> Window:
    """The window that an `over=` means.

    Args:
        over: What the user wrote.

    Returns:
        The window.

    Raises:
        DurationError: A text that is no length of time, or another class.

    >>> window_of("5m"), window_of(None)
    (Sliding(over_us=300000000, ago_us=0), Lifetime())
    """
    if isinstance(over, Window):
        return over
    return Lifetime() if over is None else Sliding(parse_duration(over, "over"))
