"""Whole numbers near a float. Null beyond 64 bits; an int is left as it is."""

from typing import cast

from forerun.events.calls import declared
from forerun.events.expression import whole


@declared
def ceil(value: float | None) -> int:
    """The smallest int that is not below a number.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(ceil(Opened.seconds / 50)))  # of 1.2
    2
    """
    return cast(int, whole("ceil", value))


@declared
def floor(value: float | None) -> int:
    """The largest int that is not above a number.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> at_eleven(last(floor(Opened.seconds / -50)))  # of -1.2
    -2
    """
    return cast(int, whole("floor", value))


@declared
def round(value: float | None) -> int:
    """The nearest int to a number; of two the even one, as in Python.

    >>> from forerun.features.aggregates import last
    >>> from forerun.testing.doors import Opened, at_eleven
    >>> [at_eleven(last(round(Opened.seconds / by))) for by in (40, 24)]  # of 1.5 and 2.5
    [2, 2]
    """
    return cast(int, whole("round", value))
