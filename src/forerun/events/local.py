"""What a clock and a calendar show at a place: `local(at, zone)` and its parts."""

from typing import cast

from forerun.errors import ExpressionTypeError
from forerun.events.calls import declared
from forerun.events.expression import Expr, as_expr, call
from forerun.events.moments import Time
from forerun.events.zones import check_zone


class LocalTime:
    """A time on the clock of a place. Its parts are expressions; it is none itself.

    Every part is null where the time is, and where the local date is outside the years 1 to 9999.

    Args:
        at: The instant.
        zone: The place's name in the tz database.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> tokyo = local(Opened.at, "Asia/Tokyo")  # last opened on a Tuesday at 10:50 UTC
    >>> at_eleven(last(tokyo.hour)), at_eleven(last(tokyo.minute)), at_eleven(last(tokyo.day_of_week))
    (19, 50, 1)
    """

    __slots__ = ("_at", "_zone")

    instead_of_itself = "take a part of it, like .hour or .is_weekend"

    def __init__(self, at: Expr, zone: str) -> None:
        self._at = at
        self._zone = zone

    @property
    def year(self) -> int:
        """The year."""
        return self._part("year")

    @property
    def month(self) -> int:
        """The month, 1 to 12."""
        return self._part("month")

    @property
    def day(self) -> int:
        """The day of the month, 1 to 31."""
        return self._part("day_of_month")

    @property
    def day_of_year(self) -> int:
        """The day of the year, 1 to 366."""
        return self._part("day_of_year")

    @property
    def day_of_week(self) -> int:
        """The day of the week: 0 for Monday to 6 for Sunday, as Python's `weekday()`."""
        return self._part("day_of_week")

    @property
    def is_weekend(self) -> bool:
        """Whether it is Saturday or Sunday."""
        return self.day_of_week >= 5

    @property
    def hour(self) -> int:
        """The hour, 0 to 23."""
        return self._part("hour")

    @property
    def minute(self) -> int:
        """The minute, 0 to 59."""
        return self._part("minute")

    @property
    def seconds_of_day(self) -> float:
        """What the clock shows since midnight, in seconds with their fraction: 0 to below 86,400.

        On a day on which the clock is changed that is not the time since midnight.
        """
        return cast(float, call("seconds_of_day", self._at, self._zone))

    def _part(self, op: str) -> int:
        return cast(int, call(op, self._at, self._zone))

    def __repr__(self) -> str:
        return f"local({self._at!r}, {self._zone!r})"


@declared
def local(at: Time | None, zone: str) -> LocalTime:
    """A time as the clock and the calendar of a place show it.

    The tz database is part of this package, so a time has the same parts on every machine, whatever else that
    machine knows about time zones. Daylight saving time is in it, past and announced.

    Args:
        at: A time.
        zone: The place's name in the tz database, like "Europe/Paris", "America/New_York" or "UTC".

    Returns:
        Its year, month, day, day_of_week, day_of_year, hour, minute, seconds_of_day and is_weekend.

    Raises:
        ExpressionTypeError: `at` is no time, or the zone no constant.
        UnknownNameError: There is no such zone.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=local(Opened.at, "Europe/Paris").hour == 11))
    3
    >>> local(Opened.at, "Paris")
    Traceback (most recent call last):
    forerun.errors.UnknownNameError: [FR-DEF-NAME] ...: there is no time zone 'Paris'. Did you mean ...
    """
    expr = as_expr(at)
    if expr.type != "time":
        raise ExpressionTypeError(
            f"local({expr!r}, {zone!r}): {expr!r} is {expr.type}; write a time of the event."
        )
    if not isinstance(zone, str):
        raise ExpressionTypeError(f"local({expr!r}, {zone!r}): the zone is a constant, like 'Europe/Paris'.")
    check_zone(zone)
    return LocalTime(expr, zone)
