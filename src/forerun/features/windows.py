"""Windows: which events of an entity a feature is made of, read at a time t.

`over="1h"` is a sliding window, no `over` at all is the lifetime of the entity; the functions here make the
others. All of them are exact but `tiled`, which says by how much it may be off.

In the examples a door was opened at 10:10, at 10:20 and at 10:50; the features are read at 11:00.
"""

from math import floor

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.events.duration import parse_duration, spell_duration
from forerun.events.nearest import nearest
from forerun.events.zones import check_zone
from forerun.features.window import Calendar, Hopping, LastEvents, Session, Sliding, Tiled

UNITS = ("hour", "day", "week", "month", "year")
LAST_EVENTS_MAX = 10_000
HOPS_MAX = 10_000


@declared
def sliding(over: str, *, ago: str = "0s") -> Sliding:
    """A window of a length that ends at the reading, or some time before it.

    Args:
        over: Its length, like '7d'.
        ago: How long before the reading it ends, like '1d' for "the week up to yesterday".

    Returns:
        The window (t - ago - over, t - ago].

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over=sliding("30m", ago="30m")))  # after 10:00, up to 10:30
    2
    """
    return Sliding(parse_duration(over, "over"), parse_duration(ago, "ago", zero=True))


@declared
def tumbling(size: str) -> Hopping:
    """Windows side by side, as long as they are apart; read before it ends, the current one so far.

    Args:
        size: Their length, like '1h'; they begin at whole multiples of it since 1970, UTC.

    Returns:
        The window.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over=tumbling("1h"))), at_eleven(count(over=tumbling("2h")))  # from 11:00, from 10:00
    (0, 3)
    """
    size_us = parse_duration(size, "size")
    return Hopping(size_us, size_us)


@declared
def hopping(size: str, *, every: str) -> Hopping:
    """Windows that overlap; read before it ends, the one that ends next, so far.

    Args:
        size: Their length, like '1h'.
        every: How far apart they end, like '15m'; divides the length.

    Returns:
        The window.

    Raises:
        AggregateError: The length is no multiple of `every`, or there are too many.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over=hopping("1h", every="15m")))  # the one that ends at 11:15 began at 10:15
    2
    """
    size_us, hop_us = parse_duration(size, "size"), parse_duration(every, "every")
    if size_us % hop_us:
        fits = spell_duration(size_us // max(1, round(size_us / hop_us)))
        raise AggregateError(
            f"hopping({size!r}, every={every!r}): {every} does not divide {size}; write every={fits!r}."
        )
    if size_us // hop_us > HOPS_MAX:
        raise AggregateError(
            f"hopping({size!r}, every={every!r}): an event would be in {size_us // hop_us} windows; "
            f"write every={spell_duration(size_us // 100)!r}, or over={size!r} for a continuous one."
        )
    return Hopping(size_us, hop_us)


@declared
def calendar(unit: str, zone: str) -> Calendar:
    """The hour, day, week, month or year that the reading is in, so far.

    Args:
        unit: "hour", "day", "week" (from Monday), "month" or "year".
        zone: Whose clocks, like "Europe/Paris" or "UTC".

    Returns:
        The window, from the unit's local start up to the reading.

    Raises:
        AggregateError: Another unit.
        UnknownNameError: There is no such zone.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over=calendar("hour", "UTC"))), at_eleven(count(over=calendar("month", "UTC")))
    (0, 3)
    """
    if unit not in UNITS:
        raise AggregateError(f"calendar({unit!r}, ...): no such unit.{nearest(str(unit), UNITS)}")
    if not isinstance(zone, str):
        raise AggregateError(f"calendar({unit!r}, {zone!r}): the zone is a name, like 'Europe/Paris'.")
    check_zone(zone)
    return Calendar(unit, zone)


@declared
def today(zone: str) -> Calendar:
    """From midnight by the clocks of a time zone up to the reading: `calendar("day", zone)`.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over=today("Europe/Paris")))
    3
    """
    return calendar("day", zone)


@declared
def session(gap: str, *, max: str | None = None) -> Session:
    """The events since the entity was last quiet; none when it has been quiet since.

    Args:
        gap: The longest pause inside a session, like '30m'.
        max: The longest session; older events are not looked at, so that memory has a bound.

    Returns:
        The window: the chain of events that ends with the newest, if that is no further than `gap` back. All
        events of the view make the chain; a feature's `where` chooses among them.

    Raises:
        AggregateError: No `max`, or one that is below the gap.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over=session("20m", max="1d"))), at_eleven(count(over=session("30m", max="1d")))
    (1, 3)
    """
    gap_us = parse_duration(gap, "gap")
    if max is None:
        raise AggregateError(
            f"session({gap!r}) may last for ever, and its events be kept; write session({gap!r}, max='1d')."
        )
    max_us = parse_duration(max, "max")
    if max_us < gap_us:
        raise AggregateError(
            f"session({gap!r}, max={max!r}): it may not be shorter than its gap; write max='1d'."
        )
    return Session(gap_us, max_us)


@declared
def last_events(events: int) -> LastEvents:
    """The newest so many events of the entity, however old.

    Args:
        events: How many, up to 10,000. A feature's `where` chooses among them; the view's counts before.

    Returns:
        The window.

    Raises:
        AggregateError: No positive number, or more than are kept.

    >>> from forerun.features.aggregates import sum
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(sum(Opened.seconds, over=last_events(2)))
    80
    """
    given: object = events
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= LAST_EVENTS_MAX:
        raise AggregateError(f"last_events({events!r}): write a number from 1 to {LAST_EVENTS_MAX}.")
    return LastEvents(events)


@declared
def tiled(over: str, *, max_error: float = 0.01) -> Tiled:
    """A long sliding window kept as sums of tiles instead of events: little memory, and a known error.

    Args:
        over: Its length, like '90d'.
        max_error: Length of a tile as a share of the window's: how much too long the window may be.

    Returns:
        The window. Whatever is in the tile that it begins in counts as inside; readings show a bound of the
        difference that this makes beside each value.

    Raises:
        AggregateError: `max_error` is not between 0.0001 and 0.5.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(over=tiled("45m", max_error=0.5)))  # 10:15 is in the tile that began before 10:10
    3
    """
    share: object = max_error
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0001 <= share <= 0.5:
        raise AggregateError(
            f"tiled({over!r}, max_error={max_error!r}): a share from 0.0001 to 0.5; write max_error=0.01. "
            f"For a window without error write over={over!r}."
        )
    over_us = parse_duration(over, "over")
    tile_us = floor(over_us * max_error)
    return Tiled(over_us, tile_us if tile_us > 1 else 1)
