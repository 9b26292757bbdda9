"""Local clocks, read by Python's own `zoneinfo`.

Only the data is the kernel's: the tz database of the machine may be another release.
"""

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from forerun._core import zone_data

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)


@cache
def clock_of(zone: str) -> ZoneInfo:
    """The clock of a zone.

    >>> clock_of("Europe/Paris").key
    'Europe/Paris'
    """
    return ZoneInfo.from_file(io.BytesIO(zone_data(zone)), key=zone)


def local(t: int, zone: str) -> datetime | None:
    """What the clock of a zone shows at an instant, as if it were UTC's; None outside the years 1 to 9999.

    Args:
        t: Microseconds since 1970, UTC.
        zone: The zone.

    >>> print(local(0, "America/New_York"))
    1969-12-31 19:00:00+00:00
    """
    try:
        # No clock is changed within two days of the first year or the last, where `zoneinfo` would give up.
        since = t * _MICROSECOND
        known = _EPOCH + min(max(since, _FIRST - _EPOCH), _LAST - _EPOCH)
        offset = known.astimezone(clock_of(zone)).utcoffset()
        assert offset is not None
        return _EPOCH + (since + offset)
    except OverflowError:
        return None


def unit_start(unit: str, zone: str, t: int) -> int:
    """When the calendar unit that contains an instant began, by the clock of a zone.

    A unit begins at the first instant at which the clock shows its first moment or more: an hour that is
    shown twice is one hour, and a day whose midnight is skipped begins when the clock jumps over it.

    Args:
        unit: hour, day, week (from Monday), month or year.
        zone: Like "Europe/Paris".
        t: The instant.

    Returns:
        The latest such instant that is not after t.

    >>> noon = (datetime(2026, 3, 29, 12, tzinfo=UTC) - _EPOCH) // _MICROSECOND  # clocks went forward at 1:00
    >>> print(_EPOCH + unit_start("day", "Europe/Paris", noon) * _MICROSECOND)
    2026-03-28 23:00:00+00:00
    """
    moment = _floor(unit, _shown(zone, t))
    start = _first_showing(zone, moment)
    # A clock set back may have shown the first moment of a later unit before.
    while (later := _first_showing(zone, moment := _floor(unit, moment + _LONGEST[unit]))) <= t:
        start = later
    return start


_SECOND_US, _MINUTE_US, _HOUR_US = 1_000_000, 60_000_000, 3_600_000_000
_LONGEST = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
    "year": timedelta(days=366),
}


def _shown(zone: str, t: int) -> datetime:
    shown = local(t, zone)
    assert shown is not None, "an event's time is within the calendar"
    return shown


def _floor(unit: str, shown: datetime) -> datetime:
    """The first moment of a unit on the clock's face."""
    shown = shown.replace(minute=0, second=0, microsecond=0)
    if unit == "hour":
        return shown
    day = shown.replace(hour=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return {"day": day, "month": day.replace(day=1), "year": day.replace(day=1, month=1)}[unit]


@cache
def _first_showing(zone: str, moment: datetime) -> int:
    utc = (moment - _EPOCH) // _MICROSECOND
    at, after = utc - 30 * _HOUR_US, utc + 30 * _HOUR_US  # no clock is that far from UTC
    if _shown(zone, after) - _shown(zone, at) == (after - at) * _MICROSECOND:  # and this one was not changed
        return at + (moment - _shown(zone, at)) // _MICROSECOND
    while _shown(zone, at + _MINUTE_US - 1) < moment:
        at += _MINUTE_US
    while _shown(zone, at) < moment:
        at += _SECOND_US
    return at
