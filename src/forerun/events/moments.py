"""Instants and lengths of time as the user's code sees them: `Time`, `EventTime`, `Duration`.

In an event class they are types of fields. As values they are microseconds with a sign on them: an instant
minus an instant is a length, an instant plus a length is an instant, and nothing else is allowed.

>>> EventTime("2013-01-01T10:15:00Z") - EventTime("2013-01-01T05:00:00-05:00")
Duration('15m')
>>> Duration("90m") / Duration("1h")
1.5
"""

from datetime import UTC, datetime, timedelta
from typing import Self, overload

from forerun.errors import EventError
from forerun.events.duration import parse_duration, spell_duration

TIME_US_MIN = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z."""
TIME_US_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Duration:
    """A length of time.

    Args:
        length: Text like '5m', a `timedelta`, or microseconds; may be negative unless text.

    >>> Duration("90m").us
    5400000000
    """

    __slots__ = ("us",)

    def __init__(self, length: str | int | timedelta) -> None:
        if isinstance(length, timedelta):
            length = length // _MICROSECOND
        self.us: int = parse_duration(length, "Duration", zero=True) if isinstance(length, str) else length

    def __repr__(self) -> str:
        return f"Duration({spell_duration(self.us)!r})" if self.us >= 0 else f"Duration({self.us})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self.us == other.us

    def __hash__(self) -> int:
        return hash((Duration, self.us))

    def __lt__(self, other: "Duration") -> bool:
        return self.us < other.us

    def __le__(self, other: "Duration") -> bool:
        return self.us <= other.us

    def __gt__(self, other: "Duration") -> bool:
        return self.us > other.us

    def __ge__(self, other: "Duration") -> bool:
        return self.us >= other.us

    def __add__(self, other: "Duration") -> "Duration":
        return Duration(self.us + other.us)

    def __sub__(self, other: "Duration") -> "Duration":
        return Duration(self.us - other.us)

    def __mul__(self, other: int) -> "Duration":
        return Duration(self.us * other)

    def __truediv__(self, other: "Duration") -> float:
        return self.us / other.us

    def __neg__(self) -> "Duration":
        return Duration(-self.us)

    def __abs__(self) -> "Duration":
        return Duration(abs(self.us))


class Time:
    """An instant. As a field's type: an instant other than the one the event happened at.

    Args:
        instant: RFC 3339 text with an offset, a `datetime` with a time zone, or microseconds since 1970 UTC.

    Raises:
        EventError: Text or datetime without an offset (it names no instant), or out of years 1 to 9999.

    >>> Time("2013-07-01T12:00:00-04:00")
    Time('2013-07-01T16:00:00Z')
    >>> Time("2013-07-01T12:00:00")
    Traceback (most recent call last):
    forerun.errors.EventError: [FR-DATA-EVENT] '2013-07-01T12:00:00' has no offset from UTC; ...
    """

    __slots__ = ("us",)

    def __init__(self, instant: str | int | datetime) -> None:
        self.us: int = _microseconds(instant)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.isoformat()!r})"

    def isoformat(self) -> str:
        """RFC 3339 text in UTC.

        >>> Time(0).isoformat()
        '1970-01-01T00:00:00Z'
        """
        return (_EPOCH + self.us * _MICROSECOND).isoformat().replace("+00:00", "Z")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and self.us == other.us

    def __hash__(self) -> int:
        return hash((Time, self.us))

    def __lt__(self, other: "Time") -> bool:
        return self.us < other.us

    def __le__(self, other: "Time") -> bool:
        return self.us <= other.us

    def __gt__(self, other: "Time") -> bool:
        return self.us > other.us

    def __ge__(self, other: "Time") -> bool:
        return self.us >= other.us

    def __add__(self, other: Duration) -> Self:
        return type(self)(self.us + other.us)

    @overload
    def __sub__(self, other: "Time") -> Duration: ...

    @overload
    def __sub__(self, other: Duration) -> Self: ...

    def __sub__(self, other: "Time | Duration") -> "Duration | Self":
        if isinstance(other, Time):
            return Duration(self.us - other.us)
        return type(self)(self.us - other.us)


class EventTime(Time):
    """The instant an event happened. Every event class has exactly one field of this type.

    >>> EventTime(1_357_034_400_000_000)
    EventTime('2013-01-01T10:00:00Z')
    """

    __slots__ = ()


def _microseconds(instant: str | int | datetime) -> int:
    if isinstance(instant, str):
        try:
            instant = datetime.fromisoformat(instant)
        except ValueError as error:
            raise EventError(
                f"{instant!r} is not a time; write RFC 3339 like '2013-01-01T10:15:00Z', or microseconds."
            ) from error
    if isinstance(instant, datetime):
        if instant.tzinfo is None:
            raise EventError(
                f"{instant.isoformat()!r} has no offset from UTC; append 'Z' or an offset like '-05:00'."
            )
        return (instant - _EPOCH) // _MICROSECOND
    if not TIME_US_MIN <= instant <= TIME_US_MAX:
        raise EventError(f"{instant} us since 1970 is not within years 1 to 9999; write microseconds, UTC.")
    return instant
