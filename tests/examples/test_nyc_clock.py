"""What the clock on an airport's wall shows, and when it shows it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from nyc_clock import HOUR, MINUTE, NEVER, WallClock, microseconds, wall_clock

ZONES = (
    "America/Anchorage",
    "America/New_York",
    "America/Phoenix",
    "America/Puerto_Rico",
    "Pacific/Honolulu",
)


@pytest.mark.parametrize("zone", ZONES)
def test_offset_is_that_of_the_time_zone_database(zone: str) -> None:
    """Every 7 hours and 1 minute of 2013, which passes each change of the clock on both sides."""
    start = datetime(2013, 1, 1, tzinfo=UTC)
    times = [start + timedelta(minutes=421 * step) for step in range(1250)]
    instants = np.concatenate([microseconds(*time.timetuple()[:6]) for time in times])

    expected = [time.astimezone(ZoneInfo(zone)).utcoffset() for time in times]
    actual = [timedelta(microseconds=int(offset)) for offset in wall_clock(zone).offset(instants)]

    assert actual == expected


def test_the_change_is_found_to_the_minute() -> None:
    """New York springs forward at 07:00 UTC on 10 March and falls back at 06:00 UTC on 3 November."""
    clock = WallClock("America/New_York")

    for change, before, after in (
        (microseconds(2013, 3, 10, 7), -5, -4),
        (microseconds(2013, 11, 3, 6), -4, -5),
    ):
        assert int(clock.offset(change - MINUTE)[0]) == before * HOUR
        assert int(clock.offset(change)[0]) == after * HOUR


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("America/New_York", (2013, 1, 1, 5, 15), (2013, 1, 1, 10, 15)),
        ("America/New_York", (2013, 7, 1, 10, 0), (2013, 7, 1, 14, 0)),
        ("America/New_York", (2013, 3, 10, 1, 59), (2013, 3, 10, 6, 59)),
        ("America/New_York", (2013, 3, 10, 2, 30), (2013, 3, 10, 7, 30)),  # skipped: as if not changed
        ("America/New_York", (2013, 3, 10, 3, 0), (2013, 3, 10, 7, 0)),
        ("America/New_York", (2013, 11, 3, 1, 30), (2013, 11, 3, 5, 30)),  # shown twice: the first
        ("America/New_York", (2013, 11, 3, 2, 0), (2013, 11, 3, 7, 0)),
        ("America/Phoenix", (2013, 3, 10, 2, 30), (2013, 3, 10, 9, 30)),  # Arizona changes no clock
        ("America/Puerto_Rico", (2013, 11, 3, 1, 30), (2013, 11, 3, 5, 30)),
    ],
)
def test_instant_of_a_wall_time(zone: str, wall: tuple[int, ...], instant: tuple[int, ...]) -> None:
    """Worked by hand, on both sides of both changes."""
    assert wall_clock(zone).instants(microseconds(*wall)).tolist() == microseconds(*instant).tolist()


def test_a_repeated_time_has_two_readings_a_skipped_one_a_single_reading() -> None:
    """None is lost and none invented."""
    clock = wall_clock("America/New_York")
    twice = clock.readings(microseconds(2013, 11, 3, 1, 30)).ravel()
    skipped = clock.readings(microseconds(2013, 3, 10, 2, 30)).ravel()

    assert sorted(twice.tolist()) == [
        int(microseconds(2013, 11, 3, 5, 30)[0]),
        int(microseconds(2013, 11, 3, 6, 30)[0]),
    ]
    assert sorted(skipped.tolist()) == [int(microseconds(2013, 3, 10, 7, 30)[0]), NEVER]


@pytest.mark.parametrize(
    ("zone", "minute", "earliest", "expected"),
    [
        ("America/New_York", 30, (2013, 7, 1, 3, 50), (2013, 7, 1, 4, 30)),  # past midnight
        ("America/New_York", 0, (2013, 7, 1, 4, 0), (2013, 7, 1, 4, 0)),  # the moment itself counts
        ("America/New_York", 90, (2013, 11, 3, 4, 0), (2013, 11, 3, 5, 30)),  # the first 01:30
        ("America/New_York", 90, (2013, 11, 3, 5, 45), (2013, 11, 3, 6, 30)),  # too late for the first
        ("America/New_York", 150, (2013, 3, 10, 6, 0), (2013, 3, 10, 7, 30)),  # 02:30 is skipped
        ("Pacific/Honolulu", 870, (2013, 7, 1, 21, 30), (2013, 7, 2, 0, 30)),
    ],
)
def test_next_time_the_wall_shows_a_minute(
    zone: str, minute: int, earliest: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """Never before `earliest`, never later than the first time it is shown."""
    actual = wall_clock(zone).next_showing(np.array([minute]), microseconds(*earliest))

    assert actual.tolist() == microseconds(*expected).tolist()
