"""How numbers, spans and instants are written for people: on the terminal and in the report.

One spelling everywhere, so that a figure on the live view can be found again in the report.
"""

from datetime import UTC, datetime, timedelta

from forerun.events.moments import TIME_US_MAX, TIME_US_MIN

ABSENT = "-"
"""Written where there is no value; never an empty cell, which reads as zero or as a mistake."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
_HOUR_US = 60 * _MINUTE_US
_DAY_US = 24 * _HOUR_US


def count(value: int | None) -> str:
    """A whole number with thousands separated.

    >>> count(336776)
    '336,776'
    >>> count(None)
    '-'
    """
    return ABSENT if value is None else f"{value:,}"


def decimal(value: float | None, places: int = 3) -> str:
    """A fraction at a fixed number of places, so that columns line up.

    >>> decimal(0.78125)
    '0.781'
    """
    return ABSENT if value is None or value != value else f"{value:.{places}f}"


def percent(value: float | None, places: int = 0) -> str:
    """A share as a percentage.

    >>> percent(0.125, places=1)
    '12.5 %'
    """
    return ABSENT if value is None or value != value else f"{100 * value:.{places}f} %"


def number(value: object) -> str:
    """Any feature value: integers whole, floats at four significant digits, the rest as it is.

    >>> number(12.34567), number(True), number("JFK"), number(None), number(1234567.0)
    ('12.35', 'true', 'JFK', '-', '1,234,567')
    >>> number(1.5e308)
    '1.5e+308'
    """
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        # From 10^15 on there are more digits than a double has.
        return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)


def span(span_us: int | None) -> str:
    """A length of time in its two largest units.

    >>> span(250), span(41_000), span(1_500_000), span(95_000_000), span(5_400_000_000)
    ('250 us', '41 ms', '1.5 s', '1m 35s', '1h 30m')
    >>> span(-60_000_000)
    '-1m 00s'
    """
    if span_us is None:
        return ABSENT
    if span_us < 0:
        return "-" + span(-span_us)
    if span_us < 1_000:
        return f"{span_us} us"
    if span_us < _SECOND_US:
        return f"{span_us / 1_000:.3g} ms"
    if span_us < 10 * _SECOND_US:
        return f"{span_us / _SECOND_US:.1f} s"
    if span_us < _MINUTE_US:
        return f"{span_us // _SECOND_US} s"
    if span_us < _HOUR_US:
        return f"{span_us // _MINUTE_US}m {span_us % _MINUTE_US // _SECOND_US:02d}s"
    if span_us < 3 * _DAY_US:
        return f"{span_us // _HOUR_US}h {span_us % _HOUR_US // _MINUTE_US:02d}m"
    return f"{span_us // _DAY_US}d {span_us % _DAY_US // _HOUR_US:02d}h"


def instant(at_us: int | None, *, seconds: bool = False) -> str:
    """An instant in UTC, to the minute unless `seconds`; beyond years 1 to 9999 in microseconds.

    >>> instant(1_377_000_000_000_000)
    '2013-08-20 12:00'
    >>> instant(1_377_000_000_000_000, seconds=True)
    '2013-08-20 12:00:00'
    >>> instant(2**63 - 1)
    '9223372036854775807 us'
    """
    if at_us is None:
        return ABSENT
    if not TIME_US_MIN <= at_us <= TIME_US_MAX:
        return f"{at_us} us"
    moment = _EPOCH + timedelta(seconds=at_us // _SECOND_US)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def since_1970_us(moment: datetime) -> int:
    """Microseconds since 1970 of a datetime with a time zone, exactly.

    >>> since_1970_us(datetime(2013, 8, 20, 12, 0, 0, 7, tzinfo=UTC))
    1377000000000007
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def iso(moment: datetime) -> str:
    """An instant as HTTP answers spell it: ISO 8601, UTC, to the microsecond.

    >>> iso(datetime(2013, 8, 20, 12, tzinfo=UTC))
    '2013-08-20T12:00:00.000000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def iso_us(at_us: int | None) -> str | None:
    """The same of an instant in microseconds; None stays None, and what has no year from 1 to 9999 a number.

    >>> iso_us(1_377_000_000_000_007)
    '2013-08-20T12:00:00.000007Z'
    >>> iso_us(2**63 - 1)
    '9223372036854775807'
    """
    if at_us is None or TIME_US_MIN <= at_us <= TIME_US_MAX:
        return None if at_us is None else iso(_EPOCH + timedelta(microseconds=at_us))
    return str(at_us)


def short(version: str | None, length: int = 10) -> str:
    """The head of a hash: enough to recognise, and enough for a command that takes a prefix.

    >>> short("3f9c1a2b77d0e4aa")
    '3f9c1a2b77'
    """
    return ABSENT if version is None else version[:length]


def brief(span_us: int | None) -> str:
    """A length of time in at most five characters, for narrow columns.

    >>> brief(41_000), brief(1_500_000), brief(1_800_000_000), brief(5_460_000_000), brief(360_000_000_000)
    ('41ms', '1.5s', '30m', '1h31', '4d04h')
    """
    if span_us is None:
        return ABSENT
    if span_us < 0:
        return "-" + brief(-span_us)
    if span_us < _SECOND_US:
        return f"{span_us // 1_000}ms"
    if span_us < _MINUTE_US:
        return f"{span_us / _SECOND_US:.2g}s"
    if span_us < _HOUR_US:
        return f"{span_us // _MINUTE_US}m"
    if span_us < 2 * _DAY_US:
        return f"{span_us // _HOUR_US}h{span_us % _HOUR_US // _MINUTE_US:02d}"
    return f"{span_us // _DAY_US}d{span_us % _DAY_US // _HOUR_US:02d}h"


def tally(value: int) -> str:
    """A count in at most four characters, for narrow columns.

    >>> tally(0), tally(9_999), tally(12_345), tally(3_400_000)
    ('0', '9999', '12k', '3.4M')
    """
    if value < 10_000:
        return str(value)
    return f"{value // 1_000}k" if value < 1_000_000 else f"{value / 1_000_000:.1f}M"
