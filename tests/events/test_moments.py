"""Instants and lengths: what has no offset is no instant, and units cannot be mixed up."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from forerun.errors import EventError
from forerun.events.moments import TIME_US_MAX, TIME_US_MIN, Duration, EventTime, Time


@pytest.mark.parametrize(
    "instant",
    [
        "2013-07-01T16:00:00Z",
        "2013-07-01T12:00:00-04:00",
        "2013-07-01 16:00:00+00:00",
        datetime(2013, 7, 1, 16, tzinfo=UTC),
        datetime(2013, 7, 1, 12, tzinfo=timezone(timedelta(hours=-4))),
        1_372_694_400_000_000,
    ],
)
def test_one_instant_many_ways(instant: str | int | datetime) -> None:
    """Text with an offset, a datetime with a zone, microseconds."""
    assert Time(instant).us == 1_372_694_400_000_000


@pytest.mark.parametrize(
    ("instant", "reason"),
    [
        ("2013-07-01T12:00:00", "append 'Z' or an offset"),
        ("2013-07-01", "append 'Z' or an offset"),
        (datetime(2013, 7, 1), "append 'Z' or an offset"),  # noqa: DTZ001  # the mistake
        ("yesterday", "RFC 3339"),
        (TIME_US_MAX + 1, "years 1 to 9999"),
        (TIME_US_MIN - 1, "years 1 to 9999"),
    ],
)
def test_what_names_no_instant(instant: str | int | datetime, reason: str) -> None:
    """A wall clock without a place, and what is no time at all."""
    with pytest.raises(EventError) as caught:
        Time(instant)
    assert reason in caught.value.message


def test_arithmetic() -> None:
    """Instants differ by lengths and move by lengths; lengths add, scale and divide."""
    start, end = EventTime(0), EventTime(90_000_000)

    assert end - start == Duration("1m30s")
    assert start + Duration("1m30s") == end
    assert end - Duration("90s") == start
    assert type(end - Duration("90s")) is EventTime
    assert Duration("1h") - Duration("20m") + Duration("5m") == Duration("45m")
    assert Duration("1h") / Duration("20m") == 3.0
    assert Duration("20m") * 3 == Duration(timedelta(hours=1))
    assert abs(-Duration("5m")) == Duration("5m")


def test_order_and_equality() -> None:
    """By position in time, whatever the class."""
    assert Time(5) == EventTime(5)
    assert len({Time(5), EventTime(5), Time(6)}) == 2
    assert Time(5) < Time(6) <= Time(6) > Time(5) >= Time(5)
    assert Duration(5) < Duration(6) <= Duration(6) > Duration(5) >= Duration(5)
    assert Time(5) != Duration(5)
    assert len({Duration(5), Duration("0s"), Duration(5)}) == 2


def test_text() -> None:
    """What is printed can be pasted back."""
    for value in (
        Time("2013-07-01T16:00:00.000001Z"),
        EventTime(TIME_US_MIN),
        Duration("1h30m"),
        Duration(-5),
    ):
        assert eval(repr(value)) == value
