"""Wall clocks and instants: what the clock on an airport's wall shows, and when it shows it.

Airlines print wall times: departure by the clock at the origin, arrival by the clock at the destination.
An event needs an instant. Once a year a clock skips an hour (no instant shows 02:30) and once it repeats one
(two instants show 01:30); this file says what is made of both.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Instants = npt.NDArray[np.int64]
"""Times as int64 microseconds: since 1970-01-01 UTC, or of a wall clock since 1970-01-01 by that clock."""

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEVER = int(np.iinfo(np.int64).max)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 2012, 2015


class WallClock:
    """The clock on the wall in one time zone, for the years 2012 to 2014.

    Args:
        zone: Name in the time zone database.

    >>> clock = WallClock("America/New_York")
    >>> noon = microseconds(2013, 7, 1, 12)
    >>> (clock.instants(noon) - noon) // HOUR         # summer time is four hours behind UTC
    array([4])
    """

    def __init__(self, zone: str) -> None:
        self._changes, offsets = _changes(zone)
        self._offsets = np.array(offsets, np.int64)
        self._distinct = sorted(set(offsets), reverse=True)  # the widest offset gives the earliest instant

    def offset(self, instants: Instants) -> Instants:
        """Return how far the wall is ahead of UTC at each instant, in microseconds (negative in the west)."""
        return self._offsets[np.searchsorted(self._changes, instants, side="right")]

    def instants(self, walls: Instants) -> Instants:
        """Return the first instant at which the wall shows each time.

        A time the clock skips is read as if the clock had not been changed (as RFC 5545 has it): 02:30 on the
        morning that loses 02:00 to 03:00 is the instant then called 03:30.

        >>> clock = WallClock("America/New_York")
        >>> skipped, named = (clock.instants(microseconds(2013, 3, 10, hour, 30)) for hour in (2, 3))
        >>> skipped == named
        array([ True])
        >>> one, two = (clock.instants(microseconds(2013, 11, 3, hour)) for hour in (1, 2))
        >>> (two - one) // HOUR
        array([2])
        """
        earliest: Instants = self.readings(walls).min(axis=0)
        return earliest

    def readings(self, walls: Instants) -> Instants:
        """Return every instant that shows each wall time: one row per offset of the zone, `NEVER` if none."""
        rows = [walls - offset for offset in self._distinct]
        shows = [self.offset(row) == offset for row, offset in zip(rows, self._distinct, strict=True)]
        found = [np.where(right, row, NEVER) for row, right in zip(rows, shows, strict=True)]
        unchanged = walls - self.offset(rows[0])
        found[0] = np.where(np.any(shows, axis=0), found[0], unchanged)
        return np.stack(found)

    def next_showing(self, minutes: Instants, earliest: Instants) -> Instants:
        """Return the first instant, not before `earliest`, at which the wall shows this minute of the day.

        Args:
            minutes: Minutes since midnight by this clock, 0 to 1439.
            earliest: Instants before which none is accepted.

        >>> clock = WallClock("America/Denver")
        >>> evening = microseconds(2013, 11, 3, 5)                        # Saturday, 23:00 in Denver
        >>> (clock.next_showing(np.array([90]), evening) - evening) / HOUR  # the first 01:30 of two
        array([2.5])
        >>> (clock.next_showing(np.array([90]), evening + 3 * HOUR) - evening) / HOUR  # the second
        array([3.5])
        """
        today = (earliest + self.offset(earliest)) // DAY * DAY
        found = np.full(len(earliest), NEVER)
        for day in (today, today + DAY):
            for reading in self.readings(day + minutes * MINUTE):
                found = np.where(reading >= earliest, np.minimum(found, reading), found)
        return found


@cache
def wall_clock(zone: str) -> WallClock:
    """Return the clock of a zone, made once."""
    return WallClock(zone)


def microseconds(*when: int) -> Instants:
    """Return a date and time (year, month, day, hour, ...) as an array of one, for examples and tests."""
    return np.array([(datetime(*when, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)])  # type: ignore[misc,arg-type]  # as datetime's own


def _changes(zone: str) -> tuple[Instants, Sequence[int]]:
    """Return the instants at which the offset changes, and the offsets before, between and after them."""
    place = ZoneInfo(zone)

    def offset(minute: int) -> int:
        there = (_EPOCH + timedelta(minutes=minute)).astimezone(place).utcoffset()
        assert there is not None
        return there // timedelta(microseconds=1)

    first, end = (int(microseconds(year, 1, 1)[0]) // MINUTE for year in (_FIRST_YEAR, _LAST_YEAR))
    changes: list[int] = []
    offsets = [offset(first)]
    for low, high in pairwise(range(first, end, 24 * 60)):
        if offset(high) == offsets[-1]:
            continue
        while high - low > 1:  # the change lies in this day: halve it down to the minute
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
        changes.append(high * MINUTE)
        offsets.append(offset(high))
    return np.array(changes, np.int64), offsets
