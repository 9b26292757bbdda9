"""Lengths of time as people write them: '30s', '5m', '1h', '7d', '2w', or '1h30m'.

>>> parse_duration("1h30m", "over")
5400000000
>>> spell_duration(5_400_000_000)
'1h30m'
"""

import re

from forerun.errors import DurationError

UNITS_US = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
DURATION_US_MAX = 3_660 * UNITS_US["d"]
"""Ten years: longer is a slip of the unit, and `over=None` is the way to say for ever."""

_PART = re.compile(r"(\d+)(ms|us|[wdhms])")


def parse_duration(text: object, what: str, *, zero: bool = False) -> int:
    """Read a length of time.

    Args:
        text: Whole numbers with units, largest unit first by habit, like '1h30m'.
        what: The argument it was given for; the message names it.
        zero: Whether '0s' is allowed.

    Returns:
        Microseconds.

    Raises:
        DurationError: No unit, unknown unit, not positive, or above ten years.

    >>> parse_duration("5 minutes", "over")
    Traceback (most recent call last):
    forerun.errors.DurationError: [FR-DEF-DURATION] ...: over='5 minutes' is not a duration; write '5m'.
    """
    if not isinstance(text, str):
        raise DurationError(f"{what}={_short(text)} has no unit; {_advice(text)}.")
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise DurationError(f"{what}={text!r} is not a duration; {_advice(text)}.")
    total_us = sum(int(number) * UNITS_US[unit] for number, unit in parts)
    if total_us == 0 and not zero:
        raise DurationError(f"{what}={text!r} is nothing; write a length above zero, like '5m'.")
    if total_us > DURATION_US_MAX:
        raise DurationError(
            f"{what}={text!r} is more than ten years; write '{DURATION_US_MAX // UNITS_US['d']}d' or less."
        )
    return total_us


def spell_duration(duration_us: int) -> str:
    """The shortest text that `parse_duration` reads as this length.

    Args:
        duration_us: Microseconds, zero or more.

    Returns:
        Text like '30m'.

    >>> [spell_duration(us) for us in (0, 90_000_000, 86_400_000_000)]
    ['0s', '1m30s', '1d']
    """
    if duration_us == 0:
        return "0s"
    parts = []
    for unit, unit_us in UNITS_US.items():
        number, duration_us = divmod(duration_us, unit_us)
        if unit == "w" and duration_us:  # ten days are '10d', not '1w3d'
            duration_us += number * unit_us
        elif number:
            parts.append(f"{number}{unit}")
    return "".join(parts)


_WORDS = {
    "week": "w",
    "day": "d",
    "hour": "h",
    "hr": "h",
    "min": "m",
    "sec": "s",
    "milli": "ms",
    "micro": "us",
}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _advice(value: object) -> str:
    """What to write instead: their number with a unit when it can be guessed."""
    text = str(value).strip().lower()
    if text.startswith("-"):
        return (
            f"a length is positive; write '{text[1:]}'" if _PART.fullmatch(text[1:]) else "write it like '5m'"
        )
    digits = re.match(r"\d+", text)
    if digits is None:
        return "write it like '30s', '5m', '1h' or '7d'"
    rest = text[digits.end() :].strip()
    if rest.startswith((".", ",")):
        return "write whole numbers, like '90m' or '1h30m' for an hour and a half"
    if rest in UNITS_US:
        return f"write '{digits[0]}{rest}'"
    for word, unit in _WORDS.items():
        if rest.startswith(word):
            return f"write '{digits[0]}{unit}'"
    return f"write '{digits[0]}s' for seconds or '{digits[0]}m' for minutes"
