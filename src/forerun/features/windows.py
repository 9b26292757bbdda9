"""Windows: which events of an entity belong together.

`over="1h"` is a sliding window, no `over` at all is the lifetime of the entity; the functions here make the
others.
"""

from forerun.errors import AggregateError
from forerun.events.calls import declared
from forerun.events.duration import parse_duration, spell_duration
from forerun.features.window import Hopping, Session

HOPS_MAX = 10_000


@declared
def tumbling(size: str) -> Hopping:
    """Windows side by side, as long as they are apart.

    Args:
        size: Their length, like '1h'; they begin at whole multiples of it since 1970, UTC.

    Returns:
        The window.

    >>> tumbling("1h")
    Hopping(size_us=3600000000, hop_us=3600000000)
    """
    size_us = parse_duration(size, "size")
    return Hopping(size_us, size_us)


@declared
def hopping(size: str, *, every: str) -> Hopping:
    """Windows that overlap.

    Args:
        size: Their length, like '1h'.
        every: How far apart they end, like '15m'; divides the length.

    Returns:
        The window.

    Raises:
        AggregateError: The length is no multiple of `every`, or there are too many.

    >>> hopping("1h", every="15m")
    Hopping(size_us=3600000000, hop_us=900000000)
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
def session(gap: str, *, max: str | None = None) -> Session:
    """The events of an entity between two times of quiet.

    Args:
        gap: The longest pause inside a session, like '30m'.
        max: The longest session, so that every one ends, and memory has a bound.

    Returns:
        The window: a chain of events, each at most `gap` after the one before.

    Raises:
        AggregateError: No `max`, or one that is below the gap.

    >>> session("30m", max="1d")
    Session(gap_us=1800000000, max_us=86400000000)
    """
    gap_us = parse_duration(gap, "gap")
    if max is None:
        raise AggregateError(f"session({gap!r}) may last for ever; write session({gap!r}, max='1d').")
    max_us = parse_duration(max, "max")
    if max_us < gap_us:
        raise AggregateError(
            f"session({gap!r}, max={max!r}) may not be shorter than its gap; write max='1d'."
        )
    return Session(gap_us, max_us)
