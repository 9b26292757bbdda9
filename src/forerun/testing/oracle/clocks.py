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
