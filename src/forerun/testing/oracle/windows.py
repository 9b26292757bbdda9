"""Which events are inside a window, read at a time t.

One function per kind. Each is given the event times of an entity at or before t, oldest first (ties in order
of partition and offset), and says which of them are inside.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from forerun.testing.oracle.clocks import unit_start

Window: TypeAlias = Mapping[str, Any]
Times: TypeAlias = Sequence[int]


def inside(window: Window, times: Times, t: int) -> slice:
    """The events inside a window.

    Args:
        window: As in the plan, like {"kind": "sliding", "over_us": 300, "ago_us": 0}.
        times: Event times, none after t, oldest first.
        t: The time of the reading.

    Returns:
        Which of them are inside; they are always neighbours.

    >>> times = [0, 10, 20, 30]
    >>> times[inside({"kind": "sliding", "over_us": 20, "ago_us": 0}, times, 30)]
    [20, 30]
    >>> times[inside({"kind": "last", "events": 3}, times, 35)]
    [10, 20, 30]
    """
    return _KINDS[window["kind"]](window, times, t)


def _between(times: Times, after: int, last: int) -> slice:
    """Times in (after, last]."""
    before = sum(time <= after for time in times)
    return slice(before, max(before, sum(time <= last for time in times)))


def _sliding(window: Window, times: Times, t: int) -> slice:
    """(t - ago - over, t - ago]."""
    end = t - window["ago_us"]
    return _between(times, end - window["over_us"], end)


def _lifetime(_: Window, times: Times, __: int) -> slice:
    """All there is."""
    return slice(0, len(times))


def _hopping(window: Window, times: Times, t: int) -> slice:
    """[E - size, t], where E is the first hop after t: the window that ends next, so far."""
    end = (t // window["hop_us"] + 1) * window["hop_us"]
    return _between(times, end - window["size_us"] - 1, t)


def _calendar(window: Window, times: Times, t: int) -> slice:
    """From the local start of the hour, day, week, month or year that contains t."""
    return _between(times, unit_start(window["unit"], window["zone"], t) - 1, t)


def _session(window: Window, times: Times, t: int) -> slice:
    """The chain of events up to the newest, each within the gap of the next; none when t is beyond it."""
    first = len(times)
    following = t
    while first > 0 and following - times[first - 1] <= window["gap_us"]:
        following = times[first - 1]
        if following <= t - window["max_us"]:
            break
        first -= 1
    return slice(first, len(times))


def _last(window: Window, times: Times, _: int) -> slice:
    """The newest so many events."""
    return slice(max(0, len(times) - window["events"]), len(times))


def _tiled(window: Window, times: Times, t: int) -> slice:
    """All after t - over, and the rest of the tile that this instant is in."""
    first_tile = (t - window["over_us"]) // window["tile_us"]
    return _between(times, first_tile * window["tile_us"] - 1, t)


_KINDS: dict[str, Callable[[Window, Times, int], slice]] = {
    "calendar": _calendar,
    "hopping": _hopping,
    "last": _last,
    "lifetime": _lifetime,
    "session": _session,
    "sliding": _sliding,
    "tiled": _tiled,
}
