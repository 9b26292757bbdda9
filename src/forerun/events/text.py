"""What can be asked of a string beside whether it equals another."""

from typing import cast

from forerun.events.calls import declared
from forerun.events.expression import call


@declared
def contains(value: str | None, part: str) -> bool:
    """Whether a string has another in it; upper and lower case differ, see `lower`.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=contains(Opened.who, "n")))  # ann
    1
    """
    return cast(bool, call("contains", value, part))


@declared
def ends_with(value: str | None, end: str) -> bool:
    """Whether a string ends with another.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=ends_with(Opened.door, "th")))
    3
    """
    return cast(bool, call("ends_with", value, end))


@declared
def length(value: str | None) -> int:
    """The number of characters (Unicode code points) of a string.

    >>> from forerun.features.aggregates import max
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(max(length(Opened.who)))
    3
    """
    return cast(int, call("length", value))


@declared
def lower(value: str | None) -> str:
    """A string in lower case, by the rules of Unicode.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=lower("ANN") == Opened.who))
    1
    """
    return cast(str, call("lower", value))


@declared
def starts_with(value: str | None, start: str) -> bool:
    """Whether a string begins with another.

    Args:
        value: A string.
        start: A constant or another string.

    Returns:
        A condition; null where either is.

    >>> from forerun.features.aggregates import count
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(count(where=starts_with(Opened.who, "b")))
    1
    """
    return cast(bool, call("starts_with", value, start))
