"""When the oracle's days and hours begin, where clocks are changed."""

import pytest

from forerun.events.moments import Time
from forerun.testing.oracle.clocks import unit_start


@pytest.mark.parametrize(
    ("unit", "zone", "at", "start"),
    [
        ("day", "Europe/Paris", "2013-03-31T12:00:00Z", "2013-03-30T23:00:00Z"),
        ("day", "Europe/Paris", "2013-10-27T12:00:00Z", "2013-10-26T22:00:00Z"),
        # Midnight does not exist: the day begins at 01:00.
        ("day", "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z"),
        # Clocks from 23:30 to 00:30: the day begins within the jump.
        ("day", "America/Toronto", "1919-03-31T12:00:00Z", "1919-03-31T04:30:00Z"),
        # Back from 00:01 to 23:01: the day had begun, and goes on.
        ("day", "America/St_Johns", "1990-10-28T02:30:30Z", "1990-10-28T02:30:00Z"),
        ("day", "America/St_Johns", "1990-10-28T02:45:00Z", "1990-10-28T02:30:00Z"),
        # 30 December 2011 was left out.
        ("day", "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z"),
        ("day", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"),
        ("week", "Europe/Paris", "2013-04-01T12:00:00Z", "2013-03-31T22:00:00Z"),
        ("week", "Europe/Paris", "2013-03-31T21:59:59Z", "2013-03-24T23:00:00Z"),
        ("month", "America/New_York", "2012-02-29T23:00:00Z", "2012-02-01T05:00:00Z"),
        ("year", "Asia/Tokyo", "2012-12-31T15:00:00Z", "2012-12-31T15:00:00Z"),
        ("year", "Asia/Tokyo", "2012-12-31T14:59:59Z", "2011-12-31T15:00:00Z"),
        ("hour", "Asia/Kolkata", "2013-01-01T00:29:59Z", "2012-12-31T23:30:00Z"),
        # Half past two comes twice, in one hour.
        ("hour", "Europe/Paris", "2013-10-27T00:30:00Z", "2013-10-27T00:00:00Z"),
        ("hour", "Europe/Paris", "2013-10-27T01:30:00Z", "2013-10-27T00:00:00Z"),
        # Half an hour back from 02:00, in an hour that goes on; and half an hour forward from 02:00.
        ("hour", "Australia/Lord_Howe", "2013-04-06T15:15:00Z", "2013-04-06T14:00:00Z"),
        ("hour", "Australia/Lord_Howe", "2013-10-05T15:45:00Z", "2013-10-05T15:30:00Z"),
        ("hour", "America/St_Johns", "1990-10-28T02:45:00Z", "1990-10-28T02:30:00Z"),
    ],
)
def test_units_begin_where_the_clock_first_shows_them(unit: str, zone: str, at: str, start: str) -> None:
    """At the first instant that shows their start or more."""
    assert Time(unit_start(unit, zone, Time(at).us)) == Time(start)
